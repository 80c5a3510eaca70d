"""Writes a GGUF file: metadata, places and data, tensor by tensor, whole or not at all.

Equal input gives equal bytes: nothing in the file depends on time, machine or a dictionary's accidents.
"""

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from textmill.files import atomic_file
from textmill.model.gguf.layout import (
    ALIGNMENT_KEY,
    DEFAULT_ALIGNMENT,
    MAGIC,
    NUMBER_TYPES,
    VERSION,
    TensorType,
    ValueType,
)
from textmill.model.gguf.quantize import quantize

ARRAY_TYPES = {dtype: kind for kind, dtype in NUMBER_TYPES.items() if kind != ValueType.BOOL}
ARRAY_TYPES[np.dtype(bool)] = ValueType.BOOL


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A tensor to be written: `make` returns its float32 values, outermost dimension first, when their turn comes."""

    name: str
    type: TensorType
    shape: tuple[int, ...]
    make: Callable[[], np.ndarray]


def write_file(path: Path, metadata: Mapping[str, Any], tensors: Sequence[Outgoing]) -> None:
    """Writes `tensors` in their order, with `metadata` in its order.

    Values may be bool, int, float (stored as float32), str, a list of str, or a numpy array of numbers.
    """
    alignment = metadata.get(ALIGNMENT_KEY, DEFAULT_ALIGNMENT)
    header = MAGIC + struct.pack("<IQQ", VERSION, len(tensors), len(metadata))
    header += b"".join(_text(key) + _value(value) for key, value in metadata.items())
    offset = 0
    for tensor in tensors:
        header += _text(tensor.name) + struct.pack("<I", len(tensor.shape))
        header += struct.pack(f"<{len(tensor.shape)}Q", *reversed(tensor.shape))
        header += struct.pack("<IQ", tensor.type.number, offset)
        offset += _padded(tensor.type.bytes_of(prod(tensor.shape)), alignment)
    with atomic_file(path) as file:
        file.write(header + b"\0" * (-len(header) % alignment))
        for tensor in tensors:
            data = quantize(tensor.make(), tensor.type)
            if len(data) != tensor.type.bytes_of(prod(tensor.shape)):
                raise ValueError(f"{tensor.name}: {len(data)} bytes do not make {tensor.shape}")
            file.write(data.data)
            file.write(b"\0" * (-len(data) % alignment))


def _padded(size: int, alignment: int) -> int:
    return -(-size // alignment) * alignment


def _text(text: str) -> bytes:
    data = text.encode("utf-8")
    return struct.pack("<Q", len(data)) + data


def _value(value: Any) -> bytes:
    """Returns a value with its type; whole numbers take 32 bits where they fit, as llama.cpp expects of them."""
    if isinstance(value, bool):
        return struct.pack("<I?", ValueType.BOOL, value)
    if isinstance(value, int):
        if 0 <= value < 1 << 32:
            return struct.pack("<II", ValueType.UINT32, value)
        return struct.pack("<Iq", ValueType.INT64, value)
    if isinstance(value, float):
        return struct.pack("<If", ValueType.FLOAT32, value)
    if isinstance(value, str):
        return struct.pack("<I", ValueType.STRING) + _text(value)
    if isinstance(value, np.ndarray):
        dtype = value.dtype.newbyteorder("<")
        head = struct.pack("<IIQ", ValueType.ARRAY, ARRAY_TYPES[dtype], value.size)
        return head + value.astype(dtype).tobytes()
    head = struct.pack("<IIQ", ValueType.ARRAY, ValueType.STRING, len(value))
    return head + b"".join(map(_text, value))
