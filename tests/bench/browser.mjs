// `node browser.mjs <page> <job>`: does a job in Chromium, in a worker of the page at that address; prints its milliseconds and what it read.
import { createRequire } from "node:module";

const { chromium } = createRequire(new URL("../../web/package.json", import.meta.url))("playwright-core");
const [page, job] = process.argv.slice(2);

const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
try {
  const tab = await browser.newPage();
  await tab.goto(page);
  const told = await tab.evaluate(
    (job) =>
      new Promise((resolve) => {
        const worker = new Worker("worker.js", { type: "module" });
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = ({ message }) => resolve({ error: message });
        worker.postMessage(job);
      }),
    JSON.parse(job),
  );
  if (told.error !== undefined) throw new Error(told.error);
  console.log(`${told.milliseconds} ${told.read}`);
} finally {
  await browser.close();
}
