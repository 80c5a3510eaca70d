"""`textmill report writing`: how texts are written, by counting; with --reference and --model how far from human text.

Rows are those of `textmill generate --in FILE --out FILE` (``samples``), or have a ``text``. ``words`` or
``characters`` [least, most] and ``pattern`` (a regular expression) in a row say what was asked for. The document of
``--json``: ``texts, scores {figure: {value, low, high, n}}, distance``.
"""

from pathlib import Path
from typing import Any

from textmill.cli.command import Argument, Command, Context
from textmill.cli.layout import table
from textmill.errors import InputError, UsageError
from textmill.i18n import t

TOLD = ("words", "characters")


def run(context: Context, *, file: Path, reference: Path | None, model: str | None, device: str) -> dict[str, Any]:
    """Reads the texts and tells their figures."""
    from textmill.evaluate.metrics import scores_as_dict
    from textmill.evaluate.text_quality import quality

    if reference is not None and model is None:
        raise UsageError("cli_report_writing.no_model")
    rows = rows_of(file)
    texts = [text for _, text in rows]
    scores = quality(texts) | asked(rows)
    found: float | None = None
    if reference is not None:
        found = distance_to(context, texts, [text for _, text in rows_of(reference)], model, device)
    lines = [[t("evaluate.figure_column"), t("evaluate.score_column"), t("evaluate.interval_column")]]
    for name, score in scores.items():
        shown = f"{score.low:.3f} – {score.high:.3f}" if score.low == score.low else "–"
        lines.append([t(f"cli_report_writing.figure_{name}"), f"{score.value:.3f}", shown])
    if found is not None:
        lines.append([t("cli_report_writing.figure_distance", model=model), f"{found:.3f}", "–"])
    context.print(t("cli_report_writing.texts", count=len(texts)))
    context.print(table(lines))
    return {"texts": len(texts), "scores": scores_as_dict(scores), "distance": found}


def rows_of(file: Path) -> list[tuple[dict[str, Any], str]]:
    """Returns (row, text) of every text in a file; InputError where there are none."""
    from textmill.evaluate.suites.files import Source, raw_rows

    if not file.is_file():
        raise InputError("evaluate.no_place", place=file)
    found = []
    for row in raw_rows(Source(name=file.name, path=file)):
        if isinstance(row, dict):
            samples = row.get("samples")
            texts = [sample.get("text") for sample in samples] if isinstance(samples, list) else [row.get("text")]
            found += [(row, text) for text in texts if isinstance(text, str) and text.strip()]
    if not found:
        raise InputError("cli_report_writing.no_texts", file=file)
    return found


def asked(rows: list[tuple[dict[str, Any], str]]) -> dict[str, Any]:
    """Returns the shares of texts with the length and the form that their rows ask for."""
    import re

    from textmill.evaluate.text_quality import matches, obedience, within

    lengths = [
        within(text, int(row[kind][0]), int(row[kind][1]), kind)
        for row, text in rows
        for kind in TOLD
        if isinstance(row.get(kind), list) and len(row[kind]) == 2
    ]
    try:
        forms = [matches(text, row["pattern"]) for row, text in rows if isinstance(row.get("pattern"), str)]
    except re.error as error:
        raise InputError("cli_report_writing.pattern", detail=error) from None
    scores = {}
    if lengths:
        scores["length"] = obedience(lengths)
    if forms:
        scores["form"] = obedience(forms)
    return scores


def distance_to(context: Context, ours: list[str], human: list[str], model: str | None, device: str) -> float:
    """Returns the distance of two sets of texts by a model's vectors."""
    import numpy as np

    from textmill.cli.model_engine import load_model, make_engine
    from textmill.evaluate.text_quality import distance
    from textmill.infer.engine.request import EMBED, Request
    from textmill.infer.events import Embedded, Output
    from textmill.infer.prompts import prompt_ids

    loaded = load_model(context, model, device)
    engine = make_engine(loaded, "auto")
    vectors: list[tuple[float, ...]] = []

    def take(output: Output) -> None:
        if isinstance(output, Embedded):
            vectors.append(output.vector)

    for text in [*ours, *human]:
        ids = prompt_ids(loaded.tokenizer, text)[: loaded.model.config.context]
        engine.add(Request(ids=tuple(ids), kind=EMBED), take)
        while not engine.idle:
            engine.step()
    whole = np.asarray(vectors)
    return distance(whole[: len(ours)], whole[len(ours) :])


COMMAND = Command(
    words=("report", "writing"),
    run=run,
    example=(
        "textmill generate --in prompts.jsonl --out texts.jsonl\n"
        "textmill report writing texts.jsonl\n"
        "textmill report writing texts.jsonl --reference human.jsonl --model main"
    ),
    arguments=(
        Argument(name="file", kind=Path),
        Argument(name="--reference", kind=Path, metavar="FILE"),
        Argument(name="--model", metavar="MODEL"),
        Argument(name="--device", default="", metavar="DEVICE"),
    ),
)
