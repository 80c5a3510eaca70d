"""Quantised blocks become numbers exactly as ggml makes them."""

import numpy as np
import pytest

from textmill.model.gguf.dequantize import UNPACKERS, dequantize
from textmill.model.gguf.layout import TYPES, TensorType

ONE, HALF = np.array([1.0, 0.5], np.float16).view(np.uint8).reshape(2, 2).tolist()
READ = list(TYPES.values())


def values(kind: str, *parts: list[int]) -> np.ndarray:
    """The values of one block, given as its bytes."""
    data = np.array([byte for part in parts for byte in part], np.uint8)
    assert len(data) == TYPES[kind].size
    return dequantize(data, TYPES[kind])


def test_every_type_that_we_read_is_known() -> None:
    assert {kind.name for kind in READ} == {*UNPACKERS, "F32", "F16", "BF16"}


def test_blocks_of_32() -> None:
    low_then_high = [0x10 + 0x11 * (index % 15) for index in range(16)]
    low = [byte & 15 for byte in low_then_high]
    high = [byte >> 4 for byte in low_then_high]
    numbers = np.array(low + high, np.float32)
    assert np.array_equal(values("Q4_0", HALF, low_then_high), 0.5 * (numbers - 8))
    assert np.array_equal(values("Q4_1", HALF, ONE, low_then_high), 0.5 * numbers + 1)
    fifth = np.array([16 if index in (0, 9, 31) else 0 for index in range(32)], np.float32)
    bits = [1, 2, 0, 128]
    assert np.array_equal(values("Q5_0", HALF, bits, low_then_high), 0.5 * (numbers + fifth - 16))
    assert np.array_equal(values("Q5_1", HALF, ONE, bits, low_then_high), 0.5 * (numbers + fifth) + 1)
    signed = [256 - 3, 127, 128, *range(29)]
    assert np.array_equal(values("Q8_0", HALF, signed), 0.5 * np.array([-3, 127, -128, *range(29)]))
    assert values("IQ4_NL", HALF, [0xF0, *[0x88] * 15])[[0, 1, 16]].tolist() == [-63.5, 0.5, 56.5]


def test_blocks_of_256() -> None:
    # Q2_K: part 0 has scale 3 and minimum 2, part 1 scale 1; the first two bits of byte 0 are value 0, then 32, 64, 96
    block = values("Q2_K", [0x23, 0x01] + [0] * 14, [0b11100100] * 32 + [0] * 32, ONE, HALF)
    assert block[[0, 16, 32]].tolist() == [-1.0, 0.0, 0.0]
    block = values("Q2_K", [0x23] * 16, [0b11100100] * 64, ONE, HALF)
    assert block[[0, 32, 64, 96, 128]].tolist() == [-1.0, 2.0, 5.0, 8.0, -1.0]
    # Q3_K: scales are 6 bits minus 32; without its third bit a value is 4 less
    block = values("Q3_K", [0b1] * 32, [0b11] * 64, [0x11] * 8 + [0xAA] * 4, HALF)
    assert block[[0, 32, 128]].tolist() == [0.5 * 1 * 3, 0.5 * -4, 0.5 * -1]
    # Q4_K: scales 0 and 4 are 33 and 18, minimums 0 and 4 are 1 and 35
    scales = [0b01_100001, 0, 0, 0, 0b10_000001, 0, 0, 0, 0x32, 0, 0, 0]
    block = values("Q4_K", ONE, HALF, scales, [0x21] * 128)
    assert block[[0, 31, 32, 128]].tolist() == [33 - 0.5, 33 - 0.5, 0, 18 - 0.5 * 35]
    block = values("Q5_K", ONE, HALF, scales, [0b00010001] * 32, [0x21] * 128)
    assert block[[0, 32, 128]].tolist() == [17 * 33 - 0.5, 0, 17 * 18 - 0.5 * 35]
    # Q6_K: four bits of values 0 and 64 in byte 0, two more each of 0, 32, 64, 96 in byte 128
    block = values("Q6_K", [0x21] * 128, [0b11100100] * 64, [2] * 15 + [255], HALF)
    assert block[[0, 32, 64, 96, 255]].tolist() == [-31.0, 1 - 16.0, 2.0, 18.0, -0.5 * 18]
    # IQ4_XS: scale 0 is 5 + 16·3 minus 32, values index the table
    block = values("IQ4_XS", ONE, [3, 0], [5, 0, 0, 0], [0xF0] * 128)
    assert block[[0, 16, 32]].tolist() == [21 * -127, 21 * 113, -32 * -127]


def test_plain_numbers() -> None:
    numbers = np.array([0.0, 1.5, -3e38, np.inf], np.float32)
    assert np.array_equal(dequantize(numbers.view(np.uint8), TYPES["F32"]), numbers)
    assert dequantize(np.array([0.5, -2], np.float16).view(np.uint8), TYPES["F16"]).tolist() == [0.5, -2]
    assert dequantize(np.array([0xC0, 0x3F], np.uint8), TYPES["BF16"]).tolist() == [1.5]


@pytest.mark.parametrize("kind", READ, ids=lambda kind: kind.name)
def test_bit_equal_to_the_reference(kind: TensorType) -> None:
    """Random bytes are legal blocks, undefined and infinite scales included."""
    gguf = pytest.importorskip("gguf", reason="pip install gguf: the reference implementation")
    data = np.random.default_rng(7).integers(0, 256, kind.size * 1500, dtype=np.uint8)
    with np.errstate(all="ignore"):
        reference = gguf.quants.dequantize(data.reshape(1, -1), gguf.GGMLQuantizationType(kind.number)).reshape(-1)
    ours = dequantize(data, kind)
    assert np.array_equal(ours.view(np.uint32), reference.view(np.uint32))
