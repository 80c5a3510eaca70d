// From logits to the next token: the whole vocabulary as one curve, the cuts on it, and the tokens that are left.

import { html, useEffect, useRef, useState } from "./vendor/htm-preact.js";
import { ask, floats } from "./api.js";
import { count, plain, share, t, visible } from "./words.js";

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const TICKS = [1, 0.1, 0.01, 0.001, 0.0001, 0.00001, 0.000001];

function drawCurve(canvas, values, found, settings) {
  const scale = window.devicePixelRatio || 1;
  const [width, height, left, below] = [canvas.parentElement.clientWidth, 190, 52, 24];
  canvas.width = width * scale;
  canvas.height = height * scale;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.scale(scale, scale);
  context.font = '12px system-ui, "Noto Sans CJK SC", sans-serif';
  const x = (rank) => left + (Math.log10(rank + 1) / Math.log10(values.length + 1)) * (width - left - 8);
  const y = (value) => 10 + (Math.log10(Math.max(value, 1e-7)) / -7) * (height - below - 14);
  context.strokeStyle = colour("--line");
  context.fillStyle = colour("--faint");
  context.textAlign = "right";
  context.textBaseline = "middle";
  TICKS.forEach((tick) => {
    context.beginPath();
    context.moveTo(left, y(tick));
    context.lineTo(width - 8, y(tick));
    context.stroke();
    context.fillText(share(tick), left - 6, y(tick));
  });
  context.textAlign = "center";
  for (let rank = 1; rank <= values.length; rank *= 10) context.fillText(count(rank), x(rank - 1) + 4, height - 10);
  context.fillStyle = colour("--plus");
  context.globalAlpha = 0.16;
  context.fillRect(left, 10, x(found.kept - 1) + 2 - left, height - below - 14);
  context.globalAlpha = 1;
  context.strokeStyle = colour("--plus");
  context.lineWidth = 2;
  context.beginPath();
  for (let at = left; at <= width - 8; at += 1) {
    const rank = Math.round(10 ** (((at - left) / (width - left - 8)) * Math.log10(values.length + 1)) - 1);
    context.lineTo(at, y(values[Math.min(values.length - 1, Math.max(0, rank))]));
  }
  context.stroke();
  if (settings.top_k > 0 && settings.top_k < values.length) {
    context.strokeStyle = colour("--minus");
    context.setLineDash([4, 3]);
    context.beginPath();
    context.moveTo(x(settings.top_k - 1) + 3, 8);
    context.lineTo(x(settings.top_k - 1) + 3, height - below - 4);
    context.stroke();
  }
}

function Slider({ name, value, low, high, step, onChange }) {
  return html`<label class="slider"><span>${t(name)} <b>${value}</b></span>
    <input type="range" min=${low} max=${high} step=${step} value=${value}
      onInput=${(event) => onChange(Number(event.target.value))} /></label>`;
}

function Candidate({ one, most, drawn, onPick, onWrite }) {
  const part = (value) => ({ width: `${Math.max(0.3, (value / most) * 100)}%` });
  const state = one.cut ? t("cut_by", { cut: t(`cut_${one.cut}`) }) : share(one.chance);
  return html`<tr class=${one.cut ? "out" : ""}>
    <th scope="row">${one.writable
      ? html`<button type="button" class="token" onClick=${onWrite} title=${t("write_on")}>${visible(one.text)}</button>`
      : html`<span class="token">${visible(one.text)}</span>`}
      ${drawn && html`<span class="drawn" title=${t("drawn")}>◀ ${t("drawn")}</span>`}</th>
    <td class="bars" aria-hidden="true"><i class="own" style=${part(one.probability)}></i>
      <i class="left" style=${part(one.chance)}></i></td>
    <td><button type="button" class="quiet" onClick=${() => onPick("logits")}>${plain(one.logit)}</button></td>
    <td><button type="button" class="quiet" onClick=${() => onPick("probabilities")}>${share(one.probability)}</button></td>
    <td>${state}</td></tr>`;
}

export function Next({ look, token, onPick, onWrite, theme }) {
  const [settings, setSettings] = useState({ temperature: 1, top_k: 0, top_p: 1, min_p: 0, seed: 0 });
  const [found, setFound] = useState(null);
  const [values, setValues] = useState(null);
  const canvas = useRef(null);
  useEffect(() => {
    let here = true;
    floats(`/api/look/${look.id}/curve?at=${token}`).then((one) => here && setValues(one), () => {});
    return () => { here = false; };
  }, [look.id, token]);
  useEffect(() => {
    const gone = new AbortController();
    ask(`/api/look/${look.id}/next`, { at: token, ...settings }, gone.signal).then(setFound, () => {});
    return () => gone.abort();
  }, [look.id, token, settings]);
  useEffect(() => {
    if (!values || !found || !canvas.current) return undefined;
    const again = () => drawCurve(canvas.current, values, found, settings);
    again();
    const observer = new ResizeObserver(again);
    observer.observe(canvas.current.parentElement);
    return () => observer.disconnect();
  }, [values, found, theme]);
  const change = (name) => (value) => setSettings({ ...settings, [name]: value });
  const most = found ? Math.max(...found.candidates.map((one) => Math.max(one.probability, one.chance))) : 1;
  return html`<div>
    <div class="sliders">
      <${Slider} name="temperature" value=${settings.temperature} low="0" high="2" step="0.05" onChange=${change("temperature")} />
      <${Slider} name="top_k" value=${settings.top_k} low="0" high="100" step="1" onChange=${change("top_k")} />
      <${Slider} name="top_p" value=${settings.top_p} low="0.05" high="1" step="0.05" onChange=${change("top_p")} />
      <${Slider} name="min_p" value=${settings.min_p} low="0" high="0.5" step="0.01" onChange=${change("min_p")} />
      <${Slider} name="seed" value=${settings.seed} low="0" high="99" step="1" onChange=${change("seed")} />
    </div>
    <figure class="wide"><figcaption><b>${t("curve")}</b> <span class="note">${t("curve_note")}</span></figcaption>
      <canvas ref=${canvas} role="img" aria-label=${t("curve_note")}></canvas></figure>
    ${found && html`<p class="faint">${t("kept", {
      kept: count(found.kept), size: count(look.config.vocabulary_size), entropy: found.entropy.toFixed(2),
    })}</p>
    <div class="scroll" tabindex="0" role="region" aria-label=${t("candidates")}><table class="candidates">
      <thead><tr><th>${t("token")}</th><th>${t("bars")}</th><th>${t("logit")}</th><th>${t("probability")}</th>
        <th>${t("chance")}</th></tr></thead>
      <tbody>${found.candidates.slice(0, 16).concat(found.candidates.slice(16).filter((one) => one.id === found.drawn))
        .map((one) => html`<${Candidate} key=${one.id} one=${one} most=${most} drawn=${one.id === found.drawn}
          onWrite=${() => onWrite(one.text)} onPick=${(name) => onPick({ name, index: [token, one.id], until: [] })} />`)}
      </tbody></table></div>`}
  </div>`;
}
