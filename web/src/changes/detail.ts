import { h } from "../dom.js";
import { isChanged, timeText, type Cell, type ChangeRow } from "./row.js";

/** All that the log tells of a change. */
export function detail(row: ChangeRow, close: () => void): HTMLElement {
  const { transaction, table, kind, before, after, text } = row;
  const facts: [string, string | undefined][] = [
    ["Begun", timeText(transaction.time)],
    ["GTID", transaction.gtid],
    ["Behind it", transaction.place],
    ["Made at server", String(transaction.serverId)],
    ["Outcome", transaction.isRolledBack ? "rolled back" : undefined],
  ];
  const list = h("dl");
  for (const [name, value] of facts) if (value !== undefined) list.append(h("dt", {}, name), h("dd", {}, value));
  const values = h(
    "table",
    {},
    h("thead", {}, h("tr", {}, ...heads(row).map((text) => h("th", { scope: "col" }, text)))),
    h(
      "tbody",
      {},
      ...table.columns.map(({ name, type, isKey }, index) =>
        h(
          "tr",
          { class: isChanged(row, index) && "changed" },
          h("th", { scope: "row" }, name, isKey && h("small", {}, " key")),
          h("td", {}, h("small", {}, type)),
          before !== undefined && value(before[index]),
          after !== undefined && value(after[index]),
        ),
      ),
    ),
  );
  return h(
    "section",
    { class: "detail", "aria-label": "The change" },
    h("div", { class: "detail-head" }, h("h2", {}, `${kind} ${table.name}`), h("button", { class: "quiet", onclick: close }, "Close")),
    list,
    text === "" ? values : h("pre", {}, text),
  );
}

function heads({ before, after }: ChangeRow): string[] {
  return ["Column", "Type", ...(before === undefined ? [] : ["Before"]), ...(after === undefined ? [] : ["After"])];
}

function value(cell: Cell): HTMLElement {
  if (cell === undefined) return h("td", { class: "null" }, "(not logged)");
  return cell === null ? h("td", { class: "null" }, "NULL") : h("td", {}, cell);
}
