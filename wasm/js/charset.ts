/** The collations of each character set that is not UTF-8, by the name that browsers give to the character set. */
const COLLATIONS: Record<string, number[]> = {
  // MySQL's latin1 is Windows' code page 1252.
  "windows-1252": [5, 8, 15, 31, 47, 48, 49, 94],
  "iso-8859-2": [2, 9, 21, 27, 77],
  "windows-1254": [30, 78],
  "iso-8859-13": [20, 41, 42, 79],
  "iso-8859-7": [25, 70],
  "iso-8859-8": [16, 71],
  "windows-1250": [26, 34, 44, 66, 99],
  "windows-1251": [14, 23, 50, 51, 52],
  "windows-1256": [57, 67],
  "windows-1257": [29, 58, 59],
  "koi8-r": [7, 74],
  "koi8-u": [22, 75],
  ibm866: [36, 68],
  macintosh: [39, 53],
  "windows-874": [18, 89],
  big5: [1, 84],
  gbk: [24, 28, 86, 87],
  gb18030: [248, 249, 250],
  shift_jis: [13, 88, 95, 96],
  "euc-jp": [12, 91, 97, 98],
  "euc-kr": [19, 85],
  "utf-16le": [56, 62],
  "utf-16be": [35, 90, ...range(128, 151), 159, 640, 641, 642, 54, 55, ...range(101, 124), 672, 673, 674],
};

/** The collations whose character sets no browser knows: cp850, hp8, dec8, swe7, cp852, macce, keybcs2, armscii8, geostd8, utf32. */
const UNKNOWN = [4, 80, 6, 72, 3, 69, 10, 82, 40, 81, 38, 43, 37, 73, 32, 64, 92, 93, 60, 61, ...range(160, 183), 736, 737, 738];

/** MariaDB's collations without padding have the number of the same collation with padding, and this much more. */
const WITHOUT_PADDING = 1024;
/** The first of MariaDB's collations of Unicode 14. Each character set has 256: utf8mb3, utf8mb4, ucs2, utf16, utf32. */
const UNICODE_14 = 2048;

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

const labels = new Map<number, string | null>();
for (const [label, collations] of Object.entries(COLLATIONS)) for (const collation of collations) labels.set(collation, label);
for (const collation of UNKNOWN) labels.set(collation, null);

const decoders = new Map<string, TextDecoder>();

/** The decoder of texts of this collation, of UTF-8 where there is none; `undefined` if browsers do not know the character set. */
export function decoderOf(collation: number | undefined): TextDecoder | undefined {
  const label = labelOf(collation ?? 0);
  if (label === null) return undefined;
  let decoder = decoders.get(label);
  if (decoder === undefined) {
    decoder = new TextDecoder(label, { ignoreBOM: true });
    decoders.set(label, decoder);
  }
  return decoder;
}

function labelOf(collation: number): string | null {
  if (collation >= UNICODE_14) return ["utf-8", "utf-8", "utf-16be", "utf-16be"][(collation - UNICODE_14) >> 8] ?? null;
  const padded = collation > WITHOUT_PADDING ? collation - WITHOUT_PADDING : collation;
  return labels.get(padded) ?? (labels.has(padded) ? null : "utf-8");
}
