"""Penalties and bans: their formulas on small scores, and what they do to written text."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch

from textmill.errors import UsageError
from textmill.infer.generate import generate
from textmill.infer.penalties import History, repeated
from textmill.infer.sampling import SamplingSettings, keep_typical
from textmill.model.gpt import GPT
from textmill.tokenizer.tokenizer import Tokenizer

PLAIN = SamplingSettings(temperature=0, max_tokens=40, seed=1)
SIZE = 276


def applied(tokenizer: Tokenizer, prompt: list[int], written: list[int], **named: Any) -> torch.Tensor:
    history = History(SamplingSettings(**named), tokenizer, prompt, SIZE)
    for id in written:
        history.take(id)
    return history.apply(torch.ones(SIZE))


def changed(scores: torch.Tensor) -> dict[int, float]:
    return {id: float(scores[id]) for id in (scores != 1).nonzero()[:, 0].tolist()}


def test_frequency_and_presence_count_the_sample_alone(byte_tokenizer: Tokenizer) -> None:
    scores = applied(byte_tokenizer, [3, 3], [4, 4, 5], frequency_penalty=0.5, presence_penalty=0.25)
    assert changed(scores) == {4: 1 - 1.0 - 0.25, 5: 1 - 0.5 - 0.25}


def test_repetition_counts_prompt_and_sample(byte_tokenizer: Tokenizer) -> None:
    assert changed(applied(byte_tokenizer, [3], [4], repetition_penalty=2.0)) == {3: 0.5, 4: 0.5}


def test_bias_is_added(byte_tokenizer: Tokenizer) -> None:
    assert changed(applied(byte_tokenizer, [1], [], logit_bias=((7, 2.5), (8, -100.0), (9999, 1.0)))) == {
        7: 3.5,
        8: -99.0,
    }


def test_words_are_banned_alone_and_after_a_space(byte_tokenizer: Tokenizer) -> None:
    cat = byte_tokenizer.encode("cat")
    assert changed(applied(byte_tokenizer, cat[:2], [], bad_words=("cat",))) == {}, "the prompt's part does not count"
    assert changed(applied(byte_tokenizer, [1], cat[:2], bad_words=("cat",))) == {cat[2]: -math.inf}
    assert changed(applied(byte_tokenizer, [1], [], bad_words=("c",))) == {cat[0]: -math.inf}


@pytest.mark.parametrize(
    ("ids", "shortest", "found"),
    [
        ([1, 2, 3, 9, 1, 2], 2, {3: 2}),
        ([1, 2, 3, 9, 1, 2], 3, {}),
        ([1, 2, 3, 1, 2, 4, 1, 2], 1, {3: 2, 4: 2}),
        ([5, 5, 5, 5], 1, {5: 3}),
        ([1, 2, 3, 0, 2], 1, {3: 1}),
        ([1, 0, 2, 3, 1, 0, 2], 1, {3: 1}),
        ([1, 0], 1, {}),
        ([], 1, {}),
    ],
)
def test_repeated_stretches(ids: list[int], shortest: int, found: dict[int, int]) -> None:
    assert repeated(ids, frozenset([0]), shortest) == found


def test_dry_takes_more_the_longer_the_stretch(byte_tokenizer: Tokenizer) -> None:
    text = byte_tokenizer.encode("abcdXabc")
    scores = applied(byte_tokenizer, text, [], dry_multiplier=0.8, dry_base=2.0, dry_allowed_length=2)
    assert changed(scores) == {text[3]: pytest.approx(1 - 0.8 * 2.0 ** (3 - 2))}
    text = byte_tokenizer.encode("ab\ncdXab\nc")
    assert changed(applied(byte_tokenizer, text, [], dry_multiplier=0.8)) == {}, "a line break ends the stretch"


def test_dry_ends_a_loop(model: GPT, byte_tokenizer: Tokenizer) -> None:
    settings = replace(PLAIN, max_tokens=60, ignore_end=True)
    looping = generate(model, byte_tokenizer, "a", settings)[0].ids
    stopped = generate(model, byte_tokenizer, "a", replace(settings, dry_multiplier=5.0))[0].ids

    def longest(ids: tuple[int, ...]) -> int:
        return max((max(repeated(ids[:end], frozenset(), 1).values(), default=0) for end in range(len(ids))), default=0)

    assert longest(stopped) < longest(looping)


def test_typical_keeps_what_surprises_as_much_as_usual() -> None:
    probabilities = torch.tensor([[0.5, 0.25, 0.15, 0.1]])
    entropy = -(probabilities * probabilities.log()).sum()
    nearest = (-probabilities.log() - entropy).abs().argmin()
    kept = keep_typical(probabilities.log(), 0.2) > -math.inf
    assert kept.sum() == 1
    assert kept[0, nearest]
    assert (keep_typical(probabilities.log(), 1.0) > -math.inf).all()
    assert (keep_typical(probabilities.log(), 0.999) > -math.inf).all()


def test_typical_as_transformers() -> None:
    transformers = pytest.importorskip("transformers")
    scores = torch.randn(20, 200, generator=torch.Generator().manual_seed(1)) * 3
    for mass in (0.1, 0.5, 0.9):
        theirs = transformers.TypicalLogitsWarper(mass=mass)(None, scores.clone())
        assert torch.equal(theirs > -math.inf, keep_typical(scores, mass) > -math.inf)


def test_an_end_that_is_too_early_is_not_drawn(model: GPT, byte_tokenizer: Tokenizer) -> None:
    ends = [byte_tokenizer.end_of_text_id, byte_tokenizer.special["<|im_end|>"]]
    eager = tuple((id, 100.0) for id in ends)
    early = generate(model, byte_tokenizer, "a", replace(PLAIN, logit_bias=eager))[0]
    assert (len(early.ids), early.finish_reason) == (1, "end")
    later = generate(model, byte_tokenizer, "a", replace(PLAIN, logit_bias=eager, min_tokens=7))[0]
    assert (len(later.ids), later.finish_reason) == (8, "end")
    never = generate(model, byte_tokenizer, "a", replace(PLAIN, logit_bias=eager, ignore_end=True))[0]
    assert (len(never.ids), never.finish_reason) == (40, "length")
    chosen = generate(model, byte_tokenizer, "a", replace(PLAIN, stop_ids=(never.ids[3],), ignore_end=True))[0]
    assert chosen.finish_reason == "stop"
    assert chosen.ids[-1] == never.ids[3]


@pytest.mark.parametrize(
    "bad",
    [
        {"typical_p": -0.1},
        {"typical_p": math.nan},
        {"frequency_penalty": math.inf},
        {"dry_base": 0.0},
        {"logprobs": -1},
        {"logit_bias": ((-1, 0.0),)},
        {"logit_bias": ((1, math.nan),)},
        {"bad_words": ("",)},
    ],
)
def test_values_out_of_range_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        SamplingSettings(**bad)
