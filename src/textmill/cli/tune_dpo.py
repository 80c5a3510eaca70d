"""`textmill tune dpo`: the answer of a pair that was preferred becomes likelier than the other."""

from typing import Any

from textmill.cli.command import Command, Context
from textmill.cli.tune_methods import compare
from textmill.cli.tuning import ARGUMENTS, SECTIONS


def run(context: Context, **given: Any) -> dict[str, Any]:
    """Tunes the model; returns the run's summary."""
    return compare(context, "dpo", **given)


COMMAND = Command(
    words=("tune", "dpo"),
    run=run,
    example="textmill tune dpo --model main --data pairs.jsonl",
    arguments=ARGUMENTS,
    settings=("preference", *SECTIONS),
)
