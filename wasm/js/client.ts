import { BinlogStream, type LogConnection, type LogStep } from "./binlog.js";
import { aborted, SealwireError, toError, type Failure } from "./error.js";
import { load, loadLog } from "./load.js";
import { checked, checkedBinlog, text, type BigintAs, type BinlogOptions, type ConnectOptions, type CheckedOptions } from "./options.js";
import { Batch, type Column, type Row } from "./rows.js";
import { Machine } from "./sealwire_wasm.js";
import { LONGEST_TIMER, type Transport, WebSocketTransport } from "./transport.js";

/** A certificate of the server's chain. */
export interface Certificate {
  subject: string;
  issuer: string;
  notBefore: string;
  notAfter: string;
  names: string[];
  serial: string;
  key: string;
  version: number;
  fingerprint: string;
}

/** The parameters that TLS negotiated. */
export interface TlsFacts {
  version: "TLSv1.2" | "TLSv1.3";
  /** The cipher suite with IANA's name. */
  suite: string;
  /** The cipher suite with OpenSSL's name, as `Ssl_cipher` shows it. */
  cipher: string;
  group?: string;
  sni?: string;
  alpn?: string;
  resumed: boolean;
  verification: "NONE" | "CA" | "CA_AND_IDENTITY" | "SYSTEM_ROOTS_AND_IDENTITY" | "FINGERPRINT";
  /** `verification` in words. */
  verified: string;
  chain: Certificate[];
}

/** The negotiated parameters of the connection. */
export interface Facts {
  serverVersion: string;
  connectionId: number;
  capabilities: string[];
  authPlugin?: string;
  tls?: TlsFacts;
  bytesIn: number;
  bytesOut: number;
}

/** The result of a statement. `T` is the assumed type of its rows, which is not checked. */
export interface Result<T = Row> {
  columns: Column[];
  rows: T[];
  affectedRows: bigint;
  lastInsertId: bigint;
  warnings: number;
  info: string;
}

/** Options for running a statement. */
export interface QueryOptions {
  /** Cancels the statement: the server is asked to kill it. */
  signal?: AbortSignal | undefined;
}

/** The items that `Client.stream` yields: the columns of a result, its rows in batches, and the end of each statement. */
export type StreamItem =
  | { kind: "columns"; columns: Column[] }
  | { kind: "rows"; batch: Batch }
  | { kind: "done"; affectedRows: bigint; lastInsertId: bigint; warnings: number; info: string };

/** A parameter of a prepared statement. */
export type Parameter = null | boolean | number | bigint | string | Uint8Array | Date;

type Step =
  | { kind: "transmit" | "connected" | "closed" }
  | { kind: "wait"; deadline?: number }
  | { kind: "ok"; affectedRows: string; lastInsertId: string; warnings: number; info: string; more: boolean }
  | { kind: "columns"; columns: Column[] }
  | { kind: "rows"; count: number }
  | { kind: "end"; warnings: number; more: boolean }
  | { kind: "failed"; error: Failure }
  | { kind: "prepared"; id: number; parameters: number; columns: Column[] }
  | { kind: "text"; text: string }
  | Extract<LogStep, { kind: "logGranted" }>;

const mono = () => performance.now();
const wall = () => Date.now();

/** The default time limit for connecting in seconds, the same as the machine's. */
const CONNECT_TIMEOUT = 30;
/** MySQL's ER_ACCESS_DENIED_ERROR. */
const ACCESS_DENIED = 1045;

/** A connection to a MySQL server through a bridge. TLS ends in this page. Commands run one after another. */
export class Client {
  readonly #options: CheckedOptions;
  readonly #transport: Transport;
  readonly #machine: Machine;
  /** Resolves when the last command has finished. */
  #turn: Promise<void> = Promise.resolve();
  #reading: Promise<Uint8Array | null> | undefined;
  #over = false;
  #failure: SealwireError | undefined;

  private constructor(options: CheckedOptions, transport: Transport, machine: Machine) {
    this.#options = options;
    this.#transport = transport;
    this.#machine = machine;
  }

  /** Connects and logs in. The password is not sent before the server has passed the checks that `tls` requires. */
  static async connect(options: ConnectOptions): Promise<Client> {
    const given = checked(options);
    const { bridge, token, bigint, signal, trace, wasm, ...rest } = given;
    if (signal?.aborted) throw aborted();
    await load(wasm);
    let machine: Machine;
    try {
      machine = new Machine(rest, trace !== undefined, mono(), wall());
    } catch (error) {
      throw toError(error);
    }
    trace?.attach(machine);
    return Client.#login(given, machine);
  }

  static async #login(options: CheckedOptions, machine: Machine): Promise<Client> {
    const { bridge, token, signal, connectTimeout = CONNECT_TIMEOUT } = options;
    let transport: Transport;
    try {
      transport = await WebSocketTransport.open({ url: bridge, token }, connectTimeout, signal);
    } catch (error) {
      options.trace?.detach();
      machine.free();
      throw signal?.aborted ? aborted() : toError(error);
    }
    // Keep the options without password and TLS settings, because the machine has them now.
    const { password: _, tls, signal: __, ...kept } = options;
    const client = new Client(kept, transport, machine);
    const give_up = () => transport.close();
    signal?.addEventListener("abort", give_up);
    try {
      const step = await client.#next();
      if (step.kind !== "connected") throw new Error(`an unexpected step: ${step.kind}`);
      return client;
    } catch (error) {
      client.#end();
      throw signal?.aborted ? aborted() : hinted(toError(error), client.facts());
    } finally {
      signal?.removeEventListener("abort", give_up);
    }
  }

  /** Runs the machine until there is a step for the application. */
  async #next(): Promise<Step> {
    for (;;) {
      const step = this.#poll();
      const output = this.#machine.takeOutput();
      if (output.length > 0) await this.#transport.write(output);
      if (step instanceof SealwireError) throw step;
      if (step.kind === "wait") await this.#input(step.deadline);
      else if (step.kind !== "transmit") return step;
    }
  }

  #poll(): Step | SealwireError {
    try {
      return this.#machine.poll(mono()) as Step;
    } catch (error) {
      return toError(error);
    }
  }

  /** Waits for the next input (bytes, the end of the stream or the deadline) and passes it to the machine. */
  async #input(deadline: number | undefined): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<"late">((resolve) => {
      if (deadline !== undefined) timer = setTimeout(() => resolve("late"), Math.min(Math.max(0, deadline - mono()), LONGEST_TIMER));
    });
    try {
      // If the deadline passes first, keep the pending read, because it returns the next bytes.
      this.#reading ??= this.#transport.read();
      const bytes = await (deadline === undefined ? this.#reading : Promise.race([this.#reading, late]));
      if (bytes !== "late") this.#reading = undefined;
      if (this.#over) throw this.#failure ?? closed();
      if (bytes === "late") this.#machine.timeout(mono(), wall());
      else if (bytes === null) this.#machine.eof(mono(), wall());
      else this.#machine.receive(bytes, mono(), wall());
    } finally {
      clearTimeout(timer);
    }
  }

  /** Waits for earlier commands, then runs this one. A failure of the connection ends the client. */
  async #command<T>(run: () => Promise<T>): Promise<T> {
    const release = await this.#begin();
    try {
      return await run();
    } catch (error) {
      throw this.#failed(error);
    } finally {
      release();
    }
  }

  async #begin(): Promise<() => void> {
    const before = this.#turn;
    let release = () => {};
    this.#turn = new Promise((resolve) => {
      release = resolve;
    });
    await before;
    if (this.#over) {
      release();
      throw this.#failure ?? closed();
    }
    return release;
  }

  /** The error to throw. Every error except the server's answer to a command ends the connection. */
  #failed(thrown: unknown): SealwireError {
    const error = toError(thrown);
    if (!(thrown instanceof CommandFailed) && error.blame !== "Aborted") {
      this.#failure ??= error;
      this.#end();
    }
    return error;
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#options.trace?.detach();
    this.#lastFacts = this.#machine.facts() as Facts;
    this.#transport.close();
    // Overwrites password, keys and buffers.
    this.#machine.free();
  }

  #lastFacts: Facts | undefined;

  /** Resolves when the bridge ends the connection, with the bridge's reason if it gave one. */
  get closed(): Promise<SealwireError | null> {
    return this.#transport.closed;
  }

  /** Runs SQL and returns the result of the last statement, with rows as plain objects. */
  async query<T extends object = Row>(sql: string, options: QueryOptions = {}): Promise<Result<T>> {
    return collect(this.stream(sql, options));
  }

  /** Runs SQL and yields its rows as they arrive. The server's answer is read only as fast as the caller takes the rows. */
  async *queryStream<T extends object = Row>(sql: string, options: QueryOptions = {}): AsyncGenerator<T, void, void> {
    for await (const item of this.stream(sql, options)) {
      if (item.kind === "rows") yield* item.batch as Iterable<Row> as Iterable<T>;
    }
  }

  /** Runs SQL and yields columns, batches of rows and ends of statements as they arrive. */
  stream(sql: string, options: QueryOptions = {}): AsyncGenerator<StreamItem, void, void> {
    return this.#results(() => {
      text("the statement", sql);
      this.#machine.query(sql, mono());
    }, options);
  }

  async *#results(start: () => void, options: QueryOptions): AsyncGenerator<StreamItem, void, void> {
    const { signal } = options;
    if (signal?.aborted) throw aborted();
    const release = await this.#begin();
    let killed: Promise<void> | undefined;
    const kill = () => {
      killed ??= this.#kill();
    };
    let finished = false;
    try {
      start();
    } catch (error) {
      release();
      throw toError(error);
    }
    try {
      signal?.addEventListener("abort", kill);
      // The signal may have been aborted while an earlier command was running.
      if (signal?.aborted) kill();
      for await (const item of this.#answers()) {
        if (!signal?.aborted) yield item;
      }
      finished = true;
      if (signal?.aborted) throw aborted();
    } catch (error) {
      finished = true;
      throw signal?.aborted && error instanceof CommandFailed ? aborted() : this.#failed(error);
    } finally {
      signal?.removeEventListener("abort", kill);
      if (!finished && !this.#over) {
        // The caller has stopped reading. Discard the rest of the answer, because it precedes the answer to the next command.
        kill();
        await this.#drain();
      }
      await killed;
      release();
    }
  }

  /** The items of the answer to one command, which may have several statements. */
  async *#answers(): AsyncGenerator<StreamItem, void, void> {
    let columns: Column[] = [];
    for (;;) {
      const step = await this.#next();
      switch (step.kind) {
        case "columns":
          columns = as(this.#options.bigint, step.columns);
          yield { kind: "columns", columns };
          break;
        case "rows": {
          const ends = this.#machine.takeRowEnds();
          yield { kind: "rows", batch: new Batch(columns, this.#machine.takeRowData(), ends) };
          break;
        }
        case "ok":
        case "end": {
          const { affectedRows, lastInsertId, info } =
            step.kind === "ok" ? step : { affectedRows: "0", lastInsertId: "0", info: "" };
          const [affected, inserted] = [BigInt(affectedRows), BigInt(lastInsertId)];
          yield { kind: "done", affectedRows: affected, lastInsertId: inserted, warnings: step.warnings, info };
          if (!step.more) return;
          break;
        }
        case "failed":
          throw new CommandFailed(step.error);
        default:
          throw new Error(`an unexpected step: ${step.kind}`);
      }
    }
  }

  async #drain(): Promise<void> {
    try {
      for await (const item of this.#answers()) void item;
    } catch (error) {
      // An error of the killed statement is expected.
      if (!(error instanceof CommandFailed)) this.#failed(error);
    }
  }

  /** Asks the server, over a second connection, to kill the running statement. If that fails, ends the connection. */
  async #kill(): Promise<void> {
    try {
      const id = this.facts().connectionId;
      // The trace is for this connection only.
      const options = { ...this.#options, trace: undefined };
      const other = await Client.#login(options, this.#machine.sibling(mono(), wall()));
      await other.query(`KILL QUERY ${id}`);
      await other.close();
    } catch {
      this.#transport.close();
    }
  }

  /** Prepares a statement with `?` in the places of values. */
  async prepare(sql: string): Promise<Statement> {
    text("the statement", sql);
    const step = await this.#command(async () => {
      this.#machine.prepare(sql, mono());
      return this.#answer("prepared");
    });
    return new Statement(step.parameters, as(this.#options.bigint, step.columns), {
      run: (values, options) =>
        this.#results(() => {
          this.#machine.execute(step.id, values.map(toParameter), mono());
        }, options),
      close: () =>
        this.#command(async () => {
          this.#machine.closeStatement(step.id, mono());
          await this.#flush();
        }),
    });
  }

  /**
   * Reads the server's binary log: every change that is committed, to every table. The stream has a connection of its own, with this
   * client's options; this client stays usable, and need not stay open. The account needs REPLICATION SLAVE, and REPLICATION CLIENT to
   * begin at the log's end. Resolves when the server has agreed to send the log.
   */
  async binlog(options: BinlogOptions = {}): Promise<BinlogStream> {
    const given = checkedBinlog(options);
    if (this.#over) throw this.#failure ?? closed();
    await loadLog(given.wasm);
    if (this.#over) throw this.#failure ?? closed();
    const template = this.#machine.sibling(mono(), wall());
    const { bigint, ...kept } = { ...this.#options, trace: undefined };
    const connect = async (signal: AbortSignal): Promise<LogConnection> => {
      const client = await Client.#login({ ...kept, signal }, template.sibling(mono(), wall()));
      return {
        client,
        request: (request) => client.#machine.binlog(request, mono(), wall()),
        next: async () => {
          try {
            return (await client.#next()) as LogStep;
          } catch (error) {
            throw client.#failed(error);
          }
        },
        events: () => {
          const ends = client.#machine.takeRowEnds();
          return { data: client.#machine.takeRowData(), ends };
        },
      };
    };
    return BinlogStream.open(given, { connect, bigint, free: () => template.free() });
  }

  /** Checks that the server is alive. */
  async ping(): Promise<void> {
    await this.#command(async () => {
      this.#machine.ping(mono());
      await this.#answer("ok");
    });
  }

  /** The single answer to a command without rows. */
  async #answer<K extends Step["kind"]>(kind: K): Promise<Extract<Step, { kind: K }>> {
    const step = await this.#next();
    if (step.kind === "failed") throw new CommandFailed(step.error);
    if (step.kind !== kind) throw new Error(`an unexpected step: ${step.kind}`);
    return step as Extract<Step, { kind: K }>;
  }

  /** Sends queued bytes, for commands without an answer. */
  async #flush(): Promise<void> {
    while (this.#machine.poll(mono()).kind === "transmit") await this.#transport.write(this.#machine.takeOutput());
    const output = this.#machine.takeOutput();
    if (output.length > 0) await this.#transport.write(output);
  }

  /** The negotiated parameters of this connection. */
  facts(): Facts {
    return this.#over ? this.#lastFacts! : (this.#machine.facts() as Facts);
  }

  /** The cipher in use with OpenSSL's name; `undefined` for plaintext. */
  get sslCipher(): string | undefined {
    return this.facts().tls?.cipher;
  }

  /** The `SSL:` line of `\s`. */
  get sslLine(): string {
    const tls = this.facts().tls;
    return tls === undefined ? "Not in use" : `Cipher in use is ${tls.cipher}, ${tls.verified}`;
  }

  /** The lines of `\s`: pairs of label and value. */
  async status(): Promise<[string, string][]> {
    const row = async (sql: string): Promise<string[]> => {
      try {
        const { columns, rows } = await this.query(sql);
        return columns.map((column) => String(rows[0]?.[column.name] ?? ""));
      } catch (error) {
        // Other kinds of servers may lack these variables; the other lines are still useful.
        if (this.#over) throw error;
        return [];
      }
    };
    const [database, user] = await row("select DATABASE() as d, USER() as u limit 1");
    const [comment] = await row("select @@version_comment as c limit 1");
    const sets = await row(
      "select @@character_set_server as s, @@character_set_database as d, @@character_set_client as c, @@character_set_connection as n limit 1",
    );
    const statistics = await this.#command(async () => {
      this.#machine.statistics(mono());
      return (await this.#answer("text")).text;
    });
    const facts = this.facts();
    const version = facts.serverVersion.replace(/^5\.5\.5-/, "");
    return [
      ["Connection id:", String(facts.connectionId)],
      ["Current database:", database ?? ""],
      ["Current user:", user ?? ""],
      ["SSL:", this.sslLine],
      ["Server version:", `${version} ${comment ?? ""}`.trimEnd()],
      ["Protocol version:", "10"],
      ["Connection:", `${this.#options.bridge.href} via WebSocket`],
      ["Server characterset:", sets[0] ?? ""],
      ["Db     characterset:", sets[1] ?? ""],
      ["Client characterset:", sets[2] ?? ""],
      ["Conn.  characterset:", sets[3] ?? ""],
      ["", statistics],
    ];
  }

  /** Ends the connection with COM_QUIT, and overwrites password and keys. */
  async close(): Promise<void> {
    const before = this.#turn;
    await before;
    if (this.#over) return;
    try {
      this.#machine.quit(mono());
      await this.#flush();
    } finally {
      this.#end();
    }
  }

  /** Ends the connection at once, even while a command runs, and overwrites password and keys. */
  terminate(): void {
    this.#end();
  }
}

/** `await using` ends the connection at the end of its block, if the JavaScript engine supports it. */
export interface Client extends AsyncDisposable {}

function closed(): SealwireError {
  return new SealwireError({ code: 2006, sqlState: "HY000", message: "The connection is closed", blame: "Misuse" });
}

/** The client's functions that a statement uses. */
interface Calls {
  run: (values: readonly Parameter[], options: QueryOptions) => AsyncGenerator<StreamItem, void, void>;
  close: () => Promise<void>;
}

/** A prepared statement. */
export class Statement {
  readonly #calls: Calls;

  /** @internal */
  constructor(
    /** The number of parameters. */
    readonly parameters: number,
    /** The columns of the statement's result. */
    readonly columns: readonly Column[],
    calls: Calls,
  ) {
    this.#calls = calls;
  }

  /** Executes the statement with values. */
  async execute<T extends object = Row>(values: readonly Parameter[] = [], options: QueryOptions = {}): Promise<Result<T>> {
    return collect(this.stream(values, options));
  }

  /** Executes the statement with values and yields the answer as it arrives. */
  async *stream(values: readonly Parameter[] = [], options: QueryOptions = {}): AsyncGenerator<StreamItem, void, void> {
    if (values.length !== this.parameters) {
      const message = `the statement takes ${this.parameters} values, not ${values.length}`;
      throw new SealwireError({ code: 2031, sqlState: "HY000", message, blame: "Misuse" });
    }
    yield* this.#calls.run(values, options);
  }

  /** Releases the statement on the server. */
  async close(): Promise<void> {
    await this.#calls.close();
  }
}

/** `await using` releases the statement at the end of its block, if the JavaScript engine supports it. */
export interface Statement extends AsyncDisposable {}

// Not declared as methods, because without the symbol they would be called "undefined".
if (Symbol.asyncDispose !== undefined) {
  for (const { prototype } of [Client, Statement]) {
    Object.defineProperty(prototype, Symbol.asyncDispose, { value: prototype.close, writable: true, configurable: true });
  }
}

/** The server refused a command. The connection stays usable. */
class CommandFailed extends SealwireError {}

/** Adds a hint to a refusal over plaintext, because servers use the same error for an account that requires TLS. */
function hinted(error: SealwireError, facts: Facts): SealwireError {
  if (error.code !== ACCESS_DENIED || error.blame !== "RefusedByServer" || facts.tls !== undefined) return error;
  const hint = "The connection has no TLS, and the account may require it (REQUIRE SSL): leave tls.mode out, and give tls.ca.";
  return new SealwireError({ ...error, message: error.message, hint });
}

/** The columns with the type that the option `bigint` requests. */
function as(bigint: BigintAs | undefined, columns: Column[]): Column[] {
  if (bigint !== "number") return columns;
  return columns.map((column) => (column.kind === "bigint" ? { ...column, kind: "number" } : column));
}

async function collect<T>(items: AsyncIterable<StreamItem>): Promise<Result<T>> {
  const result: Result<T> = { columns: [], rows: [], affectedRows: 0n, lastInsertId: 0n, warnings: 0, info: "" };
  let fresh = true;
  // Read the whole answer before a value's error is thrown, because leaving the loop would kill the statement.
  let failure: { error: unknown } | undefined;
  for await (const item of items) {
    if (fresh) Object.assign(result, { columns: [], rows: [] });
    fresh = false;
    switch (item.kind) {
      case "columns":
        result.columns = item.columns;
        break;
      case "rows":
        if (failure !== undefined) break;
        try {
          for (const row of item.batch as Iterable<Row> as Iterable<T>) result.rows.push(row);
        } catch (error) {
          failure = { error };
        }
        break;
      case "done": {
        const { affectedRows, lastInsertId, warnings, info } = item;
        Object.assign(result, { affectedRows, lastInsertId, warnings, info });
        fresh = true;
      }
    }
  }
  if (failure !== undefined) throw failure.error;
  return result;
}

/** A parameter as the machine expects it: a date in MySQL's format, in UTC. */
function toParameter(value: Parameter): Exclude<Parameter, Date> {
  if (!(value instanceof Date)) return value;
  return value.toISOString().replace("T", " ").replace("Z", "");
}
