"""The page of `textmill report run`; every word in both languages."""

import time
from pathlib import Path
from typing import Any

from textmill.evaluate.evaluation_report.words import interval, number
from textmill.files import write_bytes
from textmill.i18n import t
from textmill.report.charts import Column, table
from textmill.report.lines import Chart, Series, thinned
from textmill.report.markup import Content, Markup, element, foreign, joined
from textmill.report.numbers import count, share, short
from textmill.report.page import Section, figures, page
from textmill.train.record import Record, smoothed
from textmill.train.run_report.figures import figure
from textmill.train.run_report.gather import Prices, gather
from textmill.train.run_report.tuning import tuning

SHOWN_HAPPENINGS = 40


def run_page(record: Record, prices: Prices | None = None) -> str:
    """Returns the whole page."""
    found = gather(record, prices or Prices())
    sections = {
        "curves": learning(record, found),
        "samples": samples(record),
        "speed": speed(record, found),
        "costs": costs(found["costs"]),
        "happened": happened(found),
        "data": data(found),
        "settings": settings(found),
    }
    if record.start.get("base"):
        sections = {"tuning": tuning(record)} | sections
    drawn = [Section(anchor=key, title=t(f"run_report.{key}_title"), content=part) for key, part in sections.items()]
    return page(t("run_report.title", name=record.name), lead(found), drawn)


def write_page(record: Record, prices: Prices | None = None, file: Path | None = None) -> Path:
    """Writes the page, by default as report.html in the run's folder; returns where it is."""
    file = file or record.folder / "report.html"
    write_bytes(file, run_page(record, prices).encode())
    return file


def lead(found: dict[str, Any]) -> Markup:
    """Returns the sentence and the figures at the top."""
    state = "done" if found["done"] else "not_done"
    words = t(f"run_report.lead_{state}", steps=count(found["steps"]), total=count(found["total_steps"] or 0))
    if found["branch"]:
        words += " " + t("run_report.branch", branch=found["branch"])
    measured = found["held_out"][:1]  # a tuning has none: its own figure stands in its section
    numbers = [
        *((t("run_report.held_out"), three(one["bits_per_byte"])) for one in measured),
        (t("run_report.parameters"), short(found["parameters"] or 0)),
        (t("run_report.tokens"), short(found["tokens"])),
        (t("run_report.epochs"), "–" if found["epochs"] is None else f"{found['epochs']:.2f}"),
        (t("run_report.time"), duration(found["seconds"])),
        (t("run_report.rate"), short(round(found["speed"]["median"] or 0))),
    ]
    if found["utilisation"]:
        numbers.append(("MFU", f"{found['utilisation']['mfu']:.0%}"))
    return joined(element("p", words), figures(numbers))


def three(value: float) -> str:
    """Returns a score with three places."""
    return f"{value:.3f}"


def duration(seconds: float) -> str:
    """Returns a time for people."""
    if seconds < 120:
        return t("run_report.seconds", seconds=seconds)
    return (
        t("run_report.minutes", minutes=seconds / 60) if seconds < 7200 else t("run_report.hours", hours=seconds / 3600)
    )


def learning(record: Record, found: dict[str, Any]) -> Markup:
    """Returns the curves of learning and the table of evaluations."""
    training = thinned(smoothed(record.curve("bits_per_byte", "tokens"), 0.95), 600)
    held_out = record.curve("held_out", "tokens")
    places = dict(zip((event["step"] for event in record.of("evaluation")), held_out, strict=False))
    band = [(places[e["step"]][0], e["low"], e["high"]) for e in record.of("evaluation") if e["step"] in places]
    marks = (
        [(n * found["text"]["epoch_tokens"], t("run_report.epoch", number=n)) for n in range(1, 9)]
        if found["epochs"]
        else []
    )
    series = [
        Series(name=t("runs.bits_per_byte"), points=training),
        Series(name=t("runs.held_out"), points=held_out, dots=True, band=band),
    ]
    first = Chart(title="", x=t("runs.axis_tokens"), y=t("run_report.score"), series=series, marks=marks)
    note = element("p", t("run_report.score_note"), class_="faint")
    parts = [figure(first), note, evaluations(record), suites(record)]
    for quantity in ("gradient_norm", "learning_rate"):
        points = record.curve(quantity, "step")
        if quantity == "gradient_norm":
            points = thinned(smoothed(points, 0.9), 600)
        chart = Chart(title="", x=t("runs.axis_step"), y=t(f"runs.{quantity}"), series=[Series(name="", points=points)])
        parts.append(figure(chart))
    return joined(*parts)


def evaluations(record: Record) -> Markup:
    """Returns the table of all evaluations, folded away."""
    rows = [
        (count(e["step"]), three(e["bits_per_byte"]), f"{e['low']:.3f}–{e['high']:.3f}", count(e["documents"]))
        for e in record.of("evaluation")
    ]
    names = ("step", "held_out", "interval", "documents")
    columns = [Column(title=t(f"run_report.{name}"), number=place > 0) for place, name in enumerate(names)]
    shown = table(t("run_report.evaluations"), columns, rows)
    return element("details", element("summary", t("run_report.as_table")), shown) if rows else Markup("")


def suites(record: Record) -> Markup:
    """Returns the table of the suites that were scored on the way."""
    rows = [
        (
            count(event["step"]),
            event["suite"],
            number(event["value"], event["figure"]),
            interval(event, event["figure"]),
            count(event["n"]),
        )
        for event in record.of("suite")
    ]
    columns = [Column(title=t("run_report.step")), Column(title=t("evaluate.suite_column"))]
    columns += [Column(title=t(f"evaluate.{name}_column"), number=True) for name in ("score", "interval", "n")]
    return table(t("run_report.suites"), columns, rows) if rows else Markup("")


def samples(record: Record) -> Markup:
    """Returns what the model wrote along the way, prompt by prompt, at up to six steps."""
    by_prompt: dict[str, list[dict[str, Any]]] = {}
    for event in record.of("sample"):
        by_prompt.setdefault(event["prompt"], []).append(event)
    parts = []
    for prompt, events in by_prompt.items():
        wanted = sorted({round(n * (len(events) - 1) / 5) for n in range(6)})
        rows = [
            (count(events[place]["step"]), joined(element("b", foreign(prompt)), foreign(events[place]["text"])))
            for place in wanted
        ]
        columns = (Column(title=t("run_report.step")), Column(title=t("run_report.text")))
        parts.append(table(t("run_report.prompt", prompt=prompt), columns, rows))
    return joined(*parts)


def speed(record: Record, found: dict[str, Any]) -> Markup:
    """Returns the throughput over time and where MFU comes from."""
    points = thinned(smoothed(record.curve("tokens_per_second", "seconds"), 0.8), 200)
    chart = Chart(
        title="", x=t("runs.axis_seconds"), y=t("runs.tokens_per_second"), series=[Series(name="", points=points)]
    )
    used, waiting = found["utilisation"], found["waiting"]
    formula: Content = t("run_report.no_peak")
    if used:
        values = {"rate": f"{used['rate']:,.0f}", "flops": short(used["flops_a_token"]), "peak": short(used["peak"])}
        formula = t("run_report.formula", mfu=f"{used['mfu']:.1%}", **values)
    kernels = ", ".join(f"{key} {value}" for key, value in found["kernels"].items())
    whole = short(round(found["speed"]["overall"] or 0))
    return joined(
        figure(chart),
        element("p", t("run_report.overall", rate=whole, kernels=kernels)),
        element("p", formula),
        element("p", t("run_report.waiting", seconds=waiting["checkpoints"], share=share(waiting["share"], 1.0))),
    )


def costs(found: dict[str, Any]) -> Markup:
    """Returns the estimate of energy and cost with its formula."""
    guess = t("run_report.guessed" if found["guessed"] else "run_report.given")
    energy = t(
        "run_report.energy", hours=found["hours"], watts=found["watts"], guess=guess, energy=found["kilowatt_hours"]
    )
    parts = [element("p", energy)]
    if found["cost"] is None:
        parts.append(element("p", t("run_report.no_price"), class_="faint"))
    else:
        numbers = {key: found[key] for key in ("cost", "an_hour", "a_kilowatt_hour", "currency")}
        parts.append(element("p", t("run_report.cost", **numbers)))
    return joined(*parts)


def happened(found: dict[str, Any]) -> Markup:
    """Returns what happened on the way, but for steps, evaluations and saves."""
    events = found["happened"]
    rows = []
    for event in events[:SHOWN_HAPPENINGS]:
        what = t(f"run_report.event_{event['type']}", **{"quantity": "", "signal": "", "gap": 0.0, **event})
        rows.append((count(event["step"]), time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(event["time"])), what))
    columns = [Column(title=t(f"run_report.{name}")) for name in ("step", "when", "what")]
    more = len(events) - len(rows)
    rest = element("p", t("run_report.more", count=count(more)), class_="faint") if more else ""
    return joined(table(t("run_report.happened_caption"), columns, rows), rest)


def data(found: dict[str, Any]) -> Markup:
    """Returns the fingerprint of the data and the shape of the model."""
    text = found["text"]
    rows: list[tuple[Content, Content]] = [
        (t(f"run_report.{key}_hash"), element("code", str(value))) for key, value in found["data"].items()
    ]
    if text:
        documents, ratio = text.get("documents"), text.get("bytes_per_token")
        rows += [(t("run_report.documents"), count(documents))] if documents is not None else []
        rows.append((t("run_report.epoch_tokens"), count(text["epoch_tokens"])))
        rows += [(t("run_report.bytes_per_token"), f"{ratio:.2f}")] if ratio is not None else []
    columns = (Column(title=t("run_report.what")), Column(title=t("run_report.value")))
    return table(t("run_report.data_caption"), columns, rows)


def settings(found: dict[str, Any]) -> Markup:
    """Returns the settings that are not the defaults, and all of model and training folded away."""
    columns = (Column(title=t("run_report.setting")), Column(title=t("run_report.value")))
    changed = [(element("code", name), shown(value)) for name, value in found["changed"].items()]
    sections = ("model", "train", "tune", "mix", "checkpoint", "evaluate", "tokenizer")
    every = [
        (element("code", f"{section}.{key}"), shown(value))
        for section in sections
        for key, value in found["settings"].get(section, {}).items()
    ]
    folded = element("details", element("summary", t("run_report.all")), table(t("run_report.all"), columns, every))
    none = t("run_report.all_default")
    return joined(table(t("run_report.changed"), columns, changed, empty=none), folded)


def shown(value: Any) -> str:
    """Returns a setting's value as text."""
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
