"""Numbers to the types with blocks of 256 values: scales are searched for, not only taken from the extremes.

Q4_K and Q5_K (`make_qkx2_quants` of ggml-quants.c): for each part of 32 values, weights w = rms(x) + |x|, and for each
of a row of trial scales, values are rounded to q, and the weighted least squares fit x ≈ a·q + b gives scale and
minimum:

    a = (Σw·Σwxq - Σwx·Σwq) / D,   b = (Σwq²·Σwx - Σwq·Σwxq) / D,   D = Σw·Σwq² - (Σwq)²;   the least Σw(aq+b-x)² wins

Q6_K (`make_qx_quants`): for each part of 16, w = x², a = Σwxq / Σwq²; the largest (Σwxq)² / Σwq² wins.

Everything is in float32, and sums run along the first axis, which numpy adds row by row as the C code adds value by
value: so the bytes are equal to those of ggml. Legend: N blocks, P parts, V values of a part.
"""

import numpy as np
from jaxtyping import Bool, Float32, UInt8

from textmill.model.gguf.blocks import pack_nibbles, pack_scales

LEAST_MAGNITUDE = np.float32(1e-15)
"""Below it a part counts as zero (`GROUP_MAX_EPS`)."""
ZERO, ONE = np.float32(0), np.float32(1)


def q4_k(blocks: Float32[np.ndarray, "N 256"]) -> UInt8[np.ndarray, "N 144"]:
    """8 parts of 32: 6-bit scales and minimums, 4 bits a value."""
    head, q = _scales_and_numbers(blocks, most=15, first=-1.0, steps=20)
    packed = pack_nibbles(q.reshape(-1, 64)).reshape(-1, 128)
    return np.concatenate((head, packed), axis=1)


def q5_k(blocks: Float32[np.ndarray, "N 256"]) -> UInt8[np.ndarray, "N 176"]:
    """As Q4_K, with a fifth bit a value elsewhere."""
    head, q = _scales_and_numbers(blocks, most=31, first=-0.5, steps=15)
    fifth = np.packbits((q >> np.uint8(4)).reshape(-1, 8, 32), axis=1, bitorder="little").reshape(-1, 32)
    packed = pack_nibbles((q & np.uint8(15)).reshape(-1, 64)).reshape(-1, 128)
    return np.concatenate((head, fifth, packed), axis=1)


def q6_k(blocks: Float32[np.ndarray, "N 256"]) -> UInt8[np.ndarray, "N 210"]:
    """16 parts of 16: signed 8-bit scales, 6 bits a value, four of them and two."""
    scale, first = _search_scale(_by_value(blocks, 16), 32)
    scale = scale.reshape(-1, 16)
    extreme = np.take_along_axis(scale, np.abs(scale).argmax(axis=1, keepdims=True), axis=1)
    empty = np.abs(extreme) < LEAST_MAGNITUDE
    inverse = np.where(empty, ZERO, np.float32(-128) / extreme)
    d = np.where(empty, ZERO, ONE / inverse).astype("<f2")
    scales = np.nan_to_num(_nearest(inverse * scale), nan=0.0).clip(-128, 127).astype(np.int8)
    step = d.astype(np.float32) * scales
    q = _nearest(blocks.reshape(-1, 16, 16) / step[:, :, None]).clip(-32, 31) + 32
    q = _bytes(np.where(step[:, :, None] == 0, _by_part(first, 16), q))
    q = np.where(empty[:, :, None], np.uint8(0), q).reshape(-1, 2, 4, 32)
    low = (q[:, :, :2] & np.uint8(15)) | ((q[:, :, 2:] & np.uint8(15)) << np.uint8(4))
    shifts = np.array([0, 2, 4, 6], np.uint8)[:, None]
    high = np.bitwise_or.reduce((q >> np.uint8(4)) << shifts, axis=2)
    parts = (low.reshape(-1, 128), high.reshape(-1, 64), scales.view(np.uint8), d.view(np.uint8))
    return np.concatenate(parts, axis=1)


def _scales_and_numbers(
    blocks: Float32[np.ndarray, "N 256"], *, most: int, first: float, steps: int
) -> tuple[UInt8[np.ndarray, "N 16"], UInt8[np.ndarray, "N 256"]]:
    """Returns the bytes of scales and minimums, and the numbers 0…`most` that belong to them."""
    scale, minimum, searched = _search_scale_and_minimum(_by_value(blocks, 32), most, first, steps)
    scale, minimum = scale.reshape(-1, 8), minimum.reshape(-1, 8)
    largest = [part.max(axis=1, keepdims=True).clip(0) for part in (scale, minimum)]
    inverse = [np.where(value > 0, np.float32(63) / value, ZERO) for value in largest]
    whole = [_bytes(_nearest(each * part).clip(0, 63)) for each, part in zip(inverse, (scale, minimum), strict=True)]
    halves = [(value / np.float32(63)).astype("<f2") for value in largest]
    step, offset = (half.astype(np.float32) * part for half, part in zip(halves, whole, strict=True))
    q = _nearest((blocks.reshape(-1, 8, 32) + offset[:, :, None]) / step[:, :, None]).clip(0, most)
    q = _bytes(np.where(step[:, :, None] == 0, _by_part(searched, 8), q))
    head = np.concatenate((halves[0].view(np.uint8), halves[1].view(np.uint8), pack_scales(*whole)), axis=1)
    return head, q.reshape(-1, 256)


def _search_scale_and_minimum(
    x_VP: Float32[np.ndarray, "V P"], most: int, first: float, steps: int
) -> tuple[Float32[np.ndarray, " P"], Float32[np.ndarray, " P"], UInt8[np.ndarray, "V P"]]:
    """Returns each part's scale, its minimum (as a positive number to subtract) and the numbers found with them."""
    mean_square = (x_VP * x_VP).sum(axis=0) / np.float32(len(x_VP))
    weight_VP = np.sqrt(mean_square) + np.abs(x_VP)
    sum_w, sum_x = weight_VP.sum(axis=0), (weight_VP * x_VP).sum(axis=0)
    low, high = np.minimum(x_VP.min(axis=0), ZERO), x_VP.max(axis=0)
    flat = high == low
    inverse = np.float32(most) / (high - low)
    scale, minimum = ONE / inverse, low.copy()
    q_VP = _nearest(inverse * (x_VP - low)).clip(0, most)
    error = _squared_error(scale, q_VP, minimum, x_VP, weight_VP)
    for trial in range(steps + 1):
        # from the best minimum so far, not the smallest value: the bounds move with the search
        inverse = (np.float32(first) + np.float32(0.1) * np.float32(trial) + np.float32(most)) / (high - minimum)
        trial_VP = _nearest(inverse * (x_VP - minimum)).clip(0, most)
        a, b, solvable = _fit(trial_VP, x_VP, weight_VP, sum_w, sum_x)
        found = _squared_error(a, trial_VP, b, x_VP, weight_VP)
        better = solvable & (found < error)
        scale, minimum, error = np.where(better, a, scale), np.where(better, b, minimum), np.where(better, found, error)
        q_VP = np.where(better, trial_VP, q_VP)
    q_VP = _bytes(np.where(flat, ZERO, q_VP))
    return np.where(flat, ZERO, scale), np.where(flat, -low, -minimum), q_VP


def _fit(
    q_VP: Float32[np.ndarray, "V P"],
    x_VP: Float32[np.ndarray, "V P"],
    weight_VP: Float32[np.ndarray, "V P"],
    sum_w: Float32[np.ndarray, " P"],
    sum_x: Float32[np.ndarray, " P"],
) -> tuple[Float32[np.ndarray, " P"], Float32[np.ndarray, " P"], Bool[np.ndarray, " P"]]:
    """Returns a and b of the weighted least squares fit, b at most 0, and where there is one."""
    weighted = weight_VP * q_VP
    sum_q, sum_qq, sum_xq = weighted.sum(axis=0), (weighted * q_VP).sum(axis=0), (weighted * x_VP).sum(axis=0)
    determinant = sum_w * sum_qq - sum_q * sum_q
    a = (sum_w * sum_xq - sum_x * sum_q) / determinant
    b = (sum_qq * sum_x - sum_q * sum_xq) / determinant
    above = b > 0
    return np.where(above, sum_xq / sum_qq, a), np.where(above, ZERO, b), determinant > 0


def _squared_error(
    a: Float32[np.ndarray, " P"],
    q_VP: Float32[np.ndarray, "V P"],
    b: Float32[np.ndarray, " P"],
    x_VP: Float32[np.ndarray, "V P"],
    weight_VP: Float32[np.ndarray, "V P"],
) -> Float32[np.ndarray, " P"]:
    difference = a * q_VP
    difference += b
    difference -= x_VP
    difference *= difference
    difference *= weight_VP
    return difference.sum(axis=0)


def _search_scale(
    x_VP: Float32[np.ndarray, "V P"], most: int
) -> tuple[Float32[np.ndarray, " P"], UInt8[np.ndarray, "V P"]]:
    """Returns each part's scale and the numbers, `most` more than they stand for, found with it."""
    extreme = np.take_along_axis(x_VP, np.abs(x_VP).argmax(axis=0)[None], axis=0)[0]
    empty = np.abs(extreme) < LEAST_MAGNITUDE
    weight_VP = x_VP * x_VP
    scale = best = np.zeros_like(extreme)
    q_VP = np.zeros_like(x_VP)
    for trial in (0, *range(-9, 0), *range(1, 10)):
        inverse = -(np.float32(most) + np.float32(0.1) * np.float32(trial)) / extreme
        trial_VP = _nearest(inverse * x_VP).clip(-most, most - 1)
        sum_xq = (weight_VP * x_VP * trial_VP).sum(axis=0)
        sum_qq = (weight_VP * trial_VP * trial_VP).sum(axis=0)
        better = (sum_qq > 0) & (sum_xq * sum_xq > best * sum_qq) if trial else np.ones_like(empty)
        fitted = np.where(sum_qq > 0, sum_xq / sum_qq, ZERO)
        scale, best = np.where(better, fitted, scale), np.where(better, fitted * sum_xq, best)
        q_VP = np.where(better, trial_VP, q_VP)
    return np.where(empty, ZERO, scale), _bytes(np.where(empty, ZERO, q_VP + np.float32(most)))


def _by_value(blocks: Float32[np.ndarray, "N 256"], values: int) -> Float32[np.ndarray, "V P"]:
    return np.ascontiguousarray(blocks.reshape(-1, values).T)


def _by_part(q_VP: UInt8[np.ndarray, "V P"], parts: int) -> UInt8[np.ndarray, "N parts V"]:
    return q_VP.T.reshape(-1, parts, len(q_VP))


def _nearest(x: Float32[np.ndarray, "*shape"]) -> Float32[np.ndarray, "*shape"]:
    """Rounds half to even, in place, as `nearest_int` does."""
    return np.rint(x, out=x)


def _bytes(q: Float32[np.ndarray, "*shape"]) -> UInt8[np.ndarray, "*shape"]:
    """Returns 0…255 as bytes; what is undefined (only undefined input makes it) becomes 0."""
    return np.nan_to_num(q, nan=0.0).astype(np.uint8)
