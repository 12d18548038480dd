/** The address of the wasm module beside this script. It is in its own file, because a page with another module replaces this file. */
export const BESIDE = new URL("./sealwire_wasm_bg.wasm", import.meta.url);
