import { h } from "../dom.js";
import type { Failure, Played } from "./scenario.js";

function failure(side: string, { code, sqlstate, message, hint, log }: Failure): HTMLElement {
  return h(
    "div",
    { class: "said" },
    h("span", { class: "muted" }, `${side}: `),
    h("strong", {}, `ERROR ${code} (${sqlstate}): `),
    message,
    typeof hint === "string" && h("p", {}, hint),
    typeof log === "string" && h("p", { class: "muted" }, `In the server's log: ${log}`),
  );
}

/** The result of a run, in words. */
export function outcome({ run }: Played): HTMLElement {
  const box = h("div", { class: "outcome", role: "status" });
  const first = run.connections[0];
  if (first === undefined) return box;
  const { client, server } = first;
  const connected = typeof client.connected_us === "number";
  box.classList.add(connected && !client.failure ? "good" : "bad");
  if (connected) {
    const tls = client.facts.tls;
    const how = tls ? `${tls.version}, ${tls.cipher}${tls.group ? `, ${tls.group}` : ""}` : "plaintext";
    box.append(h("strong", {}, `Connected after ${(client.connected_us! / 1000).toFixed(1)} ms: ${how}`));
    if (tls && tls.verification === "none") box.append(h("p", {}, "Encrypted, but to whom? The certificate was not verified."));
  } else {
    box.append(h("strong", {}, "Not connected"));
  }
  if (client.failure) box.append(failure("Client", client.failure));
  if (server.failure && server.failure.message !== client.failure?.message) box.append(failure("Server", server.failure));
  const intercepted = new TextDecoder().decode(new Uint8Array(run.intercepted)).replaceAll(/[^\x20-\x7e]+/g, " ");
  if (run.intercepted.length > 0) box.append(h("p", { class: "intercepted" }, `The man in the middle could read: ${intercepted}`));
  box.append(
    h(
      "p",
      { class: "muted" },
      `${run.packets} packets in ${(run.time_us / 1000).toFixed(1)} ms of virtual time. Hash `,
      h("code", { class: "hash" }, run.hash),
    ),
  );
  return box;
}
