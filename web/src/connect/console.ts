import { SealwireError } from "sealwire-wasm";
import type { Session } from "../client/session.js";
import { count, duration, h } from "../dom.js";
import { errorBox } from "../error.js";
import { Editor } from "./editor.js";
import { Grid } from "./grid.js";
import { ResultRows } from "./result.js";

/** One statement's outcome. */
interface Outcome {
  label: string;
  content: HTMLElement;
  rows: ResultRows | undefined;
  grid: Grid | undefined;
}

/** The SQL console of a connection. */
export class Console {
  readonly element: HTMLElement;
  readonly editor = new Editor();
  readonly #session: Session;
  readonly #run = h("button", { class: "primary", title: "Ctrl+Enter", onclick: () => this.editor.run() }, "Run");
  readonly #cancel = h("button", { hidden: true, title: "Escape", onclick: () => this.#session.cancel() }, "Cancel");
  readonly #csv = h("button", { class: "quiet", hidden: true, onclick: () => this.#copy("csv") }, "Copy CSV");
  readonly #json = h("button", { class: "quiet", hidden: true, onclick: () => this.#copy("json") }, "Copy JSON");
  readonly #note = h("output", { class: "note", "aria-live": "polite" });
  readonly #tabs = h("div", { class: "tabs", role: "tablist" });
  readonly #results = h("div", { class: "results" });
  #outcomes: Outcome[] = [];
  #shown: Outcome | undefined;
  #running = false;

  constructor(session: Session) {
    this.#session = session;
    this.editor.onrun = (sql) => void this.#execute(sql);
    this.element = h(
      "section",
      { class: "console", "aria-label": "SQL console" },
      h("div", { class: "editor" }, this.editor.element),
      h("div", { class: "toolbar" }, this.#run, this.#cancel, this.#note, h("span", { class: "space" }), this.#csv, this.#json),
      this.#tabs,
      this.#results,
    );
    this.element.onkeydown = (event) => {
      if (event.key === "Escape" && this.#running) this.#session.cancel();
    };
    this.#results.append(
      h("p", { class: "hint" }, "Ctrl+Enter runs, Alt+↑ and Alt+↓ go through what was run, arrow keys move in the result."),
    );
  }

  async #execute(sql: string): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    this.#run.disabled = true;
    this.#cancel.hidden = false;
    this.#outcomes = [];
    this.#shown = undefined;
    this.#results.replaceChildren();
    this.#tabs.replaceChildren();
    this.#toolbar();
    const began = performance.now();
    let current: Outcome | undefined;
    let total = 0;
    const progress = () => {
      this.#note.textContent = `${count(total)} rows, ${duration(performance.now() - began)} …`;
      current?.grid?.grown();
    };
    // Not once a frame: that would take half a core from the client's worker, and the page is seen no sooner.
    const ticking = setInterval(progress, 100);
    try {
      await this.#session.run(sql, {
        columns: (columns) => {
          const rows = new ResultRows(columns);
          current = this.#add({ label: "…", content: h("div"), rows, grid: undefined });
        },
        rows: (batch) => {
          if (current?.rows === undefined) return;
          current.rows.push(batch);
          total += batch.length;
          if (current.grid === undefined) this.#draw(current);
        },
        done: (affected, warnings, info) => {
          const text = warnings > 0 ? `, ${count(warnings)} warning${warnings === 1 ? "" : "s"}` : "";
          if (current === undefined) {
            const said = `OK, ${count(affected)} row${affected === 1n ? "" : "s"} affected${text}`;
            this.#add({ label: said, content: h("p", { class: "ok" }, info === "" ? said : `${said}. ${info}`), rows: undefined, grid: undefined });
          } else {
            const length = current.rows?.length ?? 0;
            current.label = `${count(length)} row${length === 1 ? "" : "s"}${text}`;
            if (current.grid === undefined) this.#draw(current);
            current.grid?.grown();
          }
          current = undefined;
          this.#drawTabs();
        },
      });
      const rows = total > 0 ? `${count(total)} row${total === 1 ? "" : "s"} in ` : "";
      this.#note.textContent = `${rows}${duration(performance.now() - began)}`;
    } catch (error) {
      this.#note.textContent = duration(performance.now() - began);
      if (current !== undefined) current.label = `${count(current.rows?.length ?? 0)} rows, cut short`;
      const cancelled = error instanceof SealwireError && error.blame === "Aborted";
      const content = cancelled ? h("p", { class: "ok" }, "Cancelled.") : errorBox(error);
      this.#add({ label: cancelled ? "Cancelled" : "Error", content, rows: undefined, grid: undefined });
    } finally {
      clearInterval(ticking);
      this.#running = false;
      this.#run.disabled = false;
      this.#cancel.hidden = true;
      this.#toolbar();
    }
  }

  #add(outcome: Outcome): Outcome {
    this.#outcomes.push(outcome);
    this.#show(outcome);
    return outcome;
  }

  #draw(outcome: Outcome): void {
    if (outcome.rows === undefined) return;
    outcome.grid = new Grid(outcome.rows);
    outcome.content = outcome.grid.element;
    if (this.#shown === outcome) this.#show(outcome);
  }

  #show(outcome: Outcome): void {
    this.#shown = outcome;
    this.#results.replaceChildren(outcome.content);
    this.#drawTabs();
    this.#toolbar();
  }

  #drawTabs(): void {
    // One outcome needs no tab.
    this.#tabs.hidden = this.#outcomes.length < 2;
    this.#tabs.replaceChildren(
      ...this.#outcomes.map((outcome, index) =>
        h(
          "button",
          { role: "tab", "aria-selected": String(outcome === this.#shown), onclick: () => this.#show(outcome) },
          `${index + 1}: ${outcome.label}`,
        ),
      ),
    );
  }

  #toolbar(): void {
    const none = this.#running || this.#shown?.rows === undefined || this.#shown.rows.columns.length === 0;
    this.#csv.hidden = none;
    this.#json.hidden = none;
  }

  #copy(format: "csv" | "json"): void {
    const rows = this.#shown?.rows;
    if (rows === undefined) return;
    void navigator.clipboard.writeText(rows[format]()).then(
      () => (this.#note.textContent = `${count(rows.length)} rows copied as ${format.toUpperCase()}`),
      () => (this.#note.textContent = "The browser did not let the page copy"),
    );
  }
}
