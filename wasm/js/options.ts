import type { BinlogPosition } from "./binlog.js";
import type { Facts } from "./client.js";
import { misuse, type SealwireError } from "./error.js";
import { Ladder } from "./ladder.js";
import type { WasmSource } from "./load.js";

/** The options of `Client.connect`. An option that is `undefined` or `null` counts as absent. */
export interface ConnectOptions {
  /** The bridge's WebSocket: `wss://host/tcp/<target>`, or `/tcp/<target>` in a page that the bridge serves. */
  bridge: string;
  /** The bridge's token, if the bridge requires one. */
  token?: string | undefined;
  user: string;
  password?: string | undefined;
  database?: string | undefined;
  tls?: TlsOptions | undefined;
  /** The time limit for connecting in seconds; the default is 30. */
  connectTimeout?: number | undefined;
  /**
   * The JavaScript type of BIGINT values; the default is `"bigint"`. With `"number"`, a value beyond 2^53, which a number can't hold
   * exactly, is an error. The counts in a `Result` are always bigint.
   */
  bigint?: BigintAs | undefined;
  /** Cancels the attempt to connect. */
  signal?: AbortSignal | undefined;
  /** Records the connection's messages, even if connecting fails. */
  trace?: Ladder | undefined;
  /** The source of the wasm module, if it is not beside the script. */
  wasm?: WasmSource | undefined;
}

/** The JavaScript type of BIGINT values. */
export type BigintAs = "bigint" | "number";

/** MySQL's `--ssl-mode`. */
export type SslMode = "DISABLED" | "PREFERRED" | "REQUIRED" | "VERIFY_CA" | "VERIFY_IDENTITY";

/**
 * The TLS options. The default of `mode` is `VERIFY_IDENTITY` if `ca` and `serverName` are given, and `VERIFY_CA` if only `ca` is given.
 * Without `mode`, `ca` and `fingerprint` connecting fails, because nothing would verify the server.
 */
export interface TlsOptions {
  mode?: SslMode | undefined;
  /** The CA certificates in PEM. */
  ca?: string | undefined;
  /** The client's certificate in PEM. */
  cert?: string | undefined;
  /** The client's key in PEM. */
  key?: string | undefined;
  /** The passphrase of the private key. */
  passphrase?: string | undefined;
  /** The host name that the server's certificate must carry. */
  serverName?: string | undefined;
  /** The SHA-256 fingerprint that the server's certificate must have, instead of a CA. */
  fingerprint?: string | undefined;
  /** The TLS versions; the default is `TLSv1.2,TLSv1.3`. */
  versions?: string | undefined;
  /** Cipher suites for TLS 1.2, with OpenSSL's or IANA's names, separated by colons. */
  ciphers?: string | undefined;
  /** Cipher suites for TLS 1.3, in the same form. */
  ciphersuites?: string | undefined;
}

/** The options of `Client.binlog`. An option that is `undefined` or `null` counts as absent. */
export interface BinlogOptions {
  /** The place to begin at: `"end"` (the default) has the changes from now on, `"start"` the whole log that the server has. */
  start?: BinlogStart | undefined;
  /**
   * The server id of this reader, 1 to 4294967295. A server ends the stream of another replica with the same id; the default is a random
   * one that replicas do not use.
   */
  serverId?: number | undefined;
  /** Whether a lost connection is made again, to go on behind the last whole transaction. The default is no: see `BinlogStream.resume`. */
  reconnect?: boolean | undefined;
  /** The most changes of a transaction to keep; all by default. Further ones are counted in `Transaction.omitted`. */
  mostChanges?: number | undefined;
  /** The most bytes that the changes of a transaction may have in the log, 64 MiB by default. A larger transaction is an error. */
  mostBytes?: number | undefined;
  /** The seconds without a change after which the server is to send a sign of life, 15 by default. After four times as long, at least 10, it is given up. */
  heartbeat?: number | undefined;
  /** Ends the stream. */
  signal?: AbortSignal | undefined;
  /** Called when the connection is lost, with the reason and the seconds until it is made again. */
  onLost?: ((error: SealwireError, seconds: number) => void) | undefined;
  /** Called when the log is requested, for the first time and again. */
  onConnected?: ((facts: Facts) => void) | undefined;
  /** The source of the second wasm module, `sealwire_log_bg.wasm`, if it is not beside the script. */
  wasm?: WasmSource | undefined;
}

/** The place at which a stream begins. The first position of a file is 4. */
export type BinlogStart = "start" | "end" | BinlogPosition | { file: string };

/** The options of a stream after the check. */
export type CheckedBinlogOptions = Omit<BinlogOptions, "start"> & {
  start: "start" | "end" | BinlogPosition;
  serverId: number;
  mostBytes: number;
  heartbeat: number;
};

/** The options of a connection after the check. */
export type CheckedOptions = Omit<ConnectOptions, "bridge"> & { bridge: URL };

/** The type that an option must have, in words and as a check. */
interface Kind {
  what: string;
  is: (value: unknown) => boolean;
}

const TEXT: Kind = { what: "a string", is: (value) => typeof value === "string" };
const SECONDS: Kind = {
  what: "a number of seconds, 0 or more",
  is: (value) => typeof value === "number" && value >= 0 && value < Infinity,
};
/** The token is sent as a WebSocket subprotocol, so it must be a token of RFC 7230. */
const TOKEN: Kind = {
  what: "a string of letters, digits, '-' and '_', as the bridge's --token-file has it",
  is: (value) => typeof value === "string" && /^[\w\-.~+!#$%&'*^`|]*$/.test(value),
};
const BIGINT: Kind = { what: '"bigint" or "number"', is: (value) => value === "bigint" || value === "number" };
const OBJECT: Kind = {
  what: "an object",
  is: (value) => typeof value === "object" && value !== null && !Array.isArray(value),
};
/** Checks the used properties instead of the class, because a signal from another frame is no instance of this frame's class. */
const SIGNAL: Kind = {
  what: "an AbortSignal",
  is: (value) => OBJECT.is(value) && "aborted" in (value as object) && "addEventListener" in (value as object),
};
const LADDER: Kind = { what: "a Ladder", is: (value) => value instanceof Ladder };
const MODULE: Kind = {
  what: "the module's address, the answer to a request for it, its bytes or a WebAssembly.Module",
  is: (value) => (typeof value === "string" && value !== "") || OBJECT.is(value),
};

const FUNCTION: Kind = { what: "a function", is: (value) => typeof value === "function" };
const FLAG: Kind = { what: "true or false", is: (value) => typeof value === "boolean" };
const COUNT: Kind = { what: "a whole number, 1 or more", is: (value) => Number.isSafeInteger(value) && (value as number) > 0 };
const SERVER_ID: Kind = {
  what: "a whole number from 1 to 4294967295",
  is: (value) => COUNT.is(value) && (value as number) <= 0xffff_ffff,
};
const START: Kind = {
  what: '"start", "end", { file, position } or { gtid }',
  is: (value) => {
    if (!OBJECT.is(value)) return value === "start" || value === "end";
    const { file, position, gtid } = value as Record<string, unknown>;
    const isFile = TEXT.is(file) && (position === undefined || SERVER_ID.is(position)) && gtid === undefined;
    return isFile || (TEXT.is(gtid) && file === undefined && position === undefined);
  },
};

const BINLOG_KINDS: Record<keyof BinlogOptions, Kind> = {
  start: START,
  serverId: SERVER_ID,
  reconnect: FLAG,
  mostChanges: COUNT,
  mostBytes: COUNT,
  heartbeat: SECONDS,
  signal: SIGNAL,
  onLost: FUNCTION,
  onConnected: FUNCTION,
  wasm: MODULE,
};

/** The first server id of those that are chosen at random. People choose small ones. */
const FIRST_RANDOM = 0x8000_0000;
/** The default of `mostBytes`. */
const MOST_BYTES = 64 * 1024 * 1024;
/** The default of `heartbeat`, in seconds. */
const HEARTBEAT = 15;

const KINDS: Record<keyof ConnectOptions, Kind> = {
  bridge: TEXT,
  token: TOKEN,
  user: TEXT,
  password: TEXT,
  database: TEXT,
  tls: OBJECT,
  connectTimeout: SECONDS,
  bigint: BIGINT,
  signal: SIGNAL,
  trace: LADDER,
  wasm: MODULE,
};

const TLS_KINDS: Record<keyof TlsOptions, Kind> = {
  mode: TEXT,
  ca: TEXT,
  cert: TEXT,
  key: TEXT,
  passphrase: TEXT,
  serverName: TEXT,
  fingerprint: TEXT,
  versions: TEXT,
  ciphers: TEXT,
  ciphersuites: TEXT,
};

const BRIDGE_HINT = "Give the bridge's WebSocket as the option bridge: wss://host/tcp/NAME, where NAME is one of the bridge's targets.";

/** Checks the options. The error names the missing or invalid option and contains no secret. */
export function checked(options: ConnectOptions): CheckedOptions {
  if (!OBJECT.is(options)) throw wrong("Client.connect's argument", "an object of options", options);
  const given = present(options, KINDS) as Partial<ConnectOptions>;
  const { bridge, user, tls } = given;
  if (!bridge) throw misuse("option 'bridge' is missing", BRIDGE_HINT);
  if (user === undefined) throw misuse("option 'user' is missing", "Give the name of the account as the option user.");
  const checked: CheckedOptions = { ...given, user, bridge: address(bridge) };
  if (tls !== undefined) checked.tls = present(tls, TLS_KINDS, "tls.");
  return checked;
}

/** Checks the options of `Client.binlog`. */
export function checkedBinlog(options: BinlogOptions): CheckedBinlogOptions {
  if (!OBJECT.is(options)) throw wrong("the options", OBJECT.what, options);
  const given = present(options, BINLOG_KINDS) as BinlogOptions;
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(BINLOG_KINDS, name)) throw misuse(`there is no option '${name}'`, `The options are ${Object.keys(BINLOG_KINDS).join(", ")}.`);
  }
  const { start = "end" } = given;
  const random = () => FIRST_RANDOM + (crypto.getRandomValues(new Uint32Array(1))[0]! >>> 1);
  return {
    ...given,
    start: typeof start === "object" && "file" in start ? { position: 4, ...start } : start,
    serverId: given.serverId ?? random(),
    mostBytes: given.mostBytes ?? MOST_BYTES,
    heartbeat: given.heartbeat ?? HEARTBEAT,
  };
}

/** Checks one argument. */
export function text(name: string, value: unknown): void {
  if (!TEXT.is(value)) throw wrong(name, TEXT.what, value);
}

/** The properties that are neither undefined nor null, each with a checked type. Unknown properties are left to the machine. */
function present(object: object, kinds: Record<string, Kind>, prefix = ""): Record<string, unknown> {
  const given = Object.entries(object).filter(([, value]) => value !== undefined && value !== null);
  for (const [name, value] of given) {
    const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined;
    if (kind !== undefined && !kind.is(value)) throw wrong(`option '${prefix}${name}'`, kind.what, value);
  }
  return Object.fromEntries(given);
}

/** The address of a WebSocket. One that begins with a slash is relative to the page's own address. */
function address(bridge: string): URL {
  const shown = bridge.split(/[?#]/)[0]!.slice(0, 80);
  let url: URL | undefined;
  try {
    url = bridge.startsWith("/") ? new URL(bridge, location.href) : new URL(bridge);
  } catch {
    // The error is thrown below.
  }
  if (url === undefined || !/^(wss?|https?):$/.test(url.protocol) || url.hash !== "") {
    throw misuse(`option 'bridge': '${shown}' is not the address of a WebSocket`, BRIDGE_HINT);
  }
  // Convert http to ws, as new versions of WebSocket do.
  url.protocol = url.protocol.replace("http", "ws");
  return url;
}

/** Names only the type of the value, because the value may be a secret. */
function wrong(name: string, wanted: string, value: unknown): SealwireError {
  const type = typeof value === "object" ? (value?.constructor?.name ?? String(value && "object")) : typeof value;
  return misuse(`${name} must be ${wanted}; it is of type ${type}`);
}
