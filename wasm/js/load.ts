import { misuse, type SealwireError } from "./error.js";
import { BESIDE, LOG_BESIDE } from "./place.js";
import initialiseLog from "./sealwire_log.js";
import initialise from "./sealwire_wasm.js";

/** The source of the wasm module: its address, a response with it, its bytes, or the compiled module. */
export type WasmSource = string | URL | Request | Response | BufferSource | WebAssembly.Module | Promise<Response>;

/** The first bytes of every wasm module. */
const MAGIC = "\0asm";
const WASM = "application/wasm";
/** The folder in which Vite bundles dependencies. Vite up to version 7 does not copy the module there. */
const BUNDLED_BY_VITE = /\/\.vite\/deps[^/]*\/(?=[^/]*$)/;

/** A module that is loaded once. After a failure the next caller tries again. */
class Module {
  #loading: Promise<void> | undefined;

  constructor(
    readonly initialise: (source: { module_or_path: BufferSource | Response | WebAssembly.Module }) => Promise<unknown>,
    readonly beside: URL,
  ) {}

  async load(source: WasmSource | undefined): Promise<void> {
    this.#loading ??= this.#initialised(source ?? neighbour(this.beside));
    try {
      await this.#loading;
    } catch (error) {
      this.#loading = undefined;
      throw error;
    }
  }

  async #initialised(source: WasmSource): Promise<void> {
    const given = await source;
    const isPlace = typeof given === "string" || given instanceof URL || given instanceof Request;
    const answer = isPlace ? await fetched(given) : given;
    const module = answer instanceof Response ? await checked(answer) : answer;
    try {
      await this.initialise({ module_or_path: module });
    } catch (error) {
      const hint = "A page with a Content-Security-Policy needs script-src 'wasm-unsafe-eval'.";
      throw misuse(`The wasm module can't be compiled: ${text(error)}`, hint);
    }
  }
}

const client = new Module(initialise, BESIDE);
const log = LOG_BESIDE && new Module(initialiseLog, LOG_BESIDE);

/** Loads the client's module. */
export async function load(source: WasmSource | undefined): Promise<void> {
  await client.load(source);
}

/** Loads the module that reads binary logs. */
export async function loadLog(source: WasmSource | undefined): Promise<void> {
  await log?.load(source);
}

/** The package's own folder, in which the module stays when Vite has bundled the scripts elsewhere. */
function neighbour(place: URL): URL {
  return new URL(place.href.replace(BUNDLED_BY_VITE, "/sealwire-wasm/"));
}

async function fetched(place: string | URL | Request): Promise<Response> {
  try {
    return await fetch(place);
  } catch (error) {
    throw unusable(place instanceof Request ? place.url : String(place), `can't be fetched: ${text(error)}`);
  }
}

/** The response, or its bytes if its content type is not wasm. Throws if the content is not a wasm module. */
async function checked(answer: Response): Promise<Response | ArrayBuffer> {
  if (!answer.ok) throw unusable(answer.url, `is answered with status ${answer.status}`);
  const type = answer.headers.get("Content-Type");
  if (type === WASM) return answer;
  const bytes = await answer.arrayBuffer();
  const begin = String.fromCharCode(...new Uint8Array(bytes.slice(0, MAGIC.length)));
  if (begin !== MAGIC) throw unusable(answer.url, `is answered with something else (${type ?? "of no type"})`);
  return bytes;
}

function unusable(place: string, why: string): SealwireError {
  return misuse(
    `The wasm module's address, ${place}, ${why}`,
    "Serve sealwire_wasm_bg.wasm and sealwire_log_bg.wasm beside the package's scripts, or give the address as the option wasm. With Vite install the " +
      'package from what `npm pack` makes, not as a link, and say optimizeDeps: { exclude: ["sealwire-wasm"] } in vite.config.js.',
  );
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
