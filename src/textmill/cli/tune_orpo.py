"""`textmill tune orpo`: the better answer of each pair is learned and told from the worse one, without a reference."""

from typing import Any

from textmill.cli.command import Command, Context
from textmill.cli.tune_methods import compare
from textmill.cli.tuning import ARGUMENTS, SECTIONS


def run(context: Context, **given: Any) -> dict[str, Any]:
    """Tunes the model; returns the run's summary."""
    return compare(context, "orpo", **given)


COMMAND = Command(
    words=("tune", "orpo"),
    run=run,
    example="textmill tune orpo --model main --data pairs.jsonl",
    arguments=ARGUMENTS,
    settings=("preference", *SECTIONS),
)
