"""What the corpus tests share: writing input folders, building, and reading results in short forms."""

import os
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet

from textmill.config import CorpusSettings, Settings
from textmill.data.build import build_corpus
from textmill.data.corpus import Corpus
from textmill.data.document import Document


def write(folder: Path, files: dict[str, str | bytes]) -> Path:
    """Writes {path: content} below `folder` and returns it."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def build(folder: Path, files: dict[str, str | bytes] | None = None, **settings: Any) -> Corpus:
    """Builds a corpus of `folder/in` (after writing `files` there) in `folder/out`."""
    source = folder / "in"
    source.mkdir(exist_ok=True)
    write(source, files or {})
    values = {"workers": 1, "validation_share": 0.0} | settings
    return build_corpus([source], folder / "out", Settings(corpus=CorpusSettings(**values)))


def by_source(corpus: Corpus) -> dict[str, Document]:
    """Returns {source: document}."""
    return {document.source: document for document in corpus.documents()}


def texts(corpus: Corpus, split: str | None = None) -> list[str]:
    """Returns the texts of a split in order."""
    return [document.text for document in corpus.documents(split)]


def dropped(corpus: Corpus) -> dict[str, str]:
    """Returns {source: reason} of what was dropped."""
    return {row["source"]: row["reason"] for row in dropped_rows(corpus)}


def dropped_rows(corpus: Corpus) -> list[dict[str, Any]]:
    """Returns the rows of dropped.parquet."""
    return parquet.read_table(corpus.folder / "dropped.parquet").to_pylist()


def kill_at_bad(unit, settings):
    """Stands in for a parser that crashes the process on one file."""
    from textmill.data.digest import digest
    from textmill.data.packing import pack

    if any(Path(file.path).read_bytes() == b"KILL" for file in unit.files):
        os._exit(9)
    return unit.size, pack(list(digest(unit, settings.corpus)))
