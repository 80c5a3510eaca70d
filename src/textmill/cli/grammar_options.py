"""The options that say what a text must fit: --schema, --regex, --choice, --grammar; one kind at a time."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from textmill.cli.command import Argument
from textmill.errors import InputError, UsageError

if TYPE_CHECKING:
    from textmill.infer.engine.request import Grammar
    from textmill.tokenizer.tokenizer import Tokenizer

GRAMMAR_ARGUMENTS = (
    Argument(name="--schema", metavar="FILE.json"),
    Argument(name="--regex", metavar="TEXT"),
    Argument(name="--choice", many="*", metavar="TEXT"),
    Argument(name="--grammar", metavar="FILE.lark"),
)
KINDS = {"schema": "json_schema", "regex": "regex", "choice": "choice", "grammar": "lark"}
FILES = ("schema", "grammar")
Wish = tuple[str, Any]
"""A kind of `infer.constraints`, and its source."""


def take_wish(options: dict[str, Any]) -> Wish | None:
    """Takes the grammar's options out of `options`; returns what they ask for, None without one."""
    given = {name: value for name in KINDS if (value := options.pop(name)) not in (None, ())}
    if len(given) > 1:
        raise UsageError("usage.together", options=", ".join(f"--{name}" for name in given))
    for name, value in given.items():
        return KINDS[name], read(name, value) if name in FILES else value
    return None


def read(name: str, value: str) -> str:
    """Returns the text of a grammar's file."""
    path = Path(value).expanduser()
    if not path.is_file():
        raise InputError("usage.no_file", option=f"--{name}", file=value)
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InputError("usage.file_not_utf8", option=f"--{name}", file=value) from None


def compiled(wish: Wish | None, tokenizer: "Tokenizer") -> "Grammar | None":
    """Returns the grammar for this tokenizer."""
    if wish is None:
        return None
    from textmill.infer.constraints import compile_grammar

    return compile_grammar(tokenizer, *wish)
