// The view Changes and the package's BinlogStream in Chromium, through the bridge: what other clients commit appears.
import assert from "node:assert/strict";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { bridge, certificates, folder, listener, mariadb, memory, PASSWORD, project, sealwired, sql } from "./peers.mjs";

const DIST = fileURLToPath(new URL("../dist", import.meta.url));
const README = fileURLToPath(new URL("../../wasm/README.md", import.meta.url));
const SHOTS = process.env.SEALWIRE_SCREENSHOTS;
/** The bridge's window, and what one of its frames may add. */
const WINDOW = 1024 * 1024;
const stops = [];
const servers = {};
let tls;
let open;
let site;
let browser;

before(async () => {
  const place = folder();
  stops.push(() => rmSync(place, { recursive: true, force: true }));
  tls = certificates(place);
  const how = `IDENTIFIED BY '${PASSWORD}' REQUIRE SSL;`;
  const statements = [
    "CREATE DATABASE shop CHARACTER SET utf8mb4;",
    ...["admin", "reader", "weak"].map((name) => `CREATE USER '${name}'@'%' ${how}`),
    "GRANT ALL ON *.* TO 'admin'@'%' WITH GRANT OPTION;",
    "GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO 'reader'@'%';",
    "CREATE TABLE shop.staff (id BIGINT PRIMARY KEY, name VARCHAR(200), pay DECIMAL(8,2));",
    "CREATE TABLE shop.hits (id INT PRIMARY KEY AUTO_INCREMENT, filler TEXT);",
  ];
  const logged = ["--log-bin", "--server-id=1"];
  [servers.ours, servers.maria, servers.silent] = await Promise.all([
    sealwired({ tls, statements, options: logged }),
    mariadb({ tls, statements, options: [...logged, "--binlog-format=ROW", "--binlog-row-metadata=FULL"] }),
    sealwired({ tls, statements }),
  ]);
  stops.push(...Object.values(servers).map((server) => server.stop));
  open = await bridge({ targets: targets(), page: DIST });
  stops.unshift(open.stop);
  site = join(place, "site");
  const installed = project(join(place, "bare"), {});
  cpSync(join(installed, "node_modules/sealwire-wasm"), join(site, "sealwire-wasm"), { recursive: true });
  writeFileSync(join(site, "ca.pem"), tls.ca);
  writeFileSync(join(site, "try.html"), '<link rel="icon" href="data:,"><script type="module" src="try.js"></script>');
  const script = `import * as sealwire from "./sealwire-wasm/index.js";
import initialise from "./sealwire-wasm/sealwire_wasm.js";
Object.assign(window, { sealwire, initialise });`;
  writeFileSync(join(site, "try.js"), script);
  browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
  stops.unshift(() => browser.close());
});

after(async () => {
  for (const stop of stops) await stop();
});

const targets = () => Object.fromEntries(Object.entries(servers).map(([name, { port }]) => [name, port]));

/** Runs statements at a server, as another client. */
const at = (name, statements, user = "admin") => sql(servers[name], tls, user, statements);

/** Makes the tables empty, and the reader able to read. */
const clean = (name) => at(name, "DELETE FROM shop.staff; DELETE FROM shop.hits; ALTER USER 'reader'@'%' ACCOUNT UNLOCK;");

/** A page with its errors. */
async function opened(address, options = {}) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.errors = [];
  page.on("console", (message) => {
    if (message.type() === "error") page.errors.push(message.text());
  });
  page.on("pageerror", (error) => page.errors.push(String(error)));
  await page.goto(address);
  return page;
}

/** The view Changes of the page from a bridge, over a connection to the target via that bridge or what is before it. */
async function changes(target, { user = "reader", from = open, via = from, mode = "VERIFY_IDENTITY", page: options = {} } = {}) {
  const page = await opened(`http://127.0.0.1:${from.port}/`, options);
  await page.getByLabel("Bridge", { exact: true }).fill(`ws://127.0.0.1:${via.port}/tcp/${target}`);
  await page.getByLabel("User").fill(user);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByLabel("SSL mode").selectOption(mode);
  if (mode === "VERIFY_IDENTITY") {
    await page.getByLabel("Server name").fill("localhost");
    await page.getByLabel("CA certificate", { exact: true }).fill(tls.ca);
  }
  await page.getByRole("button", { name: "Connect" }).click();
  await page.locator(".status .ssl").waitFor();
  await page.getByRole("link", { name: "Changes" }).click();
  return page;
}

/** Follows the log, and waits until the server has agreed. */
async function follow(page) {
  await page.getByRole("button", { name: "Follow" }).click();
  await page.getByText(/^Following from /).waitFor();
}

/** The rows of the table without their times, once the last one has this text. */
async function rows(page, last) {
  await page.locator("[role=row]").last().filter({ hasText: last }).waitFor();
  const lines = page.locator(".grid-body [role=row]");
  const all = await lines.evaluateAll((lines) => lines.map((line) => [...line.children].map((cell) => cell.textContent)));
  return all.map(([time, ...rest]) => {
    assert.match(time, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
    return rest.join(" | ");
  });
}

for (const target of ["ours", "maria"]) {
  test(`what another client commits at ${target} appears, with its key and what has changed`, async () => {
    clean(target);
    const page = await changes(target);
    await follow(page);
    const line = await page.locator(".changes .status .ssl").textContent();
    assert.match(line, /^SSL: Cipher in use is TLS_\w+, cert is verified by CA and host name$/);
    assert.match(await page.locator(".readers").textContent(), /the bridge.*sees ciphertext/i);
    at(target, "INSERT INTO shop.staff VALUES (1, 'Ada', 1.5), (2, 'Grüße 世界', NULL);");
    at(target, "UPDATE shop.staff SET name = 'Grace' WHERE id = 2;");
    at(target, "DELETE FROM shop.staff WHERE id = 1;");
    assert.deepEqual(await rows(page, "DELETE"), [
      "shop.staff | INSERT | id=1 |  | id=1, name=Ada, pay=1.50",
      "shop.staff | INSERT | id=2 |  | id=2, name=Grüße 世界, pay=NULL",
      "shop.staff | UPDATE | id=2 | name=Grüße 世界 | name=Grace",
      "shop.staff | DELETE | id=1 | id=1, name=Ada, pay=1.50 | ",
    ]);
    await page.getByText(/^4 changes in 3 transactions · .*\.000001:\d+ · lag \d+ s$/).waitFor();
    // A row's change whole, by keyboard.
    await page.getByRole("grid", { name: "Changes" }).focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    const region = page.getByRole("region", { name: "The change" });
    assert.equal(await region.getByRole("heading").textContent(), "UPDATE shop.staff");
    assert.match(await region.locator("dl").textContent(), target === "maria" ? /^Begun.*GTID0-1-\d+Behind it.*\.000001:\d+Made at server1$/ : /^Begun.*Behind itbinlog\.000001:\d+Made at server1$/);
    assert.deepEqual(await region.locator("tbody tr").evaluateAll((lines) => lines.map((line) => [...line.children].map((cell) => cell.textContent))), [
      ["id key", "BIGINT", "2", "2"],
      ["name", "VARCHAR", "Grüße 世界", "Grace"],
      ["pay", "DECIMAL(8,2)", "NULL", "NULL"],
    ]);
    assert.equal(await region.locator("tr.changed th").textContent(), "name");
    await page.keyboard.press("Escape");
    assert.equal(await region.count(), 0);
    // The filter hides the rows that are there, and rows to come are counted.
    const filter = page.getByLabel("Filter by table");
    await filter.fill("hits");
    await page.getByText("The next transaction that is committed appears here.").waitFor();
    at(target, "CREATE TABLE shop.extra (id INT); DROP TABLE shop.extra; INSERT INTO shop.hits (filler) VALUES ('kept');");
    assert.match((await rows(page, "kept")).join("\n"), /^shop\.hits \| INSERT \| id=\d+ \|  \| id=\d+, filler=kept$/);
    await filter.fill("");
    const all = await rows(page, "kept");
    assert.match(all[0], /^shop\.staff \| INSERT \| id=1 /);
    await page.getByRole("button", { name: "Stop" }).click();
    await page.getByText("Stopped").waitFor();
    assert.deepEqual(page.errors, []);
    await page.context().close();
  });

  test(`an account without the privilege at ${target} is told what to grant`, async () => {
    const page = await changes(target, { user: "weak" });
    await page.getByRole("button", { name: "Follow" }).click();
    const alert = page.getByRole("alert");
    await alert.waitFor();
    const said = await alert.textContent();
    assert.match(said, /^ERROR 1227 \(42000\): Access denied; you need/);
    assert.match(said, /GRANT REPLICATION SLAVE, REPLICATION CLIENT ON \*\.\* TO 'weak'@'%';$/);
    assert.deepEqual(page.errors, []);
    // The statement in the hint helps.
    at(target, /GRANT .*;$/.exec(said)[0]);
    await follow(page);
    at(target, "REVOKE REPLICATION SLAVE, REPLICATION CLIENT ON *.* FROM 'weak'@'%';");
    await page.context().close();
  });
}

test("a server without a log is told how to be started", async () => {
  const page = await changes("silent");
  await page.getByRole("button", { name: "Follow" }).click();
  const alert = page.getByRole("alert");
  await alert.waitFor();
  assert.match(await alert.textContent(), /ERROR 1236 \(HY000\): The server writes no binary log.*Start the server with the option --log-bin\.$/);
  assert.deepEqual(page.errors, []);
  await page.context().close();
});

test("without a connection the view says where to connect", async () => {
  const page = await opened(`http://127.0.0.1:${open.port}/#changes`);
  await page.getByRole("main").getByRole("link", { name: "Connect" }).click();
  await page.getByLabel("User").waitFor();
  assert.deepEqual(page.errors, []);
  await page.context().close();
});

test("a log without names of columns is shown by their numbers, and the way to names is told", async () => {
  clean("maria");
  const page = await changes("maria");
  at("maria", "SET GLOBAL binlog_row_metadata = NO_LOG;");
  await follow(page);
  const notice = page.getByText(/SET GLOBAL binlog_row_metadata = FULL;$/);
  assert.equal(await notice.isVisible(), false);
  at("maria", "INSERT INTO shop.staff VALUES (1, 'Ada', NULL);");
  assert.deepEqual(await rows(page, "Ada"), ["shop.staff | INSERT |  |  | @1=1, @2=Ada, @3=NULL"]);
  await notice.waitFor();
  at("maria", "SET GLOBAL binlog_row_metadata = FULL;");
  assert.deepEqual(page.errors, []);
  await page.context().close();
});

test("an account that is locked in the middle is told so", async () => {
  clean("ours");
  const page = await changes("ours");
  await follow(page);
  at("ours", "INSERT INTO shop.staff VALUES (1, 'before', NULL);");
  await rows(page, "before");
  at("ours", "ALTER USER 'reader'@'%' ACCOUNT LOCK;");
  const alert = page.getByRole("alert");
  await alert.waitFor();
  assert.match(await alert.textContent(), /ERROR 1236 \(HY000\): .*no longer sent to 'reader'@'%': the account is locked/);
  await page.getByText("Stopped").waitFor();
  // The statement that locks is in the log, too.
  assert.match((await rows(page, /before|ALTER USER/))[0], /before/);
  at("ours", "ALTER USER 'reader'@'%' ACCOUNT UNLOCK;");
  assert.deepEqual(page.errors, []);
  await page.context().close();
});

test("a position that the log does not have, and GTIDs that are none, are refused in words", async () => {
  const page = await changes("ours");
  for (const [kind, place, expected] of [
    ["file", "nothing.000001:4", /ERROR 1236 \(HY000\): Could not find first log file name/],
    ["gtid", "0-1", /ERROR 1772 \(HY000\): Malformed GTID: at character \d/],
  ]) {
    await page.getByLabel("Begin at").selectOption(kind);
    await page.getByLabel("Place").fill(place);
    await page.getByRole("button", { name: "Follow" }).click();
    await page.getByRole("alert").filter({ hasText: expected }).waitFor();
  }
  await page.getByLabel("Begin at").selectOption("start");
  await follow(page);
  const all = await rows(page, /./);
  assert.match(all[0], /STATEMENT|INSERT/);
  assert.deepEqual(page.errors, []);
  await page.context().close();
});

/** The connection over which MariaDB sends its log to the newest reader. */
function dump() {
  return at("maria", "SELECT MAX(id) FROM information_schema.processlist WHERE command = 'Binlog Dump' AND user = 'reader'");
}

test("a connection that is killed is made again, and no change is lost or comes twice", async () => {
  clean("maria");
  const page = await changes("maria");
  await follow(page);
  const insert = (from, to) => at("maria", Array.from({ length: to - from }, (_, index) => `INSERT INTO shop.staff VALUES (${from + index}, 'n', NULL);`).join("\n"));
  insert(0, 5);
  await rows(page, "id=4");
  at("maria", `KILL ${dump()}`);
  await page.getByText(/^Lost the connection .* Trying again in 1 s, to go on behind the last transaction\.$/).waitFor();
  insert(5, 10);
  const all = await rows(page, "id=9");
  assert.deepEqual(all.map((row) => /id=(\d+)/.exec(row)[1]), Array.from({ length: 10 }, (_, index) => String(index)));
  assert.deepEqual(page.errors, []);
  await page.context().close();
});

/** Bytes that the bridge has sent to its clients. */
async function relayed({ port }) {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return Number(/bytes_total\{direction="to_client"\} (\d+)/.exec(text)[1]);
}

/** The same, once it no longer changes however often the bridge is asked. */
async function rested(via) {
  const calm = 300;
  let last = await relayed(via);
  for (let same = 0; same < calm; ) {
    const now = await relayed(via);
    same = now === last ? same + 1 : 0;
    last = now;
  }
  return last;
}

/** Statements that insert so many rows, each of so many bytes, in transactions of a hundred. */
function many(count, bytes) {
  const first = "USE shop; SET @filler = REPEAT('x', " + bytes + ");";
  const insert = "INSERT INTO hits (filler) SELECT @filler FROM seq_1_to_100;";
  return first + insert.repeat(count / 100);
}

test("a pause holds the server back, and afterwards everything comes", async () => {
  clean("maria");
  const own = await bridge({ targets: targets(), page: DIST });
  stops.unshift(own.stop);
  const page = await changes("maria", { from: own });
  await follow(page);
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByText("Paused: nothing is read, and the server waits").waitFor();
  const before = await relayed(own);
  at("maria", many(4000, 4000));
  const waiting = (await rested(own)) - before;
  assert.ok(waiting > 256 * 1024 && waiting < 3 * WINDOW, `${waiting} bytes came although nobody reads`);
  const seen = await page.locator(".numbers").textContent();
  assert.match(seen, /paused for/);
  await page.getByRole("button", { name: "Go on" }).click();
  await page.getByText(/^4,000 changes in 40 transactions/).waitFor();
  assert.ok((await relayed(own)) - before > 16_000_000);
  assert.deepEqual(page.errors, []);
  await page.context().close();
});

test("a page that pauses longer than the server waits goes on where it was", async () => {
  clean("maria");
  const page = await changes("maria");
  at("maria", "SET GLOBAL net_write_timeout = 1;");
  await follow(page);
  at("maria", "SET GLOBAL net_write_timeout = 60; INSERT INTO shop.staff VALUES (1, 'first', NULL);");
  await rows(page, "first");
  await page.getByRole("button", { name: "Pause" }).click();
  const id = dump();
  at("maria", many(4000, 4000));
  while (at("maria", `SELECT COUNT(*) FROM information_schema.processlist WHERE id = ${id}`) !== "0");
  await page.getByRole("button", { name: "Go on" }).click();
  await page.getByText(/^Lost the connection .* Trying again in 1 s/).waitFor();
  await page.getByText(/^4,001 changes in 41 transactions/).waitFor();
  assert.deepEqual(page.errors, []);
  await page.context().close();
});

test("many changes are drawn in few steps, and the last ones are kept", async () => {
  clean("maria");
  const page = await changes("maria");
  await follow(page);
  at("maria", many(30_000, 10));
  await page.getByText(/^30,000 changes in 300 transactions · the last 10,000 are kept/).waitFor();
  assert.ok((await page.locator("[role=gridcell]").count()) < 500, "only what is seen is in the document");
  assert.equal(await page.getByRole("grid").getAttribute("aria-rowcount"), "10001");
  // A transaction of more changes than are shown tells their number.
  at("maria", "USE shop; INSERT INTO hits (filler) SELECT 'y' FROM seq_1_to_5000;");
  await rows(page, "3,000 further changes of this transaction are not kept");
  assert.deepEqual(page.errors, []);
  await page.context().close();
});

test("who listens between page and bridge, or in the bridge, reads no change", async () => {
  clean("maria");
  const marker = "marked-secret-51c8";
  const secrets = [marker, PASSWORD, "shop.staff", "staff"];
  const own = await bridge({ targets: targets(), page: DIST });
  const wire = await listener(own.port);
  stops.unshift(own.stop, wire.stop);
  const page = await changes("maria", { from: own, via: wire });
  await follow(page);
  at("maria", `INSERT INTO shop.staff VALUES (1, '${marker}', NULL);`);
  await rows(page, marker);
  const [heard, held] = [wire.heard(), memory(own.pid)];
  assert.equal(heard.toString("latin1").split("mysql_native_password").length - 1 >= 2, true, "two greetings are heard, in the clear");
  assert.deepEqual(secrets.filter((secret) => heard.includes(secret)), []);
  assert.deepEqual([marker, PASSWORD].filter((secret) => held.includes(secret)), []);
  assert.deepEqual(page.errors, []);
  await page.context().close();
});

/** A page that has loaded the package. */
async function tried() {
  const own = await bridge({ targets: targets(), page: site });
  stops.unshift(own.stop);
  const page = await opened(`http://127.0.0.1:${own.port}/try.html`);
  await page.waitForFunction(() => window.sealwire !== undefined);
  page.given = (target, user = "reader") => ({ bridge: `/tcp/${target}`, user, password: PASSWORD, tls: { ca: tls.ca, serverName: "localhost" } });
  return page;
}

test("README's example shows what is committed", async () => {
  clean("ours");
  const [, example] = [...readFileSync(README, "utf8").matchAll(/```js\n(.*?)```/gs)].map(([, text]) => text);
  writeFileSync(join(site, "follow.html"), '<link rel="icon" href="data:,"><script type="module" src="follow.js"></script><pre></pre>');
  writeFileSync(join(site, "follow.js"), example);
  const own = await bridge({ targets: { db1: servers.ours.port }, page: site });
  stops.unshift(own.stop);
  const page = await browser.newPage();
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("dialog", (dialog) => dialog.accept(PASSWORD));
  await page.route("**/follow.js", async (route) => {
    const response = await route.fetch();
    const text = (await response.text()).replace("db1.example", "localhost").replace('"app"', '"reader"');
    await route.fulfill({ response, body: text });
  });
  await page.goto(`http://127.0.0.1:${own.port}/follow.html`);
  await page.locator("pre", { hasText: "Cipher in use is TLS_" }).waitFor();
  at("ours", "INSERT INTO shop.staff VALUES (1, 'Ada', NULL); UPDATE shop.staff SET name = 'Grace';");
  await page.locator("pre", { hasText: "Grace" }).waitFor();
  assert.match(await page.locator("pre").textContent(), /\ninsert shop\.staff id=1 name=Ada pay=null\nupdate shop\.staff id=1 name=Grace pay=null\n$/);
  assert.deepEqual(errors, []);
  await page.close();
});

test("a stream gives typed rows, goes on from where it was left, and ends as it is told", async () => {
  clean("maria");
  at("maria", "DROP TABLE IF EXISTS shop.kinds; CREATE TABLE shop.kinds (id BIGINT UNSIGNED PRIMARY KEY, small INT, price DECIMAL(6,2), words VARCHAR(20), latin VARCHAR(20) CHARACTER SET latin1, raw VARBINARY(8), day DATE, real_one DOUBLE, color ENUM('red', 'green'), bits BIT(9));");
  const page = await tried();
  await page.evaluate(async (given) => {
    window.client = await window.sealwire.Client.connect(given);
    window.stream = await window.client.binlog({ start: "end", serverId: 77 });
  }, page.given("maria"));
  at("maria", "INSERT INTO shop.kinds VALUES (18446744073709551615, -7, 1.5, '世界', 'é', x'00ff', '2026-11-22', 0.1, 'green', b'100000001');");
  at("maria", "BEGIN; INSERT INTO shop.staff VALUES (1, 'a', NULL), (2, 'b', NULL); DELETE FROM shop.staff WHERE id = 1; COMMIT;");
  at("maria", "INSERT INTO shop.staff VALUES (3, 'c', NULL);");
  const told = await page.evaluate(async () => {
    const { stream, client } = window;
    const [first, second] = [[], []];
    for await (const transaction of stream) {
      first.push(transaction);
      if (first.length === 2) break;
    }
    const ended = [];
    for await (const transaction of stream) ended.push(transaction);
    // The loop that was left has closed the stream; another one goes on behind the last transaction.
    const again = await client.binlog({ start: stream.resume });
    for await (const transaction of again) {
      second.push(transaction);
      break;
    }
    const [{ after, table }] = first[0].changes;
    const kinds = Object.fromEntries(Object.entries(after).map(([name, value]) => [name, value instanceof Uint8Array ? [...value] : String(value)]));
    const types = Object.fromEntries(Object.entries(after).map(([name, value]) => [name, typeof value]));
    const alive = (await client.query("SELECT 'alive' AS word")).rows[0].word;
    await client.close();
    const { gtid, serverId, time, age, position, omitted, isRolledBack } = first[0];
    return {
      kinds,
      types,
      key: table.key,
      columns: table.columns.map(({ type }) => type).join(),
      facts: [/^0-1-\d+$/.test(gtid), serverId, time instanceof Date, age >= 0 && age < 600, position > 4, omitted, isRolledBack],
      second: first[1].changes.map(({ kind, before, after }) => `${kind} ${(after ?? before).id}`),
      ended: ended.length,
      again: second[0].changes.map(({ kind, after }) => `${kind} ${after.id}`),
      alive,
    };
  });
  assert.deepEqual(told.kinds, { id: "18446744073709551615", small: "-7", price: "1.50", words: "世界", latin: "é", raw: [0, 255], day: "2026-11-22", real_one: "0.1", color: "green", bits: [1, 1] });
  assert.deepEqual([told.types.id, told.types.small, told.types.price, told.types.real_one], ["bigint", "number", "string", "number"]);
  assert.deepEqual(told.key, ["id"]);
  assert.equal(told.columns, "BIGINT UNSIGNED,INT,DECIMAL(6,2),VARCHAR,VARCHAR,VARBINARY,DATE,DOUBLE,ENUM,BIT(9)");
  assert.deepEqual(told.facts, [true, 1, true, true, true, 0, false]);
  assert.deepEqual(told.second, ["insert 1", "insert 2", "delete 1"]);
  assert.deepEqual([told.ended, told.again, told.alive], [0, ["insert 3"], "alive"]);
  assert.deepEqual(page.errors, []);
  await page.context().close();
});

test("a stream that is closed, aborted or cut says so, and leaves no password", async () => {
  clean("maria");
  const page = await tried();
  const told = await page.evaluate(async (given) => {
    const { memory } = await window.initialise();
    const count = (text) => {
      const [bytes, wanted] = [new Uint8Array(memory.buffer), new TextEncoder().encode(text)];
      let found = 0;
      for (let at = bytes.indexOf(wanted[0]); at >= 0; at = bytes.indexOf(wanted[0], at + 1)) {
        if (wanted.every((byte, place) => bytes[at + place] === byte)) found++;
      }
      return found;
    };
    const client = await window.sealwire.Client.connect(given);
    const plain = (error) => [error instanceof window.sealwire.SealwireError, error.code, error.blame];
    const next = (stream) => stream[Symbol.asyncIterator]().next().then(({ done }) => done, plain);
    const closed = await client.binlog();
    const closing = next(closed);
    closed.close();
    const abort = new AbortController();
    const aborted = await client.binlog({ signal: abort.signal });
    const aborting = next(aborted);
    abort.abort();
    const late = await client.binlog({ signal: abort.signal }).catch(plain);
    const kept = await client.binlog();
    const id = kept.facts().connectionId;
    const cut = next(kept);
    await client.query(`KILL ${id}`);
    const ended = [await closing, await aborting, late, await cut, "file" in kept.resume];
    const wrong = [];
    for (const [name, values] of Object.entries({
      start: ["middle", 7, {}, { file: 7 }, { file: "a", position: 0 }, { gtid: "0-1-1", file: "a" }],
      serverId: [0, -1, 1.5, 2 ** 32, "7"],
      reconnect: [1, "yes"],
      mostChanges: [0, "many"],
      mostBytes: [0, Infinity],
      heartbeat: [-1, "often"],
      signal: [{}, true],
      onLost: [true],
      onConnected: ["x"],
      frobnicate: [true],
    })) {
      for (const value of values) {
        const error = await client.binlog({ [name]: value }).catch((error) => error);
        if (error.blame !== "Misuse" || !error.message.includes(name)) wrong.push(`${name} = ${value}: ${error}`);
      }
    }
    const alive = count(given.password) > 0;
    await client.close();
    const over = await client.binlog().catch(plain);
    return { ended, wrong, alive, left: count(given.password), over };
  }, page.given("maria", "admin"));
  assert.deepEqual(told.ended, [true, [true, 1317, "Aborted"], [true, 1317, "Aborted"], [true, 2013, "ConnectionLost"], true]);
  assert.deepEqual(told.wrong, []);
  assert.deepEqual([told.alive, told.left, told.over], [true, 0, [true, 2006, "Misuse"]]);
  assert.deepEqual(page.errors, []);
  await page.context().close();
});

for (const [width, height] of [
  [1280, 800],
  [390, 844],
]) {
  for (const colorScheme of ["light", "dark"]) {
    test(`Changes fits ${width} pixels, ${colorScheme}`, async () => {
      clean("ours");
      const page = await changes("ours", { page: { viewport: { width, height }, colorScheme } });
      const fits = async (name) => {
        const wide = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(wide <= width, `${name} is ${wide} pixels wide`);
        if (SHOTS === undefined) return;
        mkdirSync(SHOTS, { recursive: true });
        await page.screenshot({ path: `${SHOTS}/${name}-${width}-${colorScheme}.png` });
      };
      await fits("changes-begin");
      await follow(page);
      await fits("changes-none");
      const names = Array.from({ length: 40 }, (_, index) => `INSERT INTO shop.staff VALUES (${index}, 'Name ${index}', ${index}.25);`);
      at("ours", `${names.join("\n")}\nUPDATE shop.staff SET name = REPEAT('long ', 30) WHERE id = 39;`);
      await rows(page, "UPDATE");
      await fits("changes");
      await page.locator("[role=gridcell]", { hasText: "UPDATE" }).click();
      await page.getByRole("region", { name: "The change" }).waitFor();
      await fits("changes-detail");
      await page.getByRole("button", { name: "Pause" }).click();
      await page.getByText(/^Paused/).waitFor();
      await fits("changes-paused");
      assert.deepEqual(page.errors, []);
      await page.context().close();
    });
  }
}
