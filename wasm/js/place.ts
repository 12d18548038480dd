/** The addresses of the wasm modules beside this script. They are in their own file, because a page with another module replaces this file. */
export const BESIDE = new URL("./sealwire_wasm_bg.wasm", import.meta.url);
/** The module that reads binary logs; `undefined` where the first one does. */
export const LOG_BESIDE: URL | undefined = new URL("./sealwire_log_bg.wasm", import.meta.url);
