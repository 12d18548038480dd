import { aborted, SealwireError, toError, type Failure } from "./error.js";
import { load } from "./load.js";
import { checked, text, type BigintAs, type ConnectOptions, type Given } from "./options.js";
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

/** What TLS negotiated. */
export interface TlsFacts {
  version: "TLSv1.2" | "TLSv1.3";
  /** The suite by its IANA name. */
  suite: string;
  /** The same by OpenSSL's name, as `Ssl_cipher` shows it. */
  cipher: string;
  group?: string;
  sni?: string;
  alpn?: string;
  resumed: boolean;
  verification: "NONE" | "CA" | "CA_AND_IDENTITY" | "SYSTEM_ROOTS_AND_IDENTITY" | "FINGERPRINT";
  /** The same in words. */
  verified: string;
  chain: Certificate[];
}

/** What the connection negotiated. */
export interface Facts {
  serverVersion: string;
  connectionId: number;
  capabilities: string[];
  authPlugin?: string;
  tls?: TlsFacts;
  bytesIn: number;
  bytesOut: number;
}

/** What a statement came to. `T` is what its rows are taken for; nothing checks it. */
export interface Result<T = Row> {
  columns: Column[];
  rows: T[];
  affectedRows: bigint;
  lastInsertId: bigint;
  warnings: number;
  info: string;
}

/** How a statement is run. */
export interface QueryOptions {
  /** Gives the statement up: the server is asked to kill it. */
  signal?: AbortSignal | undefined;
}

/** What `Client.stream` yields: the columns of a result, its rows in batches, and the end of each statement. */
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
  | { kind: "text"; text: string };

const mono = () => performance.now();
const wall = () => Date.now();

/** Seconds, as the machine has it. */
const CONNECT_TIMEOUT = 30;
/** MySQL's ER_ACCESS_DENIED_ERROR. */
const ACCESS_DENIED = 1045;

/** A connection to a MySQL server through a bridge. TLS ends here, in this page. Commands run one after the other. */
export class Client {
  readonly #options: Given;
  readonly #transport: Transport;
  readonly #machine: Machine;
  /** The end of the last command that was begun. */
  #turn: Promise<void> = Promise.resolve();
  #reading: Promise<Uint8Array | null> | undefined;
  #over = false;
  #failure: SealwireError | undefined;

  private constructor(options: Given, transport: Transport, machine: Machine) {
    this.#options = options;
    this.#transport = transport;
    this.#machine = machine;
  }

  /** Connects and logs in. Nothing of the password leaves before the server has proved what `tls` demands. */
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

  static async #login(options: Given, machine: Machine): Promise<Client> {
    const { bridge, token, signal, connectTimeout = CONNECT_TIMEOUT } = options;
    let transport: Transport;
    try {
      transport = await WebSocketTransport.open({ url: bridge, token }, connectTimeout, signal);
    } catch (error) {
      options.trace?.detach();
      machine.free();
      throw signal?.aborted ? aborted() : toError(error);
    }
    // The settings are the machine's from here: no copy of a password is kept.
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

  /** Feeds what comes next: bytes, the end, or the passing of the deadline. */
  async #input(deadline: number | undefined): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<"late">((resolve) => {
      if (deadline !== undefined) timer = setTimeout(() => resolve("late"), Math.min(Math.max(0, deadline - mono()), LONGEST_TIMER));
    });
    try {
      // A read outlives the deadline that it lost against: its bytes are the next ones.
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

  /** Waits for the commands before this one, then runs it. A failure of the connection ends the client. */
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

  /** The error to throw. One that is not the server's answer to a command is the connection's end. */
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

  /** Resolves when the bridge ends the connection, with its reason where it gave one. */
  get closed(): Promise<SealwireError | null> {
    return this.#transport.closed;
  }

  /** Runs SQL and returns the last statement's result, its rows as plain objects. */
  async query<T extends object = Row>(sql: string, options: QueryOptions = {}): Promise<Result<T>> {
    return collect(this.stream(sql, options));
  }

  /** Runs SQL and yields its rows as they come. Nothing is read from the server's answer faster than it is asked for. */
  async *queryStream<T extends object = Row>(sql: string, options: QueryOptions = {}): AsyncGenerator<T, void, void> {
    for await (const item of this.stream(sql, options)) {
      if (item.kind === "rows") yield* item.batch as Iterable<Row> as Iterable<T>;
    }
  }

  /** Runs SQL and yields columns, batches of rows and ends of statements as they come. */
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
      // An abort while the command before was running.
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
        // The reader has left: what is on its way is of no use, and stands before the next answer.
        kill();
        await this.#drain();
      }
      await killed;
      release();
    }
  }

  /** The items of one command's answer, however many statements it has. */
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
      // That the statement was killed is what we wanted.
      if (!(error instanceof CommandFailed)) this.#failed(error);
    }
  }

  /** Asks the server, over a second connection, to stop what this one runs. Where that can't be had the connection ends. */
  async #kill(): Promise<void> {
    try {
      const id = this.facts().connectionId;
      // The ladder is this connection's.
      const options = { ...this.#options, trace: undefined };
      const other = await Client.#login(options, this.#machine.sibling(mono(), wall()));
      await other.query(`KILL QUERY ${id}`);
      await other.close();
    } catch {
      this.#transport.close();
    }
  }

  /** Prepares a statement with `?` in the place of values. */
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

  /** Asks the server for a sign of life. */
  async ping(): Promise<void> {
    await this.#command(async () => {
      this.#machine.ping(mono());
      await this.#answer("ok");
    });
  }

  /** The one answer of a command without rows. */
  async #answer<K extends Step["kind"]>(kind: K): Promise<Extract<Step, { kind: K }>> {
    const step = await this.#next();
    if (step.kind === "failed") throw new CommandFailed(step.error);
    if (step.kind !== kind) throw new Error(`an unexpected step: ${step.kind}`);
    return step as Extract<Step, { kind: K }>;
  }

  /** Sends what waits, for commands that are not answered. */
  async #flush(): Promise<void> {
    while (this.#machine.poll(mono()).kind === "transmit") await this.#transport.write(this.#machine.takeOutput());
    const output = this.#machine.takeOutput();
    if (output.length > 0) await this.#transport.write(output);
  }

  /** What this connection negotiated. */
  facts(): Facts {
    return this.#over ? this.#lastFacts! : (this.#machine.facts() as Facts);
  }

  /** The cipher in use by OpenSSL's name; `undefined` on plaintext. */
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
        // A server of another kind may lack these; the rest of the status is still worth showing.
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

  /** Says goodbye, and overwrites password and keys. */
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

  /** Ends the connection at once, whatever runs; password and keys are overwritten. */
  terminate(): void {
    this.#end();
  }
}

/** The connection ends with the block of an `await using`, where the engine has it. */
export interface Client extends AsyncDisposable {}

function closed(): SealwireError {
  return new SealwireError({ code: 2006, sqlState: "HY000", message: "The connection is closed", blame: "Misuse" });
}

/** What a statement asks of its client. */
interface Calls {
  run: (values: readonly Parameter[], options: QueryOptions) => AsyncGenerator<StreamItem, void, void>;
  close: () => Promise<void>;
}

/** A prepared statement. */
export class Statement {
  readonly #calls: Calls;

  /** @internal */
  constructor(
    /** How many values it takes. */
    readonly parameters: number,
    /** The columns of its result. */
    readonly columns: readonly Column[],
    calls: Calls,
  ) {
    this.#calls = calls;
  }

  /** Runs it with values. */
  async execute<T extends object = Row>(values: readonly Parameter[] = [], options: QueryOptions = {}): Promise<Result<T>> {
    return collect(this.stream(values, options));
  }

  /** Runs it with values and yields the answer as it comes. */
  async *stream(values: readonly Parameter[] = [], options: QueryOptions = {}): AsyncGenerator<StreamItem, void, void> {
    if (values.length !== this.parameters) {
      const message = `the statement takes ${this.parameters} values, not ${values.length}`;
      throw new SealwireError({ code: 2031, sqlState: "HY000", message, blame: "Misuse" });
    }
    yield* this.#calls.run(values, options);
  }

  /** Lets the server forget it. */
  async close(): Promise<void> {
    await this.#calls.close();
  }
}

/** The server forgets it at the end of the block of an `await using`, where the engine has it. */
export interface Statement extends AsyncDisposable {}

// Not as methods: without the symbol those would be called "undefined".
if (Symbol.asyncDispose !== undefined) {
  for (const { prototype } of [Client, Statement]) {
    Object.defineProperty(prototype, Symbol.asyncDispose, { value: prototype.close, writable: true, configurable: true });
  }
}

/** The server refused a command; the connection lives. */
class CommandFailed extends SealwireError {}

/** A refusal over plaintext with the way out: servers say by the same error that the account demands TLS. */
function hinted(error: SealwireError, facts: Facts): SealwireError {
  if (error.code !== ACCESS_DENIED || error.blame !== "RefusedByServer" || facts.tls !== undefined) return error;
  const hint = "The connection has no TLS, and the account may demand it (REQUIRE SSL): leave tls.mode out, and give tls.ca.";
  return new SealwireError({ ...error, message: error.message, hint });
}

/** Columns as what their values are asked for. */
function as(bigint: BigintAs | undefined, columns: Column[]): Column[] {
  if (bigint !== "number") return columns;
  return columns.map((column) => (column.kind === "bigint" ? { ...column, kind: "number" } : column));
}

async function collect<T>(items: AsyncIterable<StreamItem>): Promise<Result<T>> {
  const result: Result<T> = { columns: [], rows: [], affectedRows: 0n, lastInsertId: 0n, warnings: 0, info: "" };
  let fresh = true;
  // The answer is read to its end before a value that can't be had is told: to leave it would have the statement killed.
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

/** A parameter as the machine takes it: a date as MySQL writes it, in UTC. */
function toParameter(value: Parameter): Exclude<Parameter, Date> {
  if (!(value instanceof Date)) return value;
  return value.toISOString().replace("T", " ").replace("Z", "");
}
