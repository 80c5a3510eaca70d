"""Positions against their formulas and against transformers."""

import dataclasses
import math

import pytest
import torch
from model_variants import MODERN
from transformers import Qwen3Config
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from textmill.model.config import RopeScaling
from textmill.model.hub import to_hub
from textmill.model.positions import (
    alibi_slopes,
    document_positions,
    rope_frequencies,
    rope_tables,
    rotate,
    sinusoidal_table,
)

CONFIG = dataclasses.replace(MODERN, context=256, width=64, head_width=32, rope_theta=50_000.0)
SCALINGS = [
    RopeScaling(kind="linear", factor=3.0),
    RopeScaling(kind="dynamic", factor=2.5),
    RopeScaling(kind="llama3", factor=8.0, original_context=64, low_frequency_factor=1.0, high_frequency_factor=4.0),
    RopeScaling(kind="yarn", factor=4.0, original_context=64),
    RopeScaling(kind="yarn", factor=16.0, original_context=256, beta_fast=16.0, beta_slow=2.0),
    RopeScaling(kind="yarn", factor=4.0, original_context=64, attention_factor=1.25),
    RopeScaling(kind="yarn", factor=1.0, original_context=256),
    RopeScaling(kind="yarn", factor=40.0, original_context=4096),
]


@pytest.mark.parametrize("scaling", SCALINGS, ids=lambda scaling: f"{scaling.kind} {scaling.factor}")
@pytest.mark.parametrize("length", [16, 256, 257, 4000])
def test_scaled_frequencies_equal_those_of_transformers(scaling: RopeScaling, length: int) -> None:
    config = dataclasses.replace(CONFIG, rope_scaling=scaling)
    peer = Qwen3Config.from_dict(to_hub(config))
    assert peer.rope_parameters is not None
    expected, factor = ROPE_INIT_FUNCTIONS[scaling.kind](peer, torch.device("cpu"), seq_len=length)
    ours, our_factor = rope_frequencies(config, length)
    assert torch.allclose(ours, expected, rtol=2e-7, atol=0)
    assert our_factor == pytest.approx(factor, rel=1e-7)


def test_plain_frequencies_follow_the_formula() -> None:
    ours, factor = rope_frequencies(CONFIG, 10)
    assert ours.tolist() == pytest.approx([50_000.0 ** (-2 * i / 32) for i in range(16)], rel=1e-6)
    assert factor == 1.0
    cos, sin = rope_tables(CONFIG, 10)
    assert cos[9, 0].item() == pytest.approx(math.cos(9), abs=1e-6)
    assert sin[9, 15].item() == pytest.approx(math.sin(9 * 50_000.0 ** (-30 / 32)), abs=1e-9)


def test_scores_of_rotated_vectors_depend_on_distance_only() -> None:
    q, k = torch.randn(2, 1, 1, 1, 32, generator=torch.Generator().manual_seed(0)).expand(2, 1, 1, 50, 32)
    cos, sin = (table[None] for table in rope_tables(CONFIG, 50))
    score = (rotate(q, cos, sin) @ rotate(k, cos, sin).transpose(2, 3))[0, 0]
    for distance in (0, 3, 20):
        diagonal = score.diagonal(-distance)
        assert torch.allclose(diagonal, diagonal[:1].expand_as(diagonal), atol=1e-4)


@pytest.mark.parametrize("width", [8, 9])
def test_sinusoidal_table_follows_the_formula(width: int) -> None:
    table = sinusoidal_table(20, width)
    for position in (0, 1, 19):
        for index in range(width):
            angle = position / 10_000 ** (2 * (index // 2) / width)
            expected = math.cos(angle) if index % 2 else math.sin(angle)
            assert table[position, index].item() == pytest.approx(expected, abs=1e-6)


def test_alibi_slopes_equal_those_of_the_paper() -> None:
    assert alibi_slopes(8).tolist() == [2**-i for i in range(1, 9)]
    twelve = alibi_slopes(12).tolist()
    assert twelve[:8] == [2**-i for i in range(1, 9)]
    assert twelve[8:] == pytest.approx([2**-0.5, 2**-1.5, 2**-2.5, 2**-3.5])


def test_positions_start_anew_with_each_document() -> None:
    documents = torch.tensor([[0, 0, 0, 1, 2, 2], [5, 6, 6, 6, 6, 5]])
    assert document_positions(documents).tolist() == [[0, 1, 2, 0, 0, 1], [0, 0, 1, 2, 3, 0]]
