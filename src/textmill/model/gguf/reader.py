"""Reads a GGUF file without trusting it: every number in it is held against the file's size before it is used.

A length, a count or an offset is compared with the bytes that are left first, so neither time nor memory can exceed a
small multiple of the file; arrays in arrays have a depth, and strings, which cost an object each, a number. What is
wrong is one CheckpointError that says where.
"""

import mmap
import struct
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from textmill.errors import CheckpointError
from textmill.model.gguf.file import GGUFFile, TensorPlace
from textmill.model.gguf.layout import (
    ALIGNMENT_KEY,
    DEFAULT_ALIGNMENT,
    MAGIC,
    MINIMUM_BYTES,
    NUMBER_TYPES,
    TYPES_BY_NUMBER,
    VERSIONS,
    ValueType,
)

MOST_PAIRS, MOST_TENSORS, MOST_STRINGS = 1 << 16, 1 << 18, 1 << 22
"""More than any model has (the largest vocabulary known has 262,144 tokens) and still read in seconds."""
LONGEST_KEY, LONGEST_NAME = 65_535, 256
DEEPEST_ARRAY = 3
LENGTH = struct.Struct("<Q")
MOST_DIMENSIONS = 4
LARGEST_ALIGNMENT = 1 << 20
SMALLEST_PAIR, SMALLEST_TENSOR = 8 + 4 + 1, 8 + 4 + 8 + 4 + 8


def read_gguf(path: Path | str) -> GGUFFile:
    """Returns what a GGUF file holds; its tensors stay in the file until they are asked for.

    Versions 2 and 3, little-endian. Raises CheckpointError for anything that is not as the format says.
    """
    path = Path(path)
    cursor = Cursor(path, _mapped(path))
    tensors, pairs = _read_header(cursor)
    metadata = _read_metadata(cursor, pairs)
    alignment = metadata.get(ALIGNMENT_KEY, DEFAULT_ALIGNMENT)
    if type(alignment) is not int or not 1 <= alignment <= LARGEST_ALIGNMENT or alignment & (alignment - 1):
        raise CheckpointError("gguf.alignment", file=path, value=repr(alignment)[:80], largest=LARGEST_ALIGNMENT)
    raw = [_read_place(cursor, alignment) for _ in range(tensors)]
    start = -(-cursor.at // alignment) * alignment
    places = _placed(path, raw, start, cursor.size)
    return GGUFFile(path=path, metadata=metadata, places=places, alignment=alignment, buffer=cursor.buffer)


def _mapped(path: Path) -> mmap.mmap | bytes:
    """Returns the file's bytes, mapped privately: nothing is read before it is used, and nobody can write back."""
    try:
        with open(path, "rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    except ValueError:  # an empty file cannot be mapped
        return b""
    except OSError as error:
        raise CheckpointError("gguf.cannot_open", file=path, detail=error.strerror or error) from error


class Cursor:
    """A place in the file's bytes that only moves over bytes that are there."""

    def __init__(self, path: Path, buffer: mmap.mmap | bytes) -> None:
        self.path, self.buffer, self.at = path, buffer, 0
        self.size = len(buffer)
        self.strings = 0

    def take(self, count: int) -> int:
        """Returns where `count` bytes begin and moves behind them; raises if the file ends before."""
        if count > self.size - self.at:
            raise CheckpointError("gguf.past_end", file=self.path, at=self.at, need=count, left=self.size - self.at)
        self.at += count
        return self.at - count

    def u32(self) -> int:
        """Returns an unsigned number of 4 bytes."""
        return struct.unpack_from("<I", self.buffer, self.take(4))[0]

    def u64(self) -> int:
        """Returns an unsigned number of 8 bytes."""
        return struct.unpack_from("<Q", self.buffer, self.take(8))[0]

    def count(self, what: str, most: int, least_bytes: int) -> int:
        """Returns a number of items that the bytes left can hold, `least_bytes` each, and that is not above `most`."""
        value = self.u64()
        if value > most or value * least_bytes > self.size - self.at:
            raise CheckpointError(
                "gguf.count",
                file=self.path,
                what=what,
                value=value,
                most=min(most, (self.size - self.at) // least_bytes),
            )
        return value

    def text(self, longest: int | None = None) -> str:
        """Returns a string."""
        if longest is not None and self.size - self.at >= LENGTH.size:
            length = LENGTH.unpack_from(self.buffer, self.at)[0]
            if length > longest:
                raise CheckpointError("gguf.count", file=self.path, what="name", value=length, most=longest)
        return self.texts(1)[0]

    def texts(self, count: int) -> list[str]:
        """Returns strings that follow one another; a vocabulary has a quarter of a million, so the loop is plain."""
        buffer, size, at, begin = self.buffer, self.size, self.at, self.at
        found: list[str] = []
        try:
            for _ in range(count):
                begin, start = at, at + LENGTH.size
                if start > size:
                    raise CheckpointError("gguf.past_end", file=self.path, at=at, need=LENGTH.size, left=size - at)
                length = LENGTH.unpack_from(buffer, at)[0]
                if length > size - start:
                    raise CheckpointError("gguf.past_end", file=self.path, at=start, need=length, left=size - start)
                at = start + length
                found.append(buffer[start:at].decode("utf-8"))
        except UnicodeDecodeError as error:
            raise CheckpointError("gguf.text", file=self.path, at=begin) from error
        self.at = at
        return found


def _read_header(cursor: Cursor) -> tuple[int, int]:
    """Returns the numbers of tensors and of pairs."""
    if cursor.size < 4 or cursor.buffer[:4] != MAGIC:
        raise CheckpointError("gguf.not_gguf", file=cursor.path, got=repr(bytes(cursor.buffer[:4])))
    cursor.take(4)
    version = cursor.u32()
    if version and not version & 0xFFFF:
        raise CheckpointError("gguf.big_endian", file=cursor.path)
    if version not in VERSIONS:
        raise CheckpointError("gguf.version", file=cursor.path, version=version)
    tensors = cursor.count("tensors", MOST_TENSORS, SMALLEST_TENSOR)
    return tensors, cursor.count("metadata", MOST_PAIRS, SMALLEST_PAIR)


def _read_metadata(cursor: Cursor, pairs: int) -> dict[str, Any]:
    metadata: dict[str, Any] = {}
    for _ in range(pairs):
        key = cursor.text(LONGEST_KEY)
        if key in metadata:
            raise CheckpointError("gguf.duplicate", file=cursor.path, name=key[:80])
        metadata[key] = _read_value(cursor, _value_type(cursor))
    return metadata


def _value_type(cursor: Cursor) -> ValueType:
    at, number = cursor.at, cursor.u32()
    try:
        return ValueType(number)
    except ValueError:
        raise CheckpointError("gguf.value_type", file=cursor.path, at=at, value=number) from None


def _read_value(cursor: Cursor, kind: ValueType) -> Any:
    """Returns a bool, a number, a string, an array of numbers (a view of the file) or a list."""
    if kind == ValueType.STRING:
        return cursor.text()
    if kind == ValueType.ARRAY:
        return _read_array(cursor, 1)
    dtype = NUMBER_TYPES[kind]
    value = np.frombuffer(cursor.buffer, dtype, 1, cursor.take(dtype.itemsize))[0]
    if kind == ValueType.FLOAT32:
        return float(str(value))  # the shortest decimal: 1e-06 is 1e-06 again, not 9.999999974752427e-07
    return bool(value) if kind == ValueType.BOOL else value.item()


def _read_array(cursor: Cursor, depth: int) -> Any:
    kind = _value_type(cursor)
    if depth > DEEPEST_ARRAY:
        raise CheckpointError("gguf.nested", file=cursor.path, at=cursor.at, deepest=DEEPEST_ARRAY)
    if kind in NUMBER_TYPES:
        dtype = NUMBER_TYPES[kind]
        count = cursor.count("array", cursor.size, dtype.itemsize)
        values = np.frombuffer(cursor.buffer, dtype, count, cursor.take(count * dtype.itemsize))
        return values.astype(bool) if kind == ValueType.BOOL else values
    count = cursor.count("array", MOST_STRINGS - cursor.strings, MINIMUM_BYTES[kind])
    cursor.strings += count
    if kind == ValueType.STRING:
        return cursor.texts(count)
    return [_read_array(cursor, depth + 1) for _ in range(count)]


def _read_place(cursor: Cursor, alignment: int) -> TensorPlace:
    """Returns what the file says of one tensor; its offset still counts from the beginning of the data."""
    name = cursor.text(LONGEST_NAME)
    dimensions = cursor.u32()
    if not 1 <= dimensions <= MOST_DIMENSIONS:
        raise CheckpointError("gguf.dimensions", file=cursor.path, name=name, value=dimensions, most=MOST_DIMENSIONS)
    sizes = [cursor.u64() for _ in range(dimensions)]
    number = cursor.u32()
    kind = TYPES_BY_NUMBER.get(number)
    if kind is None:
        known = ", ".join(each.name for each in TYPES_BY_NUMBER.values())
        raise CheckpointError("gguf.tensor_type", file=cursor.path, name=name, value=number, known=known)
    offset = cursor.u64()
    if offset % alignment:
        raise CheckpointError("gguf.offset", file=cursor.path, name=name, value=offset, alignment=alignment)
    if min(sizes) < 1 or sizes[0] % kind.values:
        raise CheckpointError(
            "gguf.shape", file=cursor.path, name=name, got=sizes[::-1], block=kind.values, type=kind.name
        )
    count = 1
    for size in sizes:
        count *= size
    return TensorPlace(name=name, type=kind, shape=tuple(sizes[::-1]), offset=offset, size=kind.bytes_of(count))


def _placed(path: Path, raw: list[TensorPlace], start: int, end: int) -> dict[str, TensorPlace]:
    """Returns the tensors by name with their offsets in the file; each lies in the data and on no other."""
    places: dict[str, TensorPlace] = {}
    for place in raw:
        if place.name in places:
            raise CheckpointError("gguf.duplicate", file=path, name=place.name)
        if place.offset + place.size > end - start:
            raise CheckpointError(
                "gguf.tensor_past_end",
                file=path,
                name=place.name,
                need=place.size,
                left=max(end - start - place.offset, 0),
            )
        places[place.name] = place.moved(start)
    ordered = sorted(places.values(), key=lambda place: place.offset)
    for before, after in pairwise(ordered):
        if before.offset + before.size > after.offset:
            raise CheckpointError("gguf.overlap", file=path, first=before.name, second=after.name)
    return places
