"""Numbers become the blocks that ggml itself makes, byte for byte."""

import hashlib

import numpy as np
import pytest

from textmill.model.gguf.dequantize import dequantize
from textmill.model.gguf.layout import TYPES
from textmill.model.gguf.quantize import WRITTEN, quantize

GGML = {
    "Q4_0": "3bbf1c063b9365c77420639c81aae8b7",
    "Q5_0": "c67409d1cde888cb6ef95c158c4b38c2",
    "Q5_1": "78296b8a8f43998220cb5ee4783e3981",
    "Q8_0": "bf45b5e6faabb65816e5a64890a3b02b",
    "Q4_K": "82b5c8d6c285e0a061704a612f42f94e",
    "Q5_K": "14dd1d72e30c32846ed92ea3c77a1a0c",
    "Q6_K": "5476082597b04336da480c28970eea34",
}
"""SHA-256, the first half, of what ggml 0.20.2's `ggml_quantize_chunk` (x86-64) made of `weights(256 * 400)`."""


def weights(count: int) -> np.ndarray:
    """The same numbers on every machine: many small ones, few large ones, a stretch of zeros and one of equal ones."""
    state = (np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(40)
    even = state.astype(np.float64) / 2**23 - 1
    x = (even * even * even).astype(np.float32)
    x[: 3 * 256] = 0
    x[300:310] = 0.25
    return x


@pytest.mark.parametrize("name", GGML)
def test_equal_to_what_ggml_makes(name: str) -> None:
    packed = quantize(weights(256 * 400), TYPES[name])
    assert hashlib.sha256(packed.tobytes()).hexdigest()[:32] == GGML[name]


@pytest.mark.parametrize("name", ["F32", "F16", "BF16", "Q4_0", "Q5_0", "Q5_1", "Q8_0"])
def test_bit_equal_to_the_reference(name: str) -> None:
    gguf = pytest.importorskip("gguf", reason="pip install gguf: the reference implementation")
    x = np.random.default_rng(3).standard_t(3, 256 * 300).astype(np.float32)
    reference = gguf.quants.quantize(x, gguf.GGMLQuantizationType[name]).reshape(-1).view(np.uint8)
    assert np.array_equal(quantize(x, TYPES[name]), reference)


def simple(x: np.ndarray, part: int, steps: int) -> np.ndarray:
    """Rounding between each part's extremes (0 included), with scales in full precision."""
    parts = x.reshape(-1, part)
    low = np.minimum(parts.min(axis=1, keepdims=True), 0)
    scale = np.maximum((parts.max(axis=1, keepdims=True) - low) / steps, 1e-30)
    return (np.rint((parts - low) / scale) * scale + low).reshape(-1)


@pytest.mark.parametrize(("name", "part", "steps", "share"), [("Q4_K", 32, 15, 1.02), ("Q5_K", 32, 31, 1.02)])
@pytest.mark.parametrize("tails", [3, 30])
def test_searched_scales_beat_simple_rounding(name: str, part: int, steps: int, share: float, tails: int) -> None:
    """Although the scales themselves have six bits only; the search weights large values, so they are counted so."""
    x = (np.random.default_rng(5).standard_t(tails, 256 * 400) * 0.02).astype(np.float32)
    weight = np.abs(x) + np.sqrt(np.mean(x.reshape(-1, part) ** 2, axis=1)).repeat(part)
    ours = np.sum(weight * (dequantize(quantize(x, TYPES[name]), TYPES[name]) - x) ** 2)
    assert ours < share * np.sum(weight * (simple(x, part, steps) - x) ** 2)


@pytest.mark.parametrize(
    ("name", "most"),
    [("F16", 5e-4), ("BF16", 4e-3), ("Q8_0", 0.006), ("Q4_0", 0.1), ("Q4_K", 0.08), ("Q5_K", 0.04), ("Q6_K", 0.025)],
)
def test_error_is_bounded(name: str, most: float) -> None:
    """The root mean square error over that of the values, for normal ones."""
    x = np.random.default_rng(9).normal(size=256 * 400).astype(np.float32)
    back = dequantize(quantize(x, TYPES[name]), TYPES[name])
    assert np.sqrt(np.mean((back - x) ** 2)) < most


@pytest.mark.parametrize("name", WRITTEN)
def test_hard_values(name: str) -> None:
    """Zeros, equal values, the smallest and largest numbers, infinite and undefined ones: no warning, right size."""
    kind = TYPES[name]
    for value in (0.0, -0.0, 1e-45, 1e-15, 0.3, -0.3, 3e38, np.inf, -np.inf, np.nan):
        packed = quantize(np.full(512, value, np.float32), kind)
        assert len(packed) == kind.bytes_of(512)
        if 0.1 < abs(value) < 1:
            assert np.allclose(dequantize(packed, kind), value, rtol=0.01)
    assert not np.any(dequantize(quantize(np.zeros(256, np.float32), kind), kind))
    mixed = np.tile(np.array([0, np.nan, 1, -np.inf], np.float32), 64)
    assert len(quantize(mixed, kind)) == kind.bytes_of(256)
