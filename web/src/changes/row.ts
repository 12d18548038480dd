import type { Change, Row, Transaction, Value } from "sealwire-wasm";

/** A value as text; `null` is NULL, and `undefined` a column that the log leaves out. */
export type Cell = string | null | undefined;

/** The transaction of a change. */
export interface TransactionFacts {
  /** Milliseconds since 1970. */
  time: number;
  gtid: string | undefined;
  serverId: number;
  /** The file and the position behind the transaction. */
  place: string;
  isRolledBack: boolean;
}

/** The table of a change. */
export interface TableFacts {
  /** `schema.table`; for a statement the current database. */
  name: string;
  columns: { name: string; type: string; isKey: boolean }[];
}

/** A change as the page shows it. Changes that are posted together share their transactions and tables. */
export interface ChangeRow {
  kind: "INSERT" | "UPDATE" | "DELETE" | "STATEMENT" | "FURTHER";
  transaction: TransactionFacts;
  table: TableFacts;
  /** The values of the table's columns. */
  before: Cell[] | undefined;
  after: Cell[] | undefined;
  /** The statement, or a note. */
  text: string;
}

/** The longest text of a value that is kept, in characters. */
const LONGEST = 2000;
/** The most bytes of a value that are printed. */
const MOST_BYTES = 500;

/** The changes of a transaction, of those tables that `wanted` takes. */
export function rowsOf(transaction: Transaction, wanted: (table: string) => boolean): ChangeRow[] {
  const { time, gtid, serverId, file, position, omitted, isRolledBack } = transaction;
  const facts = { time: time.getTime(), gtid, serverId, place: `${file}:${position}`, isRolledBack };
  const tables = new Map<object, TableFacts>();
  const rows: ChangeRow[] = [];
  for (const change of transaction.changes) {
    const name = tableName(change);
    if (!wanted(name)) continue;
    if (change.kind === "statement") {
      const table = { name, columns: [] };
      rows.push({ kind: "STATEMENT", transaction: facts, table, before: undefined, after: undefined, text: short(change.sql) });
      continue;
    }
    let table = tables.get(change.table);
    if (table === undefined) {
      const { columns, key } = change.table;
      table = { name, columns: columns.map(({ name, type }) => ({ name, type, isKey: key.includes(name) })) };
      tables.set(change.table, table);
    }
    const { columns } = table;
    const cells = (row: Row) => columns.map(({ name }) => (Object.hasOwn(row, name) ? cell(row[name]!) : undefined));
    rows.push({
      kind: change.kind === "insert" ? "INSERT" : change.kind === "update" ? "UPDATE" : "DELETE",
      transaction: facts,
      table,
      before: "before" in change ? cells(change.before) : undefined,
      after: "after" in change ? cells(change.after) : undefined,
      text: "",
    });
  }
  if (omitted > 0) {
    const text = `${omitted.toLocaleString("en")} further changes of this transaction are not kept`;
    rows.push({ kind: "FURTHER", transaction: facts, table: { name: "", columns: [] }, before: undefined, after: undefined, text });
  }
  return rows;
}

/** The name by which a change is filtered. */
function tableName(change: Change): string {
  return change.kind === "statement" ? change.schema : `${change.table.schema}.${change.table.name}`;
}

function cell(value: Value): Cell {
  if (value === null) return null;
  if (value instanceof Uint8Array) return hex(value);
  return short(String(value));
}

function short(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

function hex(bytes: Uint8Array): string {
  let text = "0x";
  for (const byte of bytes.subarray(0, MOST_BYTES)) text += byte.toString(16).padStart(2, "0").toUpperCase();
  return bytes.length > MOST_BYTES ? `${text}…` : text;
}

/** Whether the log does not tell the names of the row's columns. */
export function isNameless({ table }: ChangeRow): boolean {
  return table.columns[0]?.name === "@1";
}

/** Whether an update changed the column. */
export function isChanged({ kind, before, after }: ChangeRow, column: number): boolean {
  return kind === "UPDATE" && after?.[column] !== undefined && before?.[column] !== after[column];
}

/** The values of the primary key: `id=7`. Empty where the log does not tell the key. */
export function keyText(row: ChangeRow): string {
  return assignments(row, row.before ?? row.after, (column) => row.table.columns[column]!.isKey);
}

/** The row before the change; of an update what was changed. */
export function beforeText(row: ChangeRow): string {
  return assignments(row, row.before, (column) => row.kind !== "UPDATE" || isChanged(row, column));
}

/** The row after the change; of an update what was changed. A statement's text. */
export function afterText(row: ChangeRow): string {
  return row.text === "" ? assignments(row, row.after, (column) => row.kind !== "UPDATE" || isChanged(row, column)) : row.text;
}

function assignments({ table }: ChangeRow, cells: Cell[] | undefined, wanted: (column: number) => boolean): string {
  const texts: string[] = [];
  cells?.forEach((cell, column) => {
    if (cell !== undefined && wanted(column)) texts.push(`${table.columns[column]!.name}=${cell ?? "NULL"}`);
  });
  return texts.join(", ");
}

/** Whether a table's name contains one of the words; without words every name does. */
export function filterOf(text: string): (table: string) => boolean {
  const words = text.toLowerCase().split(/[\s,]+/).filter((word) => word !== "");
  return (table) => words.length === 0 || words.some((word) => table.toLowerCase().includes(word));
}

/** A time of day with its date: `2026-11-29 18:05:09`, in the browser's time zone. */
export function timeText(millis: number): string {
  const time = new Date(millis);
  const two = (number: number) => String(number).padStart(2, "0");
  const date = [time.getFullYear(), two(time.getMonth() + 1), two(time.getDate())].join("-");
  return `${date} ${[time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(":")}`;
}
