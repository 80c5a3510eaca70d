"""Reading a corpus: its manifest, and its documents one row group at a time.

A corpus is a folder of

    part-00000.parquet …   id, text, language, source, url, title, date, licence, meta (JSON), split
    manifest.json          counts, what was dropped and why, settings, content hash, shards with their hashes
    dropped.parquet        id, source, step, reason, value, threshold, excerpt, size
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textmill.data.document import Document
from textmill.errors import CorpusError

MANIFEST = "manifest.json"
FORMAT = "textmill-corpus"
FORMAT_VERSION = 1
COLUMNS = ("id", "text", "language", "source", "url", "title", "date", "licence", "meta", "split")
SPLITS = ("train", "validation")
BATCH_ROWS = 256


def is_corpus(folder: Path) -> bool:
    """True when the folder's manifest says that it is a corpus, of whatever version, damaged or not."""
    try:
        return json.loads((folder / MANIFEST).read_text(encoding="utf-8")).get("format") == FORMAT
    except (OSError, ValueError, AttributeError):
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """A corpus on disk whose shards are all there."""

    folder: Path
    manifest: dict[str, Any]

    @staticmethod
    def open(folder: Path) -> "Corpus":
        """Returns the corpus in `folder`; CorpusError when there is none or it is damaged."""
        try:
            manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            raise CorpusError("corpus.missing", folder=folder) from None
        except (OSError, ValueError) as error:
            raise CorpusError("corpus.damaged", file=folder / MANIFEST, detail=error) from error
        if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
            raise CorpusError("corpus.damaged", file=folder / MANIFEST, detail=f"format != {FORMAT}")
        if not isinstance(manifest.get("version"), int) or manifest["version"] > FORMAT_VERSION:
            raise CorpusError("corpus.newer", file=folder / MANIFEST, version=manifest.get("version"))
        for shard in manifest.get("shards", []):
            path = folder / shard["name"]
            if not path.is_file() or path.stat().st_size != shard["size"]:
                raise CorpusError("corpus.damaged", file=path, detail=f"{shard['size']} bytes")
        return Corpus(folder=folder, manifest=manifest)

    @property
    def content_hash(self) -> str:
        """The hash over ids, texts and splits: equal for equal corpora, wherever they were built."""
        return self.manifest["content_hash"]

    def count(self, split: str | None = None) -> int:
        """Returns the number of documents in a split, or in all."""
        return self.measure("documents", split)

    def measure(self, measure: str, split: str | None = None) -> int:
        """Returns "documents", "bytes" or "characters" of a split, or of all."""
        if split is None:
            return self.manifest[measure]
        return self.manifest["splits"].get(check_split(split), {}).get(measure, 0)

    def documents(self, split: str | None = None, columns: Iterable[str] = COLUMNS) -> Iterator[Document]:
        """Yields the documents of a split (or all) in order, the named columns filled and the others at default."""
        if split is not None:
            check_split(split)
        wanted = [name for name in COLUMNS if name in {"id", "text", *columns}]
        for shard in self.manifest["shards"]:
            yield from shard_documents(self.folder / shard["name"], wanted, split)


def check_split(split: str) -> str:
    """Returns the split's name, or raises ValueError."""
    if split not in SPLITS:
        raise ValueError(f"split must be one of {SPLITS}, got {split!r}")
    return split


def shard_documents(path: Path, wanted: list[str], split: str | None) -> Iterator[Document]:
    """Yields the documents of one shard, a few hundred in memory at a time."""
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    read = wanted if split is None or "split" in wanted else [*wanted, "split"]
    try:
        opened = parquet.ParquetFile(path, page_checksum_verification=True, buffer_size=1 << 20, pre_buffer=False)
        with opened:
            for batch in opened.iter_batches(batch_size=BATCH_ROWS, columns=read, use_threads=False):
                columns = [batch.column(name).to_pylist() for name in wanted]
                splits = batch.column("split").to_pylist() if split is not None else None
                for number, row in enumerate(zip(*columns, strict=True)):
                    if splits is None or splits[number] == split:
                        yield make_document(dict(zip(wanted, row, strict=True)))
    except (arrow.ArrowException, OSError, ValueError) as error:
        raise CorpusError("corpus.damaged", file=path, detail=str(error)[:200]) from error


def make_document(row: dict[str, Any]) -> Document:
    """Returns the document of a row, its meta parsed."""
    if "meta" in row:
        row["meta"] = json.loads(row["meta"] or "{}")
    return Document(**row)
