import type { Rung } from "sealwire-wasm";
import type { LadderView } from "../client/messages.js";
import { decode, type Fields } from "../decode.js";
import { download, h } from "../dom.js";
import { ladder, type LadderRung } from "../ladder.js";

/** Bytes of a rung that are shown. */
const MOST_SHOWN = 4096;
/** Bytes of a MySQL packet's header, which its length leaves out. */
const PACKET_HEADER = 4;

/** The Handshake view: the connection that there is, or was last. */
export function handshakeView(shown: LadderView | undefined): HTMLElement {
  const view = h("main", { class: "view handshake" });
  if (shown === undefined || shown.rungs.length === 0) {
    view.append(
      h(
        "div",
        { class: "empty" },
        h("h2", {}, "No connection yet"),
        h("p", {}, "Connect first, or fail to: here each packet of it is drawn, with what it means."),
        h("p", {}, h("a", { href: "#connect" }, "Connect"), ", or try it ", h("a", { href: "#lab" }, "in the lab"), "."),
      ),
    );
    return view;
  }
  view.append(head(shown), ladder(shown.rungs.map((rung) => drawn(rung, shown)), "Client: this page", "Server"));
  return view;
}

function head(shown: LadderView): HTMLElement {
  const save = (name: string, type: string, content: BlobPart) => () => download(name, type, content);
  return h(
    "div",
    { class: "ladder-tools" },
    h("h2", {}, "The connection, packet by packet"),
    h("span", { class: "space" }),
    h("button", { class: "quiet", onclick: save("connection.pcap", "application/vnd.tcpdump.pcap", shown.pcap as BlobPart) }, "Download pcap"),
    shown.keyLog !== "" &&
      h(
        "button",
        {
          class: "quiet",
          title: "With these keys Wireshark decrypts the capture: whoever has both can read the connection",
          onclick: save("connection.keys", "text/plain", shown.keyLog),
        },
        "Download keys",
      ),
  );
}

function drawn(rung: Rung, shown: LadderView): LadderRung {
  const { kind, at, sent, name, length, encrypted, meaning } = rung;
  const bytes = bytesOf(rung, shown);
  const fields = (): Fields => {
    const decoded = bytes === undefined || encrypted ? [] : decode(name, bytes());
    const told: Fields = decoded.length > 0 ? decoded : [["Fields", rung.summary.replaceAll("|", " | ")]];
    return rung.sequence === undefined ? told : [["Sequence", String(rung.sequence)], ...told];
  };
  return { kind, at, toServer: sent, name, length, encrypted, meaning, fields, bytes, side: "client" };
}

function bytesOf(rung: Rung, shown: LadderView): (() => Uint8Array) | undefined {
  const { offset } = rung;
  if (offset === undefined) return undefined;
  const length = rung.kind === "packet" ? PACKET_HEADER + rung.length : rung.length;
  return () => (rung.sent ? shown.sent : shown.received).subarray(offset, offset + Math.min(length, MOST_SHOWN));
}
