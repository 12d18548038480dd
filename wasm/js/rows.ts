import { misuse } from "./error.js";

/** A column of a result. */
export interface Column {
  name: string;
  /** MySQL's name of the type, with UNSIGNED. */
  type: string;
  /** The JavaScript type of the values. */
  kind: "number" | "bigint" | "string" | "bytes";
  table: string;
  schema: string;
}

/** BIGINT is a bigint, bytes are a Uint8Array, DECIMAL, dates and JSON are strings, and NULL is null. */
export type Value = number | bigint | string | Uint8Array | null;

/** A row with its columns' names as keys. If several columns have the same name, the last one counts. */
export type Row = Record<string, Value>;

const NULL = 0x8000_0000;
const decoder = new TextDecoder();

/** A batch of rows as two flat arrays, which can be transferred between a page and its worker. */
export class Batch {
  constructor(
    readonly columns: readonly Column[],
    /** The bytes of the cells in row order, in the text protocol's format. */
    readonly data: Uint8Array,
    /** The index in `data` at which each cell ends; the top bit marks NULL. */
    readonly ends: Uint32Array,
  ) {}

  /** The number of rows. */
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

  /** A cell as text, with bytes in hexadecimal; `null` for NULL. */
  text(row: number, column: number): string | null {
    const bytes = this.bytes(row, column);
    if (bytes === null) return null;
    return this.columns[column]!.kind === "bytes" ? hex(bytes) : decoder.decode(bytes);
  }

  /** A cell as a value of its column's type. */
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
      define(object, column.name, this.value(row, index));
    });
    return object;
  }

  /** All rows as plain objects. */
  *[Symbol.iterator](): Iterator<Row> {
    for (let row = 0; row < this.length; row++) yield this.row(row);
  }
}

/** Defines a property instead of assigning it, because a column may be called __proto__. */
export function define(row: Row, name: string, value: Value): void {
  Object.defineProperty(row, name, { value, enumerable: true, writable: true, configurable: true });
}

/** Converts to a number. A BIGINT that a number can't hold exactly is an error, because it must not be rounded silently. */
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
