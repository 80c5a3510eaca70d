"""`textmill report evaluation`: models side by side on one self-contained HTML page, and as Markdown.

The document of ``--json`` is what the page shows (see `textmill.evaluate.evaluation_report.gather`), ``file`` and
``markdown``, where they are.
"""

from pathlib import Path
from typing import Any

from textmill.cli.command import Argument, Command, Context
from textmill.errors import InputError, UsageError
from textmill.i18n import t

FOLDER = "evaluations"


def run(context: Context, *, models: tuple[str, ...], out: Path | None, items: int) -> dict[str, Any]:
    """Reads the results and writes the page and the Markdown."""
    from textmill.evaluate.evaluation_report.gather import gather
    from textmill.evaluate.evaluation_report.markdown import evaluation_markdown
    from textmill.evaluate.evaluation_report.page import evaluation_page
    from textmill.files import write_bytes

    if items < 0:
        raise UsageError("evaluate.limit", got=items)
    root = (context.project.root if context.project is not None else Path.cwd()) / FOLDER
    found = gather([folder_of(name, root) for name in models or evaluated(root)], items=items)
    file = out or root / "report.html"
    markdown = file.with_suffix(".md")
    write_bytes(file, evaluation_page(found).encode())
    write_bytes(markdown, evaluation_markdown(found).encode())
    context.print(t("cli_report_evaluation.done", file=file, markdown=markdown))
    return {"file": file, "markdown": markdown, **found}


def evaluated(root: Path) -> list[str]:
    """Returns the names of the models that have results; InputError where there are none."""
    names = sorted(folder.name for folder in root.iterdir() if any(folder.glob("*.json"))) if root.is_dir() else []
    if not names:
        raise InputError("evaluate.no_results", folder=root)
    return names


def folder_of(name: str, root: Path) -> Path:
    """Returns the folder of a model's results: by its name, by a run's name, or a path."""
    from textmill.evaluate.journal import slug

    for place in (root / name, root / slug(name), Path(name).expanduser()):
        if place.is_dir() and any(place.glob("*.json")):
            return place
    steps = sorted(root.glob(f"{slug(name)}@*"), key=lambda folder: folder.stat().st_mtime) if root.is_dir() else []
    if steps:
        return steps[-1]
    known = sorted(folder.name for folder in root.iterdir() if folder.is_dir()) if root.is_dir() else []
    raise InputError("evaluate.not_evaluated", name=name, known=", ".join(known) or "–")


COMMAND = Command(
    words=("report", "evaluation"),
    run=run,
    example="textmill report evaluation main@500 main@1000\ntextmill report evaluation --out comparison.html",
    arguments=(
        Argument(name="models", many="*"),
        Argument(name="--out", kind=Path, metavar="FILE"),
        Argument(name="--items", kind=int, default=12, metavar="N"),
    ),
)
