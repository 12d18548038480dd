// What is measured in the browser: a page's worker that uses the npm package.
import { Client } from "./sealwire-wasm/index.js";

/** Integers, text lengths and whole parts of all rows. */
async function sum(client, sql) {
  let sum = 0;
  for await (const { id, name, price } of client.queryStream(sql)) sum += id + name.length + Math.trunc(price);
  return sum;
}

async function work({ kind, count, sql, options }) {
  // The module is loaded and the handshake compiled before the clock starts.
  const client = await Client.connect(options);
  if (kind !== "connect") await client.query("SELECT 1");
  const since = performance.now();
  let read = 0;
  if (kind === "connect") {
    for (let at = 0; at < count; at++, read++) await (await Client.connect(options)).close();
  } else if (kind === "rows") {
    read = await sum(client, sql);
  } else {
    for (let at = 0; at < count; at++) read += (await client.query(sql)).rows[0].value.length;
  }
  const milliseconds = performance.now() - since;
  await client.close();
  return { milliseconds, read };
}

onmessage = ({ data }) => work(data).then(postMessage, (error) => postMessage({ error: String(error) }));
