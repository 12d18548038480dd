/** In the place of the package's own: the page has one module for client and laboratory, because two would share most of their bytes. */
export const BESIDE = new URL("../../../wasm/pkg/page/sealwire_page_bg.wasm", import.meta.url);
