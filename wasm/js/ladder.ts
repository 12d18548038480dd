/** One rung of the ladder: a packet, a TLS record or a change of state. */
export interface Rung {
  kind: "packet" | "record" | "state";
  /** Milliseconds since the connection began. */
  at: number;
  /** Whether the client sent it. */
  sent: boolean;
  name: string;
  /** A packet's sequence number. */
  sequence?: number;
  length: number;
  encrypted: boolean;
  /** Its fields that hold no secret. */
  summary: string;
  /** What it means, in a sentence. */
  meaning: string;
  /** Where its bytes begin in `Ladder.wire(sent)`; none for what travels inside TLS. */
  offset?: number;
}

/** What a ladder is read from. */
interface Source {
  rungs(from: number): unknown;
  wire(sent: boolean): Uint8Array;
  pcap(): Uint8Array;
  keyLog(): string;
}

/**
 * What a connection puts on the wire, in order: given to `Client.connect` as `trace`, and outlives its connection. Of secrets it holds
 * the session's keys alone, for Wireshark.
 */
export class Ladder {
  #source: Source | undefined;
  #rungs: Rung[] = [];
  #sent: Uint8Array = new Uint8Array();
  #received: Uint8Array = new Uint8Array();
  #pcap: Uint8Array = new Uint8Array();
  #keyLog = "";

  /** The rungs from number `from` on. */
  rungs(from = 0): Rung[] {
    return this.#source === undefined ? this.#rungs.slice(from) : (this.#source.rungs(from) as Rung[]);
  }

  /** What one side put on the wire, its first 256 KiB. */
  wire(sent: boolean): Uint8Array {
    if (this.#source !== undefined) return this.#source.wire(sent);
    return sent ? this.#sent : this.#received;
  }

  /** The connection's beginning as a capture file; the TCP around it is made up. */
  pcap(): Uint8Array {
    return this.#source === undefined ? this.#pcap : this.#source.pcap();
  }

  /** The session's keys in SSLKEYLOGFILE's format. Whoever has these lines and the capture can read the connection. */
  keyLog(): string {
    return this.#source === undefined ? this.#keyLog : this.#source.keyLog();
  }

  /** @internal */
  attach(source: Source): void {
    this.#source = source;
  }

  /** @internal Keeps what there is, before its source goes. */
  detach(): void {
    this.#rungs = this.rungs();
    this.#sent = this.wire(true);
    this.#received = this.wire(false);
    this.#pcap = this.pcap();
    this.#keyLog = this.keyLog();
    this.#source = undefined;
  }
}
