// The built page in Chromium, through the bridge, to both servers.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { bridge, certificates, folder, freePort, listener, mariadb, memory, PASSWORD, sealwired } from "./peers.mjs";

const DIST = fileURLToPath(new URL("../dist", import.meta.url));
const SHOTS = process.env.SEALWIRE_SCREENSHOTS;
const runs = JSON.parse(readFileSync(new URL("runs.json", import.meta.url), "utf8"));
const stops = [];
const peers = {};
let browser;

const cleaned = (place) => stops.push(() => rmSync(place, { recursive: true, force: true }));

before(async () => {
  const [place, other] = [folder(), folder()];
  [place, other].forEach(cleaned);
  const tls = certificates(place);
  const require = (name, how, clause) => `CREATE USER '${name}'@'%' ${how} REQUIRE ${clause};`;
  const how = `IDENTIFIED BY '${PASSWORD}'`;
  const statements = [require("secured", how, "SSL"), require("mutual", how, "X509"), require("any", how, "NONE")];
  const database = "CREATE DATABASE page;";
  const grants = ["secured", "mutual", "any"].map((name) => `GRANT ALL ON *.* TO '${name}'@'%';`);
  const servers = await Promise.all([
    sealwired({ tls, statements: [database, ...statements, ...grants] }),
    mariadb({ tls, statements: [database, ...statements, ...grants] }),
    sealwired({ tls: undefined, statements: [statements[2]] }),
  ]);
  const [ours, maria, plain] = servers;
  stops.push(...servers.map((server) => server.stop));
  const targets = { ours: ours.port, maria: maria.port, plain: plain.port, dead: await freePort() };
  const open = await bridge({ targets, page: DIST });
  const closed = await bridge({ targets, page: DIST, options: ["--allow-origin=https://elsewhere.example"] });
  stops.unshift(open.stop, closed.stop);
  Object.assign(peers, { tls, targets, wrongCa: certificates(other).ca, open, closed });
  const options = { executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] };
  browser = await chromium.launch(options);
  stops.unshift(() => browser.close());
});

after(async () => {
  for (const stop of stops) await stop();
});

/** A page of the bridge's, in which every error in the console fails the test. */
async function opened(options = {}, place = peers.open, hash = "") {
  const context = await browser.newContext(options);
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const page = await context.newPage();
  page.errors = [];
  page.on("console", (message) => {
    if (message.type() === "error") page.errors.push(message.text());
  });
  page.on("pageerror", (error) => page.errors.push(String(error)));
  await page.goto(`http://127.0.0.1:${place.port}/${hash}`);
  return page;
}

async function fill(page, { target, user = "secured", password = PASSWORD, mode = "VERIFY_IDENTITY", database = "", ca, name, cert, key, via = peers.open }) {
  await page.getByLabel("Bridge", { exact: true }).fill(`ws://127.0.0.1:${via.port}/tcp/${target}`);
  await page.getByLabel("User").fill(user);
  await page.getByLabel("Password").fill(password);
  await page.getByLabel("SSL mode").selectOption(mode);
  if (mode === "VERIFY_IDENTITY") await page.getByLabel("Server name").fill(name ?? "localhost");
  if (mode.startsWith("VERIFY")) await page.getByLabel("CA certificate", { exact: true }).fill(ca ?? peers.tls.ca);
  await page.getByLabel("Database").fill(database);
  if (cert !== undefined) {
    await page.locator("summary", { hasText: "Client certificate" }).click();
    await page.getByLabel("Client certificate", { exact: true }).fill(cert);
    await page.getByLabel("Client key", { exact: true }).fill(key);
  }
}

async function connect(page, entered) {
  await fill(page, entered);
  await page.getByRole("button", { name: "Connect" }).click();
}

/** The text of the page's SSL line once it is there. */
const sslLine = async (page) => (await page.locator(".status .ssl").textContent()).trim();

async function run(page, sql) {
  const editor = page.getByLabel("SQL", { exact: true });
  await editor.click();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.insertText(sql);
  await page.keyboard.press("ControlOrMeta+Enter");
  await page.getByRole("button", { name: "Run" }).and(page.locator(":enabled")).waitFor();
}

async function cells(page) {
  await page.locator("[role=gridcell]").first().waitFor();
  return page.locator("[role=gridcell]").allTextContents();
}

/** Connecting fails with this sentence, and the page says nothing on the console. */
async function refused(entered, expected, place = peers.open) {
  const page = await opened({}, place);
  await connect(page, entered);
  const alert = page.getByRole("alert");
  await alert.waitFor();
  assert.match(await alert.textContent(), expected);
  assert.deepEqual(page.errors, []);
  return page;
}

for (const target of ["ours", "maria"]) {
  test(`TLS 1.3 to ${target}: Ssl_cipher in the grid equals the status bar`, async () => {
    const page = await opened();
    await connect(page, { target });
    const line = await sslLine(page);
    await run(page, "SHOW STATUS LIKE 'Ssl_cipher'");
    const [name, cipher] = await cells(page);
    assert.equal(name, "Ssl_cipher");
    assert.equal(line, `SSL: Cipher in use is ${cipher}, cert is verified by CA and host name`);
    await run(page, "SHOW STATUS LIKE 'Ssl_version'");
    assert.deepEqual(await cells(page), ["Ssl_version", "TLSv1.3"]);
    assert.deepEqual(page.errors, []);
    await page.context().close();
  });

  test(`a client certificate logs in to ${target} where the account wants one`, async () => {
    const { cert, key } = peers.tls;
    const page = await opened();
    await connect(page, { target, user: "mutual", cert, key });
    assert.match(await sslLine(page), /verified by CA and host name/);
    await page.context().close();
    await refused({ target, user: "mutual" }, /1045 \(28000\): Access denied for user 'mutual'/);
  });
}

test("a server whose CA is another one is refused, and the handshake shows how far it came", async () => {
  const page = await refused({ target: "ours", ca: peers.wrongCa }, /ERROR 2026 \(HY000\): SSL connection error.*tls\.ca/s);
  await page.getByRole("link", { name: /packet by packet/ }).click();
  await page.locator(".ladder").waitFor();
  const rungs = await page.locator(".ladder > li").allTextContents();
  assert.ok(rungs.some((rung) => rung.includes("SSLRequest")), rungs.join("\n"));
  assert.ok(rungs.some((rung) => rung.includes("plaintext ends here")));
  assert.ok(rungs.at(-1).includes("Failed") || rungs.some((rung) => rung.includes("Failed")));
  assert.ok(!rungs.some((rung) => rung.includes("HandshakeResponse41")), "the user was not named");
});

test("a certificate for another name is refused, and the names are said", async () => {
  await refused({ target: "ours", name: "db.example" }, /it is for localhost, not for 'db\.example'/);
});

test("a server without TLS is refused before anything is sent", async () => {
  await refused({ target: "plain" }, /ERROR 2026 \(HY000\): SSL connection error: SSL is required but the server doesn't support it/);
});

test("a target that the bridge doesn't have", async () => {
  await refused({ target: "nowhere" }, /the bridge has no target 'nowhere'/);
});

test("a target whose server is dead", async () => {
  await refused({ target: "dead" }, /target 'dead' refused the connection: is its server running\?/);
});

test("a bridge that doesn't allow this page", async () => {
  await refused({ target: "ours", via: peers.closed }, /may not use this bridge/);
});

test("a bridge that stops under a connection, and one that is killed under a statement", async () => {
  const begun = async () => {
    const own = await bridge({ targets: peers.targets, page: DIST });
    stops.unshift(own.stop);
    const page = await opened({}, own);
    await connect(page, { target: "maria", via: own });
    await sslLine(page);
    return { own, page };
  };
  const idle = await begun();
  await idle.own.stop();
  await idle.page.getByText("the bridge is stopping").waitFor();
  await idle.page.getByRole("button", { name: "Back" }).click();
  await idle.page.getByRole("button", { name: "Connect" }).waitFor();
  const busy = await begun();
  const editor = busy.page.getByLabel("SQL", { exact: true });
  await editor.click();
  await busy.page.keyboard.press("ControlOrMeta+a");
  await busy.page.keyboard.insertText("SELECT SLEEP(300)");
  await busy.page.keyboard.press("ControlOrMeta+Enter");
  await busy.page.getByRole("button", { name: "Cancel" }).waitFor();
  process.kill(busy.own.pid, "SIGKILL");
  const alert = busy.page.getByRole("alert");
  await alert.waitFor();
  assert.match(await alert.textContent(), /ERROR 2013 \(HY000\).*Lost connection/);
  for (const { page } of [idle, busy]) await page.context().close();
});

test("a wrong password", async () => {
  await refused({ target: "ours", password: "guessed" }, /ERROR 1045 \(28000\): Access denied for user 'secured'/);
});

test("VERIFY_IDENTITY without a name says what is missing", async () => {
  await refused({ target: "ours", name: " " }, /tls\.serverName/);
});

test("a link takes no protection away, and a bridge that it chose is confirmed", async () => {
  const bridge = `ws://localhost:${peers.open.port}/tcp/ours`;
  const page = await opened({}, peers.open, `#connect?mode=DISABLED&user=secured&bridge=${encodeURIComponent(bridge)}`);
  assert.equal(await page.getByLabel("SSL mode").inputValue(), "VERIFY_IDENTITY");
  assert.equal(await page.getByLabel("User").inputValue(), "secured");
  assert.match(await page.getByText("This link asks for").textContent(), /"DISABLED".*not taken/);
  const confirmed = page.getByRole("checkbox");
  assert.match(await page.locator("label", { has: page.getByText(bridge) }).textContent(), /A link chose the bridge/);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByLabel("Server name").fill("localhost");
  await page.getByLabel("CA certificate", { exact: true }).fill(peers.tls.ca);
  await page.getByRole("button", { name: "Connect" }).click();
  assert.equal(await confirmed.evaluate((box) => box.validity.valueMissing), true, "it is not sent");
  // A bridge that is typed is the user's own.
  await page.getByLabel("Bridge", { exact: true }).fill(`ws://127.0.0.1:${peers.open.port}/tcp/ours`);
  assert.equal(await confirmed.isVisible(), false);
  await page.getByRole("button", { name: "Connect" }).click();
  assert.match(await sslLine(page), /^SSL: Cipher in use is TLS/);
  assert.deepEqual(page.errors, []);
  await page.context().close();
});

test("after connecting the page holds neither password nor key", async () => {
  const page = await opened();
  await connect(page, { target: "ours", user: "mutual", cert: peers.tls.cert, key: peers.tls.key });
  await sslLine(page);
  await page.getByRole("button", { name: "Disconnect" }).click();
  assert.equal(await page.getByLabel("User").inputValue(), "mutual");
  for (const label of ["Password", "Client key", "Token"]) {
    assert.equal(await page.getByLabel(label, { exact: true }).inputValue(), "", label);
  }
  assert.notEqual(await page.getByLabel("Client certificate", { exact: true }).inputValue(), "");
  assert.deepEqual(page.errors, []);
  await page.context().close();
});

test("a copied table runs no formula in a spreadsheet", async () => {
  const page = await opened();
  await connect(page, { target: "maria" });
  await run(page, `SELECT '=1+1' AS "=a", -5 AS b, '+x"y' AS c, '@sum' AS d, NULL AS e, 'plain' AS f`.replaceAll('"=a"', "`=a`"));
  await cells(page);
  await page.getByRole("button", { name: "Copy CSV" }).click();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  assert.equal(copied, `"'=a",b,c,d,e,f\r\n"'=1+1",-5,"'+x""y","'@sum",,plain\r\n`);
  assert.deepEqual(page.errors, []);
  await page.context().close();
});

test("values of every kind, several statements, errors, and the history", async () => {
  const page = await opened();
  await connect(page, { target: "maria" });
  await run(page, "SELECT 9007199254740993 AS big, 1.50 AS price, NULL AS nothing, 'Grüße 世界' AS words, x'00ff' AS raw, '<b>' AS markup");
  assert.deepEqual(await cells(page), ["9007199254740993", "1.50", "NULL", "Grüße 世界", "0x00FF", "<b>"]);
  await page.getByRole("button", { name: "Copy JSON" }).click();
  const copied = JSON.parse(await page.evaluate(() => navigator.clipboard.readText()));
  assert.deepEqual(copied, [
    { big: "9007199254740993", price: "1.50", nothing: null, words: "Grüße 世界", raw: "0x00FF", markup: "<b>" },
  ]);
  await run(page, "SELECT 1; SELECT 2, 3; SELEKT");
  assert.match(await page.getByRole("alert").textContent(), /ERROR 1064 \(42000\)/);
  assert.equal(await page.getByRole("tab").count(), 3);
  await page.getByRole("tab").nth(1).click();
  assert.deepEqual(await cells(page), ["2", "3"]);
  await page.getByLabel("SQL", { exact: true }).click();
  await page.keyboard.press("Alt+ArrowUp");
  await page.keyboard.press("Alt+ArrowUp");
  assert.match(await page.getByLabel("SQL", { exact: true }).textContent(), /9007199254740993/);
  assert.deepEqual(page.errors, []);
  await page.context().close();
});

test("a long statement is cancelled, and the connection lives", async () => {
  const page = await opened();
  await connect(page, { target: "maria" });
  await sslLine(page);
  const editor = page.getByLabel("SQL", { exact: true });
  await editor.click();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.insertText("SELECT SLEEP(300)");
  await page.keyboard.press("ControlOrMeta+Enter");
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByText("Cancelled.").waitFor();
  await run(page, "SELECT 'alive'");
  assert.deepEqual(await cells(page), ["alive"]);
  await page.context().close();
});

/** The processes of the browser's pages. */
async function processesOfPages() {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  return processInfo.filter(({ type }) => type === "renderer").map(({ id }) => id);
}

/** Bytes of memory that a process uses. */
function resident(process) {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${process}/status`, "utf8"))[1]) * 1024;
}

/** Milliseconds of processor time of the longest task of the page's main thread, by the browser's own trace. */
function longestTask(trace) {
  const { traceEvents } = JSON.parse(trace);
  const main = new Set(traceEvents.filter(({ name, args }) => name === "thread_name" && args.name === "CrRendererMain").map(({ pid, tid }) => `${pid} ${tid}`));
  const tasks = traceEvents.filter(({ name, pid, tid, tdur }) => name.endsWith("RunTask") && main.has(`${pid} ${tid}`) && tdur > 0);
  assert.ok(tasks.length > 100, `${tasks.length} tasks are in the trace`);
  return Math.max(...tasks.map(({ tdur }) => tdur)) / 1000;
}

test("a million rows: the page answers all the while, and its memory stays small", async () => {
  const page = await opened();
  await connect(page, { target: "maria", database: "page" });
  await sslLine(page);
  await page.evaluate(() => {
    window.waits = [];
    const keys = new PerformanceObserver((list) => window.waits.push(...list.getEntries().filter(({ name }) => name === "keydown").map(({ duration }) => duration)));
    keys.observe({ type: "event", durationThreshold: 16 });
  });
  const before = (await processesOfPages()).map((process) => [process, resident(process)]);
  let grown = 0;
  await browser.startTracing(page, { categories: ["toplevel", "disabled-by-default-devtools.timeline", "__metadata"] });
  const editor = page.getByLabel("SQL", { exact: true });
  await editor.click();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.insertText("SELECT seq, CONCAT('row number ', seq) AS words FROM seq_1_to_1000000");
  await page.keyboard.press("ControlOrMeta+Enter");
  const note = page.locator("output.note");
  // While rows come a person types on.
  let typed = 0;
  for (; !(await page.getByRole("button", { name: "Run" }).isEnabled()); typed++) {
    await page.keyboard.press("x");
    grown = Math.max(grown, ...before.map(([process, bytes]) => resident(process) - bytes));
  }
  assert.match(await note.textContent(), /1,000,000 rows/);
  const longest = longestTask(String(await browser.stopTracing()));
  const waits = (await page.evaluate(() => window.waits)).sort((a, b) => a - b);
  const slowest = waits.at(-1) ?? 16;
  console.log(
    `# a million rows: memory grew by ${(grown / 2 ** 20).toFixed(0)} MiB; longest task ${longest.toFixed(0)} ms of processor time; ` +
      `${typed} keys, the slowest shown after ${slowest} ms`,
  );
  assert.ok(typed > 0 && (await editor.textContent()).endsWith("x".repeat(typed)), `${typed} keys were typed and taken`);
  assert.ok(grown > 0 && grown < 200 * 2 ** 20, `${grown} bytes`);
  assert.ok(longest < 100, `a task of ${longest} ms`);
  const grid = page.getByRole("grid");
  await grid.focus();
  await page.keyboard.press("ControlOrMeta+End");
  await page.locator("[role=gridcell]", { hasText: /^row number 1000000$/ }).waitFor();
  assert.ok((await page.locator("[role=gridcell]").count()) < 500, "only what is seen is in the document");
  assert.deepEqual(page.errors, []);
  await page.context().close();
});

/** The file that a button of the page saves. */
async function saved(page, button) {
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: button }).click()]);
  const chunks = [];
  for await (const chunk of await download.createReadStream()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

test("who listens between page and bridge, or in the bridge, reads nothing of the session", async () => {
  const marker = "marked-secret-7f3a";
  const secrets = [marker, PASSWORD, "AS kept"];
  /** Which of the secrets are on the wire, and which in the bridge's memory, after a session. */
  const told = async (user, mode) => {
    const own = await bridge({ targets: peers.targets, page: DIST });
    const wire = await listener(own.port);
    stops.unshift(own.stop, wire.stop);
    const page = await opened({}, own);
    await connect(page, { target: "maria", user, mode, via: wire });
    await sslLine(page);
    await run(page, `SELECT '${marker}' AS kept`);
    assert.deepEqual(await cells(page), [marker]);
    const [heard, held] = [wire.heard(), memory(own.pid)];
    assert.ok(heard.includes("mysql_native_password"), "the greeting is heard, in the clear");
    return { page, heard: secrets.filter((secret) => heard.includes(secret)), held: secrets.filter((secret) => held.includes(secret)) };
  };
  const open = await told("any", "DISABLED");
  assert.deepEqual(open.heard, [marker, "AS kept"], "without TLS the search finds what is said");
  assert.ok(open.held.includes(marker), "and what the bridge holds");
  const closed = await told("secured", "VERIFY_IDENTITY");
  assert.deepEqual([closed.heard, closed.held], [[], []]);
  for (const { page } of [open, closed]) {
    assert.deepEqual(page.errors, []);
    await page.context().close();
  }
});

/** Opens a rung of the ladder by keyboard; its fields by their names. */
async function fieldsOf(page, name) {
  const rung = page.locator("details.rung").filter({ has: page.getByText(name, { exact: true }) }).first();
  await rung.locator("summary").press("Enter");
  const [names, values] = [rung.locator("dt"), rung.locator("dd")];
  await names.first().waitFor();
  const told = await Promise.all([names.allTextContents(), values.allTextContents()]);
  assert.match(await rung.locator("pre.hex").textContent(), /^0000  /, "its bytes are there");
  return Object.fromEntries(told[0].map((name, place) => [name, told[1][place]]));
}

test("what is in plaintext is decoded where its rung is opened", async () => {
  const page = await opened();
  await connect(page, { target: "maria" });
  await sslLine(page);
  await page.getByRole("link", { name: "Handshake" }).click();
  const greeting = await fieldsOf(page, "HandshakeV10");
  assert.match(greeting["Server version"], /10\.11.*MariaDB/);
  assert.match(greeting["Capabilities"], /\bSSL\b.*PLUGIN_AUTH/);
  assert.equal(greeting["Authentication plugin"], "mysql_native_password");
  assert.match((await fieldsOf(page, "SSLRequest"))["Capabilities"], /PROTOCOL_41.*\bSSL\b/);
  const hello = await fieldsOf(page, "TLS: ClientHello");
  assert.equal(hello["Versions"], "TLS 1.3, TLS 1.2");
  assert.match(hello["Cipher suites"], /^TLS_CHACHA20_POLY1305_SHA256, /, "the fastest in WebAssembly is first");
  assert.match(hello["Groups"], /^X25519MLKEM768, X25519/);
  assert.match(hello["Key shares"], /X25519MLKEM768, 1216 bytes/);
  const answer = await fieldsOf(page, "TLS: ServerHello");
  assert.deepEqual([answer["Versions"], answer["Cipher suite"]], ["TLS 1.3", "TLS_CHACHA20_POLY1305_SHA256"]);
  assert.deepEqual(page.errors, []);
  await page.context().close();
});

test("Wireshark reads the page's capture with the page's keys", async () => {
  const page = await opened();
  await connect(page, { target: "maria" });
  await sslLine(page);
  await run(page, "SELECT 'seen by tshark' AS kept");
  await page.getByRole("link", { name: "Handshake" }).click();
  const place = folder();
  cleaned(place);
  const [capture, keys] = [join(place, "connection.pcap"), join(place, "connection.keys")];
  writeFileSync(capture, await saved(page, "Download pcap"));
  writeFileSync(keys, await saved(page, "Download keys"));
  const dissect = (...options) =>
    execFileSync("tshark", ["-n", "-r", capture, "-d", "tcp.port==3306,mysql", ...options, "-T", "fields", "-e", "mysql.query"], {
      env: { ...process.env, HOME: place },
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
  assert.match(dissect("-o", `tls.keylog_file:${keys}`), /seen by tshark/);
  assert.doesNotMatch(dissect(), /seen by tshark/);
  await page.context().close();
});

/** The lab's outcome, once it is drawn. */
async function outcome(page) {
  await page.locator(".outcome").waitFor();
  return page.locator(".outcome").textContent();
}

test("an error that nobody caught is shown, and goes when it was read", async () => {
  const page = await opened();
  for (const text of ["nobody caught this", "nor that"]) {
    await page.evaluate((text) => void Promise.reject(new Error(text)), text);
    await page.getByRole("alert").filter({ hasText: text }).waitFor();
  }
  assert.equal(await page.getByRole("alert").count(), 1);
  assert.deepEqual(page.errors.splice(0), ["Error: nobody caught this", "Error: nor that"]);
  await page.getByRole("button", { name: "Dismiss" }).click();
  assert.equal(await page.getByRole("alert").count(), 0);
});

test("the lab: every attacker is refused, and the page says why", async () => {
  const page = await opened();
  await page.goto(`http://127.0.0.1:${peers.open.port}/#lab`);
  assert.match(await outcome(page), /^Connected after [\d.]+ ms: TLSv1\.3, TLS_AES_256_GCM_SHA384, X25519/);
  const said = [];
  for (const name of await page.getByRole("button", { name: /^Attacker/ }).allTextContents()) {
    const before = await page.locator(".hash").textContent();
    await page.getByRole("button", { name }).click();
    await page.waitForFunction((before) => document.querySelector(".hash")?.textContent !== before, before);
    said.push(`${name}: ${await outcome(page)}`);
  }
  assert.equal(said.length, 5);
  for (const text of said) {
    assert.match(text, /: Not connected.*ERROR \d+/, text);
    assert.ok(!text.includes("correct horse"), text);
  }
  assert.deepEqual(page.errors, []);
  await page.context().close();
});

test("the lab: what goes over its line is decoded on either side of an attacker", async () => {
  const page = await opened();
  const link = { attacker: { kind: "downgrade-version" }, network: { loss: 500, reordering: 1000 } };
  await page.goto(`http://127.0.0.1:${peers.open.port}/#lab?s=${encodeURIComponent(JSON.stringify(link))}`);
  await outcome(page);
  assert.equal((await fieldsOf(page, "HandshakeV10"))["Server version"], "8.4.0-sealwire");
  assert.equal((await fieldsOf(page, "TLS: ClientHello"))["Versions"], "TLS 1.3, TLS 1.2");
  const states = await page.locator(".ladder .state").allTextContents();
  assert.ok(states.some((state) => state.startsWith("client: ")) && states.some((state) => state.startsWith("server: ")), states.join(", "));
  await page.getByLabel("Whose view").selectOption("server");
  const arrived = await fieldsOf(page, "TLS: ClientHello");
  assert.ok(!(arrived["Versions"] ?? "").includes("TLS 1.3"), JSON.stringify(arrived));
  assert.deepEqual(page.errors, []);
  await page.context().close();
});

test("the lab: a link replays to the same hash, which is also the native one", async () => {
  const page = await opened();
  for (const { scenario, hash } of runs) {
    // A page of its own for each: what ran before must not matter.
    await page.goto("about:blank");
    await page.goto(`http://127.0.0.1:${peers.open.port}/#lab?s=${encodeURIComponent(JSON.stringify(scenario))}`);
    await outcome(page);
    assert.equal(await page.locator(".hash").textContent(), hash, JSON.stringify(scenario));
  }
  assert.deepEqual(page.errors, []);
  await page.context().close();
});

test("the lab: many seeds make a distribution", async () => {
  const page = await opened();
  await page.goto(`http://127.0.0.1:${peers.open.port}/#lab`);
  await outcome(page);
  await page.getByRole("button", { name: "Bad line" }).click();
  await page.getByRole("button", { name: "Run 200 seeds" }).click();
  await page.locator(".distribution svg").waitFor();
  assert.match(await page.locator(".distribution").textContent(), /of 200 connections made/);
  assert.ok((await page.locator(".distribution rect").count()) > 10);
  await page.context().close();
});

for (const [width, height] of [
  [1280, 800],
  [390, 844],
]) {
  for (const colorScheme of ["light", "dark"]) {
    test(`every view fits ${width} pixels, ${colorScheme}`, async () => {
      const page = await opened({ viewport: { width, height }, colorScheme });
      const fits = async (name) => {
        const wide = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(wide <= width, `${name} is ${wide} pixels wide`);
        if (SHOTS === undefined) return;
        mkdirSync(SHOTS, { recursive: true });
        await page.screenshot({ path: `${SHOTS}/${name}-${width}-${colorScheme}.png` });
      };
      await fits("form");
      await connect(page, { target: "dead" });
      await page.getByRole("alert").waitFor();
      await fits("refused");
      await connect(page, { target: "maria", database: "page" });
      await sslLine(page);
      await run(page, "-- The staff, as it is.\nSELECT seq AS id, CONCAT('Name ', seq) AS name, seq * 1.25 AS pay, NULL AS nothing\nFROM seq_1_to_500 WHERE seq > 0");
      await fits("console");
      await page.locator(".status .ssl").click();
      await page.getByRole("dialog").waitFor();
      await fits("facts");
      await page.keyboard.press("Escape");
      await page.getByRole("link", { name: "Handshake" }).click();
      await page.locator(".ladder").waitFor();
      await fits("ladder");
      await page.locator(".rung summary", { hasText: "ClientHello" }).click();
      await fits("rung");
      await page.getByRole("link", { name: "Lab" }).click();
      await outcome(page);
      await page.getByRole("button", { name: "Attacker: swap certificate" }).click();
      await page.getByText("Not connected").waitFor();
      await page.locator(".ladder > li").last().evaluate((last) => Promise.all(last.getAnimations().map((one) => one.finished)));
      await fits("lab");
      await page.getByRole("button", { name: "Run 200 seeds" }).click();
      await page.locator(".distribution").waitFor();
      await fits("seeds");
      assert.deepEqual(page.errors, []);
      await page.context().close();
    });
  }
}
