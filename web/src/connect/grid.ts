import type { Column } from "sealwire-wasm";
import { h } from "../dom.js";

/** The rows that a grid draws. */
export interface GridRows {
  readonly columns: readonly GridColumn[];
  readonly length: number;
  /** A cell as text; `null` for NULL. */
  text(row: number, column: number): string | null;
}

/** A column of a grid; `width` is in characters, and without it the first rows decide. */
export type GridColumn = Column & { width?: number };

const ROW = 28;
/** Browsers stop at 16 to 33 million pixels: longer tables scroll by proportion. */
const TALLEST = 8_000_000;
/** Rows drawn above and below what is seen. */
const MARGIN = 8;
const WIDEST = 48;

/** A table of any length, of which only what is seen is in the document. Arrow keys move, Ctrl+C copies the cell. */
export class Grid {
  readonly element: HTMLElement;
  readonly #body: HTMLElement;
  readonly #scroller: HTMLElement;
  readonly #widths: string;
  #active = { row: 0, column: 0 };
  #drawn = "";
  #frame = 0;

  /** Whether the end stays in view when rows come; `undefined` where nobody asked for it. The user decides by where they go. */
  #sticks: boolean | undefined;
  /** The scroll position that was not set by the user. */
  #placed = -1;
  /** Called when the user goes to a row. */
  onrow: (row: number) => void = () => {};

  constructor(
    readonly rows: GridRows,
    label = "Result",
  ) {
    const { columns } = rows;
    this.#widths = widths(rows);
    const head = h("div", { class: "grid-row grid-head", role: "row", "aria-rowindex": 1 });
    columns.forEach((column) => {
      const title = `${column.table === "" ? "" : `${column.schema}.${column.table}.`}${column.name}: ${column.type}`;
      head.append(h("div", { role: "columnheader", class: alignment(column), title: column.type !== "" && title }, column.name));
    });
    head.style.gridTemplateColumns = this.#widths;
    this.#body = h("div", { class: "grid-body", role: "rowgroup" });
    this.#scroller = h(
      "div",
      { class: "grid", role: "grid", tabIndex: 0, "aria-label": label, "aria-colcount": columns.length },
      head,
      this.#body,
    );
    this.#scroller.onscroll = () => {
      if (this.#sticks !== undefined && this.#scroller.scrollTop !== this.#placed) this.#sticks = this.#isAtEnd();
      this.#schedule();
    };
    this.#scroller.onkeydown = (event) => this.#key(event);
    this.#body.onclick = (event) => this.#click(event);
    new ResizeObserver(() => {
      if (this.#sticks) this.#place(this.#scroller.scrollHeight);
      this.#schedule();
    }).observe(this.#scroller);
    this.element = this.#scroller;
    this.grown();
  }

  /** More rows have come. */
  grown(): void {
    this.#scroller.setAttribute("aria-rowcount", String(this.rows.length + 1));
    this.#body.style.height = `${this.#height()}px`;
    this.#schedule();
  }

  /** Keeps the end in view, until the user goes elsewhere. */
  stick(): void {
    this.#sticks = true;
    this.moved(0);
  }

  /** Rows have come at the end, and as many as `dropped` are gone from the beginning. */
  moved(dropped: number): void {
    this.#active.row = Math.max(0, this.#active.row - dropped);
    this.#drawn = "";
    this.grown();
    if (this.#sticks) this.#place(this.#scroller.scrollHeight);
    else if (dropped > 0) this.#place(this.#scroller.scrollTop - dropped * ROW);
  }

  #place(scrollTop: number): void {
    this.#scroller.scrollTop = scrollTop;
    this.#placed = this.#scroller.scrollTop;
  }

  /** Whether the last row is in view. */
  #isAtEnd(): boolean {
    const { scrollTop, clientHeight, scrollHeight } = this.#scroller;
    return scrollTop + clientHeight >= scrollHeight - ROW;
  }

  /** Brings the row into view to which the user went. */
  reveal(): void {
    this.#reveal(this.#active.row);
  }

  #height(): number {
    return Math.min(this.rows.length * ROW, TALLEST);
  }

  #schedule(): void {
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  /** The first row in view. Where the table is taller than a browser allows, the scroll bar's place in proportion. */
  #first(): number {
    const { scrollTop, clientHeight } = this.#scroller;
    const whole = this.rows.length * ROW;
    const scale = whole > TALLEST ? (whole - clientHeight) / (TALLEST - clientHeight) : 1;
    return Math.floor((scrollTop * scale) / ROW);
  }

  #draw(): void {
    const seen = Math.ceil(this.#scroller.clientHeight / ROW);
    const first = this.#first();
    const from = Math.max(0, Math.min(first, this.rows.length - 1) - MARGIN);
    const to = Math.min(this.rows.length, first + seen + MARGIN);
    // Where the first row in view is drawn; without scaling this is its own place.
    const top = this.rows.length * ROW > TALLEST ? this.#scroller.scrollTop - (first - from) * ROW : from * ROW;
    const drawn = `${from}-${to} at ${top}`;
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    const lines: HTMLElement[] = [];
    for (let row = from; row < to; row++) lines.push(this.#line(row, top + (row - from) * ROW));
    this.#body.replaceChildren(...lines);
  }

  #line(row: number, top: number): HTMLElement {
    const line = h("div", { class: row % 2 === 1 ? "grid-row odd" : "grid-row", role: "row", "aria-rowindex": row + 2 });
    line.style.gridTemplateColumns = this.#widths;
    line.style.transform = `translateY(${Math.max(0, top)}px)`;
    line.dataset["row"] = String(row);
    this.rows.columns.forEach((column, index) => {
      const text = this.rows.text(row, index);
      const active = row === this.#active.row && index === this.#active.column;
      const classes = `${alignment(column)}${text === null ? " null" : ""}${active ? " active" : ""}`;
      const shown = text === null ? "NULL" : text.length > 500 ? `${text.slice(0, 500)}…` : text;
      line.append(h("div", { role: "gridcell", class: classes, title: text !== null && text.length > WIDEST && shown }, shown));
    });
    return line;
  }

  #click(event: MouseEvent): void {
    const cell = (event.target as HTMLElement).closest<HTMLElement>("[role=gridcell]");
    const line = cell?.parentElement;
    if (!cell || !line) return;
    this.#move(Number(line.dataset["row"]), [...line.children].indexOf(cell));
  }

  #key(event: KeyboardEvent): void {
    const { row, column } = this.#active;
    const page = Math.max(1, Math.floor(this.#scroller.clientHeight / ROW) - 2);
    const last = this.rows.length - 1;
    const steps: Record<string, [number, number]> = {
      ArrowUp: [row - 1, column],
      ArrowDown: [row + 1, column],
      ArrowLeft: [row, column - 1],
      ArrowRight: [row, column + 1],
      PageUp: [row - page, column],
      PageDown: [row + page, column],
      Home: [event.ctrlKey ? 0 : row, 0],
      End: [event.ctrlKey ? last : row, this.rows.columns.length - 1],
    };
    const step = steps[event.key];
    if (step !== undefined) {
      event.preventDefault();
      this.#move(...step);
    } else if (event.key === "c" && (event.ctrlKey || event.metaKey) && getSelection()?.isCollapsed !== false) {
      void navigator.clipboard.writeText(this.rows.text(row, column) ?? "NULL");
    }
  }

  #move(row: number, column: number): void {
    if (this.rows.length === 0) return;
    this.#active = {
      row: Math.max(0, Math.min(row, this.rows.length - 1)),
      column: Math.max(0, Math.min(column, this.rows.columns.length - 1)),
    };
    if (this.#sticks !== undefined) this.#sticks = this.#active.row === this.rows.length - 1;
    this.#reveal(this.#active.row);
    this.#drawn = "";
    this.#schedule();
    this.onrow(this.#active.row);
  }

  #reveal(row: number): void {
    const room = this.#scroller.clientHeight - 2 * ROW;
    const whole = this.rows.length * ROW;
    const scale = whole > TALLEST ? (whole - this.#scroller.clientHeight) / (TALLEST - this.#scroller.clientHeight) : 1;
    const first = this.#first();
    if (row < first) this.#scroller.scrollTop = (row * ROW) / scale;
    else if (row > first + Math.floor(room / ROW)) this.#scroller.scrollTop = (row * ROW - room) / scale;
  }
}

function alignment({ kind, type }: Column): string {
  return kind === "number" || kind === "bigint" || type.startsWith("DECIMAL") ? "end" : "start";
}

/** As wide as the head and the first rows are, in characters. */
function widths(rows: GridRows): string {
  const sample = Math.min(rows.length, 100);
  return rows.columns
    .map((column, index) => {
      let widest = column.name.length;
      for (let row = 0; row < sample; row++) widest = Math.max(widest, (rows.text(row, index) ?? "NULL").length);
      const last = index === rows.columns.length - 1;
      const width = `${column.width ?? Math.min(Math.max(widest, 4), WIDEST) + 3}ch`;
      return last ? `minmax(${width}, 1fr)` : width;
    })
    .join(" ");
}
