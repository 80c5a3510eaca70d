// One layer: its heads as small squares to choose from, then every step of it drawn in the order of the computation.

import { html, useEffect, useRef, useState } from "./vendor/htm-preact.js";
import { ask, matrix } from "./api.js";
import { Heatmap, pixels } from "./heatmap.js";
import { stepTitle } from "./number.js";
import { known, t } from "./words.js";

const SQUARES = ["scores", "capped", "masked", "weights"];

export function Figure({ look, step, index, row, onPick, theme }) {
  const texts = look.tokens.map((token) => token.text);
  const path = `/api/look/${look.id}/tensor?name=${step.name}${index === undefined ? "" : `&index=${index}`}`;
  const square = step.axes[2] === "key";
  const pick = (from, until) => {
    const front = index === undefined ? [] : [index];
    onPick({ name: step.name, index: [...front, ...from], until: until ? [...front, ...until] : [] });
  };
  return html`<figure class=${square ? "square" : step.shape.length === 3 ? "part" : "wide"}>
    <figcaption><b>${stepTitle(step)}</b> <span class="shape">${step.shape.join(" × ")}</span>
      ${known(`${step.what}_note`) && html`<span class="note">${t(`${step.what}_note`)}</span>`}</figcaption>
    <${Heatmap} path=${path} kind=${step.what === "weights" || step.what === "choice" ? "share" : "signed"}
      label=${stepTitle(step)} rowLabels=${texts} columnLabels=${square ? texts : null} row=${row}
      onPick=${pick} theme=${theme} />
  </figure>`;
}

function Head({ found, head, chosen, onChoose, theme }) {
  const canvas = useRef(null);
  const size = found.columns;
  useEffect(() => {
    const rows = found.rows / (found.wholeRows / found.wholeColumns);
    const context = canvas.current.getContext("2d");
    canvas.current.width = size;
    canvas.current.height = rows;
    context.drawImage(pixels(found, "share", head * rows, rows), 0, 0);
  }, [found, head, theme]);
  return html`<button type="button" class="head" aria-pressed=${chosen} onClick=${() => onChoose(head)}>
    <canvas ref=${canvas} aria-hidden="true"></canvas><span>${t("head", { number: head })}</span></button>`;
}

export function Heads({ look, layer, head, onChoose, theme }) {
  const [found, setFound] = useState(null);
  useEffect(() => {
    let here = true;
    matrix(`/api/look/${look.id}/thumbnails?layer=${layer}`).then((one) => here && setFound(one), () => {});
    return () => { here = false; };
  }, [look.id, layer]);
  const count = look.config.heads;
  return html`<div class="heads" role="group" aria-label=${t("heads_title")}>
    ${found && Array.from({ length: count }, (_, at) => html`<${Head} key=${at} found=${found} head=${at}
      chosen=${at === head} onChoose=${onChoose} theme=${theme} />`)}</div>`;
}

// The rotation of queries and keys, drawn: each pair of dimensions is a hand that turns with the position.
export function Dials({ look, layer, token }) {
  const [angles, setAngles] = useState([]);
  useEffect(() => {
    let here = true;
    ask(`/api/look/${look.id}/angles?layer=${layer}&at=${token}`).then((one) => here && setAngles(one.angles), () => {});
    return () => { here = false; };
  }, [look.id, layer, token]);
  if (!angles.length) return null;
  return html`<figure class="wide"><figcaption><b>${t("dials")}</b>
      <span class="note">${t("dials_note", { place: token })}</span></figcaption>
    <div class="dials" role="img" aria-label=${t("dials_note", { place: token })}>
      ${angles.slice(0, 64).map((angle, at) => html`<svg viewBox="-12 -12 24 24" key=${at}>
        <circle r="10"/><line x2=${(9 * Math.cos(angle)).toFixed(2)} y2=${(-9 * Math.sin(angle)).toFixed(2)}/></svg>`)}
    </div></figure>`;
}

export function Layer({ look, layer, head, token, onPick, theme }) {
  const groups = look.config.heads / look.config.kv_heads;
  const steps = look.steps.filter((step) => step.layer === layer);
  const indexFor = (step) => (step.axes[0] === "head" ? head
    : step.axes[0] === "kv_head" ? Math.floor(head / groups) : undefined);
  const figure = (step) => html`<${Figure} key=${step.name} look=${look} step=${step} index=${indexFor(step)}
    row=${token} onPick=${onPick} theme=${theme} />`;
  const inAttention = (step) => step.name.includes(".attention.");
  const projections = steps.filter((step) => inAttention(step) && step.shape.length === 3
    && !SQUARES.includes(step.what) && step.what !== "heads");
  const squares = steps.filter((step) => SQUARES.includes(step.what));
  const first = steps.filter((step) => step.what === "attention_norm");
  const mixed = steps.filter((step) => step.what === "heads");
  const cut = steps.findIndex((step) => step.what === "heads");
  const later = steps.slice(cut + 1);
  const middle = later.findIndex((step) => step.what === "middle");
  return html`<div class="layer">
    ${first.map(figure)}
    <h4>${t("part_projections")}</h4>
    <div class="row">${projections.map(figure)}</div>
    ${look.config.positions === "rope" && html`<${Dials} look=${look} layer=${layer} token=${token} />`}
    <h4>${t("part_attention", { head })}</h4>
    <div class="row squares">${squares.map(figure)}</div>
    <h4>${t("part_heads")}</h4>
    <div class="row">${mixed.map(figure)}</div>
    ${later.slice(0, middle + 1).map(figure)}
    <h4>${t("part_feed_forward")}</h4>
    ${later.slice(middle + 1).map(figure)}
  </div>`;
}
