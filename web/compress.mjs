// Puts each file of dist/ beside itself as the bridge serves it, .br and .gz, and prints what a page has to load; after `vite build`.
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const dist = fileURLToPath(new URL("dist", import.meta.url));
const [last] = process.argv.slice(2);

const sizes = {};
for (const name of readdirSync(dist, { recursive: true }).sort()) {
  const path = join(dist, name);
  if (!statSync(path).isFile()) continue;
  const content = readFileSync(path);
  const br = brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: content.length } });
  writeFileSync(`${path}.br`, br);
  writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }));
  const kind = extname(name).slice(1);
  sizes[kind] = (sizes[kind] ?? 0) + br.length;
}
sizes.all = Object.values(sizes).reduce((sum, size) => sum + size, 0);

const before = last !== undefined && existsSync(last) ? JSON.parse(readFileSync(last, "utf8")) : {};
for (const [kind, size] of Object.entries(sizes)) {
  const change = before[kind] === undefined ? "" : `  ${size >= before[kind] ? "+" : ""}${size - before[kind]} since the last time`;
  console.log(`${kind.padEnd(6)}${(size / 1024).toFixed(1).padStart(7)} KiB brotli${change}`);
}
if (last !== undefined) writeFileSync(last, JSON.stringify(sizes));
