// The page's words, from the same catalogues as the command line's; one language at a time.

let words = {};
export let language = "en";

export async function speak(wanted) {
  const answer = await fetch(`/api/strings/${wanted}`);
  words = await answer.json();
  language = wanted;
  document.documentElement.lang = wanted === "zh" ? "zh-CN" : "en";
}

export function t(name, values = {}) {
  const text = words[name] ?? name;
  return text.replace(/\{(\w+)\}/g, (whole, key) => (key in values ? values[key] : whole));
}

export const known = (name) => name in words;

export function firstLanguage() {
  const kept = localStorage.getItem("textmill.language");
  return kept || (navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en");
}

export const count = (number) => new Intl.NumberFormat(language).format(number);

// A number with few digits and a real minus, as the formulas have it.
export function plain(value) {
  if (value === "inf" || value === Infinity) return "∞";
  if (value === "-inf" || value === -Infinity) return "−∞";
  const small = value !== 0 && Math.abs(value) < 1e-4;
  const text = small ? value.toExponential(2) : String(Number(value.toPrecision(4)));
  return text.replaceAll("-", "−");
}

export const share = (value) => (value >= 0.0995 ? `${(value * 100).toFixed(0)}%`
  : value >= 0.00095 ? `${(value * 100).toFixed(1)}%` : value === 0 ? "0"
    : value >= 1e-6 ? `${Number((value * 100).toPrecision(1))}%` : `${(value * 100).toExponential(0)}%`);

// White space in a token is shown, so that its borders are seen.
export const visible = (text) => text.replaceAll(" ", "␣").replaceAll("\n", "⏎").replaceAll("\t", "⇥") || "∅";
