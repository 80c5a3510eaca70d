// A matrix as a picture that can be read: by mouse, by touch, by the arrow keys, and aloud.

import { html, useEffect, useRef, useState } from "./vendor/htm-preact.js";
import { matrix } from "./api.js";
import { plain, t, visible } from "./words.js";

const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function channels(colour) {
  const hex = colour.replace("#", "");
  return [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

const mixed = (from, to, part) => from.map((value, at) => Math.round(value + (to[at] - value) * part));

// Signed values run from one colour over the paper to another; shares from the paper to one.
export function painter(kind, low, high) {
  const [paper, plus, minus] = ["--paper", "--plus", "--minus"].map((name) => channels(style(name)));
  const most = Math.max(Math.abs(low), Math.abs(high)) || 1;
  const bend = kind === "share" ? 0.45 : 0.7; // a share of a long text is small and still to be seen
  const table = Array.from({ length: 256 }, (_, at) => mixed(paper, plus, (at / 255) ** bend));
  const other = Array.from({ length: 256 }, (_, at) => mixed(paper, minus, (at / 255) ** 0.7));
  if (kind === "share") return (value) => table[Math.round(Math.min(1, Math.max(0, value)) * 255)];
  return (value) => (value < 0 ? other : table)[Math.round(Math.min(1, Math.abs(value) / most) * 255)];
}

// Paints values into a canvas of one pixel a cell.
export function pixels(found, kind, from = 0, rows = found.rows) {
  const canvas = document.createElement("canvas");
  canvas.width = found.columns;
  canvas.height = rows;
  const context = canvas.getContext("2d");
  const image = context.createImageData(found.columns, rows);
  const paint = painter(kind, found.low, found.high);
  const hidden = channels(style("--hidden"));
  for (let at = 0; at < rows * found.columns; at += 1) {
    const value = found.values[from * found.columns + at];
    const [red, green, blue] = value === -Infinity ? hidden : paint(value);
    image.data.set([red, green, blue, 255], at * 4);
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

const FONT = '12px system-ui, "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", sans-serif';

function layout(found, props, room) {
  const labels = props.rowLabels && found.rows === found.wholeRows && found.rows <= 48;
  const left = labels ? 74 : 4;
  const above = props.columnLabels && found.rows === found.wholeRows && found.columns <= 48 ? 58 : 0;
  let width = Math.max(40, room - left - (above ? 34 : 2));
  let height = labels ? 17 : Math.max(2, Math.min(10, 420 / found.rows));
  if (props.columnLabels) {
    const cell = Math.min(26, width / found.columns);
    width = cell * found.columns;
    height = cell;
  }
  if (labels && height < 11) return layout(found, { ...props, rowLabels: null }, room);
  return { left, above, width, height: height * found.rows, cell: height };
}

function shortened(context, text, room) {
  if (context.measureText(text).width <= room) return text;
  let cut = text;
  while (cut.length > 1 && context.measureText(`${cut}…`).width > room) cut = cut.slice(0, -1);
  return `${cut}…`;
}

function draw(canvas, found, props, cursor) {
  const place = layout(found, props, canvas.parentElement.clientWidth);
  const scale = window.devicePixelRatio || 1;
  const [width, height] = [place.left + place.width + (place.above ? 34 : 2), place.above + place.height + 2];
  canvas.width = width * scale;
  canvas.height = height * scale;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.scale(scale, scale);
  context.imageSmoothingEnabled = found.columns > place.width * scale;
  context.drawImage(pixels(found, props.kind), place.left, place.above, place.width, place.height);
  context.strokeStyle = style("--line");
  context.strokeRect(place.left - 0.5, place.above - 0.5, place.width + 1, place.height + 1);
  context.font = FONT;
  context.textBaseline = "middle";
  const [ink, faint, accent] = ["--ink", "--faint", "--accent"].map(style);
  if (place.left > 10) {
    context.textAlign = "right";
    props.rowLabels.forEach((text, row) => {
      context.fillStyle = row === props.row ? ink : faint;
      const at = place.above + (row + 0.5) * place.cell;
      context.fillText(shortened(context, visible(text), place.left - 10), place.left - 6, at);
    });
  }
  if (place.above) {
    const cell = place.width / found.columns;
    context.textAlign = "left";
    props.columnLabels.forEach((text, column) => {
      context.save();
      context.translate(place.left + (column + 0.55) * cell, place.above - 5);
      context.rotate(-Math.PI / 3.2);
      context.fillStyle = faint;
      context.fillText(shortened(context, visible(text), 52), 0, 0);
      context.restore();
    });
  }
  const rowHeight = place.height / found.rows;
  if (props.row !== undefined && found.rows === found.wholeRows) {
    context.strokeStyle = accent;
    context.lineWidth = 1;
    context.strokeRect(place.left - 1, place.above + props.row * rowHeight, place.width + 2, rowHeight);
  }
  if (cursor) {
    context.strokeStyle = ink;
    context.lineWidth = 2;
    const cell = place.width / found.columns;
    const [x, y] = [place.left + cursor.column * cell, place.above + cursor.row * rowHeight];
    context.strokeRect(x - 1, y - 1, Math.max(cell, 3) + 2, Math.max(rowHeight, 3) + 2);
  }
  return place;
}

export function Heatmap(props) {
  const canvas = useRef(null);
  const place = useRef(null);
  const [found, setFound] = useState(null);
  const [failed, setFailed] = useState("");
  const [cursor, setCursor] = useState(null);
  const [hover, setHover] = useState(null);
  useEffect(() => {
    let here = true;
    setCursor(null);
    matrix(props.path).then((one) => here && (setFound(one), setFailed("")), (error) => here && setFailed(error.message));
    return () => { here = false; };
  }, [props.path]);
  useEffect(() => {
    if (!found || !canvas.current) return undefined;
    const again = () => { place.current = draw(canvas.current, found, props, cursor); };
    again();
    const observer = new ResizeObserver(again);
    observer.observe(canvas.current.parentElement);
    return () => observer.disconnect();
  }, [found, cursor, props.row, props.theme]);
  if (failed) return html`<p class="error" role="alert">${failed}</p>`;
  if (!found) return html`<p class="waiting">…</p>`;

  const cellAt = (event) => {
    const box = canvas.current.getBoundingClientRect();
    const column = Math.floor(((event.clientX - box.left - place.current.left) / place.current.width) * found.columns);
    const row = Math.floor(((event.clientY - box.top - place.current.above) / place.current.height) * found.rows);
    return row < 0 || column < 0 || row >= found.rows || column >= found.columns ? null : { row, column };
  };
  const pick = (cell) => {
    if (!cell || !props.onPick) return;
    const down = found.wholeRows / found.rows;
    const across = found.wholeColumns / found.columns;
    const from = [Math.floor(cell.row * down), Math.floor(cell.column * across)];
    const until = found.exact ? null : [Math.ceil((cell.row + 1) * down), Math.ceil((cell.column + 1) * across)];
    props.onPick(from, until);
  };
  const move = (event) => {
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const at = cursor ?? { row: props.row ?? 0, column: 0 };
    if (event.key in steps) {
      event.preventDefault();
      const [down, across] = steps[event.key];
      setCursor({
        row: Math.min(found.rows - 1, Math.max(0, at.row + down)),
        column: Math.min(found.columns - 1, Math.max(0, at.column + across)),
      });
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      pick(at);
    }
  };
  const told = hover ?? cursor;
  const name = (labels, at) => (labels && labels[at] !== undefined ? visible(labels[at]) : at);
  const reading = told && html`${name(props.rowLabels, told.row)} · ${name(props.columnLabels, told.column)} =
    <b>${plain(found.values[told.row * found.columns + told.column])}</b>`;
  return html`<div class="heatmap">
    <canvas ref=${canvas} tabindex="0" role="application" aria-label=${`${props.label}. ${t("heatmap_keys")}`}
      onMouseMove=${(event) => setHover(cellAt(event))} onMouseLeave=${() => setHover(null)}
      onKeyDown=${move} onClick=${(event) => { const cell = cellAt(event); setCursor(cell); pick(cell); }}></canvas>
    <p class="reading" aria-live="polite">${reading || html`<span class="faint">${plain(found.low)} … ${plain(found.high)}</span>`}</p>
  </div>`;
}
