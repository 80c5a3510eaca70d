"""The first writing of a corpus: drafts in the order of their files, before duplicates and splits are settled.

Which of two equal documents stays, and which documents are held out, is known only when all have been seen. So drafts
go to Parquet files in the new folder, and what the decisions need stays in memory: 33 bytes a document while files are
read, and some 80 more for a while when duplicates are settled.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as arrow
import pyarrow.parquet as parquet

from textmill.data.digest import meta_json
from textmill.data.document import Draft, Drop

TEXT_COLUMNS = ("id", "text", "language", "source", "url", "title", "date", "licence", "meta")
SPOOL_SCHEMA = arrow.schema(
    [(name, arrow.string()) for name in TEXT_COLUMNS]
    + [("kind", arrow.string()), ("bytes", arrow.int64()), ("signature", arrow.binary())]
)
DROP_SCHEMA = arrow.schema(
    [(name, arrow.string()) for name in ("id", "source", "step", "reason", "value", "threshold", "excerpt")]
    + [("size", arrow.int64())]
)
DRAFT_COLUMNS = (*TEXT_COLUMNS, "kind", "bytes")
GROUP_ROWS, GROUP_BYTES = 2048, 8 << 20
"""A row group is closed at so many rows or so many bytes of text, so that a reader holds little at a time."""


class TableWriter:
    """Writes rows to one Parquet file in row groups of bounded size; what it writes depends on the rows alone."""

    def __init__(self, path: Path, schema: arrow.Schema) -> None:
        self.schema = schema
        self.columns: dict[str, list[Any]] = {name: [] for name in schema.names}
        self.rows = self.size = 0
        # Texts share few values; a dictionary of them would only be thrown away again.
        dictionaries = [
            name for name in schema.names if name in ("language", "kind", "split", "step", "reason", "licence")
        ]
        options: dict[str, Any] = {"compression": "zstd", "use_dictionary": dictionaries, "write_page_checksum": True}
        self.writer = parquet.ParquetWriter(path, schema, **options)

    def add(self, row: dict[str, Any], size: int) -> None:
        """Adds a row of about `size` bytes."""
        for name, values in self.columns.items():
            values.append(row[name])
        self.rows, self.size = self.rows + 1, self.size + size
        if self.rows >= GROUP_ROWS or self.size >= GROUP_BYTES:
            self.flush()

    def add_table(self, table: arrow.Table) -> None:
        """Writes a table as a row group of its own."""
        self.flush()
        self.writer.write_table(table, row_group_size=max(1, table.num_rows))

    def flush(self) -> None:
        """Writes the rows that are waiting."""
        if self.rows:
            self.writer.write_table(arrow.table(self.columns, schema=self.schema), row_group_size=self.rows)
            self.columns = {name: [] for name in self.schema.names}
            self.rows = self.size = 0

    def close(self) -> None:
        """Writes what is waiting and ends the file."""
        self.flush()
        self.writer.close()


@dataclass(slots=True, kw_only=True)
class Tally:
    """What is counted while files are read."""

    dropped: Counter[tuple[str, str]] = field(default_factory=Counter)
    dropped_bytes: Counter[tuple[str, str]] = field(default_factory=Counter)
    endings: Counter[str] = field(default_factory=Counter)
    fields_found: Counter[str] = field(default_factory=Counter)
    encodings: Counter[str] = field(default_factory=Counter)
    controls_removed: int = 0
    characters_replaced: int = 0
    masked: Counter[str] = field(default_factory=Counter)
    cut: Counter[str] = field(default_factory=Counter)
    mended: Counter[str] = field(default_factory=Counter)


class Spool:
    """Takes drafts and drops in order; keeps the ids, digests and held-out marks of the drafts at hand."""

    def __init__(self, folder: Path, dropped: Path) -> None:
        folder.mkdir()
        self.path = folder / "drafts.parquet"
        self.drafts = TableWriter(self.path, SPOOL_SCHEMA)
        self.drops = TableWriter(dropped, DROP_SCHEMA)
        self.ids, self.digests, self.held_out = bytearray(), bytearray(), bytearray()
        self.tally = Tally()

    def add(self, outcome: Draft | Drop) -> None:
        """Writes one outcome and counts it."""
        if isinstance(outcome, Drop):
            self.add_drop(outcome)
            return
        document = outcome.document
        row = {name: getattr(document, name) for name in TEXT_COLUMNS}
        size = len(document.text.encode())
        row |= {"meta": meta_json(document.meta), "kind": outcome.kind, "bytes": size, "signature": outcome.signature}
        self.drafts.add(row, size)
        self.ids += bytes.fromhex(document.id)
        self.digests += outcome.digest
        self.held_out.append(outcome.held_out)
        self.tally.encodings[outcome.encoding] += 1
        self.tally.controls_removed += outcome.controls_removed
        self.tally.characters_replaced += outcome.characters_replaced
        self.tally.masked.update(dict(outcome.masked))
        self.tally.cut.update(dict(outcome.cut))
        self.tally.mended.update(dict(outcome.mended))

    def add_drop(self, drop: Drop) -> None:
        """Writes and counts what was dropped."""
        row = {name: getattr(drop, name) for name in DROP_SCHEMA.names}
        self.drops.add(row, len(drop.excerpt.encode()) + 200)
        self.tally.dropped[drop.step, drop.reason] += 1
        self.tally.dropped_bytes[drop.step, drop.reason] += drop.size
        if drop.reason == "unsupported":
            self.tally.endings[drop.value] += 1
        elif drop.reason == "missing_text_field":
            self.tally.fields_found[drop.value] += 1

    def id(self, number: int) -> str:
        """Returns the id of draft `number`."""
        return self.ids[16 * number : 16 * number + 16].hex()

    def read(self, columns: Sequence[str] = DRAFT_COLUMNS) -> Iterator[arrow.Table]:
        """Yields the drafts again, a row group at a time; the spool must have been closed."""
        with parquet.ParquetFile(self.path) as opened:
            for group in range(opened.num_row_groups):
                yield opened.read_row_group(group, list(columns), use_threads=False)

    def sizes(self) -> np.ndarray:
        """Returns the UTF-8 bytes of each draft's text (int64)."""
        return np.concatenate([np.zeros(0, np.int64), *(table["bytes"].to_numpy() for table in self.read(["bytes"]))])

    def signatures(self) -> Iterator[bytes]:
        """Yields the signature of each draft, b"" where it has none."""
        for table in self.read(["signature"]):
            yield from table["signature"].to_pylist()

    def rows(self) -> Iterator[tuple[bytes, bytes, bytes]]:
        """Yields (id, digest, signature) of each draft."""
        for number, signature in enumerate(self.signatures()):
            place = slice(16 * number, 16 * number + 16)
            yield bytes(self.ids[place]), bytes(self.digests[place]), signature

    def close_drafts(self) -> None:
        """Ends the writing of drafts, so that they can be read."""
        self.drafts.close()

    def close(self) -> None:
        """Closes both files."""
        self.drafts.close()
        self.drops.close()
