"""The lower half of the corpus's page: samples side by side, and the settings."""

import re
from typing import Any

from textmill import i18n
from textmill.config import Settings
from textmill.i18n import t
from textmill.report.charts import Column, table
from textmill.report.markup import Markup, element, foreign, joined
from textmill.report.numbers import count

EMPTY_LINES = re.compile(r"\n\s*\n")


def words(kind: str, name: str) -> str:
    """Returns what a step, a reason or a kind of personal data is called; its own name where there are no words."""
    key = f"{kind}_{name}"
    return t(f"corpus.{key}") if key in i18n.catalog("corpus") else name


def samples(found: dict[str, Any]) -> Markup:
    """Returns documents that were kept beside documents that were dropped."""
    kept = [kept_sample(item) for item in found["samples"]["kept"]]
    dropped = [dropped_sample(item) for item in found["samples"]["dropped"]]
    nothing = element("p", t("corpus_report.samples_none"), class_="empty")
    pair = element(
        "div",
        element("div", element("h3", t("corpus_report.samples_kept")), kept or nothing),
        element("div", element("h3", t("corpus_report.samples_dropped")), dropped or nothing),
        class_="pair",
    )
    return joined(element("p", t("corpus_report.samples_lead")), pair)


def kept_sample(item: dict[str, Any]) -> Markup:
    """Returns a document that was kept: what it is called, where it came from, how it begins."""
    about = t("corpus_report.sample_about", language=item["language"], characters=count(item["characters"]))
    more = "…" if item["characters"] > len(item["excerpt"]) else ""
    place = item["url"] or item["source"]
    return element(
        "article",
        element("h4", foreign(item["title"], language=item["language"]) if item["title"] else foreign(place)),
        element(
            "p",
            (foreign(place), " · ") if item["title"] else None,
            about,
            " · ",
            element("code", item["id"][:12]),
            class_="faint",
        ),
        element("p", foreign(compact(item["excerpt"]) + more, language=item["language"]), class_="text"),
    )


def dropped_sample(item: dict[str, Any]) -> Markup:
    """Returns a document that was dropped: why, where it came from, how it began."""
    names = {"step": words("step", item["step"]), "reason": words("reason", item["reason"])}
    why = t("corpus_report.sample_why", **names)
    if item["value"] and item["threshold"]:
        value, limit = item["value"][:80], item["threshold"][:80]
        why = t("corpus_report.sample_why_measured", **names, value=value, threshold=limit)
    return element(
        "article",
        element("h4", why),
        element("p", foreign(item["source"]), " · ", element("code", item["id"][:12]), class_="faint"),
        element("p", foreign(compact(item["excerpt"])), class_="text"),
        class_="dropped",
    )


def compact(text: str) -> str:
    """Returns a text without its empty lines: a sample is to be looked over quickly."""
    return EMPTY_LINES.sub("\n", text.strip())


def settings(found: dict[str, Any]) -> Markup:
    """Returns the settings that the corpus was built with, those first that differ from the defaults, and its hash."""
    standard = Settings().as_dict()
    rows: list[tuple[bool, str, str, str]] = []
    for section, values in found["settings"].items():
        for name, value in values.items():
            default = standard.get(section, {}).get(name)
            default = list(default) if isinstance(default, tuple) else default
            rows.append((value == default, f"{section}.{name}", shown(value), shown(default)))
    rows.sort(key=lambda row: row[0])
    columns = tuple(Column(title=t(f"corpus_report.{name}")) for name in ("setting", "value", "default"))
    lines = [
        (element("code", name) if same else element("strong", name), foreign(value), foreign(default))
        for same, name, value, default in rows
    ]
    told = element(
        "p", t("corpus_report.hash"), " ", element("code", found["corpus"]["content_hash"]), element("br"),
        t("corpus_report.version", version=found["corpus"]["textmill"]),
    )  # fmt: skip
    folded = element(
        "details", element("summary", t("corpus_report.settings_all", count=len(lines))),
        table(t("corpus_report.settings_caption"), columns, lines),
    )  # fmt: skip
    changed = [line for line, row in zip(lines, rows, strict=True) if not row[0]]
    return joined(
        told,
        table(t("corpus_report.settings_changed"), columns, changed, empty=t("corpus_report.settings_default")),
        folded,
    )


def shown(value: Any) -> str:
    """Returns a setting's value for people."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "–"
    return str(value) if value not in ("", None) else "–"
