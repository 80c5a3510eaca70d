"""The page of `textmill report sentiment`; every word in both languages."""

from collections.abc import Mapping, Sequence
from typing import Any

from textmill.apps.sentiment.sentiment_report.downloads import downloads
from textmill.apps.sentiment.sentiment_report.drawing import (
    columns_over_time,
    diagram,
    legend,
    shades,
    shown_label,
    stacked,
)
from textmill.i18n import t
from textmill.report.charts import Column, table
from textmill.report.markup import Content, Markup, element, foreign, joined
from textmill.report.numbers import count, share
from textmill.report.page import Section, figures, page

QUOTE_CHARACTERS = 240
SHOWN_ASPECTS = 15


def sentiment_page(found: dict[str, Any]) -> str:
    """Returns the whole page."""
    colours = shades(found["labels"])
    drifts = [part for drift in found["drift"] for part in drifted(drift, found)]
    sections = [
        Section(anchor="shares", title=t("sentiment_report.shares_title"), content=shares(found, colours)),
        Section(anchor="trend", title=t("sentiment_report.trend_title"), content=trend(found, colours)),
        Section(anchor="aspects", title=t("sentiment_report.aspects_title"), content=aspects(found, colours)),
        Section(anchor="segments", title=t("sentiment_report.segments_title"), content=segments(found, colours)),
        Section(anchor="drift", title=t("sentiment_report.drift_title"), content=drifts),
        Section(anchor="calibration", title=t("sentiment_report.calibration_title"), content=calibration(found)),
        Section(anchor="quotes", title=t("sentiment_report.quotes_title"), content=quotes(found, colours)),
        Section(anchor="downloads", title=t("sentiment_report.downloads_title"), content=downloads(found)),
    ]
    return page(t("sentiment_report.title", name=found["name"]), lead(found), sections)


def per_cent(value: float) -> str:
    """Returns a share with one digit behind the point."""
    return f"{100 * value:.1f}%"


def signed(value: float) -> str:
    """Returns a difference of shares in points, with a true minus."""
    return f"{100 * value:+.1f}".replace("-", "−")


def interval(score: Mapping[str, Any]) -> str:
    """Returns a 95% interval."""
    return f"{per_cent(score['low'])} – {per_cent(score['high'])}"


def lead(found: dict[str, Any]) -> Markup:
    """Returns what matters most."""
    items = [
        (t("sentiment_report.texts"), count(found["rows"])),
        (t("sentiment_report.unsure"), share(found["unsure"], found["judged"])),
        (t("sentiment_report.not_judged_count"), count(found["rows"] - found["judged"])),
    ]
    if found["balance"] is not None:
        items.insert(1, (t("sentiment_report.balance"), signed(found["balance"])))
    why = ", ".join(f"{reason_text(reason)} {count(number)}" for reason, number in found["abstained"].items() if number)
    told = element("p", t("sentiment_report.abstained_note", why=why), class_="faint") if why else ""
    return joined(element("p", t("sentiment_report.lead")), figures(items), told)


def reason_text(reason: str) -> str:
    """Returns why texts were not judged."""
    return t(f"sentiment_report.abstained_{reason}") if reason in ("empty", "nonsense", "language") else reason


def shares(found: dict[str, Any], colours: Mapping[str, str]) -> Markup:
    """Returns the shares of the labels."""
    bar = stacked({item["label"]: item["value"] for item in found["shares"]}, colours, tall=True)
    rows = [
        (
            foreign(shown_label(item["label"])),
            stacked({item["label"]: item["value"]}, {item["label"]: colours[item["label"]]}),
            per_cent(item["value"]),
            interval(item),
            count(item["likeliest"]),
        )
        for item in found["shares"]
    ]
    columns = (
        Column(title=t("sentiment_report.label")),
        Column(title="", chart=True),
        Column(title=t("sentiment_report.share"), number=True),
        Column(title=t("sentiment_report.interval"), number=True),
        Column(title=t("sentiment_report.likeliest"), number=True),
    )
    note = element("p", t("sentiment_report.shares_note"), class_="faint")
    return joined(bar, legend(colours), table(t("sentiment_report.shares_caption"), columns, rows), note)


def share_columns(first: str, labels: Sequence[str]) -> tuple[Column, ...]:
    """Returns the columns of a table of shares."""
    return (
        Column(title=first),
        Column(title="", chart=True),
        Column(title=t("sentiment_report.texts"), number=True),
        *(Column(title=shown_label(label), number=True) for label in labels),
    )


def share_row(name: Content, point: Mapping[str, Any], colours: Mapping[str, str]) -> list[Content]:
    """Returns a row of shares, each with its interval below."""
    bar = stacked({label: score["value"] for label, score in point["shares"].items()}, colours)
    cells: list[Content] = [name, bar, count(point["n"])]
    for label in colours:
        score = point["shares"][label]
        cells.append(joined(per_cent(score["value"]), element("span", interval(score), class_="below faint")))
    return cells


def trend(found: dict[str, Any], colours: Mapping[str, str]) -> Content:
    """Returns the shares over time."""
    told = found["trend"]
    if told is None:
        return ""
    points = told["points"]
    first, last = (f"{point['name']}: {summary(point, colours)}" for point in (points[0], points[-1]))
    description = t("sentiment_report.trend_description", first=first, last=last)
    rows = [share_row(point["name"], point, colours) for point in points]
    columns = share_columns(t(f"sentiment_report.stretch_{told['stretch']}"), list(colours))
    shown = table(t("sentiment_report.trend_caption"), columns, rows)
    undated = t("sentiment_report.undated", count=count(told["undated"])) if told["undated"] else ""
    return joined(
        columns_over_time(points, colours, description),
        legend(colours),
        element("p", undated, class_="faint") if undated else "",
        element("details", element("summary", t("sentiment_report.as_table")), shown),
    )


def summary(point: Mapping[str, Any], colours: Mapping[str, str]) -> str:
    """Returns the shares in one line."""
    return ", ".join(f"{shown_label(label)} {per_cent(point['shares'][label]['value'])}" for label in colours)


def aspects(found: dict[str, Any], colours: Mapping[str, str]) -> Content:
    """Returns what is praised and blamed, with quotes."""
    if not found["aspects"]:
        return ""
    most = found["aspects"][0]["count"]
    lines = []
    for aspect in found["aspects"][:SHOWN_ASPECTS]:
        total = sum(aspect["labels"].values()) or 1
        parts = {label: number / total for label, number in aspect["labels"].items()}
        bar = stacked(parts, colours, scale=aspect["count"] / most)
        name = element("span", foreign(aspect["written"]), class_="aspect")
        number = element("span", t("sentiment_report.mentions", count=count(aspect["count"])), class_="faint")
        said = [
            element("li", marked(quote), class_=f"quote {colours.get(label, '')}")
            for label in colours
            for quote in aspect["quotes"].get(label, [])[:2]
        ]
        head = element("summary", name, bar, number)
        lines.append(element("details", head, element("ul", said, class_="quotes"), class_="aspect-line"))
    texts = t("sentiment_report.aspects_note", texts=count(found["texts_with_aspects"]), judged=count(found["judged"]))
    return joined(element("p", texts, class_="faint"), legend(colours), lines)


def marked(quote: Mapping[str, str]) -> Markup:
    """Returns a quote with the opinion in it marked."""
    before, opinion, behind = quote["context"].partition(quote["opinion"]) if quote["opinion"] else ("", "", "")
    if not opinion:
        return foreign(quote["context"])
    return element("bdi", before, element("mark", opinion), behind, dir="auto")


def segments(found: dict[str, Any], colours: Mapping[str, str]) -> Content:
    """Returns the shares by the values of columns."""
    parts: list[Content] = []
    for segment in found["segments"]:
        rows = [share_row(foreign(value["value"]), value, colours) for value in segment["values"]]
        caption = t("sentiment_report.segments_caption", column=segment["column"])
        parts.append(table(caption, share_columns(segment["column"], list(colours)), rows))
    return joined(parts, legend(colours)) if parts else ""


def drifted(drift: dict[str, Any], found: dict[str, Any]) -> list[Content]:
    """Returns what has moved since an earlier file."""
    columns = (
        Column(title=t("sentiment_report.label")),
        Column(title=t("sentiment_report.then"), number=True),
        Column(title=t("sentiment_report.now"), number=True),
        Column(title=t("sentiment_report.difference"), number=True),
        Column(title=t("sentiment_report.interval"), number=True),
        Column(title=t("sentiment_report.verdict")),
    )
    caption = t("sentiment_report.drift_caption", name=drift["name"], then=count(drift["n"]),
                now=count(found["judged"]))  # fmt: skip
    rows = [moved(foreign(shown_label(item["label"])), item) for item in drift["shares"]]
    parts: list[Content] = [table(caption, columns, rows)]
    if drift["aspects"]:
        rows = [moved(foreign(item["aspect"]), item) for item in drift["aspects"]]
        columns = (Column(title=t("sentiment_report.aspect")), *columns[1:])
        parts.append(table(t("sentiment_report.drift_aspects"), columns, rows))
    if drift["compared"]:
        note = t("sentiment_report.drift_note", compared=count(drift["compared"]))
        parts.append(element("p", note, class_="faint"))
    return parts


def moved(name: Content, item: Mapping[str, Any]) -> tuple[Content, ...]:
    """Returns the row of a difference."""
    verdict = "no_change" if not item["clear"] else "more" if item["value"] > 0 else "less"
    span = f"{signed(item['low'])} – {signed(item['high'])}"
    told = element("b" if item["clear"] else "span", t(f"sentiment_report.{verdict}"))
    return name, per_cent(item["then"]), per_cent(item["now"]), signed(item["value"]), span, told


def calibration(found: dict[str, Any]) -> Content:
    """Returns whether probabilities came true, where the file has labels."""
    told = found["reliability"]
    if told is None:
        return ""
    items = [
        (t("sentiment_report.accuracy"), f"{per_cent(told['accuracy']['value'])}"),
        (t("sentiment_report.calibration_error"), f"{told['calibration_error']:.3f}"),
        (t("sentiment_report.labelled"), count(told["accuracy"]["n"])),
    ]
    note = t("sentiment_report.calibration_note", interval=interval(told["accuracy"]))
    wrong = [
        element(
            "article",
            element("h4", t("sentiment_report.wrong_line", label=shown_label(item["label"]),
                            truth=shown_label(item["truth"]), probability=per_cent(item["probability"]))),
            element("p", foreign(shortened(item["text"])), class_="text"),
            class_="dropped",
        )
        for item in found["wrong"]
    ]  # fmt: skip
    head = element("summary", t("sentiment_report.wrong", count=len(wrong)))
    return joined(figures(items), element("p", note, class_="faint"), diagram(told),
                  element("details", head, wrong) if wrong else "")  # fmt: skip


def quotes(found: dict[str, Any], colours: Mapping[str, str]) -> Content:
    """Returns texts that are clear, and those of which the judge is least sure."""
    parts: list[Content] = []
    for label in (*colours, ""):
        texts = [text for text in found["quotes"].get(label, []) if text.strip()]
        if texts:
            title = t("sentiment_report.unsure_quotes") if not label else shown_label(label)
            said = [
                element("li", foreign(shortened(text)), class_=f"quote {colours.get(label, 'middle')}")
                for text in texts
            ]
            parts.append(element("div", element("h3", title), element("ul", said, class_="quotes")))
    return element("div", parts, class_="quote-columns") if parts else ""


def shortened(text: str) -> str:
    """Returns the beginning of a long text."""
    return text if len(text) <= QUOTE_CHARACTERS else f"{text[:QUOTE_CHARACTERS].rstrip()}…"
