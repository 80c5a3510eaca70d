"""Quantised blocks back to numbers: the types with blocks of 32 values. Those with 256 are in `dequantize_k`.

    Q4_0, Q5_0, Q8_0, IQ4_NL:  x = d · q          d: the block's scale (float16), q: a small number, signed
    Q4_1, Q5_1:                x = d · q + m      m: the block's minimum (float16), q ≥ 0

Formulas and layouts are those of `dequantize_row_*` in ggml-quants.c; every product is in float32 and in its order, so
results are bit-equal. Legend: N blocks.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float32, UInt8

from textmill.model.gguf import dequantize_k
from textmill.model.gguf.blocks import NON_LINEAR, column, nibbles
from textmill.model.gguf.layout import TensorType

VALUES_AT_ONCE = 1 << 18
"""So many values' intermediate results stay in a processor's cache: the 98 MB of SmolLM2 in half the time."""


def dequantize(data: UInt8[np.ndarray, " bytes"], kind: TensorType) -> Float32[np.ndarray, " values"]:
    """Returns the values of a tensor's bytes, new and in float32; `data` is a whole number of blocks."""
    blocks = data.reshape(-1, kind.size)
    if kind.name in PLAIN:
        return PLAIN[kind.name](data)
    values = np.empty((len(blocks), kind.values), np.float32)
    step = max(VALUES_AT_ONCE // kind.values, 1)
    unpack = UNPACKERS[kind.name]
    with np.errstate(all="ignore"):  # a damaged scale may be infinite; that is no reason to warn
        for start in range(0, len(blocks), step):
            values[start : start + step] = unpack(blocks[start : start + step])
    return values.reshape(-1)


def _bf16(data: UInt8[np.ndarray, " bytes"]) -> Float32[np.ndarray, " values"]:
    """bfloat16 is the upper half of a float32."""
    return (data.view("<u2").astype(np.uint32) << 16).view(np.float32)


def _q4_0(blocks: UInt8[np.ndarray, "N 18"]) -> Float32[np.ndarray, "N 32"]:
    return column(blocks, 0) * (nibbles(blocks[:, 2:]).astype(np.int8) - np.int8(8))


def _q4_1(blocks: UInt8[np.ndarray, "N 20"]) -> Float32[np.ndarray, "N 32"]:
    return column(blocks, 0) * nibbles(blocks[:, 4:]) + column(blocks, 2)


def _fifth_bits(high: UInt8[np.ndarray, "N 4"]) -> UInt8[np.ndarray, "N 32"]:
    """The values' fifth bits, 16 or 0 each; the first value's is the lowest bit."""
    return np.unpackbits(high, axis=1, bitorder="little") << np.uint8(4)


def _q5_0(blocks: UInt8[np.ndarray, "N 22"]) -> Float32[np.ndarray, "N 32"]:
    q = nibbles(blocks[:, 6:]) | _fifth_bits(blocks[:, 2:6])
    return column(blocks, 0) * (q.astype(np.int8) - np.int8(16))


def _q5_1(blocks: UInt8[np.ndarray, "N 24"]) -> Float32[np.ndarray, "N 32"]:
    q = nibbles(blocks[:, 8:]) | _fifth_bits(blocks[:, 4:8])
    return column(blocks, 0) * q + column(blocks, 2)


def _q8_0(blocks: UInt8[np.ndarray, "N 34"]) -> Float32[np.ndarray, "N 32"]:
    return column(blocks, 0) * blocks[:, 2:].view(np.int8)


def _iq4_nl(blocks: UInt8[np.ndarray, "N 18"]) -> Float32[np.ndarray, "N 32"]:
    return column(blocks, 0) * NON_LINEAR[nibbles(blocks[:, 2:])]


PLAIN: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "F32": lambda data: data.view("<f4").copy(),
    "F16": lambda data: data.view("<f2").astype(np.float32),
    "BF16": _bf16,
}
UNPACKERS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "Q4_0": _q4_0,
    "Q4_1": _q4_1,
    "Q5_0": _q5_0,
    "Q5_1": _q5_1,
    "Q8_0": _q8_0,
    "IQ4_NL": _iq4_nl,
    "Q2_K": dequantize_k.q2_k,
    "Q3_K": dequantize_k.q3_k,
    "Q4_K": dequantize_k.q4_k,
    "Q5_K": dequantize_k.q5_k,
    "Q6_K": dequantize_k.q6_k,
    "IQ4_XS": dequantize_k.iq4_xs,
}
