/** A number as a spreadsheet reads one, or a time as MySQL writes one: no formula, whatever its sign. */
const NUMBER = /^[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|\d+:\d\d:\d\d(\.\d+)?)$/i;

/** The characters that begin a formula in a spreadsheet, also in their full-width forms, which some spreadsheets accept. */
const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/;

/**
 * One field by RFC 4180. The server chooses the text, and a spreadsheet would run what begins like a formula: such a text gets an
 * apostrophe before it, which a spreadsheet takes as the mark of a text.
 */
export function csvField(text: string): string {
  if (FORMULA.test(text) && !NUMBER.test(text)) return `"'${text.replaceAll('"', '""')}"`;
  return /[",\r\n]/.test(text) || text === "" ? `"${text.replaceAll('"', '""')}"` : text;
}
