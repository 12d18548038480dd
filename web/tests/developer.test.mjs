// What who writes a page with the npm package meets in the first hour: tools, types, options, messages.
import assert from "node:assert/strict";
import { cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { bridge, certificates, folder, freePort, PASSWORD, project, sealwired, vite } from "./peers.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const NAME = "db1.example";
const stops = [];
let place;
let tls;
let site;
let server;
let served;
let browser;

before(async () => {
  place = folder();
  stops.push(() => rmSync(place, { recursive: true, force: true }));
  tls = certificates(place, NAME, "localhost");
  const how = `IDENTIFIED BY '${PASSWORD}'`;
  const statements = [
    `CREATE USER 'app'@'%' ${how} REQUIRE SSL;`,
    "GRANT ALL ON *.* TO 'app'@'%';",
    "CREATE DATABASE page;",
    "CREATE TABLE page.staff (id BIGINT PRIMARY KEY, name VARCHAR(20));",
    "INSERT INTO page.staff VALUES (1, 'Ada'), (2, 'Grace');",
  ];
  server = await sealwired({ tls, statements });
  stops.push(server.stop);
  // The package as it is installed, in a bare page.
  site = join(place, "page");
  const installed = project(join(place, "bare"), {});
  cpSync(join(installed, "node_modules/sealwire-wasm"), join(site, "sealwire-wasm"), { recursive: true });
  writeFileSync(join(site, "try.html"), '<link rel="icon" href="data:,"><script type="module" src="try.js"></script>');
  writeFileSync(join(site, "try.js"), 'import * as sealwire from "./sealwire-wasm/index.js"; window.sealwire = sealwire;');
  served = await bridge({ targets: { db1: server.port }, page: site });
  stops.unshift(served.stop);
  browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
  stops.unshift(() => browser.close());
});

after(async () => {
  for (const stop of stops) await stop();
});

/** A page whose complaints fail the test, unless it is to have some. */
async function opened(address, context = {}) {
  const page = await browser.newPage(context);
  page.errors = [];
  page.on("console", (message) => {
    if (message.type() === "error") page.errors.push(message.text());
  });
  page.on("pageerror", (error) => page.errors.push(String(error)));
  page.answer = await page.goto(address);
  return page;
}

/** A page of the bridge's that has loaded the package. */
async function tried(via = served, scheme = "http", context = {}) {
  const page = await opened(`${scheme}://127.0.0.1:${via.port}/try.html`, context);
  await page.waitForFunction(() => window.sealwire !== undefined);
  return page;
}

const options = (more = {}) => ({
  bridge: `ws://127.0.0.1:${served.port}/tcp/db1`,
  user: "app",
  password: PASSWORD,
  tls: { ca: tls.ca, serverName: NAME },
  ...more,
});

/** The error of a connection that fails, as a page sees it. */
const refused = (page, given) =>
  page.evaluate(async (given) => {
    const error = await window.sealwire.Client.connect(given).catch((error) => error);
    const { code, message, blame, hint } = error;
    return { is: error instanceof window.sealwire.SealwireError, code, message, blame, hint };
  }, given);

const ASK = `import { Client } from "sealwire-wasm";
export async function ask(options) {
  const client = await Client.connect(options);
  const { rows } = await client.query("SELECT name FROM page.staff ORDER BY id");
  await client.close();
  return rows.map(({ name }) => name).join();
}`;
const FILES = {
  "index.html": '<link rel="icon" href="data:,"><script type="module" src="/src/main.js"></script>',
  "src/ask.js": ASK,
  "src/worker.js": `import { ask } from "./ask.js";
onmessage = async ({ data }) => postMessage(await ask(data).catch((error) => error.message));`,
  "src/main.js": `import { ask } from "./ask.js";
window.ask = ask;
window.inWorker = (options) => new Promise((resolve) => {
  const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  worker.onmessage = ({ data }) => resolve(data);
  worker.postMessage(options);
});`,
};

// Vite 8 finds the module by itself; in those before its bundled dependencies have lost it.
for (const release of ["vite", "vite-7"]) {
  test(`the dev server of ${release} serves the packed package, without configuration`, async () => {
    const started = await vite(release, project(join(place, release), FILES));
    stops.unshift(started.stop);
    const origin = `http://127.0.0.1:${started.port}`;
    const other = await bridge({ targets: { db1: server.port }, page: site, options: [`--allow-origin=${origin}`] });
    stops.unshift(other.stop);
    const address = `ws://127.0.0.1:${other.port}/tcp/db1`;
    const dev = await opened(origin);
    await dev.waitForFunction(() => window.ask !== undefined);
    assert.equal(await dev.evaluate((given) => window.ask(given), options({ bridge: address })), "Ada,Grace");
    assert.equal(await dev.evaluate((given) => window.inWorker(given), options({ bridge: address })), "Ada,Grace");
    assert.deepEqual(dev.errors, []);
    await dev.close();
    // The bridge's own pages are allowed beside that origin, and no third one is.
    const own = await tried(other);
    const asked = (given) => own.evaluate(async (given) => (await window.sealwire.Client.connect(given)).close(), given);
    await asked(options({ bridge: address }));
    await own.close();
    const third = await tried();
    const told = await refused(third, options({ bridge: address }));
    assert.match(told.message, /may not use this bridge: list their origin with --allow-origin/);
    await third.close();
  });
}

test("an address that answers something else than the module says what to tell Vite", async () => {
  const linked = join(place, "linked");
  for (const [name, text] of Object.entries(FILES)) {
    mkdirSync(join(linked, name, ".."), { recursive: true });
    writeFileSync(join(linked, name), text);
  }
  writeFileSync(join(linked, "package.json"), '{ "type": "module" }');
  mkdirSync(join(linked, "node_modules"));
  symlinkSync(here("../../wasm/pkg"), join(linked, "node_modules/sealwire-wasm"));
  const started = await vite("vite", linked);
  stops.unshift(started.stop);
  const dev = await opened(`http://127.0.0.1:${started.port}`);
  await dev.waitForFunction(() => window.ask !== undefined);
  const said = await dev.evaluate((given) => window.ask(given).catch(({ name, message, hint }) => [name, message, hint]), options());
  assert.equal(said[0], "SealwireError");
  assert.match(said[1], /^The wasm module's address, http:.*sealwire_wasm_bg\.wasm, is answered with status 403$/);
  assert.match(said[2], /optimizeDeps: \{ exclude: \["sealwire-wasm"\] \}/);
  await dev.close();

  const page = await tried();
  const dead = `http://127.0.0.1:${await freePort()}/x.wasm`;
  for (const [wasm, expected] of [
    ["/try.html", /try\.html, is answered with something else \(text\/html; charset=utf-8\)$/],
    ["/nothing.wasm", /nothing\.wasm, is answered with status 404$/],
    [dead, /x\.wasm, can't be fetched: /],
  ]) {
    const told = await refused(page, options({ wasm }));
    assert.deepEqual([told.is, told.blame], [true, "Misuse"]);
    assert.match(told.message, expected);
    assert.match(told.hint, /optimizeDeps/);
  }
  // What failed is not kept, and a server that names another type is no obstacle.
  await page.route("**/*.wasm", async (route) => {
    await route.fulfill({ response: await route.fetch(), contentType: "application/octet-stream" });
  });
  assert.equal(await page.evaluate(async (given) => (await window.sealwire.Client.connect(given)).close(), options()), undefined);
  await page.close();
});

test("a policy that forbids wasm is named", async () => {
  const page = await browser.newPage();
  await page.route("**/try.html", async (route) => {
    const response = await route.fetch();
    const headers = { ...response.headers(), "content-security-policy": "script-src 'self'; connect-src 'self' ws:" };
    await route.fulfill({ response, headers });
  });
  await page.goto(`http://127.0.0.1:${served.port}/try.html`);
  await page.waitForFunction(() => window.sealwire !== undefined);
  const told = await refused(page, options());
  assert.match(told.message, /^The wasm module can't be compiled: /);
  assert.match(told.hint, /script-src 'wasm-unsafe-eval'/);
  await page.close();
});

