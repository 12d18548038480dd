// Puts each file of dist/ beside itself as the bridge serves it, .br and .gz; prints what a page has to load, and fails where that has
// become too much. After `vite build`.
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const dist = fileURLToPath(new URL("dist", import.meta.url));
const module = (name) => fileURLToPath(new URL(`../wasm/pkg/${name}_bg.wasm`, import.meta.url));
const [last] = process.argv.slice(2);

/** Bytes, compressed: of the npm package's module, of its second one for binary logs, and of the whole page with both and laboratory. */
const MOST = { client: 325_000, log: 95_000, page: 700_000 };

const brotli = (content) => brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: content.length } });

const sizes = {};
for (const name of readdirSync(dist, { recursive: true }).sort()) {
  const path = join(dist, name);
  if (!statSync(path).isFile() || /\.(br|gz)$/.test(name)) continue;
  const content = readFileSync(path);
  const compressed = brotli(content);
  writeFileSync(`${path}.br`, compressed);
  writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }));
  const kind = `page ${extname(name).slice(1)}`;
  sizes[kind] = (sizes[kind] ?? 0) + compressed.length;
}
sizes.page = Object.values(sizes).reduce((sum, size) => sum + size, 0);
sizes.client = brotli(readFileSync(module("sealwire_wasm"))).length;
sizes.log = brotli(readFileSync(module("sealwire_log"))).length;

const before = last !== undefined && existsSync(last) ? JSON.parse(readFileSync(last, "utf8")) : {};
for (const [name, size] of Object.entries(sizes)) {
  const most = MOST[name] === undefined ? "" : ` of ${(MOST[name] / 1000).toFixed(0)}`;
  const change = before[name] === undefined ? "" : `  ${size >= before[name] ? "+" : ""}${size - before[name]} bytes since the last time`;
  console.log(`${name.padEnd(10)}${(size / 1000).toFixed(1).padStart(7)}${most} kB brotli${change}`);
  if (size > MOST[name]) {
    console.error(`${name}: ${size} bytes are more than ${MOST[name]}`);
    process.exitCode = 1;
  }
}
if (last !== undefined) writeFileSync(last, JSON.stringify(sizes));
