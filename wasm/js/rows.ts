import { misuse } from "./error.js";

/** A column of a result. */
export interface Column {
  name: string;
  /** MySQL's name of the type, with UNSIGNED. */
  type: string;
  /** As what its values come. */
  kind: "number" | "bigint" | "string" | "bytes";
  table: string;
  schema: string;
}

/** BIGINT comes as bigint, bytes as Uint8Array, DECIMAL, dates and JSON as string, NULL as null. */
export type Value = number | bigint | string | Uint8Array | null;

/** A row by its columns' names; of columns with the same name the last one counts. */
export type Row = Record<string, Value>;

const NULL = 0x8000_0000;
const decoder = new TextDecoder();

/** Some rows as they came: two flat arrays, which can be transferred between a page and its worker. */
export class Batch {
  constructor(
    readonly columns: readonly Column[],
    /** The cells' bytes in row order, as the text protocol has them. */
    readonly data: Uint8Array,
    /** Where each cell ends in `data`; the top bit marks NULL. */
    readonly ends: Uint32Array,
  ) {}

  /** How many rows. */
  get length(): number {
    return this.columns.length === 0 ? 0 : this.ends.length / this.columns.length;
  }

  /** The bytes of a cell; `null` for NULL. */
  bytes(row: number, column: number): Uint8Array | null {
    const at = row * this.columns.length + column;
    const end = this.ends[at];
    if (end === undefined || column >= this.columns.length) throw new RangeError("no such cell");
    if (end >= NULL) return null;
    return this.data.subarray(at === 0 ? 0 : this.ends[at - 1]! % NULL, end);
  }

  /** A cell as text, bytes in hexadecimal; `null` for NULL. */
  text(row: number, column: number): string | null {
    const bytes = this.bytes(row, column);
    if (bytes === null) return null;
    return this.columns[column]!.kind === "bytes" ? hex(bytes) : decoder.decode(bytes);
  }

  /** A cell as its column's kind. */
  value(row: number, column: number): Value {
    const bytes = this.bytes(row, column);
    if (bytes === null) return null;
    switch (this.columns[column]!.kind) {
      case "bytes":
        return bytes.slice();
      case "number":
        return number(this.columns[column]!, decoder.decode(bytes));
      case "bigint":
        return BigInt(decoder.decode(bytes));
      case "string":
        return decoder.decode(bytes);
    }
  }

  /** A row as a plain object. */
  row(row: number): Row {
    const object: Row = {};
    this.columns.forEach((column, index) => {
      // Not by assignment: a column may be called __proto__.
      Object.defineProperty(object, column.name, {
        value: this.value(row, index),
        enumerable: true,
        writable: true,
        configurable: true,
      });
    });
    return object;
  }

  /** All rows as plain objects. */
  *[Symbol.iterator](): Iterator<Row> {
    for (let row = 0; row < this.length; row++) yield this.row(row);
  }
}

/** A BIGINT is asked for as a number by `bigint: "number"`; one that a number can't hold is never rounded in silence. */
function number(column: Column, text: string): number {
  const value = Number(text);
  if (column.type.startsWith("BIGINT") && !Number.isSafeInteger(value)) {
    const hint = `Connect without bigint: "number", or select CAST(${column.name} AS CHAR).`;
    throw misuse(`column '${column.name}' holds ${text}, which a number can't hold exactly`, hint);
  }
  return value;
}

function hex(bytes: Uint8Array): string {
  let text = "0x";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0").toUpperCase();
  return text;
}
