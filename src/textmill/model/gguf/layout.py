"""How a GGUF file is laid out, in numbers (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, version 3).

    "GGUF" · version u32 · tensors u64 · pairs u64
    pairs:    key (u64 length, UTF-8) · value type u32 · value
    tensors:  name · dimensions u32 · sizes u64, the innermost first · tensor type u32 · offset u64 into the data
    padding up to a multiple of `general.alignment` (32 unless said), then the data, each tensor padded likewise

Everything is little-endian. A tensor's values lie in blocks along its innermost dimension; a block holds some values
and takes some bytes (`TensorType`).
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

MAGIC = b"GGUF"
VERSIONS = (2, 3)
VERSION = 3
ALIGNMENT_KEY, ARCHITECTURE_KEY, FILE_TYPE_KEY = "general.alignment", "general.architecture", "general.file_type"
LICENCE_KEY = "general.license"
DEFAULT_ALIGNMENT = 32
QUANTIZATION_VERSION = 2
"""Of the blocks' layout; GGUF files say it in `general.quantization_version`."""


class ValueType(IntEnum):
    """What a value of the metadata is."""

    UINT8 = 0
    INT8 = 1
    UINT16 = 2
    INT16 = 3
    UINT32 = 4
    INT32 = 5
    FLOAT32 = 6
    BOOL = 7
    STRING = 8
    ARRAY = 9
    UINT64 = 10
    INT64 = 11
    FLOAT64 = 12


NUMBER_TYPES: dict[int, np.dtype] = {
    ValueType.UINT8: np.dtype("<u1"),
    ValueType.INT8: np.dtype("<i1"),
    ValueType.UINT16: np.dtype("<u2"),
    ValueType.INT16: np.dtype("<i2"),
    ValueType.UINT32: np.dtype("<u4"),
    ValueType.INT32: np.dtype("<i4"),
    ValueType.FLOAT32: np.dtype("<f4"),
    ValueType.BOOL: np.dtype("<u1"),
    ValueType.UINT64: np.dtype("<u8"),
    ValueType.INT64: np.dtype("<i8"),
    ValueType.FLOAT64: np.dtype("<f8"),
}
"""The value types of a fixed size."""

MINIMUM_BYTES = {ValueType.STRING: 8, ValueType.ARRAY: 12}
"""What one item of the other types takes at least: a length; an item type and a length."""


@dataclass(frozen=True, slots=True)
class TensorType:
    """How a tensor's values are stored: blocks of `values` numbers in `size` bytes."""

    name: str
    number: int
    values: int
    size: int

    def bytes_of(self, count: int) -> int:
        """Returns how many bytes `count` values take; `count` is a multiple of the block."""
        return count // self.values * self.size


_TYPES = (
    TensorType("F32", 0, 1, 4),
    TensorType("F16", 1, 1, 2),
    TensorType("Q4_0", 2, 32, 18),
    TensorType("Q4_1", 3, 32, 20),
    TensorType("Q5_0", 6, 32, 22),
    TensorType("Q5_1", 7, 32, 24),
    TensorType("Q8_0", 8, 32, 34),
    TensorType("Q2_K", 10, 256, 84),
    TensorType("Q3_K", 11, 256, 110),
    TensorType("Q4_K", 12, 256, 144),
    TensorType("Q5_K", 13, 256, 176),
    TensorType("Q6_K", 14, 256, 210),
    TensorType("IQ4_NL", 20, 32, 18),
    TensorType("IQ4_XS", 23, 256, 136),
    TensorType("BF16", 30, 1, 2),
)
TYPES_BY_NUMBER = {kind.number: kind for kind in _TYPES}
TYPES = {kind.name: kind for kind in _TYPES}
"""The tensor types that we read, by name."""
