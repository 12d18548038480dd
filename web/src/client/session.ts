import { Batch, SealwireError, type BinlogStart, type Column, type Facts } from "sealwire-wasm";
import type { Connected, Followed, FollowStep, LadderView, Options, Request, Response } from "./messages.js";

/** The callbacks of a running statement. */
export interface Listener {
  columns(columns: Column[]): void;
  rows(batch: Batch): void;
  done(affectedRows: bigint, warnings: number, info: string): void;
}

/** One connection, whose client runs in a worker of its own: when the connection ends its memory is given back whole. */
export class Session {
  readonly #worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "sealwire" });
  readonly #waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  #next = 0;
  #listener: Listener | undefined;
  #columns: Column[] = [];
  /** The facts of the connection; undefined before the login. */
  connected: Connected | undefined;
  /** Called when the connection ends without having been closed. */
  onclosed: (error: SealwireError | null) => void = () => {};
  /** Called with each step of following the binary log. */
  onfollowed: (step: FollowStep) => void = () => {};

  constructor() {
    this.#worker.onmessage = (event: MessageEvent<Response>) => this.#receive(event.data);
    this.#worker.onerror = (event) => {
      const error = new Error(`the client could not be loaded: ${event.message}`);
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
    };
  }

  async connect(options: Options): Promise<Connected> {
    this.connected = await this.#ask<Connected>({ kind: "connect", options });
    return this.connected;
  }

  /** Runs SQL; resolves when all of its statements are done. */
  async run(sql: string, listener: Listener): Promise<void> {
    this.#listener = listener;
    try {
      await this.#ask<void>({ kind: "run", sql });
    } finally {
      this.#listener = undefined;
    }
  }

  /** Gives up what runs: the server is asked to kill it. */
  cancel(): void {
    this.#post({ kind: "cancel" });
  }

  /** Follows the binary log over a connection of its own; resolves when the server has agreed to send it. */
  follow(start: BinlogStart, filter: string): Promise<Followed> {
    return this.#ask({ kind: "follow", start, filter });
  }

  /** Says something about the followed log. */
  tell(request: Extract<Request, { kind: "pause" | "filter" | "unfollow" | "drawn" }>): void {
    this.#post(request);
  }

  facts(): Promise<Facts> {
    return this.#ask({ kind: "facts" });
  }

  status(): Promise<[string, string][]> {
    return this.#ask({ kind: "status" });
  }

  ladder(): Promise<LadderView> {
    return this.#ask({ kind: "ladder" });
  }

  /** Ends the connection; in order where nothing runs. */
  async close(): Promise<void> {
    this.onclosed = () => {};
    this.onfollowed({ kind: "ended", failure: null });
    this.onfollowed = () => {};
    if (this.#listener === undefined) await this.#ask<void>({ kind: "close" }).catch(() => {});
    this.#worker.terminate();
  }

  #ask<T>(request: Request extends infer R ? (R extends { id: number } ? Omit<R, "id"> : never) : never): Promise<T> {
    const id = this.#next++;
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: never) => void, reject });
      this.#post({ ...request, id } as Request);
    });
  }

  #post(request: Request): void {
    this.#worker.postMessage(request);
  }

  #receive(response: Response): void {
    switch (response.kind) {
      case "reply":
      case "failed": {
        const waiting = this.#waiting.get(response.id);
        this.#waiting.delete(response.id);
        if (response.kind === "reply") waiting?.resolve(response.value as never);
        else waiting?.reject(new SealwireError(response.failure));
        break;
      }
      case "columns":
        this.#columns = response.columns;
        this.#listener?.columns(response.columns);
        break;
      case "rows":
        this.#listener?.rows(new Batch(this.#columns, response.data, response.ends));
        this.#post({ kind: "taken" });
        break;
      case "done":
        this.#listener?.done(response.affectedRows, response.warnings, response.info);
        break;
      case "followed":
        this.onfollowed(response.step);
        break;
      case "closed":
        this.onclosed(response.failure === null ? null : new SealwireError(response.failure));
    }
  }
}
