import type { BinlogStart } from "sealwire-wasm";
import { h } from "../dom.js";

type Kind = "end" | "start" | "file" | "gtid";

const KINDS: [Kind, string][] = [
  ["end", "Now: changes to come"],
  ["start", "The first file that the server has"],
  ["file", "A position of a file"],
  ["gtid", "GTIDs"],
];

const HINTS: Partial<Record<Kind, string>> = { file: "binlog.000001:4", gtid: "0-1-100, or a set of MySQL's" };

/** The place in the log at which to begin. */
export class StartField {
  readonly #kind = h("select", { "aria-label": "Begin at" }, ...KINDS.map(([kind, text]) => h("option", { value: kind }, text)));
  readonly #place = h("input", { "aria-label": "Place", spellcheck: false, autocapitalize: "none", hidden: true });
  readonly element = h("span", { class: "start" }, this.#kind, this.#place);

  constructor() {
    this.#kind.onchange = () => {
      const hint = HINTS[this.#kind.value as Kind];
      this.#place.hidden = hint === undefined;
      this.#place.placeholder = hint ?? "";
      this.#place.value = "";
      if (hint !== undefined) this.#place.focus();
    };
  }

  set disabled(disabled: boolean) {
    this.#kind.disabled = disabled;
    this.#place.disabled = disabled;
  }

  /** The entered place. */
  get start(): BinlogStart {
    const kind = this.#kind.value as Kind;
    return kind === "end" || kind === "start" ? kind : placeOf(kind, this.#place.value);
  }
}

/** The place in a text: a file with its position behind a colon, or GTIDs. Without a position the file's beginning. */
export function placeOf(kind: "file" | "gtid", text: string): BinlogStart {
  const given = text.trim();
  if (kind === "gtid") return { gtid: given };
  const [, file, position] = /^(.*?)(?::(\d+))?$/.exec(given) ?? [];
  return position === undefined ? { file: file ?? "" } : { file: file ?? "", position: Number(position) };
}
