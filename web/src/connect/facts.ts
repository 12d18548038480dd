import type { Certificate, Facts } from "sealwire-wasm";
import { h, size } from "../dom.js";

function rows(pairs: [string, string | undefined][]): HTMLElement {
  const list = h("dl");
  for (const [name, value] of pairs) {
    if (value !== undefined && value !== "") list.append(h("dt", {}, name), h("dd", {}, value));
  }
  return list;
}

function certificate(shown: Certificate, index: number): HTMLElement {
  const days = Math.floor((Date.parse(shown.notAfter) - Date.now()) / 86_400_000);
  const left = Number.isNaN(days) ? "" : days < 0 ? " (expired)" : ` (${days} days left)`;
  return h(
    "section",
    {},
    h("h3", {}, index === 0 ? "The server's certificate" : "Its issuer"),
    rows([
      ["Subject", shown.subject],
      ["Issuer", shown.issuer],
      ["For", shown.names.join(", ") || (index === 0 ? "(names no host)" : undefined)],
      ["Valid from", shown.notBefore],
      ["Valid until", `${shown.notAfter}${left}`],
      ["Key", shown.key],
      ["Serial", shown.serial],
      ["SHA-256", shown.fingerprint],
    ]),
  );
}

/** How the connection is protected. */
export function sslState({ tls }: Facts): "plain" | "unverified" | "verified" {
  if (tls === undefined) return "plain";
  return tls.verification === "NONE" ? "unverified" : "verified";
}

/** Everything that the connection negotiated, and the lines of `\s`. */
export function factsDialog(facts: Facts, status: [string, string][]): HTMLDialogElement {
  const { tls } = facts;
  const dialog = h("dialog", { class: "facts", "aria-label": "Connection facts" });
  const close = h("button", { class: "quiet", autofocus: true, onclick: () => dialog.close() }, "Close");
  const secure: [string, string | undefined][] =
    tls === undefined
      ? [["TLS", "Not in use: the bridge, and everybody on the way, reads everything"]]
      : [
          ["Version", tls.version],
          ["Cipher", tls.cipher],
          ["Suite", tls.suite === tls.cipher ? undefined : tls.suite],
          ["Key exchange", tls.group],
          ["Session", tls.resumed ? "resumed" : "full handshake"],
          ["Verified", tls.verified],
          ["Server name sent", tls.sni],
          ["ALPN", tls.alpn],
        ];
  dialog.append(
    h("div", { class: "dialog-head" }, h("h2", {}, "This connection"), close),
    h("section", {}, h("h3", {}, "TLS"), rows(secure)),
    ...(tls?.chain ?? []).map(certificate),
    h(
      "section",
      {},
      h("h3", {}, "MySQL"),
      rows([
        ["Authentication", facts.authPlugin],
        ["Bytes received", size(facts.bytesIn)],
        ["Bytes sent", size(facts.bytesOut)],
        ...status.filter(([label]) => label !== "SSL:").map(([label, value]): [string, string] => [label.replace(/:$/, ""), value]),
        ["Capabilities", facts.capabilities.join(" ")],
      ]),
    ),
  );
  dialog.onclick = (event) => {
    if (event.target === dialog) dialog.close();
  };
  dialog.onclose = () => dialog.remove();
  return dialog;
}
