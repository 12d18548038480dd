import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { MySQL, sql } from "@codemirror/lang-sql";
import { bracketMatching, HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { EditorState, Prec } from "@codemirror/state";
import { drawSelection, EditorView, keymap, lineNumbers, placeholder } from "@codemirror/view";
import { tags } from "@lezer/highlight";

/** Colours from the page's own variables, so that light and dark follow it. */
const colours = HighlightStyle.define([
  { tag: tags.keyword, color: "var(--code-keyword)", fontWeight: "600" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--code-string)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--code-number)" },
  { tag: [tags.comment, tags.lineComment, tags.blockComment], color: "var(--muted)", fontStyle: "italic" },
  { tag: tags.typeName, color: "var(--code-type)" },
]);

/** The SQL editor: several lines, a history in memory. */
export class Editor {
  readonly element: HTMLElement;
  /** Called with what is to be run: the selection, or all. */
  onrun: (sql: string) => void = () => {};
  readonly #view: EditorView;
  readonly #history: string[] = [];
  /** Where in the history; its length for what is being written. */
  #place = 0;
  #draft = "";

  constructor() {
    const run = () => {
      this.run();
      return true;
    };
    const keys = [
      { key: "Mod-Enter", run },
      { key: "Alt-ArrowUp", run: () => this.#recall(-1) },
      { key: "Alt-ArrowDown", run: () => this.#recall(1) },
    ];
    this.#view = new EditorView({
      state: EditorState.create({
        extensions: [
          Prec.highest(keymap.of(keys)),
          lineNumbers(),
          history(),
          drawSelection(),
          bracketMatching(),
          EditorView.lineWrapping,
          keymap.of([...defaultKeymap, ...historyKeymap]),
          sql({ dialect: MySQL, upperCaseKeywords: true }),
          syntaxHighlighting(colours),
          placeholder("SELECT …"),
          EditorView.contentAttributes.of({ "aria-label": "SQL" }),
        ],
      }),
    });
    this.element = this.#view.dom;
  }

  get text(): string {
    return this.#view.state.doc.toString();
  }

  set text(text: string) {
    this.#view.dispatch({ changes: { from: 0, to: this.#view.state.doc.length, insert: text }, selection: { anchor: text.length } });
  }

  focus(): void {
    this.#view.focus();
  }

  run(): void {
    const { main } = this.#view.state.selection;
    const sql = main.empty ? this.text : this.#view.state.sliceDoc(main.from, main.to);
    if (sql.trim() === "") return;
    if (this.#history.at(-1) !== this.text) this.#history.push(this.text);
    this.#place = this.#history.length;
    this.onrun(sql);
  }

  #recall(step: number): boolean {
    const place = this.#place + step;
    if (place < 0 || place > this.#history.length) return true;
    if (this.#place === this.#history.length) this.#draft = this.text;
    this.#place = place;
    this.text = this.#history[place] ?? this.#draft;
    return true;
  }
}
