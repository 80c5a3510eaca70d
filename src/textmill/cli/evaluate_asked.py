"""Which suites and files `textmill evaluate` is asked for, and their items, before any model is loaded."""

import difflib
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from textmill.cli.command import Context
from textmill.errors import InputError, UsageError
from textmill.i18n import t

if TYPE_CHECKING:
    from textmill.evaluate.run import Asked
    from textmill.evaluate.suites.suite import Suite

SUITES_FOLDER = "suites"
"""Of a project: where suites' files are looked for unless told otherwise."""


def asked_for(
    context: Context,
    suites: Sequence[str],
    data: Sequence[str],
    *,
    place: Path | None,
    download: bool,
    limit: int,
    command: str,
) -> "list[Asked]":
    """Returns the items of every suite and file; the errors say how to get what is not there.

    `command`: the words so far, for the command that an error tells.
    """
    names = suite_names(suites)
    if not names and not data:
        raise UsageError("evaluate.nothing_asked", suites=", ".join(known_names()))
    if limit < 0:
        raise UsageError("evaluate.limit", got=limit)
    asked = [of_suite(context, name, place, download, limit, command) for name in names]
    return asked + [of_file(name, limit) for name in data]


def known_names() -> list[str]:
    """Returns the names that --suite knows: collections, and the suites that are in none."""
    from textmill.evaluate.suites.registry import COLLECTIONS, SUITES

    return [*(name for name, suite in SUITES.items() if not suite.part_of), *COLLECTIONS]


def suite_names(given: Sequence[str]) -> list[str]:
    """Returns the names of single suites, each once."""
    from textmill.evaluate.suites.registry import COLLECTIONS, SUITES

    names: list[str] = []
    for name in (part for word in given for part in word.split(",") if part):
        plain = name.lower().replace("-", "_")
        if plain not in SUITES and plain not in COLLECTIONS:
            known = [*known_names(), *SUITES]
            nearest = difflib.get_close_matches(plain, known, n=1, cutoff=0.0)[0]
            raise UsageError("evaluate.unknown_suite", name=name, nearest=nearest, known=", ".join(known_names()))
        names += COLLECTIONS.get(plain, (plain,)) if plain not in SUITES else (plain,)
    return list(dict.fromkeys(names))


def of_suite(context: Context, name: str, place: Path | None, download: bool, limit: int, command: str) -> "Asked":
    """Returns a suite with its items."""
    from textmill.evaluate.run import Asked
    from textmill.evaluate.suites.files import suite_items
    from textmill.evaluate.suites.registry import SUITES

    suite = SUITES[name]
    if download:
        sources, source = downloaded(context, suite), suite.hub
    else:
        sources, source = local(context, suite, place, command)
    found = suite_items(suite, sources, limit=limit, named=download or (place is not None and place.is_file()))
    if not found.items:
        fields = ", ".join(f"{key} ({count})" for key, count in found.problems.items())[:160] or "–"
        raise InputError("evaluate.not_the_suite", name=name, place=source, fields=fields)
    return Asked(suite=suite, found=found, source=source, limit=limit)


def local(context: Context, suite: "Suite", place: Path | None, command: str) -> tuple[list, str]:
    """Returns the files of a folder in which the suite's are, and where that is."""
    from textmill.evaluate.suites.files import local_sources, matching

    folder = place
    if folder is None and context.project is not None:
        folder = context.project.root / SUITES_FOLDER
    if place is not None and not place.exists():
        raise InputError("evaluate.no_place", place=place)
    sources = local_sources(folder) if folder is not None and folder.exists() else []
    named = place is not None and place.is_file()
    if not sources or not (named or matching(sources, suite.files)):
        raise InputError(
            "evaluate.suite_missing",
            name=suite.name,
            place=folder or SUITES_FOLDER,
            files=", ".join(suite.files),
            command=f"{command} --suite {suite.name} --download",
        )
    return sources, str(folder)


def downloaded(context: Context, suite: "Suite") -> list:
    """Returns the suite's files of the hub, and those of its worked examples."""
    from textmill.evaluate.suites.files import hub_sources

    with context.progress(t("cli_evaluate.downloading", name=suite.name), "MB") as progress:
        sources = hub_sources(suite.hub, progress)
        if suite.shots.count and suite.shots.hub:
            sources = sources + hub_sources(suite.shots.hub, progress)
    return sources


def of_file(name: str, limit: int) -> "Asked":
    """Returns a user's own file: items where it is JSONL with fields that say so, else texts."""
    from textmill.evaluate.own import own_suite
    from textmill.evaluate.own_texts import text_suite
    from textmill.evaluate.run import Asked

    path = Path(name).expanduser()
    if not path.exists():
        raise InputError("evaluate.no_place", place=name)
    is_items = path.is_file() and path.suffix.lower() in (".jsonl", ".json", ".csv", ".parquet")
    suite, found = own_suite(path, limit=limit) if is_items else text_suite(path, limit=limit)
    return Asked(suite=suite, found=found, source=str(path), limit=limit)


def words_of(model: str | None, limit: int) -> str:
    """Returns the command's words that an error's command begins with."""
    words = ["textmill", "evaluate", *([model] if model else []), *(["--limit", str(limit)] if limit else [])]
    return shlex.join(words)
