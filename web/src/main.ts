import "./style.css";
import type { ChangesView } from "./changes/view.js";
import { ConnectView } from "./connect/view.js";
import { h } from "./dom.js";
import { errorBox } from "./error.js";
import type { LabView } from "./lab/view.js";
import { preset } from "./preset.js";

const VIEWS = [
  ["connect", "Connect"],
  ["changes", "Changes"],
  ["handshake", "Handshake"],
  ["lab", "Lab"],
] as const;

type ViewName = (typeof VIEWS)[number][0];

const nav = h("nav", { "aria-label": "Views" });
const links = new Map<ViewName, HTMLAnchorElement>();
for (const [name, label] of VIEWS) {
  const link = h("a", { href: `#${name}` }, label);
  links.set(name, link);
  nav.append(link);
}
document.body.append(h("header", { class: "top" }, h("span", { class: "brand" }, "Sealwire"), nav));

const connect = new ConnectView(await preset().catch(() => ({})));
document.body.append(connect.element);

/** Which view the address names; `#demo` is the Connect view, filled in. */
function named(): ViewName {
  const name = location.hash.slice(1).split("?")[0];
  return VIEWS.find(([known]) => known === name)?.[0] ?? "connect";
}

async function show(): Promise<void> {
  const name = named();
  for (const [known, link] of links) {
    if (known === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const view = await element(name);
  // The address may have changed meanwhile.
  if (name === named() && view !== document.querySelector("main")) document.querySelector("main")?.replaceWith(view);
}

let changes: ChangesView | undefined;
let lab: LabView | undefined;
/** The error that is shown because nobody caught it. */
let uncaught: HTMLElement | undefined;

async function element(name: ViewName): Promise<HTMLElement> {
  if (name === "connect") return connect.element;
  if (name === "lab") return (await laboratory()).element;
  if (name === "changes") {
    const { ChangesView } = await import("./changes/view.js");
    changes ??= new ChangesView();
    changes.use(connect.session);
    return changes.element;
  }
  const { handshakeView } = await import("./handshake/view.js");
  return handshakeView(await connect.ladder());
}

/** The lab, with what the address says of its scenario. */
async function laboratory(): Promise<LabView> {
  const link = new URLSearchParams(location.hash.split("?")[1] ?? "").get("s");
  if (lab === undefined) {
    const { LabView } = await import("./lab/view.js");
    lab = await LabView.open(link);
  } else if (link !== null) {
    lab.reproduce(link);
  }
  return lab;
}

// Errors that no part of the page has caught are shown like the others, with their remedy.
addEventListener("unhandledrejection", ({ reason }) => {
  const box = errorBox(reason);
  box.append(h("button", { class: "quiet", onclick: () => box.remove() }, "Dismiss"));
  uncaught?.remove();
  uncaught = box;
  document.querySelector("header")?.after(box);
});

addEventListener("hashchange", () => void show());
await show();
