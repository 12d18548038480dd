export { Client, Statement } from "./client.js";
export type {
  Certificate,
  ConnectOptions,
  Facts,
  Parameter,
  QueryOptions,
  Result,
  SslMode,
  StreamItem,
  TlsFacts,
  TlsOptions,
} from "./client.js";
export { SealwireError } from "./error.js";
export type { Blame, Failure } from "./error.js";
export { Ladder } from "./ladder.js";
export type { Rung } from "./ladder.js";
export type { WasmSource } from "./load.js";
export { Batch } from "./rows.js";
export type { Column, Row, Value } from "./rows.js";
