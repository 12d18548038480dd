/** In the place of the package's own: the page has one module for client, binary log and laboratory, because they share most of their bytes. */
export const BESIDE = new URL("../../../wasm/pkg/page/sealwire_page_bg.wasm", import.meta.url);
export const LOG_BESIDE: URL | undefined = undefined;
