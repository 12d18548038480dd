import "./changes.css";
import { SealwireError, type Facts } from "sealwire-wasm";
import type { Followed, FollowStep } from "../client/messages.js";
import type { Session } from "../client/session.js";
import { factsDialog, sslState } from "../connect/facts.js";
import { Grid } from "../connect/grid.js";
import { count, h } from "../dom.js";
import { errorBox } from "../error.js";
import { detail } from "./detail.js";
import { filterOf, isNameless } from "./row.js";
import { ChangeRows, MOST_ROWS } from "./rows.js";
import { StartField } from "./start.js";

/** Milliseconds after the last key until the worker filters, because what it leaves out does not come back. */
const TYPED = 400;
/** Milliseconds between two updates of the numbers. */
const TICK = 500;

/** The readers of the changes, by the protection of the connection. */
const READERS = {
  verified: "The server and this page can read this. The bridge, and everyone on the way, sees ciphertext.",
  unverified: "Encrypted, but nothing verified the server: someone on the way may have taken its place, and read this.",
  plain: "Not encrypted: the bridge, and everyone on the way, can read this.",
};

/** The Changes view: the rows as they are committed at the server. */
export class ChangesView {
  readonly element = h("main", { class: "view changes" });
  #session: Session | undefined;
  #rows = new ChangeRows();
  #grid: Grid | undefined;
  #isFollowing = false;
  /** When it was paused. */
  #pausedAt: number | undefined;
  #counts = { transactions: 0, changes: 0, hidden: 0 };
  #age: number | undefined;
  #place = "";
  #ticking: ReturnType<typeof setInterval> | undefined;
  #typed: ReturnType<typeof setTimeout> | undefined;

  readonly #start = new StartField();
  readonly #follow = h("button", { class: "primary", onclick: () => void this.#toggle() }, "Follow");
  readonly #pause = h("button", { disabled: true, "aria-pressed": "false", onclick: () => this.#setPaused(this.#pausedAt === undefined) }, "Pause");
  readonly #filter = h("input", {
    type: "search",
    class: "filter",
    placeholder: "Filter by table",
    "aria-label": "Filter by table",
    title: "Words of tables' names. Changes that come while the filter leaves them out are counted, not kept.",
    spellcheck: false,
    autocapitalize: "none",
    oninput: () => this.#filtered(),
  });
  readonly #clear = h("button", { class: "quiet", onclick: () => this.#forget() }, "Clear");
  readonly #state = h("output", { class: "note", "aria-live": "polite" });
  readonly #numbers = h("span", { class: "note numbers" });
  readonly #errors = h("div", { class: "messages" });
  /** Shown where columns have no names. */
  readonly #nameless = h(
    "p",
    { class: "notice", role: "status", hidden: true },
    "This server does not log the names of columns. To have them, an administrator types: SET GLOBAL binlog_row_metadata = FULL;",
  );
  readonly #results = h("div", { class: "results" });
  readonly #detail = h("div", { class: "detail-place" });
  readonly #status = h("footer", { class: "status", hidden: true });

  constructor() {
    this.element.onkeydown = (event) => {
      if (event.key === "Escape" && this.#detail.hasChildNodes()) this.#closeDetail();
    };
  }

  /** Uses the connection of the Connect view. The log is read on while another view is seen. */
  use(session: Session | undefined): void {
    if (session === this.#session && this.element.hasChildNodes()) return;
    this.#session = session;
    this.#ended(null);
    if (session === undefined) {
      this.element.replaceChildren(
        h(
          "div",
          { class: "connect-page" },
          h(
            "p",
            { class: "lead" },
            "Rows as they are committed at the server, read from its binary log, encrypted from the server to this page.",
          ),
          h("p", {}, h("a", { href: "#connect" }, "Connect"), " first: Changes uses the account and the TLS settings of that connection."),
        ),
      );
      return;
    }
    session.onfollowed = (step) => this.#step(step);
    const toolbar = h(
      "div",
      { class: "toolbar" },
      ...[this.#start.element, this.#follow, this.#pause, this.#clear, this.#filter, this.#state, h("span", { class: "space" }), this.#numbers],
    );
    this.element.replaceChildren(toolbar, this.#errors, this.#nameless, this.#results, this.#detail, this.#status);
    this.#say("");
    this.#forget();
  }

  async #toggle(): Promise<void> {
    const session = this.#session;
    if (session === undefined) return;
    if (this.#isFollowing) {
      session.tell({ kind: "unfollow" });
      return;
    }
    this.#errors.replaceChildren();
    this.#follow.disabled = true;
    this.#say("Asking for the log…");
    try {
      const followed = await session.follow(this.#start.start, this.#filter.value);
      this.#counts = { transactions: 0, changes: 0, hidden: 0 };
      this.#age = undefined;
      this.#nameless.hidden = true;
      this.#setFollowing(true);
      this.#connected(followed);
    } catch (error) {
      this.#say("");
      this.#errors.replaceChildren(errorBox(error));
    } finally {
      this.#follow.disabled = false;
    }
  }

  #setFollowing(isFollowing: boolean): void {
    this.#isFollowing = isFollowing;
    this.#follow.textContent = isFollowing ? "Stop" : "Follow";
    this.#follow.classList.toggle("primary", !isFollowing);
    this.#start.disabled = isFollowing;
    this.#pause.disabled = !isFollowing;
    this.#showPaused(undefined);
    clearInterval(this.#ticking);
    if (isFollowing) this.#ticking = setInterval(() => this.#showNumbers(), TICK);
    this.#showNumbers();
    this.#hint();
  }

  #connected({ facts, sslLine, place }: Followed): void {
    this.#place = place;
    this.#say(`Following from ${place}`);
    const state = sslState(facts);
    const ssl = h(
      "button",
      { class: `ssl ${state}`, title: "All that was negotiated for the log", onclick: () => this.#showFacts(facts) },
      h("span", { class: "light", "aria-hidden": "true" }),
      h("span", {}, `SSL: ${sslLine}`),
    );
    this.#status.replaceChildren(ssl, h("span", { class: "readers" }, READERS[state]));
    this.#status.hidden = false;
  }

  #showFacts(facts: Facts): void {
    const dialog = factsDialog(facts, []);
    document.body.append(dialog);
    dialog.showModal();
  }

  #step(step: FollowStep): void {
    switch (step.kind) {
      case "changes": {
        this.#counts.transactions += step.transactions;
        this.#counts.changes += step.changes;
        this.#counts.hidden += step.hidden;
        this.#age = step.age;
        this.#place = step.place;
        if (this.#nameless.hidden) this.#nameless.hidden = !step.rows.some(isNameless);
        const dropped = this.#rows.push(step.rows);
        if (this.#rows.length > 0) this.#drawn().moved(dropped);
        // The next changes come with the next frame, so that the page stays quick however many there are. A page that nobody sees has none.
        const next = () => this.#session?.tell({ kind: "drawn" });
        if (document.hidden) setTimeout(next, TICK);
        else requestAnimationFrame(next);
        break;
      }
      case "lost": {
        const { failure, seconds } = step;
        this.#say(`Lost the connection (${failure.message}). Trying again in ${seconds} s, to go on behind the last transaction.`);
        break;
      }
      case "connected":
        this.#connected(step.followed);
        break;
      case "ended":
        this.#ended(step.failure === null ? null : new SealwireError(step.failure));
    }
  }

  #ended(error: SealwireError | null): void {
    if (this.#isFollowing) this.#say("Stopped");
    this.#setFollowing(false);
    this.#status.hidden = true;
    if (error !== null) this.#errors.replaceChildren(errorBox(error));
  }

  #say(text: string): void {
    this.#state.textContent = text;
  }

  #setPaused(isPaused: boolean): void {
    this.#session?.tell({ kind: "pause", isPaused });
    this.#showPaused(isPaused ? performance.now() : undefined);
    this.#say(isPaused ? "Paused: nothing is read, and the server waits" : `Following from ${this.#place}`);
    this.#showNumbers();
  }

  #showPaused(at: number | undefined): void {
    this.#pausedAt = at;
    this.#pause.textContent = at === undefined ? "Pause" : "Go on";
    this.#pause.setAttribute("aria-pressed", String(at !== undefined));
  }

  /** Shows how much has come, and how far behind the server it is. */
  #showNumbers(): void {
    const { transactions, changes, hidden } = this.#counts;
    const texts: (string | undefined)[] = [
      `${count(changes)} change${changes === 1 ? "" : "s"} in ${count(transactions)} transaction${transactions === 1 ? "" : "s"}`,
      hidden > 0 ? `${count(hidden)} left out` : undefined,
      changes > MOST_ROWS ? `the last ${count(MOST_ROWS)} are kept` : undefined,
      this.#place,
      this.#lag(),
    ];
    this.#numbers.textContent = this.#isFollowing || transactions > 0 ? texts.filter((text) => text !== undefined && text !== "").join(" · ") : "";
  }

  #lag(): string | undefined {
    if (this.#pausedAt !== undefined) return `paused for ${Math.floor((performance.now() - this.#pausedAt) / 1000)} s`;
    return this.#age === undefined ? undefined : `lag ${Math.floor(this.#age)} s`;
  }

  #filtered(): void {
    this.#rows.filter(filterOf(this.#filter.value));
    this.#redraw();
    clearTimeout(this.#typed);
    this.#typed = setTimeout(() => this.#session?.tell({ kind: "filter", text: this.#filter.value }), TYPED);
  }

  #forget(): void {
    this.#rows.clear();
    this.#counts = { transactions: 0, changes: 0, hidden: 0 };
    this.#closeDetail();
    this.#redraw();
    this.#showNumbers();
  }

  /** Draws other rows than before. */
  #redraw(): void {
    this.#grid = undefined;
    this.#results.replaceChildren();
    if (this.#rows.length > 0) this.#drawn();
    else this.#hint();
  }

  /** The grid, once there are rows. */
  #drawn(): Grid {
    if (this.#grid === undefined) {
      this.#grid = new Grid(this.#rows, "Changes");
      this.#grid.onrow = (row) => this.#showDetail(row);
      this.#results.replaceChildren(this.#grid.element);
      this.#grid.stick();
    }
    return this.#grid;
  }

  /** Says what to do, or what comes. */
  #hint(): void {
    if (this.#grid !== undefined) return;
    const text = this.#isFollowing
      ? "The next transaction that is committed appears here."
      : "Follow reads the server's binary log. The account needs REPLICATION SLAVE and REPLICATION CLIENT. In the table arrow keys move, and a row shows its change whole.";
    this.#results.replaceChildren(h("p", { class: "hint" }, text));
  }

  #showDetail(index: number): void {
    const row = this.#rows.row(index);
    if (row === undefined) return;
    this.#detail.replaceChildren(detail(row, () => this.#closeDetail()));
    // The detail takes room from the table.
    this.#grid?.reveal();
  }

  #closeDetail(): void {
    this.#detail.replaceChildren();
    this.#grid?.element.focus();
  }
}
