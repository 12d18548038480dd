import { misuse, type SealwireError } from "./error.js";
import { Ladder } from "./ladder.js";
import type { WasmSource } from "./load.js";

/** What `Client.connect` takes. An option that is `undefined` or `null` is one that isn't given. */
export interface ConnectOptions {
  /** The bridge's WebSocket: `wss://host/tcp/<target>`; of a page that the bridge serves itself, `/tcp/<target>`. */
  bridge: string;
  /** The bridge's token, where it asks for one. */
  token?: string | undefined;
  user: string;
  password?: string | undefined;
  database?: string | undefined;
  tls?: TlsOptions | undefined;
  /** Seconds until connecting is given up; 30 unless given. */
  connectTimeout?: number | undefined;
  /**
   * As what BIGINT comes: `"bigint"` unless given. With `"number"` a value beyond 2^53, which a number can't hold exactly, is an
   * error. The counts of a `Result` are bigint either way.
   */
  bigint?: BigintAs | undefined;
  /** Gives up connecting. */
  signal?: AbortSignal | undefined;
  /** Filled with what goes over the wire while connecting, also where that fails. */
  trace?: Ladder | undefined;
  /** Where the wasm module is, where it isn't beside the script. */
  wasm?: WasmSource | undefined;
}

/** As what BIGINT comes. */
export type BigintAs = "bigint" | "number";

/** MySQL's `--ssl-mode`. */
export type SslMode = "DISABLED" | "PREFERRED" | "REQUIRED" | "VERIFY_CA" | "VERIFY_IDENTITY";

/**
 * How TLS is used. Without `mode`: `VERIFY_IDENTITY` where `ca` and `serverName` are given, `VERIFY_CA` where only `ca` is;
 * without `ca` and `fingerprint` connecting is refused, because nothing would verify the server.
 */
export interface TlsOptions {
  mode?: SslMode | undefined;
  /** The CA's certificates in PEM. */
  ca?: string | undefined;
  /** The client's certificate in PEM. */
  cert?: string | undefined;
  /** The client's key in PEM. */
  key?: string | undefined;
  /** What the key is encrypted with. */
  passphrase?: string | undefined;
  /** The name that the server's certificate must be for. */
  serverName?: string | undefined;
  /** The SHA-256 fingerprint that the server's certificate must have, in place of a CA. */
  fingerprint?: string | undefined;
  /** `TLSv1.2,TLSv1.3` unless given. */
  versions?: string | undefined;
  /** Cipher suites for TLS 1.2, by OpenSSL's or IANA's names, separated by colons. */
  ciphers?: string | undefined;
  /** The same for TLS 1.3. */
  ciphersuites?: string | undefined;
}

/** The options that are given, each of its type. */
export type Given = Omit<ConnectOptions, "bridge"> & { bridge: URL };

/** What an option must be, in words, and how to see that it is. */
interface Kind {
  what: string;
  is: (value: unknown) => boolean;
}

const TEXT: Kind = { what: "a string", is: (value) => typeof value === "string" };
const SECONDS: Kind = {
  what: "a number of seconds, 0 or more",
  is: (value) => typeof value === "number" && value >= 0 && value < Infinity,
};
/** A subprotocol, as which it is sent, is a token of RFC 7230. */
const TOKEN: Kind = {
  what: "a string of letters, digits, '-' and '_', as the bridge's --token-file has it",
  is: (value) => typeof value === "string" && /^[\w\-.~+!#$%&'*^`|]*$/.test(value),
};
const BIGINT: Kind = { what: '"bigint" or "number"', is: (value) => value === "bigint" || value === "number" };
const OBJECT: Kind = {
  what: "an object",
  is: (value) => typeof value === "object" && value !== null && !Array.isArray(value),
};
/** By what is used of it, because one of another frame is no instance of this frame's. */
const SIGNAL: Kind = {
  what: "an AbortSignal",
  is: (value) => OBJECT.is(value) && "aborted" in (value as object) && "addEventListener" in (value as object),
};
const LADDER: Kind = { what: "a Ladder", is: (value) => value instanceof Ladder };
const MODULE: Kind = {
  what: "the module's address, the answer to a request for it, its bytes or a WebAssembly.Module",
  is: (value) => (typeof value === "string" && value !== "") || OBJECT.is(value),
};

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

/** The options that are given, checked. Throws what names the option that is missing or wrong, and nothing of a secret. */
export function checked(options: ConnectOptions): Given {
  if (!OBJECT.is(options)) throw wrong("Client.connect's argument", "an object of options", options);
  const given = present(options, KINDS) as Partial<ConnectOptions>;
  const { bridge, user, tls } = given;
  if (!bridge) throw misuse("option 'bridge' is missing", BRIDGE_HINT);
  if (user === undefined) throw misuse("option 'user' is missing", "Give the name of the account as the option user.");
  const checked: Given = { ...given, user, bridge: address(bridge) };
  if (tls !== undefined) checked.tls = present(tls, TLS_KINDS, "tls.");
  return checked;
}

/** Checks one argument. */
export function text(name: string, value: unknown): void {
  if (!TEXT.is(value)) throw wrong(name, TEXT.what, value);
}

/** The members of an object that are neither undefined nor null, each of its kind; one that there isn't is left to the machine. */
function present(object: object, kinds: Record<string, Kind>, prefix = ""): Record<string, unknown> {
  const given = Object.entries(object).filter(([, value]) => value !== undefined && value !== null);
  for (const [name, value] of given) {
    const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined;
    if (kind !== undefined && !kind.is(value)) throw wrong(`option '${prefix}${name}'`, kind.what, value);
  }
  return Object.fromEntries(given);
}

/** The address of a WebSocket; one that begins with a slash leads to whom the page is from. */
function address(bridge: string): URL {
  const shown = bridge.split(/[?#]/)[0]!.slice(0, 80);
  let url: URL | undefined;
  try {
    url = bridge.startsWith("/") ? new URL(bridge, location.href) : new URL(bridge);
  } catch {
    // Said below.
  }
  if (url === undefined || !/^(wss?|https?):$/.test(url.protocol) || url.hash !== "") {
    throw misuse(`option 'bridge': '${shown}' is not the address of a WebSocket`, BRIDGE_HINT);
  }
  // As WebSocket itself takes them where it is new enough.
  url.protocol = url.protocol.replace("http", "ws");
  return url;
}

/** Shows the value's type alone, because the value may be a secret. */
function wrong(name: string, wanted: string, value: unknown): SealwireError {
  const type = typeof value === "object" ? (value?.constructor?.name ?? String(value && "object")) : typeof value;
  return misuse(`${name} must be ${wanted}; it is of type ${type}`);
}
