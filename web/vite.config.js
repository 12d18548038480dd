import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const built = (name) => fileURLToPath(new URL(`../wasm/pkg/${name}`, import.meta.url));
const own = (name) => fileURLToPath(new URL(`src/${name}`, import.meta.url));

export default defineConfig({
  base: "./",
  resolve: {
    alias: [
      { find: "sealwire-wasm", replacement: built("index.js") },
      // The page has one module for client, binary log and laboratory: three would share most of their bytes.
      { find: /^\.\/sealwire_(wasm|log)\.js$/, replacement: built("page/sealwire_page.js") },
      { find: /^\.\/place\.js$/, replacement: own("client/place.ts") },
      { find: "sealwire-lab", replacement: built("page/sealwire_page.js") },
    ],
  },
  worker: { format: "es" },
  // Every browser that has what the page needs of WebAssembly and CSS.
  build: { target: "es2022", assetsInlineLimit: 0, modulePreload: { polyfill: false } },
});
