import "./ladder.css";
import { h, size } from "./dom.js";

/** A rung, of a real connection or of a simulated one. */
export interface LadderRung {
  kind: "packet" | "record" | "state" | "note";
  /** Milliseconds since the beginning. */
  at: number;
  /** Whether it goes from client to server. */
  toServer: boolean;
  name: string;
  length: number;
  encrypted: boolean;
  meaning: string;
  /** Names and values to be shown when it is opened. */
  fields: () => [string, string][];
  /** Its bytes, where they are known. */
  bytes?: (() => Uint8Array) | undefined;
  /** Of a state, whose it is. */
  side?: "client" | "server";
}

/** Draws a connection as a ladder, client left, server right. */
export function ladder(rungs: readonly LadderRung[], client: string, server: string): HTMLElement {
  const list = h("ol", { class: "ladder" });
  list.append(h("li", { class: "ends" }, h("span", {}, client), h("span", {}, server)));
  let sealed = false;
  rungs.forEach((rung, index) => {
    if (!sealed && rung.kind === "record") {
      sealed = true;
      list.append(h("li", { class: "sealed" }, h("span", {}, "plaintext ends here")));
    }
    const drawn = rung.kind === "state" || rung.kind === "note" ? remark(rung) : arrow(rung);
    drawn.style.setProperty("--order", String(Math.min(index, 60)));
    list.append(drawn);
  });
  return list;
}

function remark(rung: LadderRung): HTMLElement {
  const kind = rung.kind === "note" ? "note" : rung.name === "Failed" ? "failed" : "";
  const text = rung.side === undefined ? rung.name : `${rung.side}: ${rung.name}`;
  return h("li", { class: `state ${kind} ${rung.side ?? ""}` }, h("span", { title: rung.meaning }, text));
}

function arrow(rung: LadderRung): HTMLElement {
  const kind = rung.kind === "record" ? "tls" : rung.encrypted ? "inside" : "plain";
  const details = h(
    "details",
    { class: `rung ${rung.toServer ? "sent" : "received"} ${kind}` },
    h(
      "summary",
      {},
      h("span", { class: "time" }, `${rung.at.toFixed(1)} ms`),
      h("span", { class: "line" }, h("span", { class: "name" }, title(rung)), h("span", { class: "bytes" }, size(rung.length))),
    ),
  );
  details.ontoggle = () => {
    // The explanation is made when it is first opened.
    if (details.open && details.children.length === 1) details.append(explanation(rung));
  };
  return h("li", {}, details);
}

function title(rung: LadderRung): string {
  if (rung.kind === "packet") return `${rung.name}${rung.encrypted ? ", inside TLS" : ""}`;
  if (rung.name === "ApplicationData") return "TLS: encrypted record";
  return `TLS: ${rung.name}`;
}

function explanation(rung: LadderRung): HTMLElement {
  const facts = h("dl");
  facts.append(h("dt", {}, "From"), h("dd", {}, rung.toServer ? "client" : "server"));
  for (const [name, value] of rung.fields()) {
    if (value !== "") facts.append(h("dt", {}, name), h("dd", {}, value));
  }
  const body = h("div", { class: "rung-body" }, h("p", {}, rung.meaning), facts);
  const bytes = rung.bytes?.();
  if (bytes !== undefined && bytes.length > 0) body.append(h("pre", { class: "hex", tabIndex: 0 }, hexDump(bytes)));
  else if (rung.encrypted && rung.kind === "packet") body.append(h("p", { class: "muted" }, "Its bytes are inside the TLS record next to it."));
  return body;
}

/** Offset, bytes, and what of them is ASCII. */
function hexDump(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const line = [...bytes.subarray(at, at + 16)];
    const hex = line.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const text = line.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : ".")).join("");
    lines.push(`${at.toString(16).padStart(4, "0")}  ${hex.padEnd(47)}  ${text}`);
  }
  return lines.join("\n");
}
