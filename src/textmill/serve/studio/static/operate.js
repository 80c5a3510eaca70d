// Operate: switch heads and feed-forward parts off and see what becomes of the next token.

import { html, useEffect, useState } from "./vendor/htm-preact.js";
import { ask } from "./api.js";
import { share, t, visible } from "./words.js";

const FEED_FORWARD = -1;

const partName = ([layer, head]) => (head === FEED_FORWARD ? t("off_feed_forward", { layer }) : t("off_head", { layer, head }));

function Changes({ found }) {
  const most = Math.max(...found.changes.map((one) => Math.max(one.before, one.after)));
  const part = (value) => ({ width: `${Math.max(0.3, (value / most) * 100)}%` });
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${t("off_title")}><table class="candidates">
    <thead><tr><th>${t("token")}</th><th>${t("off_bars")}</th><th>${t("off_before")}</th><th>${t("off_after")}</th></tr></thead>
    <tbody>${found.changes.map((one) => html`<tr key=${one.id}><th scope="row">${visible(one.text)}</th>
      <td class="bars" aria-hidden="true"><i class="own" style=${part(one.before)}></i><i class="changed" style=${part(one.after)}></i></td>
      <td>${share(one.before)}</td><td><b>${share(one.after)}</b></td></tr>`)}</tbody></table></div>`;
}

export function Operate({ look, layer, head, token }) {
  const [parts, setParts] = useState([]);
  const [found, setFound] = useState(null);
  useEffect(() => { setParts([]); }, [look.id]);
  useEffect(() => {
    if (!parts.length) return undefined;
    const gone = new AbortController();
    ask(`/api/look/${look.id}/without`, { at: token, parts }, gone.signal).then(setFound, () => {});
    return () => gone.abort();
  }, [look.id, token, parts]);
  const same = (one, other) => one[0] === other[0] && one[1] === other[1];
  const turn = (part) => setParts((before) => (before.some((one) => same(one, part))
    ? before.filter((one) => !same(one, part)) : [...before, part]));
  const button = (part) => html`<button type="button" aria-pressed=${parts.some((one) => same(one, part))} onClick=${() => turn(part)}>
    ${partName(part)}</button>`;
  const others = parts.filter((one) => !same(one, [layer, head]) && !same(one, [layer, FEED_FORWARD]));
  return html`<div class="operate"><p><b>${t("off_title")}</b> <span class="faint">${t("off_note")}</span></p>
    <div class="parts" role="group" aria-label=${t("off_title")}>${button([layer, head])}${button([layer, FEED_FORWARD])}
      ${others.map((part) => button(part))}</div>
    ${parts.length > 0 && found && html`<${Changes} found=${found} />
      <p class="faint">${t("off_divergence", { bits: found.divergence.toFixed(3) })}</p>`}</div>`;
}
