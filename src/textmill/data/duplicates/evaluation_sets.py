"""Reading evaluation sets: files and folders of items, each item its texts, whatever its fields are called.

JSONL, JSON, Parquet, Arrow: a row is an item, its texts are all strings in it (also in lists and objects), in order.
Text and Markdown: what stands between blank lines is an item.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from textmill.errors import InputError

ENDINGS = (".jsonl", ".json", ".parquet", ".arrow", ".txt", ".md")
ABOUT_ROWS = frozenset(("dataset_info.json", "state.json", "dataset_dict.json"))
"""What `datasets` writes beside the Arrow files of a set that it saves: no rows."""
ARROW_FILE = b"ARROW1"
"""How an Arrow file begins; a stream, which `datasets` saves under the same ending, does not."""
Item = tuple[str, list[str]]
"""An item's name, such as ``gsm8k.jsonl:17``, and its texts."""


def read_items(names: Iterable[str]) -> Iterator[Item]:
    """Yields the items of all files, a folder's in the order of their names; InputError for what cannot be read."""
    for name in names:
        path = Path(name).expanduser()
        if not path.exists():
            raise InputError("contamination.missing", path=path)
        files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if holds_rows(file))
        if not files or any(file.suffix not in ENDINGS for file in files):
            raise InputError("contamination.no_items", path=path, endings=" ".join(ENDINGS))
        for file in files:
            try:
                for number, value in enumerate(rows(file), 1):
                    yield f"{file.name}:{number}", list(strings(value))
            except (OSError, ValueError, RecursionError) as error:  # Arrow's errors are such too
                raise InputError("contamination.unreadable", path=file, detail=str(error)[:200]) from error


def holds_rows(file: Path) -> bool:
    """True for a file in a folder that has items, by its name."""
    return file.suffix in ENDINGS and file.name not in ABOUT_ROWS


def rows(file: Path) -> Iterator[Any]:
    """Yields a file's rows or paragraphs."""
    if file.suffix in (".parquet", ".arrow"):
        yield from table_rows(file, file.suffix)
        return
    text = file.read_text(encoding="utf-8-sig")
    if file.suffix == ".jsonl":
        yield from (json.loads(line) for line in text.split("\n") if line.strip())
    elif file.suffix == ".json":
        value = json.loads(text)
        yield from value if isinstance(value, list) else value.values() if isinstance(value, dict) else [value]
    else:
        yield from (part for part in text.split("\n\n") if part.strip())


def table_rows(file: Path, ending: str) -> Iterator[Any]:
    """Yields the rows of a Parquet or Arrow file, whatever it is called; ValueError where it is damaged."""
    if ending == ".parquet":
        import pyarrow.parquet as parquet

        with parquet.ParquetFile(file) as opened:
            for batch in opened.iter_batches(batch_size=256, use_threads=False):
                yield from batch.to_pylist()
        return
    from textmill.data.formats_in.problem import Unreadable
    from textmill.data.formats_in.tables import arrow_rows

    with file.open("rb") as stream:
        streamed = stream.read(len(ARROW_FILE)) != ARROW_FILE
        stream.seek(0)
        try:
            for record in arrow_rows(stream, streamed=streamed):
                if record.problem:
                    raise ValueError(record.value)
                yield from record.value.to_pylist()
        except Unreadable as error:
            raise ValueError(str(error)) from error


def strings(value: Any) -> Iterator[str]:
    """Yields all strings in a JSON value, in order."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from strings(part)
