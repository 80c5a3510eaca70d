"""Which commands there are: their words and their stage. Modules are imported only when a command is run.

A command lies in ``cli/<words joined by _>.py`` as ``COMMAND``; its texts in ``i18n/catalog/cli_<words>.toml``. A
registered command whose file is not there yet is left out everywhere.
"""

import difflib
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textmill.cli.command import Command

STAGES = ("start", "make", "train", "tune", "use", "understand")
"""The groups of the overview, in the order in which one walks through them."""

REGISTERED: dict[tuple[str, ...], str] = {
    ("quickstart",): "start",
    ("new",): "start",
    ("little-world",): "start",
    ("doctor",): "start",
    ("corpus", "crawl"): "make",
    ("corpus", "build"): "make",
    ("corpus", "quality", "train"): "make",
    ("corpus", "dialogues"): "make",
    ("tokenizer", "train"): "make",
    ("plan",): "train",
    ("sweep",): "train",
    ("train",): "train",
    ("launch",): "train",
    ("tune", "check"): "tune",
    ("tune", "sft"): "tune",
    ("tune", "dpo"): "tune",
    ("tune", "orpo"): "tune",
    ("tune", "kto"): "tune",
    ("tune", "grpo"): "tune",
    ("tune", "distill"): "tune",
    ("tune", "translate"): "tune",
    ("tune", "write"): "tune",
    ("tune", "ask"): "tune",
    ("tune", "sentiment"): "tune",
    ("label", "sentiment"): "tune",
    ("generate",): "use",
    ("chat",): "use",
    ("sentiment",): "use",
    ("write",): "use",
    ("write", "detect"): "use",
    ("translate",): "use",
    ("serve",): "use",
    ("ask",): "use",
    ("graph", "import"): "use",
    ("graph", "extract"): "use",
    ("graph", "merge"): "use",
    ("graph", "check"): "use",
    ("graph", "export"): "use",
    ("graph", "query"): "use",
    ("graph", "diff"): "use",
    ("import",): "use",
    ("export",): "use",
    ("report", "corpus"): "understand",
    ("report", "run"): "understand",
    ("evaluate",): "understand",
    ("report", "evaluation"): "understand",
    ("report", "card"): "understand",
    ("report", "writing"): "understand",
    ("report", "sentiment"): "understand",
    ("corpus", "why"): "understand",
    ("corpus", "search"): "understand",
    ("corpus", "sample"): "understand",
    ("graph", "show"): "understand",
    ("graph", "stats"): "understand",
    ("models",): "understand",
    ("show",): "understand",
    ("inspect",): "understand",
    ("studio",): "understand",
    ("tokenizer", "show"): "understand",
    ("runs", "list"): "understand",
    ("runs", "show"): "understand",
    ("runs", "compare"): "understand",
    ("runs", "plot"): "understand",
    ("runs", "export"): "understand",
    ("config", "show"): "understand",
}


def file_name(words: tuple[str, ...]) -> str:
    """Returns the name of the module, and the end of the catalogue's name, that belong to a command."""
    return "_".join(words).replace("-", "_")


@cache
def commands() -> dict[tuple[str, ...], str]:
    """Returns {words: stage} of the commands that are there; imports none of them."""
    return {
        words: stage for words, stage in REGISTERED.items() if find_spec(f"textmill.cli.{file_name(words)}") is not None
    }


def load(words: tuple[str, ...]) -> "Command":
    """Imports a command's module and returns its `COMMAND`."""
    return import_module(f"textmill.cli.{file_name(words)}").COMMAND


def match(tokens: list[str]) -> tuple[str, ...] | None:
    """Returns the longest command that `tokens` begin with, or None."""
    for length in range(min(len(tokens), max(map(len, commands()))), 0, -1):
        if tuple(tokens[:length]) in commands():
            return tuple(tokens[:length])
    return None


def beginning_with(words: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Returns the commands whose first words are `words` and that have more."""
    return [known for known in commands() if words and known[: len(words)] == words and len(known) > len(words)]


def nearest(tokens: list[str]) -> str:
    """Returns the words of the command that `tokens` most probably meant."""

    def likeness(words: tuple[str, ...]) -> float:
        given = " ".join(tokens[: len(words)])
        return difflib.SequenceMatcher(None, given.lower(), " ".join(words)).ratio()

    return " ".join(max(commands(), key=likeness))
