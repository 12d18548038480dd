// The npm package by itself: in a page of somebody else's, with and without a bundler.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { bridge, certificates, folder, mariadb, PASSWORD } from "./peers.mjs";

const PACKAGE = fileURLToPath(new URL("../../wasm/pkg", import.meta.url));
const VITE = fileURLToPath(new URL("../node_modules/vite/bin/vite.js", import.meta.url));
/** The bridge's window, and what one of its frames may add. */
const WINDOW = 1024 * 1024;
const stops = [];
let served;
let target;
let options;
let place;
let browser;

before(async () => {
  place = folder();
  stops.push(() => rmSync(place, { recursive: true, force: true }));
  const tls = certificates(place);
  const statements = [
    "CREATE DATABASE page;",
    `CREATE USER 'secured'@'%' IDENTIFIED BY '${PASSWORD}' REQUIRE SSL;`,
    "GRANT ALL ON *.* TO 'secured'@'%';",
  ];
  const server = await mariadb({ tls, statements });
  stops.push(server.stop);
  const page = join(place, "page");
  cpSync(PACKAGE, join(page, "sealwire-wasm"), { recursive: true });
  writeFileSync(join(page, "index.html"), '<script type="module" src="try.js"></script><link rel="icon" href="data:,">');
  const script = `import * as sealwire from "./sealwire-wasm/index.js";
import initialise from "./sealwire-wasm/sealwire_wasm.js";
Object.assign(window, { sealwire, initialise });`;
  writeFileSync(join(page, "try.js"), script);
  target = server.port;
  served = await bridge({ targets: { maria: target }, page });
  stops.unshift(served.stop);
  options = {
    bridge: `ws://127.0.0.1:${served.port}/tcp/maria`,
    user: "secured",
    password: PASSWORD,
    database: "page",
    tls: { ca: tls.ca, serverName: "localhost" },
  };
  browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
  stops.unshift(() => browser.close());
});

after(async () => {
  for (const stop of stops) await stop();
});

/** The page with the bare script, once the package is loaded; `watch` sees it before. */
async function opened(watch = () => {}) {
  const page = await browser.newPage();
  page.errors = [];
  page.on("console", (message) => {
    if (message.type() === "error") page.errors.push(message.text());
  });
  page.on("pageerror", (error) => page.errors.push(String(error)));
  watch(page);
  await page.goto(`http://127.0.0.1:${served.port}/`);
  await page.waitForFunction(() => window.sealwire !== undefined);
  return page;
}

test("values, parameters, streams, errors and the end, on the main thread", async () => {
  const page = await opened();
  const told = await page.evaluate(async (options) => {
    const { Client, SealwireError } = window.sealwire;
    const client = await Client.connect(options);
    const { rows } = await client.query("SELECT 9007199254740993 AS big, 7 AS small, 1.50 AS price, NULL AS nothing, x'00ff' AS raw, DATE '2026-11-22' AS day, 1e3 AS real_one");
    const [row] = rows;
    const kinds = Object.fromEntries(Object.entries(row).map(([name, value]) => [name, value instanceof Uint8Array ? "bytes" : typeof value]));
    const statement = await client.prepare("SELECT ? AS a, ? AS b, HEX(?) AS c, ? IS NULL AS d");
    const { rows: executed } = await statement.execute(["text", 12345678901234567890n, new Uint8Array([0, 255]), null]);
    await statement.close();
    const wrong = await statement.execute([]).catch((error) => error);
    const failed = await client.query("SELEKT").catch((error) => error);
    let streamed = 0n;
    for await (const { seq } of client.queryStream("SELECT seq FROM seq_1_to_10000000")) {
      streamed += BigInt(seq);
      if (BigInt(seq) === 1000n) break;
    }
    const abort = new AbortController();
    const slept = client.query("SELECT SLEEP(300)", { signal: abort.signal }).catch((error) => error);
    setTimeout(() => abort.abort(), 50);
    const aborted = await slept;
    const alive = await client.query("SELECT 'alive' AS word");
    const status = await client.status();
    const facts = client.facts();
    await client.close();
    const after = await client.query("SELECT 1").catch((error) => error);
    const refused = await Client.connect({ ...options, password: "guessed" }).catch((error) => error);
    const careless = await Client.connect({ ...options, tls: {} }).catch((error) => error);
    const plain = (error) => ({ is: error instanceof SealwireError, code: error.code, sqlState: error.sqlState, blame: error.blame });
    return {
      kinds,
      big: String(row.big),
      price: row.price,
      executed: [executed[0].a, String(executed[0].b), executed[0].c, String(executed[0].d)],
      errors: [wrong, failed, aborted, after, refused, careless].map(plain),
      careless: careless.message,
      streamed: String(streamed),
      alive: alive.rows[0].word,
      ssl: status.find(([label]) => label === "SSL:")[1],
      cipher: facts.tls.cipher,
      chain: facts.tls.chain.length,
    };
  }, options);
  assert.deepEqual(told.kinds, { big: "bigint", small: "number", price: "string", nothing: "object", raw: "bytes", day: "string", real_one: "number" });
  assert.equal(told.big, "9007199254740993");
  assert.equal(told.price, "1.50");
  assert.deepEqual(told.executed, ["text", "12345678901234567890", "00FF", "1"]);
  assert.deepEqual(
    told.errors.map(({ is, code, sqlState, blame }) => [is, code, sqlState, blame]),
    [
      [true, 2031, "HY000", "Misuse"],
      [true, 1064, "42000", "RefusedByServer"],
      [true, 1317, "70100", "Aborted"],
      [true, 2006, "HY000", "Misuse"],
      [true, 1045, "28000", "RefusedByServer"],
      [true, 2026, "HY000", "Tls"],
    ],
  );
  assert.match(told.careless, /the server can't be verified/);
  assert.equal(told.streamed, "500500");
  assert.equal(told.alive, "alive");
  assert.equal(told.ssl, `Cipher in use is ${told.cipher}, cert is verified by CA and host name`);
  assert.ok(told.chain >= 1);
  assert.deepEqual(page.errors, []);
  await page.close();
});

/** Bytes that the bridge has sent to its clients. */
async function relayed() {
  const text = await (await fetch(`http://127.0.0.1:${served.port}/metrics`)).text();
  return Number(/bytes_total\{direction="to_client"\} (\d+)/.exec(text)[1]);
}

/** The same, once it no longer changes however often the bridge is asked. */
async function rested() {
  const calm = 300;
  let last = await relayed();
  for (let same = 0; same < calm; ) {
    const now = await relayed();
    same = now === last ? same + 1 : 0;
    last = now;
  }
  return last;
}

test("a stream whose reader waits holds the server back", async () => {
  const page = await opened();
  const before = await relayed();
  await page.evaluate(async (options) => {
    window.client = await window.sealwire.Client.connect(options);
    window.stream = window.client.stream("SELECT seq, REPEAT('x', 200) AS filler FROM seq_1_to_300000");
    for (;;) if ((await window.stream.next()).value.kind === "rows") break;
  }, options);
  const waiting = (await rested()) - before;
  assert.ok(waiting > 256 * 1024 && waiting < 3 * WINDOW, `${waiting} bytes came although nobody reads`);
  const rows = await page.evaluate(async () => {
    let last;
    for await (const item of window.stream) if (item.kind === "rows") for (const row of item.batch) last = row.seq;
    await window.client.close();
    return String(last);
  });
  assert.equal(rows, "300000", "nothing was lost");
  assert.ok((await relayed()) - before > 60_000_000);
  assert.deepEqual(page.errors, []);
  await page.close();
});

test("SSLRequest and ClientHello go out in one frame, and much SQL in large ones", async () => {
  const frames = [];
  const page = await opened((page) => {
    page.on("websocket", (socket) => socket.on("framesent", ({ payload }) => frames.push(Buffer.from(payload))));
  });
  const length = await page.evaluate(async (options) => {
    const client = await window.sealwire.Client.connect(options);
    const { rows } = await client.query(`SELECT LENGTH('${"x".repeat(3_000_000)}') AS length`);
    await client.close();
    return Number(rows[0].length);
  }, options);
  assert.equal(length, 3_000_000);
  const [first] = frames;
  assert.equal(first.readUIntLE(0, 3), 32, "SSLRequest");
  assert.deepEqual([...first.subarray(36, 38)], [22, 3], "a TLS record of the handshake behind it");
  assert.equal(36 + 5 + first.readUInt16BE(39), first.length, "the whole ClientHello");
  const large = frames.filter((frame) => frame.length > 4096);
  assert.ok(large.reduce((sum, frame) => sum + frame.length, 0) > 3_000_000);
  assert.ok(large.slice(0, -1).every((frame) => frame.length >= 16 * 1024), large.map((frame) => frame.length).join(" "));
  await page.close();
});

test("password and key are gone from the module's memory once the client is closed", async () => {
  const page = await opened();
  const found = await page.evaluate(async (options) => {
    const { memory } = await window.initialise();
    const count = (text) => {
      const [bytes, wanted] = [new Uint8Array(memory.buffer), new TextEncoder().encode(text)];
      let found = 0;
      for (let at = bytes.indexOf(wanted[0]); at >= 0; at = bytes.indexOf(wanted[0], at + 1)) {
        if (wanted.every((byte, place) => bytes[at + place] === byte)) found++;
      }
      return found;
    };
    const marker = "a-row-that-was-read-9f27";
    const client = await window.sealwire.Client.connect(options);
    const rows = (await client.query(`SELECT '${marker}' AS kept`)).rows;
    const alive = [count(options.password), count(marker)];
    await client.close();
    return { row: rows[0].kept === marker, alive, closed: [count(options.password), count(marker)] };
  }, { ...options, password: PASSWORD });
  assert.ok(found.row);
  assert.ok(found.alive[0] > 0, "the search finds what is there");
  assert.deepEqual(found.closed, [0, 0]);
  await page.close();
});

test("a page that Vite bundles uses the package as any other", async () => {
  const project = join(place, "project");
  cpSync(PACKAGE, join(project, "node_modules/sealwire-wasm"), { recursive: true });
  mkdirSync(join(project, "src"));
  writeFileSync(join(project, "package.json"), '{ "type": "module", "dependencies": { "sealwire-wasm": "*" } }');
  writeFileSync(join(project, "index.html"), '<script type="module" src="/src/main.js"></script><link rel="icon" href="data:,">');
  const script = `import { Client } from "sealwire-wasm";
window.ask = async (options) => {
  const client = await Client.connect(options);
  const { rows } = await client.query("SELECT 6 * 7 AS answer");
  await client.close();
  return String(rows[0].answer);
};
window.inWorker = (options) => new Promise((resolve) => {
  const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  worker.onmessage = ({ data }) => resolve(data);
  worker.postMessage(options);
});`;
  writeFileSync(join(project, "src/main.js"), script);
  const worker = `import { Client } from "sealwire-wasm";
onmessage = async ({ data }) => {
  const client = await Client.connect(data);
  postMessage(client.sslCipher);
  await client.close();
};`;
  writeFileSync(join(project, "src/worker.js"), worker);
  // Nothing but the defaults, apart from the workers' format: theirs can't have a module's parts.
  writeFileSync(join(project, "vite.config.js"), 'export default { worker: { format: "es" }, build: { target: "esnext" } };');
  execFileSync(process.execPath, [VITE, "build", "--logLevel", "error"], { cwd: project, stdio: ["ignore", "ignore", "inherit"] });
  const own = await bridge({ targets: { maria: target }, page: join(project, "dist") });
  stops.unshift(own.stop);
  const page = await browser.newPage();
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  await page.goto(`http://127.0.0.1:${own.port}/`);
  const here = { ...options, bridge: `ws://127.0.0.1:${own.port}/tcp/maria` };
  assert.equal(await page.evaluate((options) => window.ask(options), here), "42");
  assert.match(await page.evaluate((options) => window.inWorker(options), here), /^TLS_/);
  assert.deepEqual(errors, []);
  await page.close();
});
