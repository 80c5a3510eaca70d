"""The page of `textmill report evaluation`; every word in both languages."""

from typing import Any

from textmill.evaluate.evaluation_report.words import (
    chance_text,
    interval,
    is_share,
    model_facts,
    notes_of,
    number,
    paired_text,
    shot_text,
)
from textmill.i18n import t
from textmill.report.charts import Column, table
from textmill.report.markup import Content, Markup, element, foreign, joined
from textmill.report.numbers import count
from textmill.report.page import Section, page

PROMPT_CHARACTERS = 900


def evaluation_page(found: dict[str, Any]) -> str:
    """Returns the whole page."""
    sections = [
        Section(anchor="scores", title=t("evaluation_report.scores_title"), content=overview(found)),
        Section(anchor="pairs", title=t("evaluation_report.pairs_title"), content=pairs(found)),
        *(
            Section(anchor=f"suite-{suite['name']}", title=suite["name"], content=one(suite))
            for suite in found["suites"]
        ),
        Section(anchor="models", title=t("evaluation_report.models_title"), content=models(found)),
    ]
    names = ", ".join(model["name"] for model in found["models"])
    lead = element("p", t("evaluation_report.lead", models=len(found["models"]), suites=len(found["suites"])))
    return page(t("evaluation_report.title", names=names), lead, sections)


def score_bar(score: dict[str, Any], chance: float | None, most: float) -> Markup:
    """Returns a bar of a score with its interval and a mark at the chance level."""

    def at(value: float) -> float:
        return 100 * min(max(value / most, 0.0), 1.0)

    low, high = at(score["low"] or 0.0), at(score["high"] or 0.0)
    parts = [
        element("rect", x="0", y="0", width="100", height="10", class_="rest"),
        element("rect", x="0", y="0", width=f"{at(score['value'] or 0.0):.2f}", height="10", class_="kept"),
        element("rect", x=f"{low:.2f}", y="4", width=f"{max(high - low, 0.5):.2f}", height="2", class_="span"),
    ]
    if chance is not None:
        parts.append(element("rect", x=f"{at(chance):.2f}", y="0", width="0.6", height="10", class_="lost"))
    return element("svg", parts, class_="bar", viewBox="0 0 100 10", preserveAspectRatio="none", aria_hidden="true")


def overview(found: dict[str, Any]) -> Markup:
    """Returns the table of all suites, a line a model, with bars."""
    rows = []
    for suite in found["suites"]:
        rules = suite["rules"]
        values = [scores[rules["metric"]]["value"] for scores in suite["scores"].values() if rules["metric"] in scores]
        most = 1.0 if is_share(rules["metric"]) else max([value or 0.0 for value in values], default=1.0) or 1.0
        for name, scores in suite["scores"].items():
            score = scores.get(rules["metric"])
            if score is None:
                continue
            told = joined(element("b", suite["name"]), " ", element("span", foreign(name), class_="reason"))
            cells = (
                score_bar(score, rules["chance"], most),
                number(score["value"], rules["metric"]),
                interval(score, rules["metric"]),
                count(score["n"]),
                t(f"evaluate.figure_{rules['metric']}"),
                chance_text(suite),
            )
            rows.append((told, *cells))
    columns = (
        Column(title=t("evaluate.suite_column")),
        Column(title="", chart=True),
        Column(title=t("evaluate.score_column"), number=True),
        Column(title=t("evaluate.interval_column"), number=True),
        Column(title=t("evaluate.n_column"), number=True),
        Column(title=t("evaluate.figure_column")),
        Column(title=t("evaluation_report.without_model")),
    )
    legend = element(
        "p",
        element("span", element("i", class_="key kept"), t("evaluation_report.key_score")),
        element("span", element("i", class_="key lost"), t("evaluate.chance_column")),
        element("span", t("evaluation_report.key_interval")),
        class_="legend faint",
    )
    return joined(table(t("evaluation_report.scores_caption"), columns, rows), legend)


def pairs(found: dict[str, Any]) -> Content:
    """Returns the table of paired tests, nothing for one model."""
    rows = [
        (
            suite["name"],
            *(foreign(pair[side]) for side in ("first", "second")),
            *paired_text(pair, suite["rules"]["metric"]),
        )
        for suite in found["suites"]
        for pair in suite["pairs"]
        if pair["n"]
    ]
    columns = (
        Column(title=t("evaluate.suite_column")),
        Column(title=t("evaluation_report.first")),
        Column(title=t("evaluation_report.second")),
        Column(title=t("evaluation_report.difference"), number=True),
        Column(title=t("evaluate.interval_column"), number=True),
        Column(title=t("evaluation_report.only"), number=True),
        Column(title="p", number=True),
        Column(title=t("evaluation_report.verdict")),
    )
    if not rows:
        return ""
    note = element("p", t("evaluation_report.pairs_note"), class_="faint")
    return joined(table(t("evaluation_report.pairs_caption"), columns, rows), note)


def one(suite: dict[str, Any]) -> Markup:
    """Returns a suite's section: rules, all figures, groups, single items."""
    rules = suite["rules"]
    lines = [
        element("p", t("evaluation_report.rule"), " ", element("code", rules["rule"])),
        element("p", t("evaluation_report.shots", shots=shot_text(rules["shots"])), class_="faint"),
        *(element("p", note, class_="faint") for note in notes_of(suite)),
    ]
    columns = (
        Column(title=t("evaluate.figure_column")),
        *(Column(title=name, number=True) for name in suite["scores"]),
    )
    figures = list(dict.fromkeys(figure for scores in suite["scores"].values() for figure in scores))
    rows = [
        (t(f"evaluate.figure_{figure}"), *(cell(scores.get(figure), figure) for scores in suite["scores"].values()))
        for figure in figures
    ]
    shown = table(t("evaluation_report.figures_caption"), columns, rows)
    return joined(lines, shown, groups(suite), items(suite))


def cell(score: dict[str, Any] | None, figure: str) -> str:
    """Returns a figure with its interval."""
    return "–" if score is None else f"{number(score['value'], figure)} [{interval(score, figure)}]"


def groups(suite: dict[str, Any]) -> Content:
    """Returns the suite's figure by group, folded away."""
    metric = suite["rules"]["metric"]
    names = list(dict.fromkeys(group for of_model in suite["groups"].values() for group in of_model))
    if not names:
        return ""
    columns = (
        Column(title=t("evaluation_report.group")),
        *(Column(title=name, number=True) for name in suite["groups"]),
    )
    rows = [
        (name, *(cell(of_model.get(name, {}).get(metric), metric) for of_model in suite["groups"].values()))
        for name in names
    ]
    shown = table(t("evaluation_report.groups_caption"), columns, rows)
    return element("details", element("summary", t("evaluation_report.by_group", count=len(names))), shown)


def items(suite: dict[str, Any]) -> Content:
    """Returns single items with what each model said, folded away."""
    if not suite["items"]:
        return ""
    shown = [article(item, suite["rules"]["metric"]) for item in suite["items"]]
    head = element("summary", t("evaluation_report.items", count=len(shown)))
    return element("details", head, element("p", t("evaluation_report.items_note"), class_="faint"), shown)


def article(item: dict[str, Any], metric: str) -> Markup:
    """Returns one item."""
    prompt = item["prompts"][0]
    prompt = prompt if len(prompt) <= PROMPT_CHARACTERS else f"… {prompt[-PROMPT_CHARACTERS:]}"
    parts: list[Content] = [element("h4", item["name"], f" · {item['group']}" if item.get("group") else "")]
    if prompt:
        parts.append(element("p", foreign(prompt), class_="text"))
    if "choices" in item or len(item["prompts"]) > 1:
        parts.append(choices(item))
    for reference in item.get("references", [])[:2]:
        parts.append(element("p", element("b", t("evaluation_report.reference")), " ", foreign(reference)))
    for name, said in item["said"].items():
        if "text" in said:
            mark = number(said["figure"], metric) if said["figure"] is not None else "–"
            parts.append(
                element("p", element("b", foreign(name)), f" ({mark}): ", foreign(said["text"]), class_="text")
            )
    for seen in item["seen"][:1]:
        parts.append(
            element(
                "p", t("evaluation_report.seen", document=seen["document"]), " ", foreign(seen["text"]), class_="reason"
            )
        )
    wrong = any(not said["figure"] for said in item["said"].values())
    return element("article", parts, class_="dropped" if wrong else None)


def choices(item: dict[str, Any]) -> Markup:
    """Returns the choices with the probability that each model gives them."""
    texts = item["prompts"] if len(item["prompts"]) > 1 else item["choices"]
    columns = [Column(title=t("evaluation_report.choice"))]
    for name in item["said"]:
        columns += [Column(title=name, chart=True), Column(title="ln p", number=True)]
    rows = []
    for place, text in enumerate(texts):
        right = item.get("answer", 0) == place
        line: list[Content] = [joined("✓ " if right else "", element("b" if right else "span", foreign(text.strip())))]
        for said in item["said"].values():
            if "shares" not in said:
                line += ["–", "–"]
                continue
            share = {"value": said["shares"][place], "low": 0.0, "high": 0.0}
            line += [score_bar(share, None, 1.0), f"{said['log_probabilities'][place]:.2f}"]
        rows.append(line)
    return table(t("evaluation_report.choices_caption"), columns, rows)


def models(found: dict[str, Any]) -> Markup:
    """Returns what the models are."""
    columns = [
        Column(title=t(f"evaluation_report.{name}")) for name in ("model", "parameters", "step", "weights", "path")
    ]
    return table(t("evaluation_report.models_caption"), columns, [model_facts(model) for model in found["models"]])
