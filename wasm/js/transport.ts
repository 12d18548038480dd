import { SealwireError, toError } from "./error.js";

/** A stream of bytes that the caller reads on demand. */
export interface Transport {
  /** The next bytes; `null` at the end. Rejects if the bridge ended the stream with an error. */
  read(): Promise<Uint8Array | null>;
  /** Sends bytes. The promise resolves when more may be sent. */
  write(bytes: Uint8Array): Promise<void>;
  /** Ends the stream. */
  close(): void;
  /** Resolves when the stream has ended, with the bridge's reason if it gave one. */
  readonly closed: Promise<SealwireError | null>;
}

/** The largest message to send, because a bridge may refuse larger ones. */
const MESSAGE = 256 * 1024;
/** The most bytes that may wait in the socket before the writer has to pause. */
const HIGH_WATER = 1024 * 1024;
/** Milliseconds between checks of the waiting bytes, because a WebSocket has no event for them. */
const LOOK_AGAIN = 4;

/** The longest timer in milliseconds, because a browser fires a longer one immediately. */
export const LONGEST_TIMER = 0x7fff_ffff;

/** The subprotocol for flow control: an empty message tells the bridge that `GRANT` more bytes were read, so that it may send as many. */
const SUBPROTOCOL = "sealwire";
const GRANT = 256 * 1024;

/** The first close code that bridges define. */
const FIRST_BRIDGE_CODE = 4000;
const NORMAL = 1000;
/** The bridge's close code for "the server closed the connection". The MySQL protocol tells whether that was in order. */
const TARGET_CLOSED = 4410;

/** The bridge's close code for a missing or wrong token. Its text is for authors of WebSocket clients, while a page has an option. */
const TOKEN_REFUSED = 4401;

/** The address of a bridge and its token. */
interface Place {
  url: URL;
  token: string | undefined;
}

function failure(message: string, hint?: string): SealwireError {
  return new SealwireError({ code: 2003, sqlState: "HY000", message, blame: "Bridge", hint });
}

/** The reason why the socket closed, as an error; `null` if it closed in an orderly way. */
function reason({ url, token }: Place, opened: boolean, code: number, text: string): SealwireError | null {
  if (code === NORMAL || code === TARGET_CLOSED || (opened && code === 1005)) return null;
  if (code === TOKEN_REFUSED) {
    const message = token === undefined ? "The bridge requires its token" : "The token is not the bridge's";
    return failure(message, "Give the first line of the bridge's --token-file as the option token.");
  }
  if (code >= FIRST_BRIDGE_CODE || text !== "") {
    return failure(text === "" ? `The bridge closed the connection (code ${code})` : text);
  }
  if (!opened) return failure(`Can't connect to the bridge at ${url.host}`, url.protocol === "wss:" ? certificate(url) : PLAIN);
  return new SealwireError({
    code: 2013,
    sqlState: "HY000",
    message: `Lost connection to the bridge at ${url.host} (code ${code})`,
    blame: "ConnectionLost",
  });
}

/** A hint, because browsers do not tell a page why a WebSocket could not be opened. */
const PLAIN = "Is the bridge running there, and without TLS? One with --ssl-cert is reached by wss://.";

/** A hint with the most common cause first: browsers do not ask the user about the certificate of a WebSocket. */
function certificate(url: URL): string {
  return (
    `Does this browser trust the bridge's certificate, and is it for ${url.hostname}? Open https://${url.host}/ in it to see; ` +
    "where it warns, import the CA that issued the certificate (of sealwire-certs: ca.pem) into the browser. Else: is the " +
    "bridge running there, with --ssl-cert?"
  );
}

/** Opens a WebSocket. The constructor throws for addresses that browsers refuse: a page of https can't open ws. */
function socket(url: URL, token: string | undefined): WebSocket {
  try {
    return new WebSocket(url, token === undefined ? [SUBPROTOCOL] : [SUBPROTOCOL, `bearer.${token}`]);
  } catch (error) {
    const hint = "A page of https reaches a bridge by wss:// alone: give the bridge --ssl-cert and --ssl-key.";
    throw failure(toError(error).message, url.protocol === "ws:" ? hint : undefined);
  }
}

/** A WebSocket as a `Transport`. At most 1 MiB, the bridge's window, waits in it unread. */
export class WebSocketTransport implements Transport {
  readonly closed: Promise<SealwireError | null>;
  readonly #socket: WebSocket;
  readonly #received: Uint8Array[] = [];
  /** The bytes that were read but not yet reported to the bridge. */
  #untold = 0;
  #ended = false;
  #failure: SealwireError | null = null;
  #wake: (() => void) | undefined;

  /** Connects within a number of seconds. A `token` is sent as the subprotocol `bearer.<token>`. */
  static async open(place: Place, seconds: number, signal: AbortSignal | undefined): Promise<WebSocketTransport> {
    const transport = new WebSocketTransport(place);
    const give_up = () => transport.close();
    signal?.addEventListener("abort", give_up);
    let late = false;
    const timer = setTimeout(
      () => {
        late = true;
        transport.close();
      },
      Math.min(seconds * 1000, LONGEST_TIMER),
    );
    try {
      await transport.#opened;
    } catch (error) {
      if (!late) throw error;
      throw new SealwireError({
        code: 2003,
        sqlState: "HY000",
        message: `Can't connect to the bridge at ${place.url.host}: no answer within ${seconds} s`,
        blame: "TimedOut",
      });
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", give_up);
    }
    return transport;
  }

  readonly #opened: Promise<void>;

  private constructor(place: Place) {
    const { url, token } = place;
    let opened = false;
    this.#socket = socket(url, token);
    this.#socket.binaryType = "arraybuffer";
    this.#socket.onmessage = (event) => {
      this.#received.push(new Uint8Array(event.data as ArrayBuffer));
      this.#wake?.();
    };
    this.closed = new Promise((resolve) => {
      this.#socket.onclose = (event) => {
        this.#ended = true;
        this.#failure = reason(place, opened, event.code, event.reason);
        this.#wake?.();
        resolve(this.#failure);
      };
    });
    this.#opened = new Promise((resolve, reject) => {
      this.#socket.onopen = () => {
        opened = true;
        resolve();
      };
      void this.closed.then((failure) => reject(failure));
    });
    this.#opened.catch(() => {});
  }

  async read(): Promise<Uint8Array | null> {
    while (this.#received.length === 0) {
      if (this.#ended) {
        if (this.#failure !== null) throw this.#failure;
        return null;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
    // Return all bytes received so far in one piece.
    const chunks = this.#received.splice(0);
    const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    this.#tell(length);
    if (chunks.length === 1) return chunks[0]!;
    const whole = new Uint8Array(length);
    let at = 0;
    for (const chunk of chunks) {
      whole.set(chunk, at);
      at += chunk.length;
    }
    return whole;
  }

  /** Reports read bytes to the bridge, so that it may send as many. */
  #tell(length: number): void {
    this.#untold += length;
    for (; this.#untold >= GRANT && !this.#ended; this.#untold -= GRANT) this.#socket.send(new Uint8Array());
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length && !this.#ended; at += MESSAGE) {
      this.#socket.send(bytes.subarray(at, at + MESSAGE) as Uint8Array<ArrayBuffer>);
      while (!this.#ended && this.#socket.bufferedAmount > HIGH_WATER) {
        await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN));
      }
    }
  }

  close(): void {
    this.#socket.close(NORMAL);
  }
}
