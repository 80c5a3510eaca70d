"""`textmill tune kto`: answers that somebody found good become likelier, those found bad less so."""

from typing import Any

from textmill.cli.command import Command, Context
from textmill.cli.tune_methods import compare
from textmill.cli.tuning import ARGUMENTS, SECTIONS


def run(context: Context, **given: Any) -> dict[str, Any]:
    """Tunes the model; returns the run's summary."""
    return compare(context, "kto", **given)


COMMAND = Command(
    words=("tune", "kto"),
    run=run,
    example="textmill tune kto --model main --data judged.jsonl",
    arguments=ARGUMENTS,
    settings=("preference", *SECTIONS),
)
