"""`textmill sentiment`: how a text is meant, or every text of a file, with probabilities that come true.

``--json`` prints for a text ``label, probabilities, set, unsure, abstained, windows`` and what was asked for of
``reasons, aspects``; for a file ``rows, judged, abstained, unsure, counts`` (by label), ``done_before, seconds,
rows_per_second, out``, and without ``--out`` also ``results``: the rows. Both end in ``labels, use, coverage,
calibrated``.
"""

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textmill.cli.command import Argument, Command, Context, Stopped
from textmill.cli.sentiment_details import ASPECTS, REASONS, Asked, added, details, judged, show_details
from textmill.cli.text_input import read_prompt
from textmill.errors import UsageError
from textmill.i18n import t

if TYPE_CHECKING:
    from textmill.apps.sentiment.judge import Judge
    from textmill.apps.sentiment.judgement import Judgement
    from textmill.apps.sentiment.results import Results
    from textmill.apps.sentiment.tables import Row, Table

AT_ONCE = 128
ADDED = ("label", "probabilities", "set", "abstained")
PREFIX = "sentiment_"
SHOWN = 60


def run(
    context: Context,
    *,
    text: str | None,
    model: str | None,
    label: tuple[str, ...],
    coverage: float | None,
    column: str,
    sheet: str,
    out: Path | None,
    device: str,
    reasons: bool,
    aspects: bool,
    **given: Any,
) -> dict[str, Any]:
    """Judges a text or a file."""
    place = given["in"]
    wanted = tuple(name for name, asked in ((ASPECTS, aspects), (REASONS, reasons)) if asked)
    if (text is not None) and place is not None:
        raise UsageError("cli_sentiment.both")
    if place is None and out is not None:
        raise UsageError("cli_sentiment.out_alone")
    if place is not None:
        return judge_file(
            context,
            Path(place),
            out,
            column=column,
            sheet=sheet,
            wanted=wanted,
            judge=lambda: opened(context, model, label, coverage, device),
        )
    whole = read_prompt(context, text)
    judge = opened(context, model, label, coverage, device)
    judgement = judge.judge([whole])[0]
    show(context, judge, judgement)
    more = details(judge, [whole], [judgement], wanted)[0]
    show_details(context, more)
    document = judgement.as_dict() | more | {"unsure": judgement.unsure, "abstained": judgement.abstained or None}
    return document | {"windows": judgement.windows} | told(judge)


def opened(
    context: Context, model: str | None, labels: tuple[str, ...], coverage: float | None, device: str
) -> "Judge":
    """Returns the judge that MODEL means; says what it is."""
    import torch

    from textmill.apps.sentiment.judge import judge_folder, open_judge
    from textmill.hardware import check_device, default_threads

    place, settings = check_device(device), context.settings.sentiment
    if place == "cpu":
        torch.set_num_threads(default_threads())
    folder = judge_folder(model, context.project)
    if folder is not None and labels:
        raise UsageError("cli_sentiment.has_labels", folder=folder)
    wanted = coverage if coverage is not None else None if folder is not None else settings.coverage
    judge = open_judge(
        model, context.project, labels=labels or settings.labels, coverage=wanted, device=place, settings=settings
    )
    if folder is None:
        context.say(t("cli_sentiment.untuned"))
    return judge


def told(judge: "Judge") -> dict[str, Any]:
    """Returns what `--json` says of the judge."""
    form = judge.form
    return {
        "labels": list(form.labels),
        "use": form.use,
        "coverage": form.coverage,
        "calibrated": form.threshold is not None,
    }


def show(context: Context, judge: "Judge", judgement: "Judgement") -> None:
    """Prints a judgement for people."""
    if judgement.abstained:
        context.print(t(f"cli_sentiment.abstained_{judgement.abstained}"))
        return
    chance = judgement.probabilities[judgement.label]
    context.print(t("cli_sentiment.verdict", label=judgement.label, chance=chance))
    for label, value in sorted(judgement.probabilities.items(), key=lambda item: -item[1]):
        context.print(f"  {value:6.1%}  {label}")
    if judgement.unsure:
        kept = ", ".join(judgement.set) or "–"
        context.print(t("cli_sentiment.unsure", set=kept, coverage=judge.form.coverage))


@dataclass(slots=True, kw_only=True)
class Tally:
    """A file on its way."""

    done_before: int = 0
    rows: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    unsure: int = 0
    abstained: Counter[str] = field(default_factory=Counter)
    began: float = field(default_factory=time.monotonic)

    def take(self, judgement: "Judgement") -> None:
        """Counts one."""
        self.rows += 1
        if judgement.abstained:
            self.abstained[judgement.abstained] += 1
        else:
            self.counts[judgement.label] += 1
            self.unsure += judgement.unsure

    def document(self) -> dict[str, Any]:
        """Returns what `--json` prints of it."""
        seconds = time.monotonic() - self.began
        return {
            "rows": self.rows,
            "judged": sum(self.counts.values()),
            "abstained": dict(self.abstained),
            "unsure": self.unsure,
            "counts": dict(self.counts),
            "done_before": self.done_before,
            "seconds": seconds,
            "rows_per_second": self.rows / seconds if seconds else 0.0,
        }


def judge_file(
    context: Context,
    place: Path,
    out: Path | None,
    *,
    column: str,
    sheet: str,
    wanted: tuple[str, ...],
    judge: Callable[[], "Judge"],
) -> dict[str, Any]:
    """Judges every row of a table."""
    from textmill.apps.sentiment.labelled import TEXT_NAMES, column_of
    from textmill.apps.sentiment.results import Results
    from textmill.apps.sentiment.tables import open_table

    if out is not None and out.exists() and place.exists() and out.samefile(place):
        raise UsageError("rows.same_file", file=place)
    with open_table(place, sheet=sheet) as table:
        name = column_of(table, column, TEXT_NAMES)
        prefix = PREFIX if {*ADDED, *wanted} & set(table.columns) else ""
        if prefix:
            context.say(t("cli_sentiment.renamed", names=", ".join(prefix + added for added in (*ADDED, *wanted))))
        if out is None:
            return to_screen(context, judge(), table, Asked(column=name, prefix=prefix, wanted=wanted))
        made = judge()
        identity = {
            "input": file_hash(place),
            "column": name,
            "sheet": sheet,
            "judge": judge_hash(made),
            "wanted": wanted,
        }
        asked = Asked(column=name, prefix=prefix, wanted=wanted)
        return to_file(context, made, table, asked, Results(out, identity))


def to_screen(context: Context, judge: "Judge", table: "Table", asked: "Asked") -> dict[str, Any]:
    """Prints a line for each row."""
    tally, kept = Tally(), list[dict[str, Any]]()
    for rows in batches(table.rows):
        for row, judgement, more in judged(judge, rows, asked):
            tally.take(judgement)
            kept.append(added(row, judgement, more, asked.prefix))
            what = judgement.label or f"({t(f'cli_sentiment.{judgement.abstained}')})"
            chance = f"{judgement.probabilities[judgement.label]:.0%}" if judgement.label else ""
            mark = "?" if judgement.unsure and not judgement.abstained else ""
            context.print(f"{what}{mark}\t{chance}\t{shortened(row.get(asked.column))}")
            show_details(context, more)
    return tally.document() | told(judge) | {"out": None, "results": kept if context.json else []}


def to_file(context: Context, judge: "Judge", table: "Table", asked: "Asked", results: "Results") -> dict[str, Any]:
    """Writes the rows with what came of them; goes on where a stopped call ended."""
    tally = Tally(done_before=results.done)
    if results.done:
        context.say(t("cli_sentiment.goes_on", file=results.out, done=results.done))
    rows = islice(table.rows, results.done, None)
    try:
        with results, context.progress(t("cli_sentiment.progress"), t("cli_sentiment.texts")) as progress:
            for part in batches(rows):
                found = list(judged(judge, part, asked))
                results.add(added(row, judgement, more, asked.prefix) for row, judgement, more in found)
                for _, judgement, _ in found:
                    tally.take(judgement)
                progress(tally.rows)
            cut = results.finish()
    except KeyboardInterrupt:
        context.say(t("cli_sentiment.stopped", done=results.done + tally.rows))
        raise Stopped(tally.document() | told(judge) | {"out": str(results.out)}) from None
    if cut:
        context.say(t("cli_sentiment.cut", count=cut))
    summary(context, tally, results.out)
    return tally.document() | told(judge) | {"out": str(results.out)}


def summary(context: Context, tally: Tally, out: Path) -> None:
    """Prints how many texts were judged as what."""
    judged = max(1, sum(tally.counts.values()))
    for label, count in tally.counts.most_common():
        context.print(f"  {count:8,}  {count / judged:6.1%}  {label}")
    context.print(t("cli_sentiment.wrote", rows=tally.rows, unsure=tally.unsure, out=out))
    for why, count in tally.abstained.items():
        context.print(t("cli_sentiment.not_judged", count=count, why=t(f"cli_sentiment.{why}")))


def batches(rows: Iterator["Row"]) -> Iterator[list["Row"]]:
    """Yields some rows at a time."""
    while part := list(islice(rows, AT_ONCE)):
        yield part


def shortened(value: Any) -> str:
    """Returns the beginning of a cell on one line."""
    text = " ".join(str(value or "").split())
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def file_hash(place: Path) -> str:
    """Returns the SHA-256 of a file."""
    with open(place, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def judge_hash(judge: "Judge") -> str:
    """Returns what tells a judge from others: its form, which holds its weights' fingerprint and what it measured."""
    return hashlib.sha256(repr(judge.form).encode()).hexdigest()


COMMAND = Command(
    words=("sentiment",),
    run=run,
    example='textmill sentiment "The room was lovely, breakfast less so."\n'
    "textmill sentiment --in reviews.csv --column review --out judged.csv\n"
    "textmill sentiment --model hf:OWNER/NAME --label complaint --label praise --in mail.jsonl --out judged.jsonl",
    arguments=(
        Argument(name="text", many="?"),
        Argument(name="--in", metavar="FILE"),
        Argument(name="--column", default="", metavar="NAME"),
        Argument(name="--sheet", default="", metavar="NAME"),
        Argument(name="--out", kind=Path, metavar="FILE"),
        Argument(name="--model", metavar="MODEL"),
        Argument(name="--label", many="*", metavar="LABEL"),
        Argument(name="--coverage", kind=float, metavar="SHARE"),
        Argument(name="--reasons", flag=True, default=False),
        Argument(name="--aspects", flag=True, default=False),
        Argument(name="--device", default="", metavar="DEVICE"),
    ),
    settings=("sentiment",),
)
