/// <reference lib="esnext.disposable" preserve="true" />
export { BinlogStream } from "./binlog.js";
export type { BinlogColumn, BinlogPosition, BinlogTable, Change, Transaction } from "./binlog.js";
export { Client, Statement } from "./client.js";
export type { Certificate, Facts, Parameter, QueryOptions, Result, StreamItem, TlsFacts } from "./client.js";
export { SealwireError } from "./error.js";
export type { Blame, Failure } from "./error.js";
export { Ladder } from "./ladder.js";
export type { Rung } from "./ladder.js";
export type { WasmSource } from "./load.js";
export type { BigintAs, BinlogOptions, BinlogStart, ConnectOptions, SslMode, TlsOptions } from "./options.js";
export { Batch } from "./rows.js";
export type { Column, Row, Value } from "./rows.js";
