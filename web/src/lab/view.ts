import "./lab.css";
import { decode, type Fields } from "../decode.js";
import { download, h } from "../dom.js";
import { ladder, type LadderRung } from "../ladder.js";
import { Controls, SITUATIONS } from "./controls.js";
import { distribution } from "./distribution.js";
import { Laboratory } from "./lab.js";
import { outcome } from "./outcome.js";
import { changed, difference, type Change, type Played, type Scenario } from "./scenario.js";
import { streams } from "./streams.js";

const SEEDS = 200;

/** The Lab view: a server, a client and what is between them, all in the page. */
export class LabView {
  readonly element = h("main", { class: "view lab" });
  readonly #laboratory = new Laboratory();
  readonly #result = h("div", { class: "lab-result" });
  readonly #run = h("button", { class: "primary", onclick: () => void this.#play() }, "Run");
  readonly #seeds = h("button", { onclick: () => void this.#many() }, `Run ${SEEDS} seeds`);
  readonly #link = h("button", { class: "quiet", onclick: () => this.#copyLink() }, "Copy link");
  readonly #side = h(
    "select",
    { "aria-label": "Whose view", class: "side", onchange: () => this.#draw() },
    h("option", { value: "client" }, "as the client sees it"),
    h("option", { value: "server" }, "as the server sees it"),
  );
  #base: Scenario | undefined;
  #controls: Controls | undefined;
  #played: Played | undefined;
  #attacked = false;
  #turn = 0;

  /** Makes the view; `link` is what a link said of the scenario. */
  static async open(link: string | null): Promise<LabView> {
    const view = new LabView();
    const base = await view.#laboratory.scenario();
    view.#base = base;
    view.#controls = new Controls(base);
    view.#controls.onchange = () => void view.#play();
    const situations = h("div", { class: "situations", role: "group", "aria-label": "Situations" });
    for (const [name, change] of SITUATIONS) situations.append(h("button", { class: "quiet", onclick: () => view.#begin(change) }, name));
    view.element.append(
      h("p", { class: "lead" }, "A whole server and client in this page, over a network in memory. Nothing leaves it. The same seed gives the same run."),
      situations,
      h(
        "div",
        { class: "lab-columns" },
        h("div", {}, h("div", { class: "actions" }, view.#run, view.#seeds, view.#link), view.#controls.element),
        view.#result,
      ),
    );
    view.reproduce(link);
    return view;
  }

  /** Plays what a link says; the default where it says nothing. */
  reproduce(link: string | null): void {
    let change: Change = {};
    try {
      if (link !== null) change = JSON.parse(link) as Change;
    } catch {
      // A link that was cut short: the default is as good as anything.
    }
    this.#begin(change);
  }

  #begin(change: Change): void {
    this.#controls!.show(changed(this.#base!, change));
    void this.#play();
  }

  #address(): string {
    const change = difference(this.#base!, this.#controls!.read());
    return Object.keys(change).length === 0 ? "#lab" : `#lab?s=${encodeURIComponent(JSON.stringify(change))}`;
  }

  async #play(): Promise<void> {
    const turn = ++this.#turn;
    history.replaceState(null, "", this.#address());
    try {
      const scenario = this.#controls!.read();
      const played = await this.#laboratory.run(scenario);
      // Another run may have been asked for meanwhile.
      if (turn !== this.#turn) return;
      this.#played = played;
      this.#attacked = (scenario.attacker ?? null) !== null;
      this.#draw();
    } catch (error) {
      this.#result.replaceChildren(h("div", { class: "error", role: "alert" }, error instanceof Error ? error.message : String(error)));
    }
  }

  #draw(): void {
    const played = this.#played;
    if (played === undefined) return;
    const pcap = () => download("run.pcap", "application/vnd.tcpdump.pcap", played.pcap as BlobPart);
    this.#result.replaceChildren(
      outcome(played),
      h("div", { class: "ladder-tools" }, this.#side, h("span", { class: "space" }), h("button", { class: "quiet", onclick: pcap }, "Download pcap")),
      ladder(rungs(played, this.#side.value, this.#attacked), "Client", "Server"),
    );
    this.#result.querySelector(".ladder")?.classList.add("playing");
  }

  async #many(): Promise<void> {
    const turn = ++this.#turn;
    const scenario = { ...this.#controls!.read(), ladder: false, pcap: false };
    const times: (number | null)[] = [];
    this.#seeds.disabled = true;
    const bar = h("progress", { max: SEEDS, value: 0 });
    this.#result.replaceChildren(bar);
    try {
      for (let step = 0; step < SEEDS && turn === this.#turn; step++) {
        const { run } = await this.#laboratory.run({ ...scenario, seed: scenario.seed + step });
        for (const { client } of run.connections) times.push(typeof client.connected_us === "number" ? client.connected_us / 1000 : null);
        bar.value = step + 1;
      }
      if (turn === this.#turn) this.#result.replaceChildren(distribution(times));
    } finally {
      this.#seeds.disabled = false;
    }
  }

  #copyLink(): void {
    const link = new URL(this.#address(), location.href).href;
    void navigator.clipboard.writeText(link).then(() => {
      this.#link.textContent = "Copied";
      setTimeout(() => (this.#link.textContent = "Copy link"), 1500);
    });
  }
}

/** The client's port in the simulated network, and how far below it the attacker's is with which he goes on to the server. */
const CLIENT_PORT = 50_000;
const ATTACKERS_PORT = 1_000;
/** Bytes of a MySQL packet's header, which its length leaves out. */
const PACKET_HEADER = 4;

/** The first connection as one side sees it, with the states of both and the attacker's actions. */
function rungs({ run, meanings, pcap }: Played, seen: string, attacked: boolean): LadderRung[] {
  const wire = streams(pcap).get(seen === "server" && attacked ? CLIENT_PORT - ATTACKERS_PORT : CLIENT_PORT);
  const next = { toServer: 0, toClient: 0 };
  return run.ladder.flatMap<LadderRung>(({ at_us, connection, side, event }, index) => {
    if (connection !== 0) return [];
    const base = { at: at_us / 1000, meaning: meanings[index] ?? "", toServer: false, length: 0, encrypted: false, fields: () => [] };
    if (event.kind === "note") return [{ ...base, kind: "note", name: event.text }];
    if (event.kind === "state") return side === "attacker" ? [] : [{ ...base, kind: "state", name: event.to, side }];
    if (side !== seen) return [];
    const { kind, name, length, encrypted, sent } = event;
    const toServer = sent === (side === "client");
    const way = toServer ? "toServer" : "toClient";
    // A packet inside TLS has its bytes in a record.
    const inside = kind === "packet" && encrypted;
    const from = next[way];
    if (!inside) next[way] += kind === "packet" ? PACKET_HEADER + length : length;
    const bytes = inside || wire === undefined ? undefined : wire[way].subarray(from, next[way]);
    const fields = (): Fields => {
      const decoded = bytes === undefined || encrypted ? [] : decode(name, bytes);
      if (event.kind !== "packet") return decoded;
      const told: Fields = decoded.length > 0 ? decoded : [["Fields", event.summary.replaceAll("|", " | ")]];
      return [["Sequence", String(event.sequence)], ...told];
    };
    return [{ ...base, kind, name, length, encrypted, fields, toServer, ...(bytes === undefined ? {} : { bytes: () => bytes }) }];
  });
}
