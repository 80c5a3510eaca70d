"""The types with blocks of 256 values ("K-quants" and IQ4_XS): the parts of a block have small scales of their own.

    Q3_K, Q6_K, IQ4_XS:  x = (d · s) · q              d: float16 of the block, s: whole number of a part
    Q2_K, Q4_K, Q5_K:    x = (d · s) · q - (e · m)    e: float16, m: whole number of a part

Layouts are those of the block_* structs in ggml-common.h, formulas those of `dequantize_row_*` in ggml-quants.c, in
float32 and in the same order. Legend: N blocks.
"""

import numpy as np
from jaxtyping import Float32, UInt8

from textmill.model.gguf.blocks import NON_LINEAR, column, signed, unpack_scales

TWO_BITS = np.array([0, 2, 4, 6], np.uint8)[:, None]
ONE_BIT = np.arange(8, dtype=np.uint8)[:, None]
FOUR_BITS = np.array([0, 4], np.uint8)[:, None]


def _fields(packed: UInt8[np.ndarray, "N bytes"], shifts: np.ndarray, run: int) -> UInt8[np.ndarray, "N fields run"]:
    """Returns the fields of `run` bytes at a time: the lowest bits of all of them, then the next ones."""
    mask = np.uint8((1 << (8 // len(shifts))) - 1)
    fields = (packed.reshape(len(packed), -1, 1, run) >> shifts) & mask
    return fields.reshape(len(packed), -1, run)


def q2_k(blocks: UInt8[np.ndarray, "N 84"]) -> Float32[np.ndarray, "N 256"]:
    """16 parts of 16: scale and minimum in one byte each, 2 bits a value."""
    scales = blocks[:, :16]
    scale = column(blocks, 80) * (scales & np.uint8(15))
    minimum = column(blocks, 82) * (scales >> np.uint8(4))
    q = _fields(blocks[:, 16:80], TWO_BITS, 32).reshape(-1, 16, 16)
    return (scale[:, :, None] * q - minimum[:, :, None]).reshape(-1, 256)


def q3_k(blocks: UInt8[np.ndarray, "N 110"]) -> Float32[np.ndarray, "N 256"]:
    """16 parts of 16: signed 6-bit scales, 2 bits a value and a third one elsewhere, whose absence means minus 4."""
    low = _fields(blocks[:, 96:104], FOUR_BITS, 8).reshape(-1, 16)
    high = _fields(blocks[:, 104:108], TWO_BITS, 4).reshape(-1, 16)
    scale = column(blocks, 108) * signed(low | (high << np.uint8(4)), 32)
    q = _fields(blocks[:, 32:96], TWO_BITS, 32).reshape(-1, 256)
    third = _fields(blocks[:, :32], ONE_BIT, 32).reshape(-1, 256)
    values = signed(q | (third << np.uint8(2)), 4).reshape(-1, 16, 16)
    return (scale[:, :, None] * values).reshape(-1, 256)


def q4_k(blocks: UInt8[np.ndarray, "N 144"]) -> Float32[np.ndarray, "N 256"]:
    """8 parts of 32: 6-bit scales and minimums, 4 bits a value."""
    scales, minimums = unpack_scales(blocks[:, 4:16])
    scale, minimum = column(blocks, 0) * scales, column(blocks, 2) * minimums
    q = _fields(blocks[:, 16:], FOUR_BITS, 32)
    return (scale[:, :, None] * q - minimum[:, :, None]).reshape(-1, 256)


def q5_k(blocks: UInt8[np.ndarray, "N 176"]) -> Float32[np.ndarray, "N 256"]:
    """As Q4_K, with a fifth bit a value elsewhere."""
    scales, minimums = unpack_scales(blocks[:, 4:16])
    scale, minimum = column(blocks, 0) * scales, column(blocks, 2) * minimums
    q = _fields(blocks[:, 48:], FOUR_BITS, 32) | (_fields(blocks[:, 16:48], ONE_BIT, 32) << np.uint8(4))
    return (scale[:, :, None] * q - minimum[:, :, None]).reshape(-1, 256)


def q6_k(blocks: UInt8[np.ndarray, "N 210"]) -> Float32[np.ndarray, "N 256"]:
    """16 parts of 16: signed 8-bit scales, 6 bits a value, four of them and two."""
    scale = column(blocks, 208) * blocks[:, 192:208].view(np.int8)
    low = _fields(blocks[:, :128], FOUR_BITS, 64).reshape(-1, 256)
    high = _fields(blocks[:, 128:192], TWO_BITS, 32).reshape(-1, 256)
    values = signed(low | (high << np.uint8(4)), 32).reshape(-1, 16, 16)
    return (scale[:, :, None] * values).reshape(-1, 256)


def iq4_xs(blocks: UInt8[np.ndarray, "N 136"]) -> Float32[np.ndarray, "N 256"]:
    """8 parts of 32: signed 6-bit scales, four bits of each and two, 4 bits a value that index `NON_LINEAR`."""
    low = np.stack((blocks[:, 4:8] & np.uint8(15), blocks[:, 4:8] >> np.uint8(4)), axis=2).reshape(-1, 8)
    high = (blocks[:, 2:4, None] >> TWO_BITS[:, 0]).reshape(-1, 8) & np.uint8(3)
    scale = column(blocks, 0) * signed(low | (high << np.uint8(4)), 32)
    q = _fields(blocks[:, 8:], FOUR_BITS, 16).reshape(-1, 8, 32)
    return (scale[:, :, None] * NON_LINEAR[q]).reshape(-1, 256)
