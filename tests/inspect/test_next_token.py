"""Tokens in groups, the choice of the next token held against the sampler, and the logit lens."""

from dataclasses import replace

import pytest
import torch

from textmill.errors import ModelError
from textmill.infer.resolve import LoadedModel
from textmill.infer.sampling import SamplingSettings, filter_logits, sample_tokens, uniform
from textmill.inspect.lens import logit_lens
from textmill.inspect.next_token import next_token
from textmill.inspect.recording import look
from textmill.inspect.tokens import tokens_of
from textmill.tokenizer.tokenizer import Tokenizer

SETTINGS = SamplingSettings(temperature=0.7, top_k=40, top_p=0.8, min_p=0.01, seed=3)


def test_bytes_of_a_character_are_one_group(loaded: LoadedModel) -> None:
    tokens = tokens_of(loaded.tokenizer, loaded.tokenizer.encode("a世b"))
    assert [token.group for token in tokens] == [0, 1, 1, 1, 2]
    assert [token.text for token in tokens] == ["a", "世", "世", "世", "b"]
    assert b"".join(token.bytes for token in tokens).decode() == "a世b"


def test_half_a_character_is_shown_as_one_that_is_missing(loaded: LoadedModel) -> None:
    tokens = tokens_of(loaded.tokenizer, loaded.tokenizer.encode_bytes(b"a\xe4\xb8"))
    assert [token.text for token in tokens] == ["a", "\ufffd", "\ufffd"]
    broken = tokens_of(loaded.tokenizer, loaded.tokenizer.encode_bytes(b"\xffa\xe4b"))
    assert [token.text for token in broken] == ["\ufffd", "a", "\ufffdb", "\ufffdb"]


@pytest.mark.parametrize("settings", [SETTINGS, replace(SETTINGS, temperature=0.0), replace(SETTINGS, top_p=1.0)])
def test_cuts_are_the_samplers(loaded: LoadedModel, settings: SamplingSettings) -> None:
    recording = look(loaded, "Hello 世界")
    vocabulary = loaded.model.config.vocabulary_size
    found = next_token(recording, settings, shown=vocabulary)
    logits = recording.part("logits", len(recording.ids) - 1)[None]
    expected = filter_logits(logits.float(), settings)[0]
    chances = expected.softmax(dim=-1)
    assert len(found.candidates) == vocabulary
    for candidate in found.candidates:
        assert candidate.chance == pytest.approx(float(chances[candidate.id]), abs=1e-6)
        assert bool(candidate.cut) == bool(torch.isinf(expected[candidate.id]))
        plain = not loaded.tokenizer.is_special(candidate.id) and loaded.tokenizer.token_bytes(candidate.id).isascii()
        assert candidate.writable == plain
        assert candidate.logit == float(logits[0, candidate.id])
    drawn, _ = sample_tokens(logits, settings, torch.tensor([uniform(settings.seed, 0)]))
    assert found.drawn == int(drawn[0])
    assert found.kept == int(torch.isfinite(expected).sum())
    assert sum(candidate.probability for candidate in found.candidates) == pytest.approx(1.0, abs=1e-4)


def test_lens_ends_with_the_models_answer(loaded: LoadedModel) -> None:
    recording = look(loaded, "Hello")
    rows = logit_lens(recording)
    assert [row[0].layer for row in rows] == list(range(-1, loaded.model.config.layers))
    for at, cell in enumerate(rows[-1]):
        assert cell.id == int(recording.part("logits", at).argmax()) and cell.final_rank == 0
        assert cell.probability == pytest.approx(float(recording.part("probabilities", at).max()), abs=1e-6)
    assert [cell.token for cell in logit_lens(recording, tokens=range(3, 5))[0]] == [3, 4]


def test_prompts_that_have_no_place(loaded: LoadedModel) -> None:
    startless = Tokenizer(loaded.tokenizer.json_bytes, config={"add_bos_token": False})
    with pytest.raises(ModelError, match="no token"):
        look(replace(loaded, tokenizer=startless), "")
    with pytest.raises(ModelError, match="context"):
        look(loaded, "a" * (loaded.model.config.context + 1))
