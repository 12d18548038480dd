import type { GridColumn, GridRows } from "../connect/grid.js";
import { afterText, beforeText, keyText, timeText, type ChangeRow } from "./row.js";

/** The most changes that are kept, and the most characters of their values. */
export const MOST_ROWS = 10_000;
const MOST_CHARACTERS = 16_000_000;

const column = (name: string, width: number): GridColumn => ({ name, type: "", kind: "string", table: "", schema: "", width });
const TEXTS: [GridColumn, (row: ChangeRow) => string][] = [
  [column("Time", 21), (row) => timeText(row.transaction.time)],
  [column("Table", 24), (row) => row.table.name],
  [column("Change", 12), (row) => row.kind],
  [column("Key", 20), keyText],
  [column("Before", 40), beforeText],
  [column("After", 40), afterText],
];

/** The newest changes, in the order in which they were committed; of them those of the wanted tables are shown. */
export class ChangeRows implements GridRows {
  readonly columns = TEXTS.map(([column]) => column);
  #kept: ChangeRow[] = [];
  #shown: ChangeRow[] = [];
  #characters = 0;
  #wanted: (table: string) => boolean = () => true;

  get length(): number {
    return this.#shown.length;
  }

  text(row: number, column: number): string {
    const change = this.#shown[row];
    return change === undefined ? "" : TEXTS[column]![1](change);
  }

  row(row: number): ChangeRow | undefined {
    return this.#shown[row];
  }

  /** Adds rows at the end. Returns how many of the shown ones have gone from the beginning. */
  push(rows: ChangeRow[]): number {
    for (const row of rows) {
      this.#kept.push(row);
      this.#characters += characters(row);
      if (this.#isWanted(row)) this.#shown.push(row);
    }
    let [dropped, hidden] = [0, 0];
    while (this.#kept.length - dropped > MOST_ROWS || (this.#characters > MOST_CHARACTERS && dropped < this.#kept.length)) {
      const row = this.#kept[dropped++]!;
      this.#characters -= characters(row);
      if (this.#shown[hidden] === row) hidden++;
    }
    this.#kept.splice(0, dropped);
    this.#shown.splice(0, hidden);
    return hidden;
  }

  /** Shows the changes to these tables alone. */
  filter(wanted: (table: string) => boolean): void {
    this.#wanted = wanted;
    this.#shown = this.#kept.filter((row) => this.#isWanted(row));
  }

  /** A note on changes that are not kept is of no table. */
  #isWanted({ kind, table }: ChangeRow): boolean {
    return kind === "FURTHER" || this.#wanted(table.name);
  }

  clear(): void {
    this.#kept = [];
    this.#shown = [];
    this.#characters = 0;
  }
}

function characters({ before, after, text }: ChangeRow): number {
  const sum = (cells: ChangeRow["before"]) => cells?.reduce((sum, cell) => sum + (cell?.length ?? 0), 0) ?? 0;
  return text.length + sum(before) + sum(after);
}
