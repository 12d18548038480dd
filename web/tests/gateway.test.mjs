// The gateway's status page in Chromium, as the gateway itself serves it.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { certificates, folder, gateway, hold, PASSWORD, sealwired, sql } from "./peers.mjs";

const SHOTS = process.env.SEALWIRE_SCREENSHOTS;
const stops = [];
const peers = {};

before(async () => {
  const place = folder();
  stops.push(() => rmSync(place, { recursive: true, force: true }));
  const tls = certificates(place, "localhost", "127.0.0.1");
  const statements = ["secured", "check"].map((user) => `CREATE USER '${user}'@'%' IDENTIFIED BY '${PASSWORD}' REQUIRE SSL;`);
  const servers = await Promise.all([sealwired({ tls, statements }), sealwired({ tls, statements })]);
  stops.unshift(...servers.map((server) => server.stop));
  const file = join(place, "password");
  writeFileSync(file, PASSWORD);
  chmodSync(file, 0o600);
  const socket = join(place, "admin");
  const options = ["--check-user=check", `--check-password-file=${file}`, `--admin-socket=${socket}`];
  const front = await gateway({ tls, servers, options });
  stops.unshift(front.stop);
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
  stops.unshift(() => browser.close());
  Object.assign(peers, { tls, servers, socket, front, browser });
});

after(async () => {
  for (const stop of stops) await stop();
});

async function opened(options = {}) {
  const page = await peers.browser.newPage(options);
  page.errors = [];
  page.on("console", (message) => {
    if (message.type() === "error") page.errors.push(message.text());
  });
  page.on("pageerror", (error) => page.errors.push(String(error)));
  await page.goto(`http://127.0.0.1:${peers.front.admin}/`);
  return page;
}

const shot = async (page, name) => {
  if (SHOTS === undefined) return;
  mkdirSync(SHOTS, { recursive: true });
  await page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage: true });
};

test("pools, servers, certificates and sessions are shown, and follow", async () => {
  const page = await opened();
  const pool = page.getByRole("table", { name: "Pool main, plain" });
  for (const server of peers.servers) await pool.getByRole("row", { name: `127.0.0.1:${server.port} up` }).waitFor();
  assert.match(await page.getByRole("status").textContent(), /^Version \d.*; reloads of certificates: 0, refused: 0$/);
  assert.equal(sql(peers.front, peers.tls, "secured", "SELECT 1;"), "1");
  const held = hold(peers.front, peers.tls, "secured");
  const certificates = page.getByRole("table", { name: "Certificates" });
  await certificates.getByText("shown to clients").waitFor();
  for (const server of peers.servers) await certificates.getByText(`shown by server 127.0.0.1:${server.port}`).waitFor();
  const session = page.getByRole("table", { name: "Sessions: 1" }).getByRole("row", { name: /secured.* idle / });
  await session.waitFor();
  assert.match(await session.textContent(), /idleTLSv1\.3 TLS_\w+TLSv1\.3 TLS_[A-Z0-9_]+(, resumed)?$/);
  await shot(page, "gateway-light");

  const [first] = peers.servers;
  const drain = ["--silent", "--unix-socket", peers.socket, "-X", "POST", `http://localhost/drain?server=127.0.0.1:${first.port}`];
  execFileSync("curl", drain);
  held.kill();
  await page.getByRole("table", { name: "Sessions: 0" }).waitFor();
  await pool.getByRole("row", { name: `127.0.0.1:${first.port} up, drained` }).waitFor();
  assert.deepEqual(page.errors, []);
  await page.close();
});

test("a gateway that is gone is said, and a narrow window scrolls its tables alone", async () => {
  const page = await opened({ viewport: { width: 390, height: 800 }, colorScheme: "dark" });
  await page.getByRole("table", { name: "Certificates" }).waitFor();
  const width = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(width[0] <= width[1], `${width}`);
  await shot(page, "gateway-dark-narrow");
  await peers.front.stop();
  const problem = page.getByRole("alert");
  await problem.waitFor();
  assert.match(await problem.textContent(), /^The gateway can't be asked; below is its last answer/);
  assert.equal(await page.getByRole("table", { name: "Certificates" }).count(), 1);
  await page.close();
});
