import "./connect.css";
import { SealwireError } from "sealwire-wasm";
import type { LadderView, Options } from "../client/messages.js";
import { Session } from "../client/session.js";
import { h } from "../dom.js";
import { errorBox } from "../error.js";
import type { Preset } from "../preset.js";
import { Console } from "./console.js";
import { factsDialog, sslState } from "./facts.js";
import { ConnectForm } from "./form.js";

/** The Connect view: the form, then the console with its status bar. */
export class ConnectView {
  readonly element = h("main", { class: "view connect" });
  readonly #form = new ConnectForm();
  readonly #intro = h(
    "p",
    { class: "lead" },
    "A MySQL client in this page. TLS ends here: the bridge relays ciphertext and reads neither password nor rows.",
  );
  #session: Session | undefined;
  #ladder: LadderView | undefined;

  constructor(preset: Preset) {
    this.#form.preset(preset);
    this.#form.onconnect = (options) => void this.#connect(options);
    this.#form.oncancel = () => this.#session?.cancel();
    this.#showForm();
  }

  /** The connection that is logged in. */
  get session(): Session | undefined {
    return this.#session?.connected === undefined ? undefined : this.#session;
  }

  /** The ladder of the connection that there is, or was last. */
  async ladder(): Promise<LadderView | undefined> {
    if (this.#session !== undefined) this.#ladder = await this.#session.ladder();
    return this.#ladder;
  }

  #showForm(error?: unknown, withHandshake = false): void {
    this.element.replaceChildren(
      h("div", { class: "connect-page" }, this.#intro, error !== undefined && errorBox(error, withHandshake), this.#form.element),
    );
  }

  async #connect(options: Options): Promise<void> {
    this.#form.busy = true;
    const session = new Session();
    this.#session = session;
    try {
      await session.connect(options);
      this.#form.forget();
      this.#showConsole(session, options.user);
    } catch (error) {
      this.#ladder = await session.ladder().catch(() => undefined);
      await this.#leave(session);
      const given_up = error instanceof SealwireError && error.blame === "Aborted";
      this.#showForm(given_up ? undefined : error, (this.#ladder?.rungs.length ?? 0) > 0);
    } finally {
      this.#form.busy = false;
    }
  }

  async #leave(session: Session): Promise<void> {
    if (this.#session === session) this.#session = undefined;
    await session.close();
  }

  #showConsole(session: Session, user: string): void {
    const { facts, sslLine } = session.connected!;
    const console = new Console(session);
    const ssl = h(
      "button",
      { class: `ssl ${sslState(facts)}`, title: "All that was negotiated", onclick: () => void this.#showFacts(session) },
      h("span", { class: "light", "aria-hidden": "true" }),
      h("span", {}, `SSL: ${sslLine}`),
    );
    const server = h("span", { class: "server" }, `${user} · ${facts.serverVersion.replace(/^5\.5\.5-/, "")}`);
    const leave = async () => {
      this.#ladder = await session.ladder().catch(() => this.#ladder);
      await this.#leave(session);
      this.#showForm();
    };
    const bar = h("footer", { class: "status" }, ssl, server, h("button", { class: "quiet", onclick: () => void leave() }, "Disconnect"));
    session.onclosed = (error) => {
      bar.replaceChildren(
        h("span", { class: "ssl plain" }, error?.message ?? "The connection was closed."),
        h("button", { class: "quiet", onclick: () => void leave() }, "Back"),
      );
    };
    this.element.replaceChildren(console.element, bar);
    if (console.editor.text === "") console.editor.text = "SHOW STATUS LIKE 'Ssl_cipher'";
    console.editor.focus();
  }

  async #showFacts(session: Session): Promise<void> {
    const status = await session.status().catch((): [string, string][] => []);
    const dialog = factsDialog(await session.facts(), status);
    document.body.append(dialog);
    dialog.showModal();
  }
}
