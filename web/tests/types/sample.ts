// A page developer's code, for the compiler: it uses every part of the public API by its type.
import {
  Batch,
  BinlogStream,
  Client,
  Ladder,
  SealwireError,
  Statement,
  type BigintAs,
  type BinlogColumn,
  type BinlogOptions,
  type BinlogPosition,
  type BinlogStart,
  type BinlogTable,
  type Blame,
  type Certificate,
  type Change,
  type Column,
  type ConnectOptions,
  type Facts,
  type Failure,
  type Parameter,
  type QueryOptions,
  type Result,
  type Row,
  type Rung,
  type SslMode,
  type StreamItem,
  type TlsFacts,
  type TlsOptions,
  type Transaction,
  type Value,
  type WasmSource,
} from "sealwire-wasm";

interface Staff {
  id: number;
  name: string;
  left: string | null;
}

const mode: SslMode = "VERIFY_IDENTITY";
const tls: TlsOptions = { mode, ca: "-----BEGIN …", serverName: "db1.example", key: undefined };
const bigint: BigintAs = "number";
const wasm: WasmSource = new URL("https://static.example/sealwire_wasm_bg.wasm");
const trace = new Ladder();
const options: ConnectOptions = { bridge: "wss://bridge.example/tcp/db1", user: "app", password: undefined, tls, bigint, wasm, trace };

export async function names(): Promise<string[]> {
  await using client = await Client.connect(options);
  const { rows, affectedRows, columns } = await client.query<Staff>("SELECT id, name, left FROM staff");
  const first: Staff | undefined = rows[0];
  const counted: bigint = affectedRows;
  const kinds: Column["kind"][] = columns.map((column) => column.kind);
  const plain: Result = await client.query("SELECT 1 AS one");
  const value: Value | undefined = plain.rows[0]?.one;
  for await (const staff of client.queryStream<Staff>("SELECT id, name, left FROM staff")) staff.name.toUpperCase();
  for await (const row of client.queryStream("SELECT 1 AS one")) row satisfies Row;
  await using statement: Statement = await client.prepare("SELECT * FROM staff WHERE id = ?");
  const values: Parameter[] = [7, 7n, "seven", null, new Uint8Array(7), new Date(7), true];
  const abort = new AbortController();
  const how: QueryOptions = { signal: abort.signal };
  const typed: Result<Staff> = await statement.execute<Staff>(values, how);
  // @ts-expect-error No such column in what the rows are taken for.
  typed.rows[0]?.salary;
  // @ts-expect-error A mode that there isn't.
  await Client.connect({ ...options, tls: { mode: "VERIFY" } });
  return [first?.name ?? "", String(counted), String(value), ...kinds, ...typed.rows.map(({ name }) => name)];
}

export async function followed(client: Client): Promise<BinlogPosition> {
  const start: BinlogStart = { file: "binlog.000001", position: 4 };
  const how: BinlogOptions = { start, serverId: 7, reconnect: true, mostChanges: 100, mostBytes: 1000, heartbeat: 5, signal: undefined };
  how.onLost = (error: SealwireError, seconds: number) => console.log(error.message, seconds);
  how.onConnected = (facts: Facts) => console.log(facts.tls?.cipher);
  const stream: BinlogStream = await client.binlog(how);
  for await (const transaction of stream satisfies AsyncIterable<Transaction>) {
    for (const change of transaction.changes satisfies Change[]) {
      if (change.kind === "statement") {
        change.sql.toUpperCase();
        continue;
      }
      const table: BinlogTable = change.table;
      const column: BinlogColumn | undefined = table.columns[0];
      const row: Row = change.kind === "delete" ? change.before : change.after;
      const value: Value | undefined = row[column?.name ?? ""];
      // @ts-expect-error A deleted row has no image after the change.
      if (change.kind === "delete") change.after;
      if (value === null) return stream.resume;
    }
  }
  // @ts-expect-error No such place.
  await client.binlog({ start: "middle" });
  stream.close();
  return stream.resume;
}

export async function told(client: Client): Promise<string> {
  const facts: Facts = client.facts();
  const negotiated: TlsFacts | undefined = facts.tls;
  const certificate: Certificate | undefined = negotiated?.chain[0];
  const rung: Rung | undefined = trace.rungs()[0];
  let rows = 0;
  for await (const item of client.stream("SELECT 1") satisfies AsyncIterable<StreamItem>) {
    if (item.kind === "rows") rows += (item.batch satisfies Batch).length;
  }
  const ended: SealwireError | null = await client.closed;
  const blame: Blame | undefined = ended?.blame;
  const failure: Failure = { code: 2000, sqlState: "HY000", message: "", blame: blame ?? "Misuse" };
  return [certificate?.subject, rung?.name, rows, new SealwireError(failure).hint, ...(await client.status())].join();
}
