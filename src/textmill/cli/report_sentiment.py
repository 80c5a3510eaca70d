"""`textmill report sentiment`: what a file of judged texts says, on one self-contained HTML page.

FILE is what `textmill sentiment --in FILE --out FILE` wrote. The document of ``--json`` is what the page shows (see
`textmill.apps.sentiment.sentiment_report.gather`) and ``file``, where it is.
"""

from pathlib import Path
from typing import Any

from textmill.cli.command import Argument, Command, Context
from textmill.i18n import t


def run(
    context: Context,
    *,
    files: tuple[str, ...],
    text: str,
    date: str,
    by: tuple[str, ...],
    truth: str,
    out: Path | None,
) -> dict[str, Any]:
    """Reads the files and writes the page."""
    from textmill.apps.sentiment.sentiment_report.gather import gather
    from textmill.apps.sentiment.sentiment_report.page import sentiment_page
    from textmill.apps.sentiment.sentiment_report.totals import Asked, read_totals
    from textmill.files import write_bytes

    first, *others = (Path(name).expanduser() for name in files)
    totals = read_totals(first, Asked(text=text, date=date, by=by, truth=truth))
    earlier = [read_totals(file, Asked(text=text)) for file in others]
    found = gather(totals, earlier)
    file = out or first.with_suffix(".html")
    write_bytes(file, sentiment_page(found).encode())
    context.print(t("cli_report_sentiment.done", file=file, texts=found["judged"]))
    for name, column in (("text", totals.text), ("date", totals.date), ("by", ", ".join(totals.by))):
        context.say(t(f"cli_report_sentiment.column_{name}", column=column or "–"))
    return {"file": file, **found}


COMMAND = Command(
    words=("report", "sentiment"),
    run=run,
    example=(
        "textmill sentiment --in reviews.csv --column text --aspects --out judged.csv\n"
        "textmill report sentiment judged.csv\n"
        "textmill report sentiment june.csv may.csv --date day --by shop --by city --out june.html"
    ),
    arguments=(
        Argument(name="files", many="+"),
        Argument(name="--text", default="", metavar="COLUMN"),
        Argument(name="--date", default="", metavar="COLUMN"),
        Argument(name="--by", many="*", metavar="COLUMN"),
        Argument(name="--truth", default="", metavar="COLUMN"),
        Argument(name="--out", kind=Path, metavar="FILE"),
    ),
)
