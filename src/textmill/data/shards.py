"""The second writing of a corpus: the documents that stay, in shards, and the duplicates among the dropped."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as arrow
import pyarrow.compute

from textmill.config import Settings
from textmill.data.digest import meta_json
from textmill.data.document import EXCERPT_CHARACTERS, Drop
from textmill.data.duplicates.earlier import write_signatures
from textmill.data.settle import Settled
from textmill.data.spool import GROUP_BYTES, GROUP_ROWS, TEXT_COLUMNS, Spool, TableWriter
from textmill.files import sha256_file

compute: Any = pyarrow.compute
"""Its functions are made when it is imported, so type checkers do not see them."""
CORPUS_SCHEMA = arrow.schema([(name, arrow.string()) for name in (*TEXT_COLUMNS, "split")])
SHARD_BYTES = 256 << 20
"""Of text; some 80 MB on disk."""


@dataclass(slots=True, kw_only=True)
class Written:
    """What was written: the shards, the counts by split, language and kind, and the hash over ids and texts."""

    shards: list[dict[str, Any]] = field(default_factory=list)
    counts: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    content_hash: str = ""


def write_shards(folder: Path, spool: Spool, settled: Settled, settings: Settings) -> Written:
    """Writes the documents that stay to `folder` and the others to the spool's dropped."""
    written = Written()
    writer, path, size = None, folder, 0
    for table in regrouped(kept_tables(spool, settled, settings)):
        count(table, written.counts)
        if writer is None:
            path = folder / f"part-{len(written.shards):05}.parquet"
            writer = TableWriter(path, CORPUS_SCHEMA)
            written.shards.append({"name": path.name, "documents": 0, "bytes": 0})
            size = 0
        writer.add_table(table.select(CORPUS_SCHEMA.names))
        group_bytes = compute.sum(table["bytes"]).as_py()
        written.shards[-1]["documents"] += table.num_rows
        written.shards[-1]["bytes"] += group_bytes
        size += group_bytes
        if size >= SHARD_BYTES:
            finish_shard(writer, path, written)
            writer = None
    if writer is not None:
        finish_shard(writer, path, written)
    written.content_hash = content_hash(spool, settled)
    if settings.duplicates.near and settings.corpus.deduplicate:
        write_signatures(folder, compress(spool.rows(), settled.keep), written.content_hash, settings)
    return written


def finish_shard(writer: TableWriter, path: Path, written: Written) -> None:
    """Closes a shard and notes its hash."""
    writer.close()
    written.shards[-1] |= {"size": path.stat().st_size, "sha256": sha256_file(path)}


def kept_tables(spool: Spool, settled: Settled, settings: Settings) -> Iterator[arrow.Table]:
    """Yields the drafts that stay with their split; the others are added to the dropped on the way."""
    start = 0
    for table in spool.read():
        place = slice(start, start + table.num_rows)
        keep, held_out = settled.keep[place], settled.held_out[place]
        drop_duplicates(spool, table, settled, settings, start)
        split = arrow.array(np.where(held_out, "validation", "train"), type=arrow.string())
        table = with_copies(table, settled.copies[place])
        yield table.append_column("split", split).filter(arrow.array(keep))
        start += table.num_rows


def drop_duplicates(spool: Spool, table: arrow.Table, settled: Settled, settings: Settings, start: int) -> None:
    """Notes the duplicates among the drafts of a table: the id of the one that stays, of near ones also how near."""
    rows = np.flatnonzero(~settled.keep[start : start + table.num_rows])
    if not len(rows):
        return
    chosen = table.select(["id", "source", "text", "bytes"]).take(arrow.array(rows))
    excerpts = compute.utf8_slice_codeunits(chosen["text"], 0, EXCERPT_CHARACTERS).to_pylist()
    columns = [chosen[name].to_pylist() for name in ("id", "source", "bytes")]
    for row, id, source, size, excerpt in zip(rows + start, *columns, excerpts, strict=True):
        survivor, equal = int(settled.survivor[row]), bool(settled.equal[row])
        value = spool.id(survivor) if survivor >= 0 else settled.earlier.id(survivor)
        reason = "exact_duplicate" if equal else "near_duplicate"
        spool.add_drop(
            Drop(
                id=id,
                source=source,
                step="deduplicate",
                reason=reason if survivor >= 0 else "earlier_duplicate",
                value=value if equal else f"{value} {settled.similarity[row]:.3f}",
                threshold="" if equal else str(settings.duplicates.threshold),
                excerpt=excerpt,
                size=size,
            )
        )


def with_copies(table: arrow.Table, copies: np.ndarray) -> arrow.Table:
    """Returns the table with `duplicates` in the meta of drafts that stay for others: how many they are, with it."""
    several = np.flatnonzero(copies > 1)
    if not len(several):
        return table
    column = table["meta"].to_pylist()
    for row in several:
        column[row] = meta_json({**json.loads(column[row] or "{}"), "duplicates": int(copies[row])})
    return table.set_column(table.column_names.index("meta"), "meta", arrow.array(column, arrow.string()))


def regrouped(tables: Iterator[arrow.Table]) -> Iterator[arrow.Table]:
    """Yields the rows in groups of bounded size: what is left after duplicates may be a few rows a table."""
    waiting: list[arrow.Table] = []
    rows = size = 0
    for table in tables:
        if not table.num_rows:
            continue
        table_size = compute.sum(table["bytes"]).as_py()
        if waiting and (rows + table.num_rows > GROUP_ROWS or size + table_size > GROUP_BYTES):
            yield arrow.concat_tables(waiting).combine_chunks()
            waiting, rows, size = [], 0, 0
        waiting.append(table)
        rows, size = rows + table.num_rows, size + table_size
    if waiting:
        yield arrow.concat_tables(waiting).combine_chunks()


def count(table: arrow.Table, counts: Counter[tuple[str, str, str, str]]) -> None:
    """Adds a table's documents, bytes and characters by split, language and kind."""
    table = table.append_column("characters", compute.utf8_length(table["text"]))
    keys = ["split", "language", "kind"]
    grouped = table.group_by(keys).aggregate([("bytes", "count"), ("bytes", "sum"), ("characters", "sum")])
    for row in grouped.to_pylist():
        key = (row["split"], row["language"], row["kind"])
        counts[(*key, "documents")] += row["bytes_count"]
        counts[(*key, "bytes")] += row["bytes_sum"]
        counts[(*key, "characters")] += row["characters_sum"]


def content_hash(spool: Spool, settled: Settled) -> str:
    """Returns the SHA-256 over id, text digest and split of the documents that stay, in order."""
    ids = np.frombuffer(bytes(spool.ids), dtype=np.uint8).reshape(-1, 16)
    digests = np.frombuffer(bytes(spool.digests), dtype=np.uint8).reshape(-1, 16)
    rows = np.concatenate([ids, digests, settled.held_out[:, None].astype(np.uint8)], axis=1)
    return sha256(np.ascontiguousarray(rows[settled.keep]).tobytes()).hexdigest()
