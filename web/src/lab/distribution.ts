import { h } from "../dom.js";

const BINS = 24;
const SVG = "http://www.w3.org/2000/svg";

function svg(name: string, attributes: Record<string, string | number>): SVGElement {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  return element;
}

/** Connection times of many seeds, in milliseconds; `null` for those that failed. */
export function distribution(times: readonly (number | null)[]): HTMLElement {
  const good = times.filter((time): time is number => time !== null).sort((a, b) => a - b);
  const box = h("div", { class: "distribution", role: "status" });
  box.classList.add(good.length === times.length ? "good" : good.length === 0 ? "bad" : "mixed");
  const rate = (100 * good.length) / times.length;
  box.append(h("strong", {}, `${good.length} of ${times.length} connections made (${rate.toFixed(1)} %)`));
  if (good.length === 0) return box;
  const at = (part: number) => good[Math.min(good.length - 1, Math.floor(good.length * part))]!;
  const [low, high] = [good[0]!, good.at(-1)!];
  box.append(
    h("p", { class: "muted" }, `Time to connect: median ${at(0.5).toFixed(1)} ms, 95 % within ${at(0.95).toFixed(1)} ms, longest ${high.toFixed(1)} ms.`),
  );
  const width = Math.max((high - low) / BINS, 0.1);
  const bins = new Array<number>(BINS).fill(0);
  for (const time of good) bins[Math.min(BINS - 1, Math.floor((time - low) / width))]! += 1;
  const most = Math.max(...bins);
  const chart = svg("svg", { viewBox: `0 0 ${BINS * 10} 60`, preserveAspectRatio: "none", role: "img", "aria-label": "Distribution of connection times" });
  bins.forEach((bin, index) => {
    const height = bin === 0 ? 0 : Math.max(1.5, (58 * bin) / most);
    const bar = svg("rect", { x: index * 10 + 1, y: 60 - height, width: 8, height });
    const title = svg("title", {});
    title.textContent = `${(low + index * width).toFixed(1)} to ${(low + (index + 1) * width).toFixed(1)} ms: ${bin}`;
    bar.append(title);
    chart.append(bar);
  });
  box.append(chart, h("div", { class: "axis" }, h("span", {}, `${low.toFixed(0)} ms`), h("span", {}, `${(low + BINS * width).toFixed(0)} ms`)));
  return box;
}
