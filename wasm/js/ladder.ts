/** One event of the trace: a packet, a TLS record or a change of state. */
export interface Rung {
  kind: "packet" | "record" | "state";
  /** Milliseconds since the connection began. */
  at: number;
  /** Whether the client sent the message. */
  sent: boolean;
  name: string;
  /** A packet's sequence number. */
  sequence?: number;
  length: number;
  encrypted: boolean;
  /** The fields without secrets. */
  summary: string;
  /** The meaning of the event, as a sentence. */
  meaning: string;
  /** The index of the message in `Ladder.wire(sent)`; none for messages inside TLS. */
  offset?: number;
}

/** The source of a trace's data. */
interface Source {
  rungs(from: number): unknown;
  wire(sent: boolean): Uint8Array;
  pcap(): Uint8Array;
  keyLog(): string;
}

/**
 * The trace of a connection in order. Pass it to `Client.connect` as `trace`; it outlives the connection. The only secrets in it are the
 * session keys, for Wireshark.
 */
export class Ladder {
  #source: Source | undefined;
  #rungs: Rung[] = [];
  #sent: Uint8Array = new Uint8Array();
  #received: Uint8Array = new Uint8Array();
  #pcap: Uint8Array = new Uint8Array();
  #keyLog = "";

  /** The events from index `from` on. */
  rungs(from = 0): Rung[] {
    return this.#source === undefined ? this.#rungs.slice(from) : (this.#source.rungs(from) as Rung[]);
  }

  /** The first 256 KiB that one side sent. */
  wire(sent: boolean): Uint8Array {
    if (this.#source !== undefined) return this.#source.wire(sent);
    return sent ? this.#sent : this.#received;
  }

  /** The beginning of the connection as a capture file. Its TCP headers are made up. */
  pcap(): Uint8Array {
    return this.#source === undefined ? this.#pcap : this.#source.pcap();
  }

  /** The session keys in SSLKEYLOGFILE's format. Everybody who has these lines and the capture can decrypt the connection. */
  keyLog(): string {
    return this.#source === undefined ? this.#keyLog : this.#source.keyLog();
  }

  /** @internal */
  attach(source: Source): void {
    this.#source = source;
  }

  /** @internal Copies the data before the source is freed. */
  detach(): void {
    this.#rungs = this.rungs();
    this.#sent = this.wire(true);
    this.#received = this.wire(false);
    this.#pcap = this.pcap();
    this.#keyLog = this.keyLog();
    this.#source = undefined;
  }
}
