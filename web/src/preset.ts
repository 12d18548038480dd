import type { SslMode } from "sealwire-wasm";

/** What the form is filled in with. */
export interface Preset {
  bridge?: string;
  user?: string;
  password?: string;
  database?: string;
  serverName?: string;
  ca?: string;
  mode?: SslMode;
}

/**
 * What the page was opened with: `#demo` reads `demo.json` beside the page, which `cargo xtask demo` writes; `#connect?user=…&bridge=…` says
 * it in the link, without secrets.
 */
export async function preset(): Promise<Preset> {
  const [name, query] = location.hash.slice(1).split("?");
  if (name === "demo") {
    const demo = (await (await fetch("demo.json")).json()) as Preset & { target?: string };
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    return demo.target === undefined ? demo : { ...demo, bridge: `${scheme}://${location.host}/tcp/${demo.target}` };
  }
  const given = new URLSearchParams(query ?? "");
  const names = ["bridge", "user", "database", "serverName", "mode"] as const;
  return Object.fromEntries(names.filter((key) => given.has(key)).map((key) => [key, given.get(key)]));
}
