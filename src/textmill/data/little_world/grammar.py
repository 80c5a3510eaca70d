"""A small language for phrase banks, and its reader.

A bank file has sections (``== name`` or ``== name.tag``) with one template a line. In a template::

    (a|b|)      one of these, chosen by the document's generator; may be nested and empty
    {hero.his}  a word from the world: who or what, and in which form
    <tail.sad>  a phrase from another section
    ^           at the start: perhaps an adverb of time that links the sentence to the one before
    ~           before the last stop: perhaps a phrase of manner or weather that fits the feeling of the moment

A section with a tag joins its section when the telling has that tag (the cause, the outcome, the season …), so that
phrases about a thunderstorm come only on the day of a thunderstorm.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

Part = str | Callable[[Any], str]
_CLAUSE_STARTS = (
    "^",
    ", and ",
    ", but ",
    " until ",
    " when ",
    ", so ",
    " before ",
    " that ",
    ". ",
    " because ",
    "” ",
    "，",
    "。",
)
_TOKEN = re.compile(r"[(|)^~]|\{[a-z_0-9.]+\}|<[a-z_0-9.]+>|[^(|)^~{<]+")


@dataclass(frozen=True, slots=True)
class Template:
    """One line of a bank: its parts, and its place in the bank, which serves as its identity."""

    identity: int
    parts: tuple[Part, ...]
    tells_cause: bool = False
    opens_with_person: bool = False
    ends_plainly: bool = False

    def render(self, telling: Any) -> str:
        """The line's text in one telling."""
        return "".join([part if type(part) is str else part(telling) for part in self.parts])  # type: ignore[operator]


def _choice(options: list[tuple[Part, ...]]) -> Callable[[Any], str]:
    count = len(options)
    if all(len(option) == 1 and type(option[0]) is str for option in options):
        words = [str(option[0]) for option in options]
        return lambda telling: words[int(telling.random() * count)]

    def choose(telling: Any) -> str:
        option = options[int(telling.random() * count)]
        return "".join([part if type(part) is str else part(telling) for part in option])  # type: ignore[operator]

    return choose


def _slot(name: str, before: str, after: str) -> Callable[[Any], str]:
    """A word from the world. A bare person is "n" (a name, never "he") unless it stands where a subject stands."""
    who, _, form = name.partition(".")
    if not form and (after.startswith(",") or not (before == "" or before.endswith(_CLAUSE_STARTS))):
        form = "n"
    return lambda telling: telling.slot(who, form)


def _reference(name: str) -> Callable[[Any], str]:
    return lambda telling: telling.phrase(name)


def parse(text: str) -> tuple[Part, ...]:
    """Read one template."""
    tokens = _TOKEN.findall(text)
    if "".join(tokens) != text:
        raise ValueError(f"cannot read the template {text!r}")
    parts, rest = _parse_sequence(tokens, 0, nested=False)
    if rest != len(tokens):
        raise ValueError(f"a bracket is closed that was not opened: {text!r}")
    return parts


def _parse_sequence(tokens: list[str], position: int, *, nested: bool) -> tuple[tuple[Part, ...], int]:
    parts: list[Part] = []
    while position < len(tokens):
        token = tokens[position]
        if token in ("|", ")") and nested:
            break
        if token in ("|", ")"):
            raise ValueError(f"{token} outside of brackets: {''.join(tokens)!r}")
        if token == "(":
            options: list[tuple[Part, ...]] = []
            while tokens[position] != ")":
                option, position = _parse_sequence(tokens, position + 1, nested=True)
                options.append(option or ("",))
                if position >= len(tokens):
                    raise ValueError(f"a bracket is not closed: {''.join(tokens)!r}")
            parts.append(_choice(options))
        elif token.startswith("{"):
            before = tokens[position - 1] if position else ""
            parts.append(_slot(token[1:-1], before, tokens[position + 1] if position + 1 < len(tokens) else ""))
        elif token.startswith("<"):
            parts.append(_reference(token[1:-1]))
        elif token == "^":
            parts.append(lambda telling: telling.lead())
        elif token == "~":
            parts.append(lambda telling: telling.tail())
        else:
            parts.append(token)
        position += 1
    return tuple(parts), position


def _template(number: int, line: str) -> Template:
    """A template, with what a telling may add to it: a lead before a person, a tail after a plain end."""
    people = ("{hero}", "{other}", "{third}")
    plain = line.endswith((".", "。")) and "~" not in line and "“" not in line
    return Template(number, parse(line), "{cause}" in line, line.startswith(people) and "<thinking>" not in line, plain)


@cache
def bank(language: str, name: str) -> dict[str, tuple[Template, ...]]:
    """All sections of one bank file."""
    text = (files("textmill.data.little_world") / "banks" / language / f"{name}.txt").read_text(encoding="utf-8")
    sections: dict[str, list[Template]] = {}
    current: list[Template] = []
    for number, raw in enumerate(text.splitlines()):
        line = raw.replace("'", "’")
        if line.startswith("== "):
            current = sections.setdefault(line[3:].strip(), [])
        elif line.strip() and not line.startswith("#"):
            try:
                current.append(_template(number, line))
            except (ValueError, IndexError) as error:
                raise ValueError(f"banks/{language}/{name}.txt:{number + 1}: {error}") from error
    return {section: tuple(templates) for section, templates in sections.items()}
