"""What the quantised types share: float16 columns, two 4-bit numbers a byte, packed scales. Legend: N blocks."""

import numpy as np
from jaxtyping import Float32, Int8, UInt8

NON_LINEAR = np.array(
    (-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113), np.int8
)  # fmt: skip
"""What the 4-bit numbers of IQ4_NL and IQ4_XS stand for (`kvalues_iq4nl` in ggml-common.h)."""


def column(blocks: UInt8[np.ndarray, "N bytes"], at: int) -> Float32[np.ndarray, "N 1"]:
    """Returns the float16 number at byte `at` of each block, as float32."""
    return np.ascontiguousarray(blocks[:, at : at + 2]).view("<f2").astype(np.float32)


def nibbles(packed: UInt8[np.ndarray, "N half"]) -> UInt8[np.ndarray, "N both"]:
    """Returns the lower four bits of all bytes, then the upper ones."""
    return np.concatenate((packed & np.uint8(15), packed >> np.uint8(4)), axis=1)


def pack_nibbles(q: UInt8[np.ndarray, "N both"]) -> UInt8[np.ndarray, "N half"]:
    """The inverse of `nibbles`."""
    half = q.shape[1] // 2
    return q[:, :half] | (q[:, half:] << np.uint8(4))


def unpack_scales(packed: UInt8[np.ndarray, "N 12"]) -> tuple[UInt8[np.ndarray, "N 8"], UInt8[np.ndarray, "N 8"]]:
    """Returns the eight 6-bit scales and the eight 6-bit minimums of Q4_K and Q5_K (`get_scale_min_k4`).

    Bytes 0-3 hold scales 0-3, bytes 4-7 minimums 0-3, each with two upper bits of number 4-7; bytes 8-11 hold the lower
    four bits of scales 4-7 and, above them, of minimums 4-7.
    """
    first, second, third = packed[:, 0:4], packed[:, 4:8], packed[:, 8:12]
    low, six, upper = np.uint8(15), np.uint8(63), np.uint8(0x30)
    scales = np.concatenate((first & six, (third & low) | ((first >> np.uint8(2)) & upper)), axis=1)
    minimums = np.concatenate((second & six, (third >> np.uint8(4)) | ((second >> np.uint8(2)) & upper)), axis=1)
    return scales, minimums


def pack_scales(scales: UInt8[np.ndarray, "N 8"], minimums: UInt8[np.ndarray, "N 8"]) -> UInt8[np.ndarray, "N 12"]:
    """The inverse of `unpack_scales`."""
    four = np.uint8(4)
    first = scales[:, :4] | ((scales[:, 4:] >> four) << np.uint8(6))
    second = minimums[:, :4] | ((minimums[:, 4:] >> four) << np.uint8(6))
    third = (scales[:, 4:] & np.uint8(15)) | ((minimums[:, 4:] & np.uint8(15)) << four)
    return np.concatenate((first, second, third), axis=1)


def signed(q: UInt8[np.ndarray, "*shape"], offset: int) -> Int8[np.ndarray, "*shape"]:
    """Returns q - offset."""
    return q.astype(np.int8) - np.int8(offset)
