/** Follows the server's binary log, in the worker. */
import type { BinlogStart, BinlogStream, Client, SealwireError } from "sealwire-wasm";
import { filterOf, rowsOf, type ChangeRow } from "../changes/row.js";
import type { Followed, FollowStep } from "./messages.js";

/** The most changes of one transaction that the page shows. */
const MOST_CHANGES = 2000;
/** The changes that may wait for the page to draw. Beyond them nothing is read. */
const MOST_WAITING = 2000;
/** Milliseconds for which changes are collected, because drawing each by itself would take longer. */
const COLLECT = 50;

/** A stream of changes. They are posted in batches, the next one when the page has drawn the one before. */
export class Following {
  #stream: BinlogStream | undefined;
  #waiting: ChangeRow[] = [];
  #hidden = 0;
  #transactions = 0;
  #age: number | undefined;
  #place = "";
  #isPaused = false;
  /** Whether the page draws a batch. */
  #isDrawing = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #wake = () => {};
  #wanted = filterOf("");

  constructor(readonly post: (step: FollowStep) => void) {}

  /** Requests the log. Afterwards the changes are posted until the stream ends. */
  async start(client: Client, start: BinlogStart): Promise<Followed> {
    const stream = await client.binlog({
      start,
      reconnect: true,
      mostChanges: MOST_CHANGES,
      onLost: (error, seconds) => this.post({ kind: "lost", failure: error, seconds }),
      onConnected: () => this.#stream && this.post({ kind: "connected", followed: followed(this.#stream) }),
    });
    this.#stream = stream;
    const first = followed(stream);
    void this.#read(stream);
    return first;
  }

  async #read(stream: BinlogStream): Promise<void> {
    let failure: SealwireError | null = null;
    try {
      for await (const transaction of stream) {
        const rows = rowsOf(transaction, this.#wanted);
        this.#waiting.push(...rows);
        this.#hidden += transaction.changes.length - rows.filter(({ kind }) => kind !== "FURTHER").length;
        this.#transactions++;
        this.#age = transaction.age;
        this.#place = `${transaction.file}:${transaction.position}`;
        this.#schedule();
        while (!this.#isOver() && (this.#isPaused || this.#waiting.length >= MOST_WAITING)) {
          await new Promise<void>((resolve) => (this.#wake = resolve));
        }
      }
    } catch (error) {
      failure = error as SealwireError;
    }
    this.#flush();
    this.post({ kind: "ended", failure });
  }

  #isOver(): boolean {
    return this.#stream === undefined;
  }

  #schedule(): void {
    if (this.#isDrawing || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => this.#flush(), COLLECT);
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#transactions === 0) return;
    this.#isDrawing = true;
    const { length: changes } = this.#waiting;
    const counts = { transactions: this.#transactions, changes, hidden: this.#hidden };
    this.post({ kind: "changes", rows: this.#waiting, ...counts, age: this.#age, place: this.#place });
    [this.#waiting, this.#transactions, this.#hidden] = [[], 0, 0];
    this.#wake();
  }

  /** The page has drawn the last batch. */
  drawn(): void {
    this.#isDrawing = false;
    if (this.#transactions > 0) this.#schedule();
  }

  /** Stops reading, or goes on. */
  pause(isPaused: boolean): void {
    this.#isPaused = isPaused;
    this.#wake();
  }

  /** Takes the changes to tables whose names have one of these words. */
  filter(text: string): void {
    this.#wanted = filterOf(text);
  }

  stop(): void {
    const stream = this.#stream;
    this.#stream = undefined;
    stream?.close();
    this.#wake();
  }
}

/** The stream's connection, and the place from which the log comes. */
function followed(stream: BinlogStream): Followed {
  const place = stream.resume;
  const text = "gtid" in place ? place.gtid : place.file === "" ? "the first file" : `${place.file}:${place.position}`;
  return { facts: stream.facts()!, sslLine: stream.sslLine!, place: text };
}
