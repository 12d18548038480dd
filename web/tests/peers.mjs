// The servers of a test: each in a folder of its own, on a port that the system chose, stopped by its pid.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

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
export function certificates(place, host = "localhost") {
  execFileSync(program("sealwire-certs"), ["--dir", place, "--host", host], { stdio: "ignore" });
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

export function sealwired({ tls, statements = [] }) {
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
      ];
    },
    readyPort,
  );
}

export async function mariadb({ tls, statements = [] }) {
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
        ...[`--init-file=${init}`, "--innodb-buffer-pool-size=32M", ...tls.options],
      ];
    },
    (said) => (said.includes("ready for connections") ? port : undefined),
  );
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
