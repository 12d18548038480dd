import type { BinlogStart, Column, ConnectOptions, Facts, Failure, Rung } from "sealwire-wasm";
import type { ChangeRow } from "../changes/row.js";

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
  /** Follows the binary log. */
  | { id: number; kind: "follow"; start: BinlogStart; filter: string }
  | { kind: "pause"; isPaused: boolean }
  | { kind: "filter"; text: string }
  | { kind: "unfollow" }
  /** Changes were drawn: the next may come. */
  | { kind: "drawn" }
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
  | { kind: "followed"; step: FollowStep }
  /** The bridge ended the connection. */
  | { kind: "closed"; failure: Failure | null };

/** The worker's answer to a connection. */
export interface Connected {
  facts: Facts;
  sslLine: string;
}

/** The server's agreement to send its binary log. */
export interface Followed {
  /** Of the log's own connection. */
  facts: Facts;
  sslLine: string;
  /** The place from which the log comes. */
  place: string;
}

/** A step of following the binary log. */
export type FollowStep =
  | {
      kind: "changes";
      rows: ChangeRow[];
      transactions: number;
      changes: number;
      /** The changes to tables that the filter leaves out. */
      hidden: number;
      /** The seconds between the last transaction and its arrival. */
      age: number | undefined;
      /** The place behind the last transaction. */
      place: string;
    }
  /** The connection was lost, and is made again after so many seconds. */
  | { kind: "lost"; failure: Failure; seconds: number }
  | { kind: "connected"; followed: Followed }
  | { kind: "ended"; failure: Failure | null };
