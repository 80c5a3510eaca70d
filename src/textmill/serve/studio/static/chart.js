// Curves along the steps, drawn by uPlot, which is fetched when a page first needs it.

import { html, useEffect, useRef } from "./vendor/htm-preact.js";
import { plain } from "./words.js";

let fetched = null;

export function uplot() {
  fetched ??= new Promise((resolve, reject) => {
    const sheet = document.createElement("link");
    sheet.rel = "stylesheet";
    sheet.href = "/static/vendor/uplot.css";
    const script = document.createElement("script");
    script.src = "/static/vendor/uplot.js";
    script.onload = () => resolve(window.uPlot);
    script.onerror = reject;
    document.head.append(sheet, script);
  });
  return fetched;
}

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// Running mean without a bias towards 0 at its start; a value that is missing stays missing.
export function smoothed(values, memory) {
  let [mean, weight] = [0, 0];
  return values.map((value) => {
    if (value === null || value === undefined) return null;
    mean = memory * mean + (1 - memory) * value;
    weight = memory * weight + (1 - memory);
    return mean / weight;
  });
}

const HEIGHT = 210;

// curves: [{x, y, colour, thin, dots}]; all are joined on their x.
export function Chart({ label, curves, theme, height = HEIGHT }) {
  const place = useRef(null);
  const made = useRef(null);
  const shape = JSON.stringify([theme, label, curves.map((curve) => [curve.colour, curve.thin, curve.dots])]);
  const data = (uPlot) => uPlot.join(curves.map((curve) => [curve.x, curve.y]));
  useEffect(() => {
    let here = true;
    let observer;
    uplot().then((uPlot) => {
      if (!here || !curves.length) return;
      const axis = { stroke: colour("--faint"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false },
        font: '12px system-ui, "Noto Sans CJK SC", sans-serif' };
      const series = curves.map((curve) => ({
        stroke: colour(`--c${curve.colour}`), width: curve.thin ? 1 : 2.2, spanGaps: true, alpha: curve.thin ? 0.35 : 1,
        points: { show: Boolean(curve.dots), size: 7, fill: colour(`--c${curve.colour}`) },
        paths: curve.dots ? () => null : undefined,
      }));
      const options = {
        width: place.current.clientWidth, height, series: [{}, ...series], legend: { show: false },
        scales: { x: { time: false } }, cursor: { points: { show: false }, drag: { x: true, y: false } },
        axes: [{ ...axis, size: 28 }, { ...axis, size: 58, values: (_, ticks) => ticks.map(plain) }],
      };
      made.current = new uPlot(options, data(uPlot), place.current);
      observer = new ResizeObserver(() => made.current?.setSize({ width: place.current.clientWidth, height }));
      observer.observe(place.current);
    });
    return () => {
      here = false;
      observer?.disconnect();
      made.current?.destroy();
      made.current = null;
    };
  }, [shape]);
  useEffect(() => { if (made.current) made.current.setData(data(window.uPlot)); }, [curves]);
  const last = curves.filter((curve) => !curve.thin && curve.y.length).map((curve) => plain(curve.y.at(-1)));
  return html`<figure><figcaption><b>${label}</b></figcaption>
    <div ref=${place} role="img" aria-label=${`${label}: ${last.join(", ")}`}></div></figure>`;
}
