// Watch: runs while they train, their curves beside each other, and what they write along the way.

import { html, useEffect, useMemo, useRef, useState } from "./vendor/htm-preact.js";
import { ask } from "./api.js";
import { Chart, smoothed } from "./chart.js";
import { count, plain, share, t } from "./words.js";

// A short run is smoothed over fewer steps, so that its curve does not lag behind.
const memory = (steps) => Math.min(0.95, Math.max(0, 1 - 20 / steps));
const SMALL = ["loss", "learning_rate_factor", "gradient_norm", "tokens_per_second", "mfu"];
const ALARMS = ["spike", "overfitting", "interrupt", "resume"];
const MOST = 6;

// Keeps the events of the chosen runs, as they come; {name: {events, connected}}.
function useEvents(names) {
  const [events, setEvents] = useState({});
  const sources = useRef({});
  const change = (name, make) => setEvents((before) => ({ ...before, [name]: make(before[name] ?? { events: [], connected: false }) }));
  useEffect(() => {
    for (const name of Object.keys(sources.current).filter((one) => !names.includes(one))) {
      sources.current[name].close();
      delete sources.current[name];
    }
    for (const name of names.filter((one) => !(one in sources.current))) {
      const source = new EventSource(`/api/runs/${encodeURIComponent(name)}/events`);
      sources.current[name] = source;
      change(name, () => ({ events: [], connected: true }));
      source.addEventListener("again", () => change(name, () => ({ events: [], connected: true })));
      source.addEventListener("events", (message) => {
        const come = JSON.parse(message.data);
        change(name, (run) => ({ events: [...run.events, ...come], connected: true }));
      });
      source.addEventListener("open", () => change(name, (run) => ({ ...run, connected: true })));
      source.addEventListener("error", () => change(name, (run) => ({ ...run, connected: false })));
    }
  }, [names.join("\n")]);
  useEffect(() => () => Object.values(sources.current).forEach((source) => source.close()), []);
  return events;
}

const of = (run, type) => (run?.events ?? []).filter((event) => event.type === type);

function curvesOf(runs, key, held) {
  return runs.flatMap(({ run, colour }) => {
    const steps = of(run, "step").filter((event) => typeof event[key] === "number");
    const x = steps.map((event) => event.step);
    const y = steps.map((event) => event[key]);
    if (!x.length) return [];
    const smooth = !["learning_rate_factor"].includes(key);
    const made = smooth ? [{ x, y, colour, thin: true }, { x, y: smoothed(y, memory(y.length)), colour }] : [{ x, y, colour }];
    const evaluations = held ? of(run, "evaluation") : [];
    if (evaluations.length) {
      made.push({ x: evaluations.map((event) => event.step), y: evaluations.map((event) => event.bits_per_byte), colour, dots: true });
    }
    return made;
  });
}

function duration(seconds) {
  if (seconds < 120) return t("seconds", { value: Math.round(seconds) });
  if (seconds < 7200) return t("minutes", { value: Math.round(seconds / 60) });
  return t("hours", { value: (seconds / 3600).toFixed(1) });
}

function Facts({ run }) {
  const steps = of(run, "step");
  const last = steps.at(-1);
  const start = of(run, "start")[0] ?? {};
  const best = Math.min(...of(run, "evaluation").map((event) => event.bits_per_byte));
  if (!last) return null;
  const total = last.total_steps ?? start.total_steps;
  const left = total ? ((total - last.step) * last.seconds) / Math.max(1, last.step) : 0;
  const ended = run.events.at(-1).type === "end";
  const facts = {
    step: total ? `${count(last.step)} / ${count(total)}` : count(last.step),
    loss: typeof last.loss === "number" ? plain(last.loss) : "–",
    bits: typeof last.bits_per_byte === "number" ? plain(last.bits_per_byte) : "–",
    held_out: Number.isFinite(best) ? plain(best) : "–",
    rate: last.tokens_per_second ? count(Math.round(last.tokens_per_second)) : "–",
    mfu: last.mfu ? share(last.mfu) : "–",
    left: ended || !total ? "–" : duration(left),
    parameters: start.parameters ? count(start.parameters) : "–",
  };
  return html`<dl class="figures">${Object.entries(facts).map(([name, value]) => html`<div key=${name}>
    <dt>${t(`fact_${name}`)}</dt><dd>${value}</dd></div>`)}</dl>`;
}

function Samples({ run }) {
  const samples = of(run, "sample");
  const steps = [...new Set(samples.map((event) => event.step))];
  const [at, setAt] = useState(null);
  if (!steps.length) return null;
  const place = Math.min(at ?? steps.length - 1, steps.length - 1);
  return html`<section><h3>${t("samples")}</h3>
    ${steps.length > 1 && html`<label class="slider"><span>${t("sample_step")} <b>${count(steps[place])}</b></span>
      <input type="range" min="0" max=${steps.length - 1} value=${place} onInput=${(event) => setAt(Number(event.target.value))} /></label>`}
    ${samples.filter((event) => event.step === steps[place]).map((event) => html`<p class="sample"><b>${event.prompt}</b>${event.text}</p>`)}
  </section>`;
}

function Alarms({ runs }) {
  const found = runs.flatMap(({ run, name }) => (run?.events ?? []).filter((event) => ALARMS.includes(event.type))
    .map((event) => ({ ...event, name })));
  if (!found.length) return null;
  return html`<section><h3>${t("alarms")}</h3>${found.slice(-20).map((event) => html`<p class="sample alarm"><b>${event.name}</b>${" "}
    ${t(`alarm_${event.type}`, { step: count(event.step) })}</p>`)}</section>`;
}

function Settings({ runs }) {
  const names = [...new Set(runs.flatMap(({ about }) => Object.keys(about.changed)))].sort();
  if (!names.length) return null;
  return html`<section><h3>${t("changed")}</h3><div class="scroll" tabindex="0" role="region" aria-label=${t("changed")}><table>
    <thead><tr><th>${t("setting")}</th>${runs.map(({ name }) => html`<th>${name}</th>`)}</tr></thead>
    <tbody>${names.map((name) => html`<tr><th scope="row"><code>${name}</code></th>${runs.map(({ about }) => html`<td>
      ${name in about.changed ? JSON.stringify(about.changed[name]) : "–"}</td>`)}</tr>`)}</tbody></table></div></section>`;
}

function RunList({ runs, chosen, onChoose }) {
  const toggle = (name) => onChoose(chosen.includes(name) ? chosen.filter((one) => one !== name) : [...chosen, name].slice(-MOST));
  return html`<ul class="run-list" aria-label=${t("runs")}>${runs.map((run) => html`<li key=${run.name}><label>
    <input type="checkbox" checked=${chosen.includes(run.name)} onChange=${() => toggle(run.name)} />
    <span>${chosen.includes(run.name) && html`<i class=${`key k${chosen.indexOf(run.name)}`}></i>`}<b>${run.name}</b></span>
    <small>${t("step_of", { step: count(run.step), total: run.total_steps ? count(run.total_steps) : "–" })} ·
      ${" "}${t(run.ended ? "run_ended" : "run_open")}</small></label></li>`)}</ul>`;
}

export function Watch({ query, onQuery, theme }) {
  const [runs, setRuns] = useState(null);
  const [failed, setFailed] = useState("");
  useEffect(() => {
    const load = () => ask("/api/runs").then((one) => { setRuns(one.runs); setFailed(""); }, (error) => setFailed(error.message));
    load();
    const timer = setInterval(load, 15000);
    return () => clearInterval(timer);
  }, []);
  const known = (runs ?? []).map((run) => run.name);
  const asked = query.runs === undefined ? known.slice(0, 1) : query.runs.split("\t").filter((name) => known.includes(name));
  const events = useEvents(asked);
  const shown = asked.map((name, colour) => ({ name, colour, run: events[name], about: runs.find((run) => run.name === name) }));
  const main = useMemo(() => curvesOf(shown, "bits_per_byte", true), [events, asked.join("\n")]);
  const small = useMemo(() => SMALL.map((key) => [key, curvesOf(shown, key, false)]), [events, asked.join("\n")]);
  if (failed && !runs) return html`<p class="error" role="alert">${failed}</p>`;
  if (!runs) return html`<p class="waiting">…</p>`;
  if (!runs.length) return html`<p class="empty">${t("no_runs")}</p>`;
  const lost = shown.some(({ run }) => run && !run.connected);
  return html`<div class="runs">
    <div><${RunList} runs=${runs} chosen=${asked} onChoose=${(names) => onQuery({ runs: names.join("\t") })} /></div>
    <div>${(lost || failed) && html`<p class="error" role="status">${t("lost")}</p>`}
      ${shown[0]?.run && html`<${Facts} run=${shown[0].run} />`}
      <div class="charts">
        ${main.length > 0 && html`<div class="first"><${Chart} label=${t("chart_bits_per_byte")} curves=${main} theme=${theme} height=${320} />
          <p class="faint">${shown.map(({ name, colour }) => html`<span><i class=${`key k${colour}`}></i>${name}${"   "}</span>`)} ${t("chart_note")}</p></div>`}
        ${small.filter(([, curves]) => curves.length).map(([key, curves]) => html`<${Chart} key=${key} label=${t(`chart_${key}`)} curves=${curves} theme=${theme} />`)}
      </div>
      ${shown[0]?.run && html`<${Samples} run=${shown[0].run} />`}
      <${Alarms} runs=${shown} /><${Settings} runs=${shown} />
    </div></div>`;
}
