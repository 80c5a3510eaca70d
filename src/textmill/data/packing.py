"""Outcomes as bytes, by which they travel from a worker to the journal: two Arrow streams (drafts, drops), zstd inside.

The columns are the fields of the dataclasses: text, numbers and bytes as they are, everything else as JSON.
"""

import json
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, get_type_hints

import pyarrow as arrow

from textmill.data.digest import meta_json
from textmill.data.document import Document, Draft, Drop

PLAIN: dict[Any, arrow.DataType] = {
    str: arrow.string(), int: arrow.int64(), bool: arrow.bool_(), bytes: arrow.binary()
}  # fmt: skip
LENGTH_BYTES = 8
Outcome = Draft | Drop


@cache
def schema_of(kind: type) -> arrow.Schema:
    """Returns the columns of a dataclass."""
    return arrow.schema([(name, PLAIN.get(hint, arrow.string())) for name, hint in hints_of(kind).items()])


@cache
def hints_of(kind: type) -> dict[str, Any]:
    """Returns the fields of a dataclass and their types."""
    return get_type_hints(kind)


def pack(outcomes: Sequence[Outcome]) -> bytes:
    """Returns the outcomes as bytes; packed outcomes may be put one after another."""
    drafts = [outcome for outcome in outcomes if isinstance(outcome, Draft)]
    drops = [outcome for outcome in outcomes if isinstance(outcome, Drop)]
    tables = [table_of(Document, [draft.document for draft in drafts]), table_of(Draft, drafts), table_of(Drop, drops)]
    return b"".join(part for table in tables for part in framed(table))


def table_of(kind: type, values: Sequence[Any]) -> arrow.RecordBatch:
    """Returns dataclass instances as rows; a draft's document is a table of its own, its column here empty."""
    schema = schema_of(kind)
    columns = [[stored(getattr(value, name)) for value in values] for name in schema.names]
    return arrow.record_batch(columns, schema=schema)


def stored(value: Any) -> Any:
    """Returns a field's value as it stands in its column."""
    if isinstance(value, str | int | bytes):
        return value
    if isinstance(value, Document):
        return None
    return meta_json(value) if isinstance(value, dict) else json.dumps(value, ensure_ascii=False)


def framed(table: arrow.RecordBatch) -> tuple[bytes, Any]:
    """Returns a table's length in bytes, and its bytes."""
    sink = arrow.BufferOutputStream()
    with arrow.ipc.new_stream(sink, table.schema, options=arrow.ipc.IpcWriteOptions(compression="zstd")) as stream:
        stream.write_batch(table)
    data = sink.getvalue()
    return data.size.to_bytes(LENGTH_BYTES, "little"), data


def unpack(data: bytes) -> Iterator[Outcome]:
    """Yields the outcomes that were packed, of each packing its drafts before its drops."""
    tables = frames(memoryview(data))
    for documents in tables:
        for document, fields in zip(rows_of(Document, documents), rows_of(Draft, next(tables)), strict=True):
            fields["document"] = Document(**document)
            yield Draft(**fields)
        for fields in rows_of(Drop, next(tables)):
            yield Drop(**fields)


def frames(view: memoryview) -> Iterator[arrow.Table]:
    """Yields the tables that stand one after another."""
    while view:
        size = int.from_bytes(view[:LENGTH_BYTES], "little")
        with arrow.ipc.open_stream(view[LENGTH_BYTES : LENGTH_BYTES + size]) as stream:
            yield stream.read_all()
        view = view[LENGTH_BYTES + size :]


def rows_of(kind: type, table: arrow.Table) -> Iterator[dict[str, Any]]:
    """Yields the fields of each row."""
    hints = hints_of(kind)
    columns = []
    for name, hint in hints.items():
        values = table[name].to_pylist()
        columns.append(values if hint in PLAIN else [None if text is None else read_back(text) for text in values])
    for row in zip(*columns, strict=True):
        yield dict(zip(hints, row, strict=True))


def read_back(text: str) -> Any:
    """Returns a value from its JSON; lists are tuples again, as dataclasses have them, except inside of dicts."""
    value = json.loads(text)
    return tuples(value) if isinstance(value, list) else value


def tuples(value: Any) -> Any:
    """Returns lists as tuples, those in them too."""
    return tuple(map(tuples, value)) if isinstance(value, list) else value
