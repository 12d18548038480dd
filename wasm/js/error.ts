/** Who is to blame for an error: the server that broke the protocol, lacks something or refused; we; TLS; the bridge. */
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

/** What every failed call rejects with. */
export class SealwireError extends Error {
  override readonly name = "SealwireError";
  /** MySQL's error number: 1045, 2026, … */
  readonly code: number;
  /** The five characters of the SQLSTATE. */
  readonly sqlState: string;
  /** Who is to blame. */
  readonly blame: Blame;
  /** The way out in a sentence, where there is one. */
  readonly hint: string | undefined;

  constructor(failure: Failure) {
    super(failure.message);
    this.code = failure.code;
    this.sqlState = failure.sqlState;
    this.blame = failure.blame;
    this.hint = failure.hint ?? undefined;
    // Of an error that nobody catches browsers show the stack and no other field. V8's begins with name and message.
    const [before, after] = split(this.stack ?? "", this.message);
    if (this.hint !== undefined && after !== undefined) this.stack = `${before}${this.message}\n${this.hint}${after}`;
  }
}

/** What stands before and behind a part of a text; `undefined` behind where the part is not in it. */
function split(text: string, part: string): [string, string | undefined] {
  const at = text.indexOf(part);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + part.length)];
}

/** The plain form of an error, which can be posted between a page and its worker. */
export interface Failure {
  code: number;
  sqlState: string;
  message: string;
  blame: Blame;
  hint?: string | undefined;
}

/** Anything thrown, as a `SealwireError`. */
export function toError(thrown: unknown): SealwireError {
  if (thrown instanceof SealwireError) return thrown;
  if (typeof thrown === "object" && thrown !== null && "sqlState" in thrown) {
    return new SealwireError(thrown as Failure);
  }
  return misuse(thrown instanceof Error ? thrown.message : String(thrown));
}

/** The call was given up through its AbortSignal. */
export function aborted(): SealwireError {
  return new SealwireError({
    code: 1317,
    sqlState: "70100",
    message: "Query execution was interrupted",
    blame: "Aborted",
  });
}

/** A call that can't be right whatever the server says. */
export function misuse(message: string, hint?: string): SealwireError {
  return new SealwireError({ code: 2000, sqlState: "HY000", message, blame: "Misuse", hint });
}
