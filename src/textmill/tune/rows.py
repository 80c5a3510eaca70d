"""Files, folders and datasets of a hub to examples, row by row, whatever form they are in.

    paths ──find_files──▶ files ──opened──▶ rows ──forms──▶ examples ──purposes──▶ what a way of tuning learns from

Archives, tables and whatever else a hostile file could hang are opened in a process that can be ended, as a corpus is
built. A row that is no example stops the reading with one error that names the first few, or, with `tune.bad_rows` =
"skip", is left out and counted. A text file is one document; in a folder it is passed over unless `tune.form` is text.
"""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from textmill.config import CorpusSettings, Settings
from textmill.data import charset, formats
from textmill.data.digest import rows_of
from textmill.data.document import Drop
from textmill.data.drops import MEGABYTE
from textmill.data.hub_datasets import with_datasets
from textmill.data.mapping import VALIDATION_SPLITS
from textmill.data.opener import Opener
from textmill.data.sources import SourceFile, find_files, printable
from textmill.data.streams import Record
from textmill.data.units import Unit, pieces_of
from textmill.errors import InputError
from textmill.i18n import catalog, t
from textmill.progress import Progress, silent
from textmill.tune.examples import Example
from textmill.tune.forms import example_of
from textmill.tune.mapping import mapped
from textmill.tune.messages import BadRow
from textmill.tune.purposes import LEARN, suited

MOST_NAMED = 5
"""Bad rows that an error names."""
ABOUT = frozenset(("manifest.json", "dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json"))
"""Files of a folder that tell about its data."""
NO_EXAMPLES = frozenset((formats.HTML, formats.PDF, formats.WORD, formats.OPEN_DOCUMENT, formats.EPUB, formats.FEED))


@dataclass(slots=True, kw_only=True)
class Tally:
    """What came of the rows that were read."""

    rows: int = 0
    examples: int = 0
    left_out: int = 0
    """Rows that are examples, but nothing to learn from: an answer found bad, a pair that says the same twice."""
    forms: Counter[str] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)
    bad: Counter[str] = field(default_factory=Counter)
    """Bad rows by what is wrong with them."""
    named: list[str] = field(default_factory=list)
    """The first bad rows: place and what is wrong."""
    passed_over: list[str] = field(default_factory=list)
    """Files of folders that hold no rows."""
    datasets: list[dict[str, Any]] = field(default_factory=list)

    @property
    def bad_rows(self) -> int:
        """How many rows are no examples."""
        return self.bad.total()


def read_examples(
    paths: Sequence[str | Path],
    settings: Settings,
    *,
    purpose: str = LEARN,
    tally: Tally | None = None,
    progress: Progress = silent,
) -> Iterator[Example]:
    """Yields the examples of all rows, in order; `tally` counts them as they come.

    Raises InputError for bad rows (unless they are to be skipped) and where there is no example at all.
    """
    tally = tally if tally is not None else Tally()
    mapping, form = mapped(settings.tune.map), settings.tune.form
    for place, source, held_out, row in read_rows(paths, settings, tally, progress):
        tally.rows += 1
        try:
            if isinstance(row, BadRow):
                raise row
            about = {"place": place, "source": source, "held_out": held_out or is_held_out(row)}
            found, example = example_of(row, mapping, form, about)
            made = suited(example, purpose, row)
        except BadRow as problem:
            note(tally, place, problem, stop=settings.tune.bad_rows == "stop")
            continue
        tally.forms[found] += 1
        tally.left_out += not made
        tally.examples += len(made)
        tally.sources[example.source] += len(made)
        yield from made
    if tally.named and settings.tune.bad_rows == "stop":
        raise bad_rows_error(tally)
    if not tally.examples:
        raise InputError("tune_rows.none", paths=", ".join(map(str, paths)), rows=tally.rows, bad=tally.bad_rows)


def note(tally: Tally, place: str, problem: BadRow, *, stop: bool) -> None:
    """Counts a bad row; with `stop` the last that an error names ends the reading."""
    tally.bad[problem.problem] += 1
    if len(tally.named) < MOST_NAMED:
        tally.named.append(f"{place}: {problem_text(problem)}")
    if stop and len(tally.named) == MOST_NAMED:
        raise bad_rows_error(tally)


def problem_text(problem: BadRow) -> str:
    """Returns what is wrong with a row, in words."""
    if problem.problem == "unread":
        reason = str(problem.values["reason"])
        known = f"reason_{reason}" in catalog("corpus")
        told = t(f"corpus.reason_{reason}") if known else reason
        return f"{told} {problem.values['value']}".strip()
    return t(f"tune_rows.problem_{problem.problem}", **problem.values)


def bad_rows_error(tally: Tally) -> InputError:
    """Returns the error that names the first bad rows."""
    shown = "\n  ".join(["", *tally.named])
    return InputError("tune_rows.bad", rows=shown)


def is_held_out(row: Any) -> bool:
    """True for a row whose `split` says that it is not for training."""
    split = row.get("split") if isinstance(row, dict) else None
    return isinstance(split, str) and split.lower() in VALIDATION_SPLITS


Found = tuple[str, str, bool, Any]
"""Place, source, whether it is held out, and the row, or a BadRow."""


def read_rows(
    paths: Sequence[str | Path], settings: Settings, tally: Tally, progress: Progress = silent
) -> Iterator[Found]:
    """Yields the rows of all files."""
    corpus = replace(settings.corpus, text_field="")
    inputs, tally.datasets = with_datasets([Path(path).expanduser() for path in paths], corpus, progress)
    found = list(find_files(inputs, corpus.validation_folder, frozenset()))
    done, total = 0.0, sum(item.size for item in found) / MEGABYTE
    opener = Opener(corpus)
    try:
        for item in found:
            yield from file_rows(item, corpus, opener, tally, settings.tune.form)
            done += item.size / MEGABYTE
            progress(done, total)
    finally:
        opener.stop()


def file_rows(
    item: SourceFile | Drop, corpus: CorpusSettings, opener: Opener, tally: Tally, form: str
) -> Iterator[Found]:
    """Yields the rows of one file; what a folder holds besides is passed over."""
    if isinstance(item, Drop) or (not item.named_by_user and os.path.basename(item.name) in ABOUT):
        tally.passed_over.append(item.source if isinstance(item, Drop) else item.name)
        return
    with closing(pieces_of([item], corpus, opener)) as pieces:  # type: ignore[type-var]
        for file, piece in pieces:
            if isinstance(piece, Drop):
                yield from dropped(item, piece, tally)
            elif isinstance(piece, SourceFile):
                yield from whole_file(item, piece, tally, form)
            else:
                yield from record_rows(file, piece)


def dropped(item: SourceFile, drop: Drop, tally: Tally) -> Iterator[Found]:
    """Yields what could not be read as a bad row, unless it is a file of a folder that nobody asked for."""
    if drop.step == "find" and not item.named_by_user:
        tally.passed_over.append(drop.source)
        return
    yield drop.source, "", False, BadRow("unread", reason=drop.reason, value=drop.value)


def whole_file(item: SourceFile, file: SourceFile, tally: Tally, form: str) -> Iterator[Found]:
    """Yields the row of a text file; pages and books are no examples."""
    name = printable(file.name)
    if file.form in NO_EXAMPLES or (not item.named_by_user and form != "text"):
        if item.named_by_user:
            yield name, "", False, BadRow("no_rows", got=file.form)
        else:
            tally.passed_over.append(name)
        return
    data = file.data if file.data is not None else Path(file.path).read_bytes()
    decoded = charset.decode(data)
    row = BadRow("unread", reason="undecodable", value="") if decoded is None else {"text": decoded.text}
    yield name, name, file.held_out, row


def record_rows(file: SourceFile, record: Record) -> Iterator[Found]:
    """Yields the rows of a record: one line, one value, or a batch of a table."""
    name = printable(file.name)
    if isinstance(record.value, str) and file.form in (formats.TEXT, formats.MARKDOWN):
        yield f"{name}:{record.position}", name, file.held_out, {"text": record.value}
        return
    unit = Unit(files=(file,), records=(record,))
    for position, row in rows_of(file, unit):
        if isinstance(row, Drop):
            row = BadRow("unread", reason=row.reason, value=row.value)
        elif not isinstance(row, dict):
            row = BadRow("no_object", got=type(row).__name__)
        yield f"{name}:{position}", name, file.held_out, row
