"""`textmill report corpus`: one self-contained HTML page about a corpus.

The document of ``--json`` is what the page shows (see `textmill.data.corpus_report.gather`) and ``file``, where it is.
"""

from pathlib import Path
from typing import Any

from textmill.cli.command import Argument, Command, Context
from textmill.i18n import t


def run(context: Context, *, corpus: Path | None, out: Path | None, samples: int, seed: int) -> dict[str, Any]:
    """Reads the corpus and writes the page."""
    from textmill.data.corpus import Corpus
    from textmill.data.corpus_report.gather import gather
    from textmill.data.corpus_report.page import corpus_page
    from textmill.files import write_bytes

    opened = Corpus.open(corpus or context.need_project().corpus)
    file = out or opened.folder / "report.html"
    with context.progress(t("cli_report_corpus.progress"), t("cli_report_corpus.unit")) as progress:
        found = gather(opened, samples=max(0, samples), seed=seed, progress=progress)
    write_bytes(file, corpus_page(found).encode())
    context.print(t("cli_report_corpus.done", file=file))
    return {"file": file, **found}


COMMAND = Command(
    words=("report", "corpus"),
    run=run,
    example="textmill report corpus\ntextmill report corpus --out corpus.html --samples 20",
    arguments=(
        Argument(name="--corpus", kind=Path, metavar="DIR"),
        Argument(name="--out", kind=Path, metavar="FILE"),
        Argument(name="--samples", kind=int, default=8, metavar="N"),
        Argument(name="--seed", kind=int, default=0, metavar="N"),
    ),
)
