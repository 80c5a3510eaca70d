"""A key finds its mark in what was drawn under it, also under a grammar, and in nothing else."""

from fractions import Fraction
from math import comb

import pytest
from tiny_models import TEXTS, tiny_config, tiny_model

from textmill.config import TokenizerSettings
from textmill.errors import UsageError
from textmill.infer.answers import answers
from textmill.infer.constraints import REGEX, compile_grammar
from textmill.infer.engine.engine import Engine
from textmill.infer.engine.request import Request
from textmill.infer.engine.torch_runner import TorchRunner
from textmill.infer.sampling import SamplingSettings
from textmill.infer.watermark import SHARE, at_least, detect, fingerprint, green, new_key
from textmill.tokenizer.train import SMALLEST_VOCABULARY, train_tokenizer

KEY, OTHER = "a key of the tests", "another key of them"


@pytest.fixture(scope="module")
def engine() -> Engine:
    tokenizer = train_tokenizer(TEXTS, settings=TokenizerSettings(), vocabulary_size=SMALLEST_VOCABULARY)
    return Engine(TorchRunner(tiny_model(tiny_config(context=512)), page_count=64), tokenizer)


def drawn(engine: Engine, watermark: str, *, temperature: float = 1.0) -> list[int]:
    settings = SamplingSettings(temperature=temperature, top_p=1.0, max_tokens=160, seed=1, watermark=watermark)
    grammar = compile_grammar(engine.tokenizer, REGEX, "[a-z ]{160}")
    request = Request(ids=tuple(engine.tokenizer.encode("the")), settings=settings, grammar=grammar)
    return list(next(answers(engine, [request])).samples[0].ids)


@pytest.mark.parametrize("temperature", [0.8, 1.2])
def test_the_key_finds_its_mark_under_a_grammar(engine: Engine, temperature: float) -> None:
    pytest.importorskip("llguidance")
    marked = drawn(engine, KEY, temperature=temperature)
    found = detect(KEY, marked)
    assert found.p_value < 1e-4 and found.green > 1.5 * found.expected
    assert detect(OTHER, marked).p_value > 1e-3
    assert detect(KEY, drawn(engine, "")).p_value > 1e-3
    assert drawn(engine, KEY, temperature=temperature) == marked


def test_green_lists_are_the_keys_own() -> None:
    lists = [green(key, before, 20_000) for key in (KEY, OTHER) for before in (1, 2)]
    for one in lists:
        assert abs(float(one.float().mean()) - SHARE) < 0.02
    for at, one in enumerate(lists):
        for other in lists[at + 1 :]:
            assert abs(float((one & other).float().mean()) - SHARE**2) < 0.02


def test_texts_without_the_mark_look_marked_as_often_as_the_p_value_says() -> None:
    texts = [[(7 * number + 13 * at * at + at) % 997 for at in range(60)] for number in range(400)]
    values = [detect(KEY, ids).p_value for ids in texts]
    for level in (0.05, 0.2):
        share = sum(value <= level for value in values) / len(values)
        assert share < level + 3 * (level * (1 - level) / len(values)) ** 0.5
    assert detect(KEY, [5]).p_value == detect(KEY, []).p_value == 1.0
    assert detect(KEY, [1, 2, 1, 2, 1, 2]).tokens == 2  # a pair that comes again says nothing new


def test_the_tail_is_that_of_the_binomial_distribution() -> None:
    for trials, successes in ((1, 1), (10, 4), (40, 25)):
        terms = (
            comb(trials, k) * Fraction(1, 4) ** k * Fraction(3, 4) ** (trials - k) for k in range(successes, trials + 1)
        )
        assert at_least(successes, trials, 0.25) == pytest.approx(float(sum(terms)), rel=1e-9)


def test_keys_are_secrets() -> None:
    assert new_key() != new_key()
    assert fingerprint("") == "" and KEY not in fingerprint(KEY)
    with pytest.raises(UsageError) as caught:
        SamplingSettings(watermark="short")
    assert caught.value.key == "infer.watermark_key"
