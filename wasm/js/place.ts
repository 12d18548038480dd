/** The wasm module's address, beside this script. In a file of its own, because a page with another module replaces it. */
export const BESIDE = new URL("./sealwire_wasm_bg.wasm", import.meta.url);
