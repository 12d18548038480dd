// The servers of a test: each in a folder of its own, on a port that the system chose, stopped by its pid.
import { execFileSync, spawn } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeFileSync } from "node:fs";
import { connect as dial, createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const PATIENCE = 60_000;
export const PASSWORD = "sealed";

const programs = process.env.SEALWIRE_PROGRAMS;
if (programs === undefined) throw new Error("SEALWIRE_PROGRAMS names the folder of the built programs: run `cargo xtask test browser`");
const program = (name) => (name.startsWith("sealwire") ? join(programs, name) : name);

/** A folder that is removed by `stop`. */
export function folder() {
  return mkdtempSync(join(tmpdir(), "sealwire-page-"));
}

/** A port that nobody listens on. */
export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** CA, server's and client's certificate under MySQL's file names. */
export function certificates(place, ...hosts) {
  const names = (hosts.length > 0 ? hosts : ["localhost"]).flatMap((host) => ["--host", host]);
  execFileSync(program("sealwire-certs"), ["--dir", place, ...names], { stdio: "ignore" });
  const read = (name) => readFileSync(join(place, `${name}.pem`), "utf8");
  return {
    place,
    ca: read("ca"),
    cert: read("client-cert"),
    key: read("client-key"),
    options: ["ca", "server-cert", "server-key"].map(
      (name) => `--ssl-${name.replace("server-", "")}=${join(place, `${name}.pem`)}`,
    ),
  };
}

const PACKAGE = fileURLToPath(new URL("../../wasm/pkg", import.meta.url));

/** A project with the package as npm installs it from what `npm pack` makes, and with these files. */
export function project(place, files) {
  const npm = (...options) => execFileSync("npm", [...options, "--silent"], { cwd: place, encoding: "utf8" }).trim();
  mkdirSync(place, { recursive: true });
  for (const [name, text] of Object.entries({ "package.json": '{ "private": true, "type": "module" }', ...files })) {
    mkdirSync(dirname(join(place, name)), { recursive: true });
    writeFileSync(join(place, name), text);
  }
  npm("install", "--offline", "--no-audit", "--no-fund", npm("pack", PACKAGE));
  return place;
}

/** Vite's dev server, of that release's package. */
export async function vite(release, place) {
  const bin = fileURLToPath(new URL(`../node_modules/${release}/bin/vite.js`, import.meta.url));
  const port = await freePort();
  const options = [bin, place, "--host=127.0.0.1", `--port=${port}`, "--strictPort"];
  return start(process.execPath, () => options, (said) => (said.includes("Local") ? port : undefined));
}

/** Starts a program and waits for the line that says it is ready; returns its port. */
async function start(name, options, ready) {
  const place = folder();
  const log = join(place, "log");
  const out = openSync(log, "a");
  const child = spawn(program(name), options(place), { stdio: ["ignore", out, out] });
  let ended = false;
  const end = new Promise((resolve) => child.once("exit", resolve));
  child.once("exit", () => (ended = true));
  child.once("error", () => (ended = true));
  const stop = async () => {
    if (!ended) {
      child.kill("SIGTERM");
      await end;
    }
    rmSync(place, { recursive: true, force: true });
  };
  const until = Date.now() + PATIENCE;
  for (;;) {
    const said = readFileSync(log, "utf8");
    const port = ready(said);
    if (port !== undefined) return { port, stop, place, pid: child.pid, log: () => readFileSync(log, "utf8") };
    if (ended || Date.now() > until) throw new Error(`${name} is not ready:\n${said}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The port in "ready for connections … port: N". */
function readyPort(said) {
  const port = /ready for connections[^\n]*\n?[^\n]*port: (\d+)/.exec(said)?.[1];
  return port === undefined || port === "0" ? undefined : Number(port);
}

export function sealwired({ tls, statements = [], options = [] }) {
  return start(
    "sealwired",
    (place) => {
      execFileSync(program("sealwired"), ["--no-defaults", "--initialize-insecure", `--datadir=${join(place, "data")}`], {
        stdio: "ignore",
      });
      const init = join(place, "init.sql");
      writeFileSync(init, `${statements.join("\n")}\n`);
      return [
        ...["--no-defaults", "--bind-address=127.0.0.1", "--port=0", `--datadir=${join(place, "data")}`],
        ...[`--socket=${join(place, "socket")}`, `--init-file=${init}`],
        ...(tls === undefined ? ["--skip-ssl"] : tls.options),
        ...options,
      ];
    },
    readyPort,
  );
}

export async function mariadb({ tls, statements = [], options = [] }) {
  const port = await freePort();
  return start(
    "mariadbd",
    (place) => {
      const data = `--datadir=${join(place, "data")}`;
      const user = process.getuid() === 0 ? ["--user=root"] : [];
      execFileSync("mariadb-install-db", ["--no-defaults", data, "--auth-root-authentication-method=normal", ...user], {
        stdio: "ignore",
      });
      const init = join(place, "init.sql");
      // The anonymous accounts would shadow those of '%'.
      const first = ["DELETE FROM mysql.global_priv WHERE User='';", "FLUSH PRIVILEGES;"];
      writeFileSync(init, `${[...first, ...statements].join("\n")}\n`);
      return [
        ...["--no-defaults", data, ...user, `--port=${port}`, "--bind-address=127.0.0.1", `--socket=${join(place, "socket")}`],
        ...[`--init-file=${init}`, "--innodb-buffer-pool-size=32M", ...tls.options, ...options],
      ];
    },
    (said) => (said.includes("ready for connections") ? port : undefined),
  );
}

/** Runs statements as a client of its own; returns the lines of their answer. */
export function sql({ port }, tls, user, statements) {
  const options = ["--no-defaults", "-N", "-h127.0.0.1", `-P${port}`, `-u${user}`, `-p${PASSWORD}`, `--ssl-ca=${join(tls.place, "ca.pem")}`];
  return execFileSync(program("sealwire"), options, { input: statements, encoding: "utf8", stdio: ["pipe", "pipe", "pipe"] }).trim();
}

/** A client that stays connected until it is killed. */
export function hold({ port }, tls, user) {
  const options = ["--no-defaults", "-h127.0.0.1", `-P${port}`, `-u${user}`, `-p${PASSWORD}`, `--ssl-ca=${join(tls.place, "ca.pem")}`];
  return spawn(program("sealwire"), options, { stdio: ["pipe", "ignore", "ignore"] });
}

/** The bridge, serving the page. */
export function bridge({ targets, page, options = [] }) {
  const named = Object.entries(targets).map(([name, port]) => `--target=${name}=127.0.0.1:${port}`);
  return start(
    "sealwire-bridge",
    () => ["--no-defaults", "--port=0", `--page-dir=${page}`, ...named, ...options],
    readyPort,
  );
}

/** The gateway before servers, whose certificates have the CA of `tls`; its status page is at the port of `admin`. */
export async function gateway({ tls, servers, options = [] }) {
  const admin = await freePort();
  const running = await start(
    "sealwire-gateway",
    () => [
      ...["--no-defaults", "--bind-address=127.0.0.1", "--port=0", `--admin-port=${admin}`],
      ...tls.options.filter((option) => !option.startsWith("--ssl-ca")),
      `--server-ssl-ca=${join(tls.place, "ca.pem")}`,
      ...servers.map((server) => `--server=127.0.0.1:${server.port}`),
      ...options,
    ],
    readyPort,
  );
  return { ...running, admin };
}

/** A relay in front of a port that keeps all that goes through it: what somebody sees who listens on the wire. */
export async function listener(port) {
  const ways = [];
  const server = createServer((near) => {
    const far = dial(port, "127.0.0.1");
    for (const [from, to] of [[near, far], [far, near]]) {
      const way = [];
      ways.push(way);
      from.on("data", (chunk) => way.push(chunk));
      from.on("error", () => to.destroy());
      from.pipe(to);
    }
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  return {
    port: server.address().port,
    /** Every byte, as it was on the wire and as the WebSocket's ends have it. */
    heard: () => Buffer.concat(ways.map((way) => Buffer.concat(way)).flatMap((bytes) => [bytes, payloads(bytes)])),
    stop: () => server.close(),
  };
}

/** The unmasked contents of the frames after the HTTP head. Each frame of a page has its own mask. */
function payloads(bytes) {
  const found = [];
  let at = bytes.indexOf("\r\n\r\n") + 4;
  while (at + 2 <= bytes.length) {
    const masked = (bytes[at + 1] & 0x80) !== 0;
    let length = bytes[at + 1] & 0x7f;
    at += 2;
    if (length === 126) [length, at] = [bytes.readUInt16BE(at), at + 2];
    else if (length === 127) [length, at] = [Number(bytes.readBigUInt64BE(at)), at + 8];
    const mask = masked ? bytes.subarray(at, at + 4) : Buffer.alloc(4);
    if (masked) at += 4;
    found.push(Buffer.from(bytes.subarray(at, at + length)).map((byte, place) => byte ^ mask[place & 3]));
    at += length;
  }
  return Buffer.concat(found);
}

/** All memory that a process can write: heap, stacks and all else. */
export function memory(pid) {
  const file = openSync(`/proc/${pid}/mem`, "r");
  const parts = [];
  for (const line of readFileSync(`/proc/${pid}/maps`, "utf8").split("\n")) {
    const range = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line);
    if (range === null) continue;
    const [start, end] = [parseInt(range[1], 16), parseInt(range[2], 16)];
    const part = Buffer.alloc(end - start);
    try {
      readSync(file, part, 0, part.length, start);
      parts.push(part);
    } catch {
      // Memory that is reserved and unused can't be read.
    }
  }
  closeSync(file);
  return Buffer.concat(parts);
}
