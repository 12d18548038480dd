import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

export default defineConfig({
  base: "./",
  resolve: {
    alias: {
      "sealwire-wasm": fileURLToPath(new URL("../wasm/pkg/index.js", import.meta.url)),
      "sealwire-lab": fileURLToPath(new URL("../wasm/pkg/lab/sealwire_lab.js", import.meta.url)),
    },
  },
  worker: { format: "es" },
  // Every browser that has what the page needs of WebAssembly and CSS.
  build: { target: "es2022", assetsInlineLimit: 0, modulePreload: { polyfill: false } },
});
