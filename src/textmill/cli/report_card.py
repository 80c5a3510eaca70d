"""`textmill report card`: a model card for a run's checkpoint, from its events, corpus and evaluations.

The document of ``--json``: ``file, name, step, evaluations [suite names]``.
"""

import json
from pathlib import Path
from typing import Any

from textmill.cli.command import Argument, Command, Context
from textmill.errors import UsageError
from textmill.i18n import t

MANIFEST = "manifest.json"


def run(context: Context, *, model: str | None, out: Path | None, licence: str, watts: float) -> dict[str, Any]:
    """Gathers the facts and writes README.md into the checkpoint, from where exports take it along."""
    from textmill.evaluate.journal import weights_hash
    from textmill.files import write_bytes
    from textmill.infer.resolve import resolve
    from textmill.train.model_card import FILE, evaluations_of, model_card
    from textmill.train.record import read_record
    from textmill.train.run_report.gather import Prices

    project = context.need_project()
    if not 0 <= watts < float("inf"):
        raise UsageError("cli_report_run.negative", value=watts)
    place = resolve(model, project)
    run_folder = place.folder.parent.parent
    if place.step is None or run_folder.parent != project.runs:
        raise UsageError("model_card.no_run", name=place.name)
    record = read_record(project.runs, run_folder.name)
    corpus = read_manifest(project.corpus / MANIFEST, record.start.get("data", {}).get("corpus"))
    results = evaluations_of(project.root / "evaluations", weights_hash(place.folder))
    prices = Prices(watts=watts)
    text = model_card(record, step=place.step, corpus=corpus, evaluations=results, licence=licence, prices=prices)
    file = out or place.folder / FILE
    write_bytes(file, text.encode())
    context.print(t("cli_report_card.done", file=file))
    suites = [result["suite"]["name"] for result in results]
    if not suites:
        context.say(t("cli_report_card.no_scores", name=f"{run_folder.name}@{place.step}"))
    return {"file": file, "name": run_folder.name, "step": place.step, "evaluations": suites}


def read_manifest(file: Path, wanted: str | None) -> dict[str, Any] | None:
    """Returns the corpus's manifest where it is still the one that the run read, else None."""
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return manifest if manifest.get("content_hash") == wanted else None


COMMAND = Command(
    words=("report", "card"),
    run=run,
    example="textmill report card\ntextmill report card main@1000 --licence apache-2.0",
    arguments=(
        Argument(name="model", many="?"),
        Argument(name="--out", kind=Path, metavar="FILE"),
        Argument(name="--licence", default="", metavar="NAME"),
        Argument(name="--watts", kind=float, default=0.0, metavar="W"),
    ),
)
