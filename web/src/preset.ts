import type { SslMode } from "sealwire-wasm";

/** The values with which the form is filled in. */
export interface Preset {
  bridge?: string;
  user?: string;
  password?: string;
  database?: string;
  serverName?: string;
  ca?: string;
  mode?: SslMode;
  /** Whether the bridge came by a link and is not of the page's own host: the author of the link chose it. */
  foreignBridge?: boolean;
  /** A note on the parts of the link that were ignored. */
  notice?: string;
}

/** The modes that verify the server's certificate. */
const VERIFIED: readonly string[] = ["VERIFY_IDENTITY", "VERIFY_CA"];

/**
 * The values in a link, without secrets: `user=…&bridge=…`. Anybody can make a link, so it takes away no protection: a mode that verifies
 * nothing is not taken, and a bridge of another host must be confirmed.
 */
export function ofLink(query: string, host: string): Preset {
  const given = new URLSearchParams(query);
  const names = ["bridge", "user", "database", "serverName"] as const;
  const preset: Preset = Object.fromEntries(names.filter((key) => given.has(key)).map((key) => [key, given.get(key)]));
  const mode = given.get("mode");
  if (mode !== null && VERIFIED.includes(mode)) preset.mode = mode as SslMode;
  else if (mode !== null) {
    preset.notice = `This link asks for the SSL mode ${JSON.stringify(mode)}, which does not verify the server. It was not taken; choose it yourself if you mean it.`;
  }
  if (preset.bridge !== undefined) preset.foreignBridge = !isOf(host, preset.bridge);
  return preset;
}

function isOf(host: string, bridge: string): boolean {
  try {
    return new URL(bridge).host === host;
  } catch {
    return false;
  }
}

/**
 * The preset of the page's address: `#demo` reads `demo.json` beside the page, which `cargo xtask demo` writes; `#connect?…` has the
 * values in the link.
 */
export async function preset(): Promise<Preset> {
  const [name, query] = location.hash.slice(1).split("?");
  if (name === "demo") {
    const demo = (await (await fetch("demo.json")).json()) as Preset & { target?: string };
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    return demo.target === undefined ? demo : { ...demo, bridge: `${scheme}://${location.host}/tcp/${demo.target}` };
  }
  return ofLink(query ?? "", location.host);
}
