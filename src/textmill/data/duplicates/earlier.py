"""What earlier corpora have, so that a new one leaves it out (`duplicates.against`).

Beside a corpus lies ``signatures.parquet``: for each document in order its id (16 bytes), the digest of its text (16)
and its MinHash (2 bytes a permutation; empty where it has no n-gram). The settings that the signatures were made with
stand in the file; where they are other ones, or the file is missing (corpora of before, or made elsewhere), digests and
signatures are made anew from the texts.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pyarrow as arrow
import pyarrow.parquet as parquet

from textmill.config import Settings
from textmill.data.corpus import Corpus
from textmill.data.document import text_digest
from textmill.data.duplicates.minhash import signatures
from textmill.errors import CorpusError

FILE = "signatures.parquet"
VERSION = 1
MADE_WITH = b"textmill_signatures"
SCHEMA = arrow.schema([("id", arrow.binary(16)), ("digest", arrow.binary(16)), ("signature", arrow.binary())])
BATCH = 4096
Row = tuple[bytes, bytes, bytes]
"""Id, digest and signature of a document."""


@dataclass(slots=True, kw_only=True)
class Earlier:
    """The documents of earlier corpora: ids and digests (16 bytes each), and signatures in a file that goes on."""

    ids: bytearray
    digests: bytearray

    def __len__(self) -> int:
        return len(self.ids) // 16

    def id(self, number: int) -> str:
        """Returns the id of a document; −1 is the last."""
        start = 16 * (number % len(self))
        return self.ids[start : start + 16].hex()


def made_with(settings: Settings) -> dict[str, int]:
    """Returns what signatures depend on."""
    values = settings.duplicates
    sizes = {"word_ngram": values.word_ngram, "character_ngram": values.character_ngram}
    return {"version": VERSION, "permutations": values.permutations, **sizes}


def read_earlier(settings: Settings) -> Iterator[Row]:
    """Yields what is known of the documents of all corpora that `duplicates.against` names; CorpusError for none."""
    for name in settings.duplicates.against:
        corpus = Corpus.open(Path(name))
        yield from stored_rows(corpus, settings) or computed_rows(corpus, settings)


def stored_rows(corpus: Corpus, settings: Settings) -> Iterator[Row] | None:
    """Returns the rows of a corpus's file, or None where there is none that fits."""
    path = corpus.folder / FILE
    try:
        opened = parquet.ParquetFile(path, page_checksum_verification=True)
        stated = json.loads((opened.schema_arrow.metadata or {}).get(MADE_WITH, b"{}"))
    except (arrow.ArrowException, OSError, ValueError):
        return None
    fits = opened.metadata.num_rows == corpus.count() and stated.get("content_hash") == corpus.content_hash
    if not fits or (settings.duplicates.near and any(stated.get(k) != v for k, v in made_with(settings).items())):
        opened.close()
        return None

    def rows() -> Iterator[Row]:
        try:
            with opened:
                for batch in opened.iter_batches(batch_size=BATCH, use_threads=False):
                    yield from zip(*(batch.column(name).to_pylist() for name in SCHEMA.names), strict=True)
        except (arrow.ArrowException, OSError, ValueError) as error:
            raise CorpusError("corpus.damaged", file=path, detail=str(error)[:200]) from error

    return rows()


def computed_rows(corpus: Corpus, settings: Settings) -> Iterator[Row]:
    """Yields the rows of a corpus from its texts."""
    documents = iter(corpus.documents(columns=()))
    while batch := list(islice(documents, BATCH // 16)):
        made = [b""] * len(batch)
        if settings.duplicates.near:
            found, counts = signatures([document.text for document in batch], settings.duplicates)
            made = [row.tobytes() if count else b"" for row, count in zip(found.astype("<u2"), counts, strict=True)]
        for document, signature in zip(batch, made, strict=True):
            yield bytes.fromhex(document.id), text_digest(document.text), signature


def write_signatures(folder: Path, rows: Iterator[Row], content_hash: str, settings: Settings) -> None:
    """Writes a corpus's file."""
    stated = json.dumps({**made_with(settings), "content_hash": content_hash}, sort_keys=True)
    schema = SCHEMA.with_metadata({MADE_WITH: stated.encode()})
    options = {"compression": "zstd", "use_dictionary": False, "write_page_checksum": True}
    with parquet.ParquetWriter(folder / FILE, schema, **options) as writer:
        while batch := list(islice(rows, BATCH)):
            columns = zip(*batch, strict=True)
            arrays = [arrow.array(list(column), kind.type) for column, kind in zip(columns, SCHEMA, strict=True)]
            writer.write_table(arrow.table(arrays, schema=schema))
