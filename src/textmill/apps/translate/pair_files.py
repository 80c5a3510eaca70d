"""Pairs from files: tables, line files that belong together (Moses), JSON lines, and by `pair_markup` what has a form.

    FILES ─▶ by their endings (and, of .en beside .zh, by their languages) ─▶ Pair, Pair, …

A table says its languages in its first line ("en<TAB>zh"), or is told them, or its columns are looked at. A file may be
compressed (.gz, .bz2, .xz).
"""

import bz2
import csv
import gzip
import json
import lzma
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, combinations, islice
from pathlib import Path
from typing import Any, BinaryIO

from textmill.apps.translate.languages import known_language, language_code
from textmill.apps.translate.pairs import Found, Pair
from textmill.data.language import detect_language
from textmill.data.sources import is_held_out, nearest_name
from textmill.data.streams import text_blocks
from textmill.errors import InputError
from textmill.tune.rows import is_held_out as row_is_held_out

COMPRESSED: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
TABLES = {".tsv": "\t", ".csv": ","}
LOOKED_AT = 200
"""Rows from which the languages of a table's columns are told."""
SURE_SHARE = 0.6
LONGEST_LINE = 1 << 20
"""Characters; what is longer is no sentence pair but a broken file, and is not kept in memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the reading of a file needs to know besides its path."""

    languages: tuple[str, ...]
    """As the user gave them; () where the files say it."""
    found: Found
    held_out: bool = False


def read_pairs(paths: Sequence[str | Path], *, languages: tuple[str, ...] = (), found: Found) -> Iterator[Pair]:
    """Yields the pairs of all files and folders, in the order of the files; raises InputError for what has none."""
    moses: dict[str, dict[str, Path]] = defaultdict(dict)
    for path in files_of(paths):
        stem, ending = stem_and_ending(path)
        code = known_language(ending.removeprefix("."))
        if code or ending in (".html", ".htm"):
            inner = code or known_language(Path(stem).suffix.removeprefix("."))
            if not inner:
                raise InputError("translate.html_alone", file=path)
            key = stem if code else str(Path(stem).with_suffix("")) + ending
            moses[key][inner] = path
            continue
        reading = Reading(languages=languages, found=found, held_out=held_out(path))
        yield from counted(pairs_of(path, ending, reading), found)
    for key, sides in moses.items():
        if len(sides) < 2:
            raise InputError("translate.moses_alone", file=next(iter(sides.values())))
        reading = Reading(languages=(), found=found, held_out=held_out(next(iter(sides.values()))))
        yield from counted(beside(key, sides, reading), found)


def counted(pairs: Iterable[Pair], found: Found) -> Iterator[Pair]:
    """Passes pairs on and counts them."""
    for pair in pairs:
        found.pairs["-".join(pair.languages)] += 1
        yield pair


def files_of(paths: Sequence[str | Path]) -> Iterator[Path]:
    """Yields the files that are given or lie in a folder that is, hidden ones left out."""
    for given in paths:
        path = Path(given).expanduser()
        if path.is_dir():
            inner = sorted(each for each in path.rglob("*") if each.is_file())
            yield from (each for each in inner if not any(part.startswith(".") for part in each.parts))
        elif path.is_file():
            yield path
        else:
            raise InputError("corpus.path_missing", path=path, nearest=nearest_name(path))


def held_out(path: Path) -> bool:
    """True for a file in a folder that says so."""
    return is_held_out(f"{path.parent.name}/{path.name}", "held_out")


def stem_and_ending(path: Path) -> tuple[str, str]:
    """Returns the path without its last ending and that ending, a compression's left out of both."""
    plain = path.with_suffix("") if path.suffix.lower() in COMPRESSED else path
    return str(plain.with_suffix("")), plain.suffix.lower()


def opened(path: Path) -> BinaryIO:
    """Returns the file's bytes, decompressed."""
    try:
        return COMPRESSED.get(path.suffix.lower(), open)(path, "rb")
    except OSError as error:
        raise InputError("translate.unreadable", file=path, detail=error.strerror or error) from error


def pairs_of(path: Path, ending: str, reading: Reading) -> Iterator[Pair]:
    """Returns the pairs of one file by its ending."""
    from textmill.apps.translate import gettext_files, pair_markup

    if ending in TABLES:
        return table_pairs(path, TABLES[ending], reading)
    if ending in (".jsonl", ".json", ".ndjson"):
        return json_pairs(path, reading)
    if ending in (".tmx", ".xlf", ".xliff", ".sdlxliff"):
        return pair_markup.markup_pairs(path, ending, reading)
    if ending in (".po", ".mo"):
        return gettext_files.gettext_pairs(path, ending, reading)
    raise InputError("translate.pair_ending", file=path, ending=ending or "–")


def lines_of(path: Path) -> Iterator[str]:
    """Yields the lines of a text file in whatever encoding, without line ends; InputError where it is not text."""
    kept = ""
    with opened(path) as stream:
        try:
            for block in text_blocks(stream):
                if block is None:
                    raise InputError("translate.not_text", file=path)
                *whole, kept = (kept + block).split("\n")
                yield from whole
                if len(kept) > LONGEST_LINE:
                    raise InputError("translate.long_line", file=path, limit=LONGEST_LINE)
        except (OSError, EOFError, lzma.LZMAError) as error:
            raise InputError("translate.unreadable", file=path, detail=error) from error
    if kept:
        yield kept


def beside(key: str, sides: dict[str, Path], reading: Reading) -> Iterator[Pair]:
    """Pairs of files in several languages that are one another's translation: line by line, or web pages."""
    if key.endswith((".html", ".htm")):
        from textmill.apps.translate.pair_markup import page_pairs

        yield from page_pairs(sides, reading)
        return
    lines = [lines_of(path) for path in sides.values()]
    codes, name = list(sides), Path(key).name
    ended: set[str] = set()
    for number, row in enumerate(longest(lines), start=1):
        ended |= {code for code, text in zip(codes, row, strict=True) if text is None}
        if ended:
            if len(ended) == len(codes):
                return
            counts = ", ".join(f"{sides[code].name}: {'<' if code in ended else '≥'} {number}" for code in codes)
            raise InputError("translate.moses_uneven", files=counts)
        yield from pairs_among(dict(zip(codes, map(str, row), strict=True)), f"{name}:{number}", reading)


def longest(lines: list[Iterator[str]]) -> Iterator[tuple[str | None, ...]]:
    """Yields the lines beside one another, None behind the end of a file, until all have ended."""
    row = tuple(next(each, None) for each in lines)
    while any(text is not None for text in row):
        yield row
        row = tuple(next(each, None) for each in lines)


def pairs_among(texts: dict[str, str], place: str, reading: Reading) -> Iterator[Pair]:
    """Yields each pair of one thing said in several languages: with more than two, each with the first."""
    codes = list(texts)
    for first, second in combinations(codes, 2):
        if len(codes) == 2 or first == codes[0]:
            yield Pair(
                first=texts[first],
                second=texts[second],
                languages=(first, second),
                place=place,
                held_out=reading.held_out,
            )


def table_pairs(path: Path, delimiter: str, reading: Reading) -> Iterator[Pair]:
    """Pairs of a table's columns. A tab-separated line is cut at tabs and nothing else: quotes are text there."""
    lines = lines_of(path)
    rows = csv.reader(lines, delimiter=delimiter) if delimiter == "," else (line.split("\t") for line in lines)
    first = list(islice(rows, LOOKED_AT))
    if not first:
        return
    header = {at: code for at, cell in enumerate(first[0]) if (code := header_language(cell))}
    columns = header if len(header) > 1 else columns_of(first, reading, path)
    start = 1 if len(header) > 1 else 0
    for number, row in enumerate(chain(first[start:], rows), start=1 + start):
        place = f"{path.name}:{number}"
        if len(row) <= max(columns):
            if any(cell.strip() for cell in row):
                reading.found.leave_out("columns", place)
            continue
        yield from pairs_among({code: row[at] for at, code in columns.items()}, place, reading)


def header_language(cell: str) -> str:
    """Returns the language that a head of a column names."""
    return known_language(cell.strip().lower()) if len(cell.strip()) <= 20 else ""


def columns_of(rows: list[list[str]], reading: Reading, path: Path) -> dict[int, str]:
    """Returns {column: language} of a table without a head."""
    width = Counter(len(row) for row in rows).most_common(1)[0][0]
    told = reading.languages
    if width == 2 and len(told) == 2:
        return dict(enumerate(told))
    seen: dict[int, str] = {}
    for at in range(width):
        cells = [row[at] for row in rows if len(row) == width and row[at].strip()]
        if len(set(cells)) < len(cells) / 5:
            continue  # a mark that comes again and again: where a row is from, say
        tongues = Counter(detect_language(cell) for cell in cells)
        best, count = tongues.most_common(1)[0] if tongues else ("", 0)
        if count >= SURE_SHARE * len(cells) and (not told or best in told) and best not in seen.values():
            seen[at] = best
    if len(seen) < 2:
        raise InputError("translate.columns", file=path, columns=width, seen=", ".join(seen.values()) or "–")
    return seen


def json_pairs(path: Path, reading: Reading) -> Iterator[Pair]:
    """Pairs of JSON lines: {"en", "zh"}, {"translation": {…}}, or source, target and their languages."""
    for number, line in enumerate(lines_of(path), start=1):
        if not line.strip():
            continue
        place = f"{path.name}:{number}"
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        texts = row_texts(row, reading.languages) if isinstance(row, dict) else {}
        if len(texts) < 2:
            reading.found.leave_out("form", place)
            continue
        marked = reading.held_out or row_is_held_out(row)
        inner = Reading(languages=reading.languages, found=reading.found, held_out=marked)
        yield from pairs_among(texts, place, inner)


def row_texts(row: dict[str, Any], told: tuple[str, ...]) -> dict[str, str]:
    """Returns {language: text} of a row."""
    inner = row.get("translation")
    if isinstance(inner, dict):
        return row_texts(inner, told)
    for source, target in (("source", "target"), ("src", "tgt"), ("text", "translation")):
        if isinstance(row.get(source), str) and isinstance(row.get(target), str):
            first = row.get(f"{source}_language") or row.get(f"{source}_lang") or (told[0] if len(told) == 2 else "")
            second = row.get(f"{target}_language") or row.get(f"{target}_lang") or (told[1] if len(told) == 2 else "")
            codes = [language_code(str(each)) for each in (first, second)]
            return dict(zip(codes, (row[source], row[target]), strict=True)) if all(codes) else {}
    return {
        code: value
        for key, value in row.items()
        if isinstance(value, str) and (code := known_language(str(key))) and key not in ("id",)
    }
