"""Finding a suite's files and reading their rows: a folder that the user has, a single file, or a dataset on a hub.

Files are found by name, whatever folder they lie in; JSONL, JSON, CSV, Parquet, Arrow, also in a .zip. Names of folders
count too: what `datasets` saves lies in ``hellaswag/none/validation/data-00000-of-00001.arrow``.
"""

import csv
import io
import json
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from textmill.data.duplicates.evaluation_sets import ABOUT_ROWS, table_rows
from textmill.errors import InputError
from textmill.evaluate.items import Item
from textmill.evaluate.suites.knowing import SUBJECT
from textmill.evaluate.suites.suite import Reader, Suite
from textmill.progress import Progress, silent

ENDINGS = (".jsonl", ".json", ".csv", ".parquet", ".arrow")
MOST_BYTES = 1 << 28
"""Of one member of a .zip."""
NO_SUBJECT = re.compile(r"(?:^|[_.-])(?:test|dev|val|validation|train|\d{5}-of-\d{5}|data)(?=$|[_.-])")
TRAINING = re.compile(r"(?<![a-z])(?<!no_)(?<!no-)train")
"""A file to train on, by its name; ``mmlu_no_train`` is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file of rows: what it is called, where it lies, and which member of a .zip it is."""

    name: str
    path: Path
    member: str = ""
    folder: str = ""
    """The name of the folder that was given, which tells what is in it where nothing inside does."""


@dataclass(slots=True, kw_only=True)
class Found:
    """The items of a suite, and the rows that are none by what is wrong with them."""

    items: list[Item] = field(default_factory=list)
    problems: Counter[str] = field(default_factory=Counter)
    first_problem: str = ""


def local_sources(place: Path) -> list[Source]:
    """Returns every file of rows in a folder, or the one that `place` is."""
    if place.is_file():
        return members(Source(name=place.name, path=place))
    found = (path for path in place.rglob("*") if path.suffix.lower() in (*ENDINGS, ".zip"))
    files = sorted(path for path in found if path.is_file() and path.name not in ABOUT_ROWS)
    folder = place.resolve().name
    sources = [Source(name=path.relative_to(place).as_posix(), path=path, folder=folder) for path in files]
    return [made for source in sources for made in members(source)]


def members(source: Source) -> list[Source]:
    """Returns the source itself, or the files in it where it is a .zip."""
    if not source.name.lower().endswith(".zip"):
        return [source]
    with zipfile.ZipFile(source.path) as archive:
        names = [entry.filename for entry in archive.infolist() if entry.file_size <= MOST_BYTES]
    return [
        replace(source, name=f"{source.name}/{name}", member=name)
        for name in sorted(names)
        if name.lower().endswith((".jsonl", ".json", ".csv"))
    ]


def matching(sources: list[Source], patterns: tuple[str, ...]) -> list[Source]:
    """Returns the sources that the first pattern with any means; not those for training unless that is asked for.

    Where no name within the folder fits, the folder's own is put before them.
    """
    for named in (lambda source: source.name, lambda source: f"{source.folder}/{source.name}"):
        for pattern in patterns:
            wanted = pattern.lower()
            fits = [source for source in sources if inside(named(source).lower(), wanted)]
            if "train" not in wanted:
                fits = [source for source in fits if not TRAINING.search(source.name.lower())]
            if fits:
                return fits
    return []


def inside(name: str, pattern: str) -> bool:
    """True where the pattern fits a path or its end, in whatever folders it lies."""
    return fnmatchcase(name, pattern) or fnmatchcase(name, f"*/{pattern}")


def hub_sources(reference: str, progress: Progress = silent) -> list[Source]:
    """Returns a dataset's files, downloaded where they are not in the cache yet."""
    from textmill.config import CorpusSettings
    from textmill.data.hub_choice import parse
    from textmill.data.hub_datasets import dataset

    given, _ = dataset(parse(reference), CorpusSettings(), progress)
    return [made for file in given for made in members(Source(name=str(file.name), path=Path(file.path)))]


def raw_rows(source: Source) -> Iterator[Any]:
    """Yields a source's rows; InputError for a file that cannot be read."""
    ending = Path(source.name).suffix.lower()
    try:
        if source.member:
            with zipfile.ZipFile(source.path) as archive:
                yield from text_rows(archive.read(source.member).decode("utf-8-sig"), ending)
        elif ending in (".parquet", ".arrow"):  # a file of a hub's cache has no such ending itself
            yield from table_rows(source.path, ending)
        else:
            yield from text_rows(source.path.read_text(encoding="utf-8-sig"), ending)
    except (OSError, ValueError, RecursionError, zipfile.BadZipFile) as error:
        raise InputError("evaluate.unreadable", file=source.path, detail=str(error)[:200]) from error


def text_rows(text: str, ending: str) -> Iterator[Any]:
    """Yields the rows of a text."""
    if ending == ".csv":
        yield from csv.DictReader(io.StringIO(text))
    elif ending == ".json":
        value = json.loads(text)
        yield from value if isinstance(value, list) else [value]
    else:
        yield from (json.loads(line) for line in text.split("\n") if line.strip())


def read_items(sources: list[Source], read: Reader, *, limit: int = 0) -> Found:
    """Returns the items of the sources in order, of each the first `limit` (0: all)."""
    found = Found()
    for source in sources:
        subject = subject_of(source.name)
        before = len(found.items)
        for number, row in enumerate(raw_rows(source), start=1):
            if limit and len(found.items) - before == limit:
                break
            name = f"{Path(source.name).name}:{number}"
            try:
                if not isinstance(row, dict):
                    raise TypeError(type(row).__name__)
                item = read(row if SUBJECT in row else {**row, SUBJECT: subject})
            except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
                problem = str(error.args[0])[:40] if isinstance(error, KeyError) and error.args else "value"
                found.problems[problem] += 1
                found.first_problem = found.first_problem or name
                continue
            found.items.append(item if item.name else replace(item, name=name))
    return found


def subject_of(name: str) -> str:
    """Returns the subject that a file's name tells without its split; where there is nothing else, its folder's."""
    path = Path(name)
    for word in (path.stem, *reversed(path.parent.parts)):
        bare = NO_SUBJECT.sub("", word).strip("_.-")
        if bare:
            return bare
    return ""


def suite_items(suite: Suite, sources: list[Source], *, limit: int = 0, named: bool = False) -> Found:
    """Returns the suite's items behind their worked examples; none where the sources do not hold the suite.

    `named`: the sources are meant for this suite, whatever their files are called.
    """
    files = matching(sources, suite.files) or (sources if named else [])
    drawn_among_all = suite.shots.count and not suite.shots.files
    found = read_items(files, suite.read, limit=0 if drawn_among_all else limit)
    examples = Found()
    if suite.shots.count and suite.shots.files:
        own = matching(sources, suite.shots.files)
        examples = read_items(own, suite.read) if own else Found()
    wanted = suite.few_shot(found.items, examples.items)
    if drawn_among_all and limit:
        wanted = wanted[:limit]
    return Found(items=wanted, problems=found.problems, first_problem=found.first_problem)
