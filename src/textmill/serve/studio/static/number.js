// Show me this number: the formula, every operand with its values, the line of the source, and the way on to the inputs.

import { html, useEffect, useRef, useState } from "./vendor/htm-preact.js";
import { ask } from "./api.js";
import { painter } from "./heatmap.js";
import { count, known, plain, t } from "./words.js";

export const stepTitle = (step) => (known(step.what) ? t(step.what) : step.what);

function Strip({ operand, onPick, theme }) {
  const canvas = useRef(null);
  const numbers = operand.values.map((value) => (value === "-inf" ? -Infinity : Number(value)));
  useEffect(() => {
    const context = canvas.current.getContext("2d");
    canvas.current.width = numbers.length;
    canvas.current.height = 1;
    const finite = numbers.filter(Number.isFinite);
    const paint = painter("signed", Math.min(...finite, 0), Math.max(...finite, 0));
    numbers.forEach((value, at) => {
      context.fillStyle = `rgb(${paint(Number.isFinite(value) ? value : 0).join(",")})`;
      context.fillRect(at, 0, 1, 1);
    });
  }, [operand, theme]);
  const pick = (event) => {
    const box = canvas.current.getBoundingClientRect();
    onPick(Math.min(numbers.length - 1, Math.floor(((event.clientX - box.left) / box.width) * numbers.length)));
  };
  return html`<canvas class="strip" ref=${canvas} onClick=${pick} aria-hidden="true"></canvas>`;
}

// Where the value at a place among an operand's values stands in its step.
function indexOf(operand, place) {
  const free = operand.index.map((at, axis) => (at === null ? axis : -1)).filter((axis) => axis >= 0);
  const index = [...operand.index];
  let rest = place;
  for (const axis of free.reverse()) {
    index[axis] = rest % operand.shape[axis];
    rest = Math.floor(rest / operand.shape[axis]);
  }
  return index;
}

const SHOWN = 24;

function Operand({ operand, steps, onGo, theme }) {
  const [all, setAll] = useState(false);
  const goes = operand.kind === "step" && steps[operand.name];
  const where = operand.index.map((at) => (at === null ? ":" : at)).join(", ");
  const values = all ? operand.values.slice(0, 2048) : operand.values.slice(0, SHOWN);
  const go = (place) => goes && onGo(operand.name, indexOf(operand, place));
  return html`<li class="operand">
    <div class="operand-head"><b class="symbol">${operand.symbol}</b>
      <span>${goes ? stepTitle(steps[operand.name]) : t(`kind_${operand.kind}`)}</span></div>
    ${operand.name && html`<code>${operand.name}${where && `[${where}]`}</code>`}
    ${operand.shape.length > 0 && html`<span class="faint"> ${t("of_shape", { shape: operand.shape.join(" × ") })}</span>`}
    ${operand.values.length > 1 && html`<${Strip} operand=${operand} onPick=${go} theme=${theme} />`}
    <div class="values">${values.map((value, place) => goes
      ? html`<button type="button" onClick=${() => go(place)}>${plain(value)}</button>`
      : html`<span>${plain(value)}</span>`)}
      ${!all && operand.values.length > SHOWN && html`<button type="button" class="more" onClick=${() => setAll(true)}>
        ${t("more_values", { count: count(operand.values.length - SHOWN) })}</button>`}</div>
  </li>`;
}

export function NumberPanel({ look, place, onGo, onBack, onClose, depth, theme }) {
  const [found, setFound] = useState(null);
  const [failed, setFailed] = useState("");
  const heading = useRef(null);
  useEffect(() => {
    let here = true;
    ask(`/api/look/${look.id}/number`, place).then((one) => {
      if (!here) return;
      setFound(one);
      setFailed("");
      setTimeout(() => heading.current?.focus({ preventScroll: true }));
    }, (error) => here && setFailed(error.message));
    return () => { here = false; };
  }, [place, look.id]);
  const close = (event) => { if (event.key === "Escape") onClose(); };
  const step = found && look.byName[found.name];
  return html`<aside class="number" aria-label=${t("number_title")} onKeyDown=${close}>
    <header><h2>${t("number_title")}</h2>
      ${depth > 1 && html`<button type="button" class="quiet" onClick=${onBack}>← ${t("back")}</button>`}
      <button type="button" class="quiet" onClick=${onClose} aria-label=${t("close")}>✕</button></header>
    ${failed && html`<p class="error" role="alert">${failed}</p>`}
    ${found && html`<div>
      <p class="where" tabindex="-1" ref=${heading}><b>${stepTitle(step)}</b><br/>
        <code>${found.name}[${found.index.join(", ")}]</code></p>
      <p class="value">${plain(found.value)}</p>
      ${known(`${step.what}_note`) && html`<p class="faint">${t(`${step.what}_note`)}</p>`}
      <p class="formula">${found.formula}</p>
      <p class="filled">= ${found.filled}<br/>= <b>${plain(found.made)}</b></p>
      <h3>${t("operands")}</h3>
      <ul class="operands">${found.operands.map((operand) => html`<${Operand} key=${operand.symbol + operand.name}
        operand=${operand} steps=${look.byName} onGo=${onGo} theme=${theme} />`)}</ul>
      <h3>${t("source")}</h3>
      <p class="source"><code>${found.source.file}:${found.source.line}</code></p>
      <pre><code>${found.source.code}</code></pre>
    </div>`}
  </aside>`;
}
