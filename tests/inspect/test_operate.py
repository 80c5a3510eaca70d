"""Heads and feed-forward parts that are switched off: as if their weights were zero, and only for a while."""

import copy

import pytest
import torch

from textmill.errors import ModelError
from textmill.infer.resolve import LoadedModel
from textmill.inspect.operate import FEED_FORWARD, effect
from textmill.inspect.recording import look


def test_a_head_that_is_off_is_one_without_weights(loaded: LoadedModel) -> None:
    recording, other = look(loaded, "Hello"), copy.deepcopy(loaded.model)
    width = other.config.head_width
    with torch.no_grad():
        other.blocks[1].attention.output.weight[:, width : 2 * width] = 0
        other.blocks[0].feed_forward.down.weight.zero_()
        expected = other(torch.tensor([recording.ids[:4]]))[0, -1].softmax(dim=-1)
    found = effect(recording, [(1, 1), (0, FEED_FORWARD)], at=3)
    before = recording.part("probabilities", 3)
    for change in found.changes:
        assert change.after == pytest.approx(float(expected[change.id]), abs=1e-6)
        assert change.before == pytest.approx(float(before[change.id]), abs=1e-6)
    assert found.divergence == pytest.approx(float((before * (before / expected).log2()).sum()), abs=1e-4)
    assert found.divergence > 1e-4
    assert {int(expected.argmax()), int(before.argmax())} <= {change.id for change in found.changes}


def test_afterwards_the_model_is_the_same_again(loaded: LoadedModel) -> None:
    recording = look(loaded, "Hello")
    effect(recording, [(0, 0), (1, FEED_FORWARD)])
    assert effect(recording, []).divergence < 1e-6


@pytest.mark.parametrize("part", [(9, 0), (0, 99), (0, -2), (-1, 0)])
def test_parts_that_there_are_not(loaded: LoadedModel, part: tuple[int, int]) -> None:
    with pytest.raises(ModelError, match="no part"):
        effect(look(loaded, "Hello"), [part])
