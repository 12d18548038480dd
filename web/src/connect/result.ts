import type { Batch, Column } from "sealwire-wasm";
import { csvField } from "./csv.js";

/** The rows of one statement, kept as they came: a few bytes a cell, however many there are. */
export class ResultRows {
  readonly #batches: Batch[] = [];
  /** The number of the first row of each batch. */
  readonly #starts: number[] = [];
  #length = 0;

  constructor(readonly columns: readonly Column[]) {}

  get length(): number {
    return this.#length;
  }

  push(batch: Batch): void {
    this.#starts.push(this.#length);
    this.#batches.push(batch);
    this.#length += batch.length;
  }

  /** A cell as text; `null` for NULL. */
  text(row: number, column: number): string | null {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#starts[middle]! <= row) low = middle;
      else high = middle - 1;
    }
    return this.#batches[low]!.text(row - this.#starts[low]!, column);
  }

  /** RFC 4180, NULL as an empty field without quotes. */
  csv(): string {
    const lines = [this.columns.map((column) => csvField(column.name)).join(",")];
    for (let row = 0; row < this.#length; row++) {
      lines.push(this.columns.map((_, column) => this.#field(row, column)).join(","));
    }
    return `${lines.join("\r\n")}\r\n`;
  }

  #field(row: number, column: number): string {
    const text = this.text(row, column);
    return text === null ? "" : csvField(text);
  }

  /** An array of objects; numbers that JSON can hold exactly stay numbers, the others are strings. */
  json(): string {
    const objects: string[] = [];
    for (let row = 0; row < this.#length; row++) {
      const fields = this.columns.map(({ name, kind }, column) => {
        const text = this.text(row, column);
        const bare = text !== null && kind !== "bytes" && kind !== "string" && Number.isSafeInteger(Number(text));
        const float = text !== null && kind === "number" && Number.isFinite(Number(text));
        return `${JSON.stringify(name)}: ${bare || float ? String(Number(text)) : JSON.stringify(text)}`;
      });
      objects.push(`  {${fields.join(", ")}}`);
    }
    return objects.length === 0 ? "[]\n" : `[\n${objects.join(",\n")}\n]\n`;
  }
}
