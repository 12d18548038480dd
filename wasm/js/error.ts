/** The class of an error: the server violated the protocol, lacks something or refused; this side; TLS; the bridge. */
export type Blame =
  | "PeerMisbehaved"
  | "PeerIncompatible"
  | "RefusedByServer"
  | "RefusedByClient"
  | "Tls"
  | "TimedOut"
  | "ConnectionLost"
  | "Misuse"
  | "Bridge"
  | "Aborted";

/** The error of every failed call. */
export class SealwireError extends Error {
  override readonly name = "SealwireError";
  /** MySQL's error number: 1045, 2026, … */
  readonly code: number;
  /** The five characters of the SQLSTATE. */
  readonly sqlState: string;
  /** The class of the error, which tells the side at fault. */
  readonly blame: Blame;
  /** The remedy in a sentence, if there is one. */
  readonly hint: string | undefined;

  constructor(failure: Failure) {
    super(failure.message);
    this.code = failure.code;
    this.sqlState = failure.sqlState;
    this.blame = failure.blame;
    this.hint = failure.hint ?? undefined;
    // Add the hint to the stack, because browsers show only the stack of an uncaught error. V8's stack begins with name and message.
    const [before, after] = split(this.stack ?? "", this.message);
    if (this.hint !== undefined && after !== undefined) this.stack = `${before}${this.message}\n${this.hint}${after}`;
  }
}

/** The text before and after a part of a text; the second is `undefined` if the text lacks the part. */
function split(text: string, part: string): [string, string | undefined] {
  const at = text.indexOf(part);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + part.length)];
}

/** The fields of an error as a plain object, which can be posted between a page and its worker. */
export interface Failure {
  code: number;
  sqlState: string;
  message: string;
  blame: Blame;
  hint?: string | undefined;
}

/** Converts any thrown value to a `SealwireError`. */
export function toError(thrown: unknown): SealwireError {
  if (thrown instanceof SealwireError) return thrown;
  if (typeof thrown === "object" && thrown !== null && "sqlState" in thrown) {
    return new SealwireError(thrown as Failure);
  }
  return misuse(thrown instanceof Error ? thrown.message : String(thrown));
}

/** The call was cancelled by its AbortSignal. */
export function aborted(): SealwireError {
  return new SealwireError({
    code: 1317,
    sqlState: "70100",
    message: "Query execution was interrupted",
    blame: "Aborted",
  });
}

/** The error for a call that is wrong regardless of the server. */
export function misuse(message: string, hint?: string): SealwireError {
  return new SealwireError({ code: 2000, sqlState: "HY000", message, blame: "Misuse", hint });
}
