import { SealwireError } from "sealwire-wasm";
import { h } from "./dom.js";

/** The hash of the view that shows the handshake. */
export const HANDSHAKE = "#handshake";

/** An error for people: MySQL's number and words, and the way out. */
export function errorBox(error: unknown, withHandshake = false): HTMLElement {
  const box = h("div", { class: "error", role: "alert" });
  if (error instanceof SealwireError) {
    box.append(h("strong", {}, `ERROR ${error.code} (${error.sqlState}): `), error.message);
    if (error.hint !== undefined) box.append(h("p", {}, error.hint));
  } else {
    box.append(error instanceof Error ? error.message : String(error));
  }
  if (withHandshake) box.append(h("p", {}, h("a", { href: HANDSHAKE }, "See how far the connection came, packet by packet")));
  return box;
}
