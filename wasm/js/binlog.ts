import type { Client, Facts } from "./client.js";
import { decoderOf } from "./charset.js";
import { aborted, misuse, SealwireError, toError, type Failure } from "./error.js";
import type { BigintAs, CheckedBinlogOptions } from "./options.js";
import { define, type Row, type Value } from "./rows.js";
import { LogReader } from "./sealwire_log.js";

/** A place in a binary log: behind a transaction, by file or by GTIDs. */
export type BinlogPosition = { file: string; position: number } | { gtid: string };

/** A column of a table in the binary log. */
export interface BinlogColumn {
  /** The name; `@1`, `@2` where the server does not log it: see its variable `binlog_row_metadata`. */
  name: string;
  /** MySQL's name of the type, with UNSIGNED where the server logs it. */
  type: string;
  /** The JavaScript type of the values; `unknown` is a string or bytes, because the server does not log which. */
  kind: "number" | "bigint" | "string" | "bytes" | "unknown";
  /** The number of a text's collation. */
  collation?: number | undefined;
}

/** A table in the binary log. */
export interface BinlogTable {
  schema: string;
  name: string;
  columns: readonly BinlogColumn[];
  /** The names of the primary key's columns; empty where the server does not log them. */
  key: readonly string[];
}

/** A change. A row has the columns that the server logs: with `binlog_row_image=MINIMAL` not all of them. */
export type Change =
  | { kind: "insert"; table: BinlogTable; after: Row }
  | { kind: "update"; table: BinlogTable; before: Row; after: Row }
  | { kind: "delete"; table: BinlogTable; before: Row }
  /** A statement: DDL, or any statement of a server whose `binlog_format` is not ROW. */
  | { kind: "statement"; schema: string; sql: string };

/** A transaction as the server committed it. */
export interface Transaction {
  /** `0-1-100` at MariaDB, `3e11fa47-71ca-11e1-9e33-c80aa9429562:5` at MySQL. */
  gtid?: string | undefined;
  /** The server at which it was made. */
  serverId: number;
  /** The time of its last statement's begin, in whole seconds. */
  time: Date;
  /** The seconds since `time` by the server's clock, when it was read. */
  age?: number | undefined;
  /** The file, and the position behind the transaction. */
  file: string;
  position: number;
  changes: Change[];
  /** The number of further changes, which `mostChanges` left out. */
  omitted: number;
  /** Whether it was rolled back, after changes to tables that know no transactions. */
  isRolledBack: boolean;
}

/** A transaction as the module returns it. */
interface Found {
  transaction: {
    gtid?: string;
    serverId: number;
    timestamp: number;
    tables: { schema: string; name: string; columns: BinlogColumn[]; key: number[] }[];
    changes: ({ kind: "statement"; schema: string; sql: string } | RowsStep)[];
    omitted: number;
    isRolledBack: boolean;
  };
  file: string;
  position: number;
}

interface RowsStep {
  kind: "insert" | "update" | "delete";
  table: number;
  rows: number;
  before: number[];
  after: number[];
}

/** The steps of a connection that sends its log. Events come as rows of one cell. @internal */
export type LogStep =
  | { kind: "logGranted"; granted: { checksums: boolean; clock?: number } }
  | { kind: "rows" | "end" }
  | { kind: "failed"; error: Failure };

/** Cells: their bytes concatenated, and the end of each. @internal */
export interface Cells {
  data: Uint8Array;
  ends: Uint32Array;
}

/** The request of a log, as the module takes it. @internal */
export interface LogRequest {
  serverId: number;
  start: unknown;
  heartbeat: number;
}

/** A connection for a log. @internal */
export interface LogConnection {
  client: Client;
  /** Requests the log. */
  request(options: LogRequest): void;
  next(): Promise<LogStep>;
  /** The events that have come. */
  events(): Cells;
}

/** The source of a stream's connections. @internal */
export interface LogSource {
  connect(signal: AbortSignal): Promise<LogConnection>;
  bigint: BigintAs | undefined;
  /** Overwrites the password and the keys. */
  free(): void;
}

/** The top bit of a cell's end, which marks NULL. */
const NULL = 0x8000_0000;
/** The first position of a file. */
const FIRST = 4;
/** The largest position that a server takes. */
const LARGEST = 0xffff_ffff;
/** Seconds before the log is requested again. They double up to the longest. */
const FIRST_WAIT = 1;
const LONGEST_WAIT = 60;
/** The numbers of errors with which a server ends a stream that may be resumed: a shutdown, a killed or an idle connection. */
const RESUMABLE = [1053, 1317, 1927, 4031, 4166];
const SPECIFIC_ACCESS_DENIED = 1227;
const SYNTAX_ERROR = 1064;

/**
 * The transactions of a server's binary log, from `Client.binlog`. Loop over it with `for await`. Nothing is read that is not asked for, so
 * a slow loop holds the server back; a loop that is left closes the stream.
 */
export class BinlogStream implements AsyncIterable<Transaction> {
  readonly #options: CheckedBinlogOptions;
  readonly #source: LogSource;
  #connection: LogConnection | undefined;
  /** Reads the connection's events. */
  #reader: LogReader | undefined;
  /** The server's clock less this one's, in seconds; `undefined` where the server tells no time. */
  #ahead: number | undefined;
  #position: BinlogPosition;
  #account = "";
  #wait = 0;
  #over = false;
  #failure: SealwireError | undefined;
  readonly #ending = new AbortController();

  private constructor(options: CheckedBinlogOptions, source: LogSource) {
    this.#options = options;
    this.#source = source;
    this.#position = typeof options.start === "string" ? { file: "", position: FIRST } : options.start;
  }

  /** @internal */
  static async open(options: CheckedBinlogOptions, source: LogSource): Promise<BinlogStream> {
    const stream = new BinlogStream(options, source);
    const { signal, start } = stream.#options;
    signal?.addEventListener("abort", () => stream.#end(aborted()), { signal: stream.#ending.signal });
    try {
      if (signal?.aborted) throw aborted();
      await stream.#connect(start === "end");
    } catch (error) {
      const failure = stream.#failure ?? toError(error);
      stream.#end(failure);
      throw failure;
    }
    return stream;
  }

  /** Connects and requests the log, at its end or at the position. */
  async #connect(atEnd: boolean): Promise<void> {
    const connection = await this.#source.connect(this.#ending.signal);
    const { client } = connection;
    const { serverId, mostBytes, mostChanges, heartbeat } = this.#options;
    let reader: LogReader | undefined;
    try {
      if (this.#over) throw this.#failure ?? aborted();
      const start = await this.#start(client, atEnd);
      const isMariaDb = client.facts().serverVersion.includes("MariaDB");
      reader = new LogReader({ start, isMariaDb, mostBytes, mostChanges });
      connection.request({ serverId, start: reader.place(), heartbeat });
      const { granted } = taken(await connection.next(), "logGranted");
      reader.begin(granted.checksums);
      this.#ahead = granted.clock === undefined ? undefined : granted.clock - Date.now() / 1000;
      // The server refuses the log, or sends its first events.
      taken(await connection.next(), "rows");
      if (this.#over) throw this.#failure ?? aborted();
      pass(connection, reader);
      this.#position = start;
    } catch (error) {
      reader?.free();
      client.terminate();
      throw this.#hinted(toError(error));
    }
    [this.#connection, this.#reader] = [connection, reader];
    this.#options.onConnected?.(client.facts());
  }

  /** The place from which to request the log. */
  async #start(client: Client, atEnd: boolean): Promise<BinlogPosition> {
    const { rows } = await client.query("SELECT CURRENT_USER() AS account, @@GLOBAL.log_bin AS log");
    this.#account = String(rows[0]?.["account"] ?? "");
    if (String(rows[0]?.["log"]) === "0") {
      const hint = "Start the server with the option --log-bin.";
      const message = "The server writes no binary log: its log_bin is OFF";
      throw new SealwireError({ code: 1236, sqlState: "HY000", message, blame: "RefusedByServer", hint });
    }
    if (!atEnd) return this.#position;
    const { file, position } = await endOfLog(client);
    if (position > LARGEST) {
      const hint = "FLUSH BINARY LOGS at the server begins a new file. Or start at GTIDs.";
      throw misuse(`The log's end, ${file}:${position}, is beyond 4 GiB, where a server sends nothing from`, hint);
    }
    return { file, position };
  }

  /** Adds the way out to a refusal. */
  #hinted(error: SealwireError): SealwireError {
    if (error.code !== SPECIFIC_ACCESS_DENIED) return error;
    const at = this.#account.lastIndexOf("@");
    const quoted = (name: string) => `'${name.replaceAll("'", "''")}'`;
    const account = at < 0 ? "the account" : `${quoted(this.#account.slice(0, at))}@${quoted(this.#account.slice(at + 1))}`;
    const hint = `Have an administrator type: GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO ${account};`;
    return new SealwireError({ ...error, message: error.message, hint });
  }

  /** The transactions as they are committed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Transaction, void, void> {
    try {
      for (let next = await this.#next(); next !== null; next = await this.#next()) yield next;
    } finally {
      this.close();
    }
  }

  async #next(): Promise<Transaction | null> {
    for (;;) {
      if (this.#over) {
        if (this.#failure !== undefined) throw this.#failure;
        return null;
      }
      try {
        if (this.#connection === undefined) {
          await this.#sleep(this.#wait);
          if (this.#over) continue;
          await this.#connect(false);
        }
        const found = this.#reader!.next() as Found | undefined;
        if (found !== undefined) {
          this.#wait = 0;
          return this.#transaction(found, this.#reader!);
        }
        const connection = this.#connection!;
        taken(await connection.next(), "rows");
        if (!this.#over) pass(connection, this.#reader!);
      } catch (error) {
        this.#lost(this.#hinted(toError(error)));
      }
    }
  }

  #transaction(found: Found, reader: LogReader): Transaction {
    const ends = reader.takeEnds();
    const { timestamp } = found.transaction;
    const age = this.#ahead === undefined ? undefined : Math.max(0, Date.now() / 1000 + this.#ahead - timestamp);
    return transaction(found, { data: reader.takeData(), ends }, age, this.#source.bigint);
  }

  /** Drops the connection, and what has come over it of a transaction that is not whole. */
  #drop(): void {
    this.#position = this.resume;
    this.#connection?.client.terminate();
    this.#reader?.free();
    [this.#connection, this.#reader] = [undefined, undefined];
  }

  /** Gives the connection up, and ends the stream if another one can't go on. */
  #lost(error: SealwireError): void {
    if (this.#over) return;
    this.#drop();
    if (!this.#options.reconnect || !isResumable(error)) {
      this.#end(error);
      return;
    }
    this.#wait = Math.min(Math.max(this.#wait * 2, FIRST_WAIT), LONGEST_WAIT);
    this.#options.onLost?.(error, this.#wait);
  }

  async #sleep(seconds: number): Promise<void> {
    const { signal } = this.#ending;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, seconds * 1000);
      const wake = () => {
        clearTimeout(timer);
        resolve();
      };
      signal.addEventListener("abort", wake, { once: true });
    });
  }

  /** The place behind the last transaction that was read whole: the `start` of a stream that goes on there. */
  get resume(): BinlogPosition {
    return this.#reader === undefined ? this.#position : (this.#reader.resume() as BinlogPosition);
  }

  /** The negotiated parameters of the stream's own connection; `undefined` while there is none. */
  facts(): Facts | undefined {
    return this.#connection?.client.facts();
  }

  /** The `SSL:` line of `\s` for the stream's own connection; `undefined` while there is none. */
  get sslLine(): string | undefined {
    return this.#connection?.client.sslLine;
  }

  #end(failure: SealwireError | undefined): void {
    if (this.#over) return;
    this.#drop();
    this.#over = true;
    this.#failure = failure;
    this.#ending.abort();
    this.#source.free();
  }

  /** Ends the stream, and a loop over it. */
  close(): void {
    this.#end(undefined);
  }
}

/** Whether a new connection may go on after this error. */
function isResumable({ blame, code }: SealwireError): boolean {
  if (blame === "RefusedByServer") return RESUMABLE.includes(code);
  return blame === "ConnectionLost" || blame === "TimedOut" || blame === "Bridge";
}

/** The step, if it is of this kind. Throws if the server has refused or ended the log. */
function taken<K extends LogStep["kind"]>(step: LogStep, kind: K): Extract<LogStep, { kind: K }> {
  if (step.kind === "failed") throw new SealwireError(step.error);
  if (step.kind !== kind) throw ended();
  return step as Extract<LogStep, { kind: K }>;
}

/** Passes the events that have come to the reader. */
function pass(connection: LogConnection, reader: LogReader): void {
  const { data, ends } = connection.events();
  reader.push(data, ends);
}

function ended(): SealwireError {
  const message = "Lost connection to MySQL server because the server ended the binary log";
  return new SealwireError({ code: 2013, sqlState: "HY000", message, blame: "ConnectionLost" });
}

/** The file and the position of the log's end. MySQL 8.4 has a new statement for it. */
async function endOfLog(client: Client): Promise<{ file: string; position: number }> {
  const ask = (sql: string) => client.query<{ File: string; Position: number | bigint }>(sql);
  const { rows } = await ask("SHOW MASTER STATUS").catch((error) => {
    if (toError(error).code !== SYNTAX_ERROR) throw error;
    return ask("SHOW BINARY LOG STATUS");
  });
  if (rows[0] === undefined) throw misuse("The server does not tell where its binary log ends");
  return { file: rows[0].File, position: Number(rows[0].Position) };
}

/** A transaction of plain objects. */
function transaction({ transaction, file, position }: Found, cells: Cells, age: number | undefined, bigint: BigintAs | undefined): Transaction {
  const { gtid, serverId, timestamp, omitted, isRolledBack } = transaction;
  const tables = transaction.tables.map((table): BinlogTable => ({ ...table, key: table.key.map((index) => table.columns[index]!.name) }));
  const { data, ends } = cells;
  let at = 0;
  const row = (columns: readonly BinlogColumn[], present: readonly number[]): Row => {
    const values: Row = {};
    for (const index of present) {
      const start = at === 0 ? 0 : ends[at - 1]! % NULL;
      const end = ends[at++]!;
      const column = columns[index]!;
      define(values, column.name, end >= NULL ? null : value(column, data.subarray(start, end), bigint));
    }
    return values;
  };
  const changes: Change[] = [];
  for (const change of transaction.changes) {
    if (change.kind === "statement") {
      changes.push(change);
      continue;
    }
    const table = tables[change.table]!;
    for (let left = change.rows; left > 0; left--) {
      const before = row(table.columns, change.before);
      const after = row(table.columns, change.after);
      if (change.kind === "insert") changes.push({ kind: "insert", table, after });
      else if (change.kind === "delete") changes.push({ kind: "delete", table, before });
      else changes.push({ kind: "update", table, before, after });
    }
  }
  return { gtid, serverId, time: new Date(timestamp * 1000), age, file, position, changes, omitted, isRolledBack };
}

function value({ kind, collation }: BinlogColumn, bytes: Uint8Array, bigint: BigintAs | undefined): Value {
  switch (kind) {
    case "bytes":
      return bytes.slice();
    case "number":
      return Number(ascii.decode(bytes));
    case "bigint": {
      const exact = BigInt(ascii.decode(bytes));
      const number = Number(exact);
      return bigint === "number" && Number.isSafeInteger(number) ? number : exact;
    }
    case "string":
      return decoderOf(collation)?.decode(bytes) ?? bytes.slice();
    case "unknown":
      try {
        return strict.decode(bytes);
      } catch {
        return bytes.slice();
      }
  }
}

const ascii = new TextDecoder();
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
