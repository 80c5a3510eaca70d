"""Numbers to quantised blocks of 32 values; the types with blocks of 256 are in `quantize_k`.

    Q4_0, Q5_0:  d = the value of the largest magnitude / -8 (-16);  q = x / d + 8 (16), rounded half up
    Q5_1:        d = (largest - smallest) / 31, m = smallest;        q = (x - m) / d, rounded half up
    Q8_0:        d = the largest magnitude / 127;                    q = x / d, rounded half away from zero

As `quantize_row_*_ref` in ggml-quants.c, in float32 and in its order, so the bytes are equal. Legend: N blocks.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float32, UInt8

from textmill.model.gguf import quantize_k
from textmill.model.gguf.blocks import pack_nibbles
from textmill.model.gguf.layout import TensorType

VALUES_AT_ONCE = 1 << 18


def quantize(values: Float32[np.ndarray, "*shape"], kind: TensorType) -> UInt8[np.ndarray, " bytes"]:
    """Returns the bytes of a tensor in one of the types of `WRITTEN`; its rows are a whole number of blocks.

    Infinite and undefined values are kept by F32, F16 and BF16; the others make of them what the formulas give.
    """
    blocks = np.ascontiguousarray(values).reshape(-1, kind.values)
    packed = np.empty((len(blocks), kind.size), np.uint8)
    step = max(VALUES_AT_ONCE // kind.values, 1)
    with np.errstate(all="ignore"):
        for start in range(0, len(blocks), step):
            packed[start : start + step] = PACKERS[kind.name](blocks[start : start + step])
    return packed.reshape(-1)


def _f32(blocks: Float32[np.ndarray, "N 1"]) -> UInt8[np.ndarray, "N 4"]:
    return blocks.astype("<f4").view(np.uint8)


def _f16(blocks: Float32[np.ndarray, "N 1"]) -> UInt8[np.ndarray, "N 2"]:
    return blocks.astype("<f2").view(np.uint8)


def _bf16(blocks: Float32[np.ndarray, "N 1"]) -> UInt8[np.ndarray, "N 2"]:
    """The upper half, rounded to nearest, half to even; what is no number stays none."""
    bits = blocks.view(np.uint32)
    undefined = (bits & np.uint32(0x7FFFFFFF)) > np.uint32(0x7F800000)
    rounded = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)
    quiet = (bits >> np.uint32(16)) | np.uint32(64)
    return np.where(undefined, quiet, rounded).astype("<u2").view(np.uint8)


def _inverse(d: Float32[np.ndarray, "N 1"]) -> Float32[np.ndarray, "N 1"]:
    return np.where(d == 0, np.float32(0), np.float32(1) / d)


def _half(d: Float32[np.ndarray, "N 1"]) -> UInt8[np.ndarray, "N 2"]:
    return d.astype("<f2").view(np.uint8)


def _signed_extreme(blocks: Float32[np.ndarray, "N B"]) -> Float32[np.ndarray, "N 1"]:
    """The value of the largest magnitude in each block, the first of equal ones, with its sign."""
    extreme = np.take_along_axis(blocks, np.abs(blocks).argmax(axis=1, keepdims=True), axis=1)
    return extreme + np.float32(0)  # -0 becomes 0, which the C code begins with


def _whole(q: Float32[np.ndarray, "N B"], most: int) -> UInt8[np.ndarray, "N B"]:
    """Cuts off the fraction and holds to 0…`most`; an undefined one becomes 0."""
    return np.nan_to_num(np.trunc(q), nan=0.0).clip(0, most).astype(np.uint8)


def _q4_0(blocks: Float32[np.ndarray, "N 32"]) -> UInt8[np.ndarray, "N 18"]:
    d = _signed_extreme(blocks) / np.float32(-8)
    q = _whole(blocks * _inverse(d) + np.float32(8.5), 15)
    return np.concatenate((_half(d), pack_nibbles(q)), axis=1)


def _fifth(q: UInt8[np.ndarray, "N 32"]) -> UInt8[np.ndarray, "N 4"]:
    return np.packbits(q >> np.uint8(4), axis=1, bitorder="little")


def _q5_0(blocks: Float32[np.ndarray, "N 32"]) -> UInt8[np.ndarray, "N 22"]:
    d = _signed_extreme(blocks) / np.float32(-16)
    q = _whole(blocks * _inverse(d) + np.float32(16.5), 31)
    return np.concatenate((_half(d), _fifth(q), pack_nibbles(q & np.uint8(15))), axis=1)


def _q5_1(blocks: Float32[np.ndarray, "N 32"]) -> UInt8[np.ndarray, "N 24"]:
    smallest = blocks.min(axis=1, keepdims=True)
    d = (blocks.max(axis=1, keepdims=True) - smallest) / np.float32(31)
    q = _whole((blocks - smallest) * _inverse(d) + np.float32(0.5), 31)
    return np.concatenate((_half(d), _half(smallest), _fifth(q), pack_nibbles(q & np.uint8(15))), axis=1)


def _q8_0(blocks: Float32[np.ndarray, "N 32"]) -> UInt8[np.ndarray, "N 34"]:
    d = np.abs(blocks).max(axis=1, keepdims=True) / np.float32(127)
    scaled = np.nan_to_num(blocks * _inverse(d), nan=0.0)
    size = np.abs(scaled)
    whole = np.floor(size)
    q = np.copysign(whole + (size - whole >= np.float32(0.5)), scaled).clip(-127, 127).astype(np.int8)
    return np.concatenate((_half(d), q.view(np.uint8)), axis=1)


PACKERS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "F32": _f32,
    "F16": _f16,
    "BF16": _bf16,
    "Q4_0": _q4_0,
    "Q5_0": _q5_0,
    "Q5_1": _q5_1,
    "Q8_0": _q8_0,
    "Q4_K": quantize_k.q4_k,
    "Q5_K": quantize_k.q5_k,
    "Q6_K": quantize_k.q6_k,
}
WRITTEN = tuple(PACKERS)
"""The tensor types that we write, by name."""
