// The first hour of a developer who writes a page with the npm package: tools, types, options, messages.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { bridge, certificates, folder, freePort, PASSWORD, project, sealwired, vite } from "./peers.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const SHOTS = process.env.SEALWIRE_SCREENSHOTS;
const NAME = "db1.example";
const TOKEN = "0123456789abcdef";
const stops = [];
let place;
let tls;
let site;
let server;
let served;
let browser;

/** The blocks of code in the package's README, by their language. */
function readme(language) {
  const text = readFileSync(here("../../wasm/README.md"), "utf8");
  return new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, "s").exec(text)[1];
}

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
  // The files that README names, and the package as it is installed.
  site = join(place, "page");
  const installed = project(join(place, "bare"), {});
  cpSync(join(installed, "node_modules/sealwire-wasm"), join(site, "sealwire-wasm"), { recursive: true });
  writeFileSync(join(site, "ca.pem"), tls.ca);
  writeFileSync(join(site, "index.html"), readme("html"));
  writeFileSync(join(site, "main.js"), readme("js").replace("FROM staff", "FROM page.staff"));
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
  // A failed load is tried again, and a server that sends another content type is accepted.
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

test("README's bare page runs as the bridge serves it, under its policy", async () => {
  const page = await browser.newPage();
  page.on("dialog", (dialog) => dialog.accept(PASSWORD));
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  const answer = await page.goto(`http://127.0.0.1:${served.port}/`);
  assert.match(answer.headers()["content-security-policy"], /default-src 'none'; script-src 'self' 'wasm-unsafe-eval'/);
  const shown = page.locator("pre", { hasText: "Ada" });
  await shown.waitFor();
  assert.match(await shown.textContent(), /^Cipher in use is TLS_\w+, cert is verified by CA and host name\n1 Ada\n2 Grace$/);
  assert.deepEqual(errors, []);
  if (SHOTS !== undefined) await page.screenshot({ path: join(SHOTS, "bare-page.png") });
  await page.close();
  // The reason why the script is a file of its own.
  writeFileSync(join(site, "inline.html"), "<script type=module>window.ran = true</script>");
  const inline = await opened(`http://127.0.0.1:${served.port}/inline.html`);
  assert.equal(await inline.evaluate(() => window.ran), undefined);
  assert.match(inline.errors.join(), /Content Security Policy/);
  await inline.close();
});

test("the types pass tsc with lib ES2022 and DOM, libraries checked", () => {
  const sample = project(join(place, "types"), { "sample.ts": readFileSync(here("types/sample.ts"), "utf8") });
  cpSync(here("types/tsconfig.json"), join(sample, "tsconfig.json"));
  for (const more of [[], ["--module", "nodenext", "--moduleResolution", "nodenext"]]) {
    const tsc = spawnSync(here("../node_modules/.bin/tsc"), ["--project", sample, ...more], { encoding: "utf8" });
    assert.equal(tsc.status, 0, tsc.stdout + tsc.stderr);
  }
});

test("every option that is missing or of another type is an error that names it, at once and in the promise", async () => {
  const page = await tried();
  const found = await page.evaluate(async (good) => {
    const { Client, SealwireError, Ladder } = window.sealwire;
    const wrong = () => ({
      string: [7, true, {}, [], new Uint8Array(3), Promise.resolve("x"), () => {}],
      other: [7, "text", true, [], () => {}],
    });
    const strings = ["bridge", "token", "user", "password", "database"];
    const others = { connectTimeout: [-1, NaN, Infinity, "5", {}], bigint: ["Number", 1, {}], signal: wrong().other.concat({}) };
    Object.assign(others, { trace: wrong().other.concat({}), wasm: [7, true, ""], tls: wrong().other });
    const tls = ["mode", "ca", "cert", "key", "passphrase", "serverName", "fingerprint", "versions", "ciphers", "ciphersuites"];
    const cases = [];
    for (const name of strings) for (const value of wrong().string) cases.push([name, value, (o) => ({ ...o, [name]: value })]);
    for (const [name, values] of Object.entries(others)) {
      for (const value of values) cases.push([name, value, (o) => ({ ...o, [name]: value })]);
    }
    for (const name of tls) {
      for (const value of wrong().string) cases.push([`tls.${name}`, value, (o) => ({ ...o, tls: { ...o.tls, [name]: value } })]);
    }
    for (const value of [undefined, null, "", "localhost:8443", "ftp://h/tcp/a", "wss://", "ws://h/tcp/a#b", "tcp/a"]) {
      cases.push(["bridge", value, (o) => ({ ...o, bridge: value })]);
    }
    for (const value of [undefined, null]) cases.push(["user", value, (o) => ({ ...o, user: value })]);
    cases.push(["token", "two words", (o) => ({ ...o, token: "two words" })]);
    const faults = [];
    for (const [name, value, change] of cases) {
      let promise;
      try {
        promise = Client.connect(change(good));
      } catch (error) {
        faults.push(`${name}: ${error} was thrown outside of the promise`);
        continue;
      }
      const late = new Promise((resolve) => setTimeout(() => resolve("nothing within 2 s"), 2000));
      const error = await Promise.race([promise.then(() => undefined, (error) => error), late]);
      const shown = `${name} = ${value}: ${error}`;
      if (!(error instanceof SealwireError) || error.blame !== "Misuse") faults.push(`${shown}: no SealwireError`);
      else if (!error.message.includes(`'${name}'`)) faults.push(`${shown}: does not name it`);
      else if (name === "bridge" && typeof (value ?? "") === "string" && !error.hint.includes("wss://host/tcp/NAME")) {
        faults.push(`${shown}: no way out`);
      }
      else if (error.message.includes("two words")) faults.push(`${shown}: shows a secret`);
    }
    // An optional one that is undefined or null is as good as none.
    const optional = ["token", "database", "connectTimeout", "bigint", "signal", "trace", "wasm"];
    for (const value of [undefined, null]) {
      for (const name of optional) {
        const client = await Client.connect({ ...good, [name]: value }).catch((error) => faults.push(`${name} = ${value}: ${error}`));
        await client?.close?.();
      }
      for (const name of tls.filter((name) => !["ca", "serverName"].includes(name))) {
        const given = { ...good, tls: { ...good.tls, [name]: value } };
        const client = await Client.connect(given).catch((error) => faults.push(`tls.${name} = ${value}: ${error}`));
        await client?.close?.();
      }
      for (const given of [{ ...good, tls: value }, { ...good, tls: { ca: value, fingerprint: value } }]) {
        const error = await Client.connect(given).catch((error) => error);
        if (!/the server can't be verified: give tls.ca/.test(error.message)) faults.push(`tls = ${value}: ${error}`);
      }
      const error = await Client.connect({ ...good, password: value }).catch((error) => error);
      if (error.code !== 1045) faults.push(`password = ${value}: ${error}`);
    }
    for (const value of [undefined, null, 7, "ws://h", []]) {
      const error = await Client.connect(value).catch((error) => error);
      if (!/^Client.connect's argument must be an object of options/.test(error.message)) faults.push(`connect(${value}): ${error}`);
    }
    const client = await Client.connect(good);
    for (const value of [undefined, null, 7, {}]) {
      for (const call of [client.query(value), client.prepare(value), client.queryStream(value).next()]) {
        const error = await call.catch((error) => error);
        if (!/^the statement must be a string/.test(error.message)) faults.push(`query(${value}): ${error}`);
      }
    }
    // None of these was the connection's end.
    if ((await client.query("SELECT 'alive' AS word")).rows[0].word !== "alive") faults.push("the connection is gone");
    await client.close();
    return { count: cases.length, faults };
  }, options());
  assert.deepEqual(found.faults, []);
  assert.ok(found.count > 140, String(found.count));
  assert.deepEqual(page.errors, []);
  await page.close();
});

test("a command stands in the ladder at the time it was sent", async () => {
  const page = await tried();
  const [answered, sent] = await page.evaluate(async (given) => {
    const { Client, Ladder } = window.sealwire;
    const trace = new Ladder();
    const client = await Client.connect({ ...given, trace });
    const answered = trace.rungs().at(-1).at;
    // The page is busy, and hears nothing meanwhile.
    for (const until = performance.now() + 100; performance.now() < until; );
    await client.query("SELECT 1");
    const sent = trace.rungs().find(({ name }) => name === "COM_QUERY").at;
    await client.close();
    return [answered, sent];
  }, options());
  assert.ok(sent - answered >= 100, `${answered} ms, then ${sent} ms`);
  assert.deepEqual(page.errors, []);
  await page.close();
});

test("a bridge that does not answer is given up after connectTimeout", async () => {
  const silent = createServer(() => {}).listen(0, "127.0.0.1");
  await new Promise((resolve) => silent.once("listening", resolve));
  stops.unshift(() => silent.close());
  const page = await tried();
  const bridge = `ws://127.0.0.1:${silent.address().port}/tcp/db1`;
  const told = await refused(page, options({ bridge, connectTimeout: 0.2 }));
  assert.deepEqual([told.is, told.code, told.blame], [true, 2003, "TimedOut"]);
  assert.match(told.message, /^Can't connect to the bridge at 127\.0\.0\.1:\d+: no answer within 0\.2 s$/);
  await page.close();
});

test("BIGINT comes as a number where it is asked for so, and never rounded", async () => {
  const page = await tried();
  const got = await page.evaluate(async (given) => {
    const client = await window.sealwire.Client.connect({ ...given, bigint: "number" });
    const { rows, columns } = await client.query("SELECT id, name FROM page.staff ORDER BY id");
    const statement = await client.prepare("SELECT id FROM page.staff WHERE id = ?");
    const executed = await statement.execute([2]);
    const large = await client.query("SELECT 9007199254740991 AS most, -9007199254740991 AS least");
    const errors = [];
    for (const sql of ["SELECT 9007199254740992 AS id", "SELECT -9007199254740993 AS id", "SELECT 18446744073709551615 AS id"]) {
      errors.push(await client.query(sql).catch(({ name, message, hint, blame }) => [name, message, hint, blame]));
    }
    const streamed = [];
    for await (const row of client.queryStream("SELECT id FROM page.staff ORDER BY id")) streamed.push(row.id);
    const again = (await client.query("SELECT 1 AS one")).rows;
    await client.close();
    const usual = await window.sealwire.Client.connect(given);
    const one = typeof (await usual.query("SELECT 1 AS one")).rows[0].one;
    await usual.close();
    return { text: JSON.stringify(rows), kind: columns[0].kind, executed: executed.rows, large: large.rows, errors, streamed, again, one };
  }, options());
  assert.equal(got.text, '[{"id":1,"name":"Ada"},{"id":2,"name":"Grace"}]');
  assert.equal(got.kind, "number");
  assert.deepEqual(got.executed, [{ id: 2 }]);
  assert.deepEqual(got.large, [{ most: 9007199254740991, least: -9007199254740991 }]);
  for (const [name, message, hint, blame] of got.errors) {
    assert.deepEqual([name, blame], ["SealwireError", "Misuse"]);
    assert.match(message, /^column 'id' holds -?\d+, which a number can't hold exactly$/);
    assert.equal(hint, 'Connect without bigint: "number", or select CAST(id AS CHAR).');
  }
  assert.match(got.errors[1][1], /-9007199254740993/);
  assert.deepEqual(got.streamed, [1, 2]);
  assert.deepEqual(got.again, [{ one: 1 }], "the connection lives on");
  assert.equal(got.one, "bigint");
  await page.close();
});

test("bytes that are sent as a parameter come back as bytes, and text as text", async () => {
  const page = await tried();
  const kinds = await page.evaluate(async (given) => {
    const client = await window.sealwire.Client.connect(given);
    const statement = await client.prepare("SELECT ? AS bytes, ? AS empty, ? AS text");
    const { rows, columns } = await statement.execute([new Uint8Array([1, 2]), new Uint8Array(), "\u0001\u0002"]);
    await client.close();
    const [{ bytes, empty, text }] = rows;
    return [columns.map(({ kind }) => kind), bytes instanceof Uint8Array && [...bytes], empty instanceof Uint8Array, text];
  }, options());
  assert.deepEqual(kinds, [["bytes", "bytes", "string"], [1, 2], true, "\u0001\u0002"]);
  await page.close();
});

test("await using closes statement and client, and an engine without it loads the package", async () => {
  writeFileSync(
    join(site, "using.js"),
    `import { Client } from "./sealwire-wasm/index.js";
window.using = async (options) => {
  let kept;
  {
    await using client = await Client.connect(options);
    kept = client;
    await using statement = await client.prepare("SELECT ? AS word");
    const { rows } = await statement.execute(["inside"]);
    if (rows[0].word !== "inside") throw new Error("no row");
  }
  return kept.query("SELECT 1").catch(({ code }) => code);
};`,
  );
  writeFileSync(join(site, "using.html"), '<link rel="icon" href="data:,"><script type="module" src="using.js"></script>');
  const page = await opened(`http://127.0.0.1:${served.port}/using.html`);
  await page.waitForFunction(() => window.using !== undefined);
  assert.equal(await page.evaluate((given) => window.using(given), options()), 2006, "the client is closed");
  assert.deepEqual(page.errors, []);
  await page.close();
  const older = await browser.newPage();
  await older.addInitScript(() => {
    const whole = Symbol;
    const without = Object.getOwnPropertyDescriptors(whole);
    for (const name of ["dispose", "asyncDispose"]) delete without[name];
    window.Symbol = Object.defineProperties((text) => whole(text), without);
  });
  await older.goto(`http://127.0.0.1:${served.port}/try.html`);
  await older.waitForFunction(() => window.sealwire !== undefined);
  assert.equal(await older.evaluate(() => "undefined" in window.sealwire.Client.prototype), false);
  await older.close();
});

test("a page may name the bridge that serves it by the path alone", async () => {
  const page = await tried();
  const line = await page.evaluate(async (given) => {
    const client = await window.sealwire.Client.connect({ ...given, bridge: "/tcp/db1" });
    const [, line] = (await client.status()).find(([label]) => label === "Connection:");
    await client.close();
    return line;
  }, options());
  assert.equal(line, `ws://127.0.0.1:${served.port}/tcp/db1 via WebSocket`);
  await page.close();
});

test("with wss the certificate is named first, and the bridge's own pages stay allowed", async () => {
  const named = ["--ssl-cert=", "--ssl-key="].map((option, at) => `${option}${join(place, ["server-cert.pem", "server-key.pem"][at])}`);
  const sealed = await bridge({ targets: { db1: server.port }, page: site, options: [...named, "--allow-origin=https://dev.example"] });
  stops.unshift(sealed.stop);
  const address = `wss://localhost:${sealed.port}/tcp/db1`;
  const asking = await tried();
  const told = await refused(asking, options({ bridge: address }));
  assert.equal(told.message, `Can't connect to the bridge at localhost:${sealed.port}`);
  const first = "Does this browser trust the bridge's certificate, and is it for localhost?";
  assert.ok(told.hint.startsWith(`${first} Open https://localhost:${sealed.port}/ in it`), told.hint);
  assert.match(told.hint, /ca\.pem/);
  const plain = await refused(asking, options({ bridge: `ws://localhost:${sealed.port}/tcp/db1` }));
  assert.match(plain.hint, /wss:\/\//);
  await asking.close();
  // As in a browser that has the CA.
  const own = await opened(`https://localhost:${sealed.port}/try.html`, { ignoreHTTPSErrors: true });
  await own.waitForFunction(() => window.sealwire !== undefined);
  await own.evaluate(async (given) => (await window.sealwire.Client.connect(given)).close(), options({ bridge: address }));
  // A page of https may open no ws to elsewhere.
  const mixed = await refused(own, options({ bridge: "ws://bridge.example/tcp/db1" }));
  assert.deepEqual([mixed.is, mixed.code, mixed.blame], [true, 2003, "Bridge"]);
  assert.match(mixed.hint, /--ssl-cert/);
  await own.close();
});

test("what the bridge or the server lacks is asked for by the option's name", async () => {
  const file = join(place, "token");
  writeFileSync(file, `${TOKEN}\n`, { mode: 0o600 });
  const guarded = await bridge({ targets: { db1: server.port }, page: site, options: [`--token-file=${file}`] });
  stops.unshift(guarded.stop);
  const bridgeOf = { bridge: `ws://127.0.0.1:${guarded.port}/tcp/db1` };
  const asking = await tried(guarded);
  for (const [token, message] of [[undefined, "The bridge requires its token"], ["guessed", "The token is not the bridge's"]]) {
    const told = await refused(asking, options({ ...bridgeOf, token }));
    assert.deepEqual([told.is, told.code, told.message, told.blame], [true, 2003, message, "Bridge"]);
    assert.match(told.hint, /the option token/);
  }
  await asking.evaluate(async (given) => (await window.sealwire.Client.connect(given)).close(), options({ ...bridgeOf, token: TOKEN }));
  await asking.close();
  const mine = await tried();
  const plain = await refused(mine, options({ tls: { mode: "DISABLED" } }));
  assert.deepEqual([plain.code, plain.blame], [1045, "RefusedByServer"]);
  assert.match(plain.hint, /REQUIRE SSL.*tls\.mode/);
  const guessed = await refused(mine, options({ password: "guessed" }));
  assert.deepEqual([guessed.code, guessed.hint], [1045, undefined], "over TLS it is the password");
  await mine.close();
});

test("a client that asks for websockify's subprotocol gets it", async () => {
  const page = await tried();
  const first = await page.evaluate(
    (address) =>
      new Promise((resolve) => {
        const socket = new WebSocket(address, ["binary", "base64"]);
        socket.binaryType = "arraybuffer";
        socket.onmessage = ({ data }) => resolve([socket.protocol, new Uint8Array(data)[4]]);
        socket.onclose = ({ code }) => resolve(["closed", code]);
      }),
    options().bridge,
  );
  assert.deepEqual(first, ["binary", 10], "the greeting's protocol version");
  await page.close();
});
