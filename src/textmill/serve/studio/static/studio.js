// The studio's frame: which page, which language, light or dark. What is shown stands in the address behind the #.

import { html, render, useEffect, useState } from "./vendor/htm-preact.js";
import { Look } from "./look.js";
import { Watch } from "./watch.js";
import { firstLanguage, language, speak, t } from "./words.js";

const OTHER = { en: "中文", zh: "English" };
const PAGES = { look: Look, watch: Watch };

function readPlace() {
  const [page, query] = location.hash.replace(/^#\/?/, "").split("?");
  return { page: page in PAGES ? page : "look", query: Object.fromEntries(new URLSearchParams(query ?? "")) };
}

const address = (page, query) => `#/${page}?${new URLSearchParams(query)}`;

function Studio() {
  const [place, setPlace] = useState(readPlace());
  const [theme, setTheme] = useState(document.documentElement.dataset.theme ?? "");
  const [, setLanguage] = useState(language);
  useEffect(() => {
    const changed = () => setPlace(readPlace());
    addEventListener("hashchange", changed);
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    const repaint = () => setTheme((before) => (before ? before : ` ${scheme.matches}`.trim() && ""));
    scheme.addEventListener("change", repaint);
    return () => removeEventListener("hashchange", changed);
  }, []);
  const dark = theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const turn = () => {
    const wanted = dark ? "light" : "dark";
    document.documentElement.dataset.theme = wanted;
    localStorage.setItem("textmill.theme", wanted);
    setTheme(wanted);
  };
  const speakOther = async () => {
    const other = language === "zh" ? "en" : "zh";
    localStorage.setItem("textmill.language", other);
    await speak(other);
    document.title = t("title");
    setLanguage(other);
  };
  const Page = PAGES[place.page];
  const tab = (name) => html`<a href=${address(name, {})} aria-current=${place.page === name ? "page" : undefined}>${t(`page_${name}`)}</a>`;
  return html`<div>
    <a class="skip" href="#main" onClick=${(event) => { event.preventDefault(); document.getElementById("main").focus(); }}>${t("skip")}</a>
    <header class="top"><h1>Textmill <span>${t("studio")}</span></h1>
      <nav aria-label=${t("pages")}>${tab("look")}${tab("watch")}</nav>
      <div class="turns"><button type="button" class="quiet" onClick=${speakOther} lang=${language === "zh" ? "en" : "zh-CN"}>${OTHER[language]}</button>
      <button type="button" class="quiet" onClick=${turn} aria-label=${t(dark ? "to_light" : "to_dark")}>${dark ? "☀" : "☾"}</button></div></header>
    <main id="main" tabindex="-1"><${Page} key=${place.page + language} query=${place.query} theme=${`${dark}`}
      onQuery=${(query) => { location.hash = address(place.page, query); }} /></main></div>`;
}

const wanted = readPlace().query;
const theme = wanted.theme ?? localStorage.getItem("textmill.theme");
if (theme) document.documentElement.dataset.theme = theme;
await speak(wanted.language ?? firstLanguage());
document.title = t("title");
render(html`<${Studio} />`, document.getElementById("studio"));
