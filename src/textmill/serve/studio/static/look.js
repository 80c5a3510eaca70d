// Look inside: a prompt through the model of one's choice, every step drawn, every number explained.

import { html, useEffect, useMemo, useRef, useState } from "./vendor/htm-preact.js";
import { ask } from "./api.js";
import { Figure, Heads, Layer } from "./layer.js";
import { Lens } from "./lens.js";
import { Next } from "./next.js";
import { Operate } from "./operate.js";
import { NumberPanel } from "./number.js";
import { count, t, visible } from "./words.js";

function Tokens({ look, token, onToken }) {
  const groups = [];
  look.tokens.forEach((one, at) => {
    if (groups.length && groups.at(-1)[0].one.group === one.group) groups.at(-1).push({ one, at });
    else groups.push([{ one, at }]);
  });
  const chip = ({ one, at }, part) => html`<button type="button" class=${`chip c${one.group % 2} ${one.special ? "special" : ""}`}
    aria-pressed=${at === token} onClick=${() => onToken(at)}
    title=${t("token_title", { place: at, id: one.id, bytes: one.bytes.match(/../g)?.join(" ") ?? "" })}>
    <span>${part ?? visible(one.text)}</span><small>${one.id}</small></button>`;
  return html`<div class="tokens" role="group" aria-label=${t("part_tokens")}>${groups.map((parts) => (parts.length === 1
    ? chip(parts[0])
    : html`<span class="grouped"><b>${visible(parts[0].one.text)}</b>${parts.map((one) => chip(one,
      one.one.bytes.match(/../g).join(" ").toUpperCase()))}</span>`))}</div>`;
}

function Ask({ models, asked, onAsk, busy }) {
  const [model, setModel] = useState(asked.model);
  const step = /@(\d+)$/.exec(model)?.[1] ?? "";
  const [prompt, setPrompt] = useState(asked.prompt);
  useEffect(() => { setPrompt(asked.prompt); }, [asked.prompt]);
  const base = model.split("@")[0];
  const steps = models.find((one) => one.name === base)?.steps ?? [];
  const known = models.some((one) => one.name === base);
  const send = (event) => {
    event.preventDefault();
    onAsk({ model, prompt });
  };
  // The same prompt while the model learns: each checkpoint is asked as soon as the slider stands on it.
  const scrub = (one) => { setModel(`${base}@${one}`); onAsk({ model: `${base}@${one}`, prompt }); };
  const keys = (event) => { if (event.key === "Enter" && !event.shiftKey && !event.isComposing) send(event); };
  return html`<form class="ask" onSubmit=${send}>
    <label>${t("model")}<select value=${base} onChange=${(event) => setModel(event.target.value)}>
      ${!known && html`<option value=${base}>${base || "–"}</option>`}
      ${models.map((one) => html`<option value=${one.name}>${one.name}</option>`)}</select></label>
    ${steps.length > 0 && html`<label>${t("checkpoint")}<select value=${step}
      onChange=${(event) => setModel(event.target.value ? `${base}@${event.target.value}` : base)}>
      <option value="">${t("newest")}</option>
      ${steps.map((one) => html`<option value=${one}>${count(one)}</option>`)}</select></label>`}
    <label class="prompt">${t("prompt")}<textarea rows="1" value=${prompt} spellcheck="false" onKeyDown=${keys}
      onInput=${(event) => setPrompt(event.target.value)}></textarea></label>
    ${steps.length > 1 && html`<label class="slider scrub"><span>${t("scrub")} <b>${step ? count(Number(step)) : t("newest")}</b></span>
      <input type="range" min="0" max=${steps.length - 1} value=${step ? steps.indexOf(Number(step)) : steps.length - 1}
        onChange=${(event) => scrub(steps[Number(event.target.value)])} /></label>`}
    <button type="submit" class="main" disabled=${busy}>${busy ? t("looking") : t("look")}</button>
  </form>`;
}

function Section({ number, name, children }) {
  return html`<section id=${name} aria-labelledby=${`${name}-title`}>
    <h3 id=${`${name}-title`}><span class="step-number">${number}</span>${t(`part_${name}`)}</h3>
    <p class="lead">${t(`part_${name}_note`)}</p>${children}</section>`;
}

function Choice({ look, layer, head, onLayer, onHead, theme }) {
  return html`<div class="choice">
    <label class="slider layer-slider"><span>${t("layer", { number: layer })} <small>${t("of_layers", {
      count: look.config.layers })}</small></span>
      <input type="range" min="0" max=${look.config.layers - 1} value=${layer}
        onInput=${(event) => onLayer(Number(event.target.value))} /></label>
    <${Heads} look=${look} layer=${layer} head=${head} onChoose=${onHead} theme=${theme} /></div>`;
}

function Inside({ look, state, set, onWrite, theme }) {
  const { layer, head, token } = state;
  const pick = (place) => set({ trail: [place] });
  const vectors = look.steps.filter((step) => step.layer < 0 && step.axes[1] === "width" && step.name !== "normed");
  const figure = (step) => html`<${Figure} key=${step.name} look=${look} step=${step} row=${token} onPick=${pick} theme=${theme} />`;
  return html`<div class="flow">
    <${Section} number="1" name="tokens"><${Tokens} look=${look} token=${token} onToken=${(at) => set({ token: at })} /><//>
    <${Section} number="2" name="vectors">
      ${vectors.filter((step) => step.kind !== "same").map(figure)}
      ${look.config.positions === "rope" && html`<p class="faint">${t("rope_note")}</p>`}<//>
    <${Section} number="3" name="layers">
      <${Choice} look=${look} layer=${layer} head=${head} onLayer=${(at) => set({ layer: at })}
        onHead=${(at) => set({ head: at })} theme=${theme} />
      <${Operate} look=${look} layer=${layer} head=${head} token=${token} />
      <${Layer} look=${look} layer=${layer} head=${head} token=${token} onPick=${pick} theme=${theme} /><//>
    <${Section} number="4" name="lens"><${Lens} look=${look} token=${token} onToken=${(at) => set({ token: at })} /><//>
    <${Section} number="5" name="next">${figure(look.byName.normed)}
      <${Next} look=${look} token=${token} onPick=${pick} onWrite=${onWrite} theme=${theme} /><//>
  </div>`;
}

export function Look({ query, onQuery, theme }) {
  const [models, setModels] = useState(null);
  const [look, setLook] = useState(null);
  const shown = useRef(null);
  const [failed, setFailed] = useState("");
  const [busy, setBusy] = useState(false);
  const [state, setState] = useState({ layer: 0, head: 0, token: 0, trail: [] });
  const set = (change) => setState((before) => ({ ...before, ...change }));
  const asked = useMemo(() => ({ model: query.model ?? models?.default ?? "", prompt: query.prompt ?? t("first_prompt") }),
    [query.model, query.prompt, models]);

  useEffect(() => { ask("/api/models").then(setModels, (error) => setFailed(error.message)); }, []);
  useEffect(() => {
    if (!models || !asked.model) return undefined;
    const gone = new AbortController();
    setBusy(true);
    ask("/api/look", asked, gone.signal).then((one) => {
      one.byName = Object.fromEntries(one.steps.map((step) => [step.name, step]));
      const number = /^([\w.]+)\[([\d,]+)\]$/.exec(query.number ?? "");
      // Another checkpoint with the same prompt: what was looked at stays.
      one.prompt = asked.prompt;
      const stays = shown.current?.prompt === one.prompt && shown.current.steps.length === one.steps.length;
      setState((before) => ({
        layer: Math.min(Number(query.layer ?? before.layer), one.config.layers - 1),
        head: Math.min(Number(query.head ?? before.head), one.config.heads - 1),
        token: Math.min(Number(query.token ?? (stays ? before.token : one.tokens.length - 1)), one.tokens.length - 1),
        trail: number ? [{ name: number[1], index: number[2].split(",").map(Number), until: [] }] : stays ? before.trail : [],
      }));
      shown.current = one;
      setLook(one);
      setFailed("");
      setBusy(false);
    }, (error) => {
      if (gone.signal.aborted) return;
      setFailed(error.message);
      setBusy(false);
    });
    return () => gone.abort();
  }, [models, asked]);

  const go = (name, index) => set({ trail: [...state.trail, { name, index, until: [] }] });
  const write = (text) => onQuery({ model: asked.model, prompt: asked.prompt + text });
  const panel = look && state.trail.length > 0;
  return html`<div class=${panel ? "look with-panel" : "look"}>
    <div class="main-column">
      ${models && html`<${Ask} models=${models.models} asked=${asked} onAsk=${onQuery} busy=${busy} key=${asked.model.split("@")[0]} />`}
      ${failed && html`<p class="error" role="alert">${failed}</p>`}
      ${models && !asked.model && html`<p class="empty">${t("no_models")}</p>`}
      ${look && html`<p class="facts faint">${t("facts", {
        parameters: count(look.parameters), layers: look.config.layers, heads: look.config.heads,
        width: count(look.config.width), tokens: count(look.tokens.length) })} ${look.notes.join(" ")}</p>
        <${Inside} look=${look} state=${state} set=${set} onWrite=${write} theme=${theme} />`}
    </div>
    ${panel && html`<${NumberPanel} look=${look} place=${state.trail.at(-1)} depth=${state.trail.length} theme=${theme}
      onGo=${go} onBack=${() => set({ trail: state.trail.slice(0, -1) })} onClose=${() => set({ trail: [] })} />`}
  </div>`;
}
