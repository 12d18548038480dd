import type { Column, ConnectOptions, Facts, Failure, Rung } from "sealwire-wasm";

/** The page's options of a connection, without those that can't be posted to the worker. */
export type Options = Pick<ConnectOptions, "bridge" | "token" | "user" | "password" | "database" | "tls">;

/** The ladder of a connection, as it was when it was asked for. */
export interface LadderView {
  rungs: Rung[];
  sent: Uint8Array;
  received: Uint8Array;
  pcap: Uint8Array;
  keyLog: string;
}

/** From the page to the worker. */
export type Request =
  | { id: number; kind: "connect"; options: Options }
  | { id: number; kind: "run"; sql: string }
  | { id: number; kind: "ladder" | "facts" | "status" | "close" }
  /** Gives up what runs. */
  | { kind: "cancel" }
  /** A batch was taken: the next may come. */
  | { kind: "taken" };

/** From the worker to the page. */
export type Response =
  | { kind: "reply"; id: number; value: unknown }
  | { kind: "failed"; id: number; failure: Failure }
  | { kind: "columns"; columns: Column[] }
  | { kind: "rows"; data: Uint8Array; ends: Uint32Array }
  | { kind: "done"; affectedRows: bigint; warnings: number; info: string }
  /** The bridge ended the connection. */
  | { kind: "closed"; failure: Failure | null };

/** The worker's answer to a connection. */
export interface Connected {
  facts: Facts;
  sslLine: string;
}
