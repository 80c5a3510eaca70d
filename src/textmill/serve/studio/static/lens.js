// Logit lens: a row a layer, a column a token, in each cell what the model would say if it ended there.

import { html, useEffect, useState } from "./vendor/htm-preact.js";
import { ask } from "./api.js";
import { share, t, visible } from "./words.js";

const COLUMNS = 12;

export function Lens({ look, token, onToken }) {
  const [found, setFound] = useState(null);
  const first = Math.max(0, Math.min(token - COLUMNS + 3, look.tokens.length - COLUMNS));
  useEffect(() => {
    let here = true;
    ask(`/api/look/${look.id}/lens?first=${first}&last=${first + COLUMNS}`).then((one) => here && setFound(one), () => {});
    return () => { here = false; };
  }, [look.id, first]);
  if (!found) return html`<p class="waiting">…</p>`;
  const strength = (value) => `s${Math.round(value * 10)}`;
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${t("lens")}><table class="lens">
    <thead><tr><th>${t("layer_head")}</th>${found.rows[0].map((cell) => html`<th scope="col">
      <button type="button" class="token" aria-pressed=${cell.token === token} onClick=${() => onToken(cell.token)}>
        ${visible(look.tokens[cell.token].text)}</button></th>`)}</tr></thead>
    <tbody>${[...found.rows].reverse().map((row) => html`<tr><th scope="row">${row[0].layer < 0
      ? t("embedding_row") : row[0].layer}</th>${row.map((cell) => html`<td
        class=${`${strength(cell.probability)} ${cell.final_rank === 0 ? "final" : ""} ${cell.token === token ? "here" : ""}`}
        title=${t("lens_cell", { share: share(cell.probability), rank: cell.final_rank + 1 })}>
        ${visible(cell.text)}</td>`)}</tr>`)}</tbody></table></div>`;
}
