// @ts-check
// Shows the gateway's /status: pools, servers, certificates and sessions. Every text comes from the network, so it is set as text alone.

/**
 * @typedef {{ server: string, state: string, reason: string, writer: boolean, writable: boolean, draining: boolean, sessions: number, check_seconds: number }} Server
 * @typedef {{ pool: string, kind: string, servers: Server[] }} Pool
 * @typedef {{ part: string, server: string | null, subject: string, issuer: string, serial: string, not_before: number, not_after: number, loaded_at: number }} Certificate
 * @typedef {{ issuer: string, next_update: number | null, revoked: number, loaded_at: number }} List
 * @typedef {{ version: string, cipher: string, resumed: boolean } | null} Protection
 * @typedef {{ id: number, user: string, client: string, pool: string, role: string, server: string | null, state: string, client_tls: Protection, server_tls: Protection }} Session
 * @typedef {{ version: string, uptime_seconds: number, stopping: boolean, pools: Pool[], certificates: Certificate[], revocation_lists: List[], tls_reloads: number, tls_reload_failures: number, sessions: Session[] }} Status
 */

/** The time from one reading to the next, in milliseconds. */
const PERIOD = 2000;
/** The most sessions in the table, because a longer one can't be read. */
const MOST_SESSIONS = 200;
const DAY = 86_400;
/** The days before a certificate's end from which on the page warns, as the gateway's log does. */
const SOON = 30;

const PARTS = new Map([
  ["own", "shown to clients"],
  ["client-ca", "CA of clients"],
  ["towards-servers", "shown to servers"],
  ["server-ca", "CA of servers"],
  ["server", "shown by server"],
]);

/**
 * @param {string} name
 * @returns {HTMLElement}
 */
function place(name) {
  const found = document.getElementById(name);
  if (found === null) throw new Error(`the page has no ${name}`);
  return found;
}

/**
 * @param {string} tag
 * @param {string} text
 * @param {string} [kind]
 */
function element(tag, text, kind) {
  const made = document.createElement(tag);
  made.textContent = text;
  if (kind !== undefined) made.className = kind;
  return made;
}

/** @param {number} seconds */
function span(seconds) {
  if (seconds < 120) return `${Math.floor(seconds)} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  return seconds < 2 * DAY ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / DAY)} days`;
}

/** @param {number} seconds */
const time = (seconds) => new Date(seconds * 1000).toISOString().replace("T", " ").slice(0, 16);

/** @param {Protection} tls */
const protection = (tls) => (tls === null ? element("span", "plaintext", "bad") : element("span", `${tls.version} ${tls.cipher}${tls.resumed ? ", resumed" : ""}`));

/**
 * A table whose cells are texts or elements.
 * @param {string} caption
 * @param {string[]} heads
 * @param {(string | HTMLElement)[][]} rows
 */
function table(caption, heads, rows) {
  const made = document.createElement("table");
  made.append(element("caption", caption));
  const head = made.createTHead().insertRow();
  for (const name of heads) {
    const cell = element("th", name);
    cell.setAttribute("scope", "col");
    head.append(cell);
  }
  const body = made.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    for (const cell of row) line.insertCell().append(cell);
  }
  const frame = element("div", "", "frame");
  // A frame that scrolls must be in reach of the keyboard.
  frame.tabIndex = 0;
  frame.append(made);
  return frame;
}

/** @param {Server} server */
function state(server) {
  const kind = { up: server.draining ? "warn" : "good", unfit: "warn", lost: "bad" }[server.state] ?? "muted";
  const name = server.state === "unknown" ? "not checked" : server.state;
  return element("span", server.draining ? `${name}, drained` : name, kind);
}

/** @param {Server} server */
function role(server) {
  if (server.writer) return "takes the writes";
  return server.writable ? "" : "read-only";
}

/** @param {Pool} pool */
function pool(pool) {
  const rows = pool.servers.map((server) => [
    server.server,
    state(server),
    role(server),
    String(server.sessions),
    server.check_seconds > 0 ? `${(server.check_seconds * 1000).toFixed(1)} ms` : "–",
    server.reason,
  ]);
  const section = document.createElement("section");
  section.append(table(`Pool ${pool.pool}, ${pool.kind}`, ["Server", "State", "Role", "Sessions", "Check", "Reason"], rows));
  return section;
}

/**
 * @param {number} end
 * @param {number} now
 */
function ends(end, now) {
  const left = end - now;
  if (left < 0) return element("span", `${span(-left)} ago`, "bad");
  return element("span", `in ${span(left)}`, left < SOON * DAY ? "warn" : "good");
}

/**
 * @param {Status} status
 * @param {number} now
 */
function certificates(status, now) {
  const rows = status.certificates.map((one) => [
    [PARTS.get(one.part) ?? one.part, one.server].filter((text) => text !== null).join(" "),
    one.subject,
    element("code", one.serial),
    ends(one.not_after, now),
    time(one.not_after),
    time(one.loaded_at),
  ]);
  const lists = status.revocation_lists.map((list) => [
    "revocation list",
    list.issuer,
    `${list.revoked} revoked`,
    list.next_update === null ? "" : ends(list.next_update, now),
    list.next_update === null ? "" : time(list.next_update),
    time(list.loaded_at),
  ]);
  return table("Certificates", ["Use", "Subject", "Serial", "Ends", "At (UTC)", "Loaded (UTC)"], [...rows, ...lists]);
}

/** @param {Session[]} all */
function sessions(all) {
  const shown = all.slice(0, MOST_SESSIONS);
  const rows = shown.map((one) => [
    String(one.id),
    one.user,
    one.client,
    one.server ?? "waits",
    one.state,
    protection(one.client_tls),
    one.server === null ? "" : protection(one.server_tls),
  ]);
  const count = all.length > shown.length ? `${all.length}, of which ${shown.length} are shown` : String(all.length);
  return table(`Sessions: ${count}`, ["Id", "User", "Client", "Server", "State", "TLS of the client", "TLS of the server"], rows);
}

/** @param {Status} status */
function show(status) {
  const reloads = `reloads of certificates: ${status.tls_reloads}, refused: ${status.tls_reload_failures}`;
  const stopping = status.stopping ? ", stopping" : "";
  place("summary").textContent = `Version ${status.version}, up ${span(status.uptime_seconds)}${stopping}; ${reloads}`;
  place("pools").replaceChildren(...status.pools.map(pool));
  place("certificates").replaceChildren(certificates(status, Date.now() / 1000));
  place("sessions").replaceChildren(sessions(status.sessions));
}

async function refresh() {
  const problem = place("problem");
  try {
    const answer = await fetch("status", { cache: "no-store" });
    if (!answer.ok) throw new Error(`the gateway answers ${answer.status}`);
    show(await answer.json());
    problem.hidden = true;
  } catch (error) {
    problem.textContent = `The gateway can't be asked; below is its last answer. ${error instanceof Error ? error.message : error}`;
    problem.hidden = false;
  }
  setTimeout(refresh, PERIOD);
}

refresh();
