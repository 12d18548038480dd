/** The worker: the client runs here, so that a busy page never delays TLS, nor a long result the page. */
import { Client, Ladder, SealwireError, type Failure } from "sealwire-wasm";
import { Following } from "./follow.js";
import type { Connected, FollowStep, LadderView, Options, Request, Response } from "./messages.js";

/** Batches that may be on their way to the page: it takes them as fast as it draws. */
const MOST_UNDERWAY = 8;

let client: Client | undefined;
let ladder = new Ladder();
let abort = new AbortController();
let underway = 0;
let taken = () => {};
let following: Following | undefined;

function post(response: Response, transfer: Transferable[] = []): void {
  postMessage(response, { transfer });
}

function toFailure(error: unknown): Failure {
  if (error instanceof SealwireError) {
    const { code, sqlState, message, blame, hint } = error;
    return { code, sqlState, message, blame, hint };
  }
  return { code: 2000, sqlState: "HY000", message: String(error), blame: "Misuse" };
}

async function connect(options: Options): Promise<Connected> {
  ladder = new Ladder();
  client = await Client.connect({ ...options, trace: ladder, signal: abort.signal });
  const connected = client;
  void connected.closed.then((error) => {
    if (client === connected) post({ kind: "closed", failure: error === null ? null : toFailure(error) });
  });
  return { facts: connected.facts(), sslLine: connected.sslLine };
}

async function run(sql: string): Promise<void> {
  for await (const item of connected().stream(sql, { signal: abort.signal })) {
    if (item.kind === "columns") {
      post({ kind: "columns", columns: item.columns });
    } else if (item.kind === "rows") {
      const { data, ends } = item.batch;
      post({ kind: "rows", data, ends }, [data.buffer, ends.buffer]);
      underway++;
      while (underway >= MOST_UNDERWAY) await new Promise<void>((resolve) => (taken = resolve));
    } else {
      const { affectedRows, warnings, info } = item;
      post({ kind: "done", affectedRows, warnings, info });
    }
  }
}

function connected(): Client {
  if (client === undefined) throw new Error("not connected");
  return client;
}

function view(): LadderView {
  return {
    rungs: ladder.rungs(),
    sent: ladder.wire(true),
    received: ladder.wire(false),
    pcap: ladder.pcap(),
    keyLog: ladder.keyLog(),
  };
}

async function close(): Promise<void> {
  const closing = client;
  client = undefined;
  await closing?.close();
}

async function answer(request: Extract<Request, { id: number }>): Promise<unknown> {
  switch (request.kind) {
    case "connect":
      return connect(request.options);
    case "run":
      return run(request.sql);
    case "facts":
      return connected().facts();
    case "status":
      return connected().status();
    case "ladder":
      return view();
    case "follow":
      following?.stop();
      following = new Following(posted);
      following.filter(request.filter);
      return following.start(connected(), request.start);
    case "close":
      return close();
  }
}

/** Posts a step, with its failure as a plain object. */
function posted(step: FollowStep): void {
  const failure = "failure" in step && step.failure !== null ? { failure: toFailure(step.failure) } : {};
  post({ kind: "followed", step: { ...step, ...failure } as FollowStep });
}

addEventListener("message", (event: MessageEvent<Request>) => {
  const request = event.data;
  if (request.kind === "cancel") {
    abort.abort();
  } else if (request.kind === "taken") {
    underway--;
    taken();
  } else if (request.kind === "drawn") {
    following?.drawn();
  } else if (request.kind === "pause") {
    following?.pause(request.isPaused);
  } else if (request.kind === "filter") {
    following?.filter(request.text);
  } else if (request.kind === "unfollow") {
    following?.stop();
  } else {
    if (abort.signal.aborted) abort = new AbortController();
    const { id } = request;
    answer(request).then(
      (value) => post({ kind: "reply", id, value }),
      (error) => post({ kind: "failed", id, failure: toFailure(error) }),
    );
  }
});
