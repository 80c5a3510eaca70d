"""Choices scored together, their common beginnings once, against every pair by itself through the plain model."""

import random

import pytest
import torch
from model_variants import VARIANTS, build

from textmill.evaluate.forest import LEAST_SHARED, common, groves, tree_of
from textmill.evaluate.items import CHOICE, Item
from textmill.evaluate.likelihood import Scorer
from textmill.evaluate.pairs import Encoded, Pair
from textmill.model.config import modern
from textmill.model.gpt import GPT


def item(number: int) -> Item:
    return Item(name=str(number), kind=CHOICE, choices=("a", "b"))


def encoded(*pairs: tuple[list[int], list[int]], number: int = 0) -> Encoded:
    made = tuple(Pair(ids=(*given, *scored), given=len(given)) for given, scored in pairs)
    return Encoded(item=item(number), pairs=made)


def random_items(size: int, vocabulary: int, longest: int, seed: int = 0) -> list[Encoded]:
    """Choices with a common prompt, with different prompts, of one token, and single ones."""
    draw = random.Random(seed)

    def ids(least: int, most: int) -> list[int]:
        return [draw.randrange(vocabulary) for _ in range(draw.randint(least, most))]

    made = []
    for number in range(size):
        prompt, count = ids(1, longest // 2), draw.randint(1, 4)
        if number % 3 == 0:
            pairs = [(prompt, ids(1, longest // 3)) for _ in range(count)]
        elif number % 3 == 1:
            end = ids(1, longest // 4)
            pairs = [(prompt[: len(prompt) // 2] + ids(1, longest // 5), end) for _ in range(count)]
        else:
            pairs = [(prompt, [draw.randrange(vocabulary)]) for _ in range(count)]
        made.append(encoded(*pairs, number=number))
    return made


@torch.no_grad()
def alone(model: GPT, pair: Pair) -> tuple[float, bool]:
    """One pair through the plain forward pass."""
    ids = torch.tensor([pair.ids])
    logs = model(ids[:, :-1])[0].log_softmax(-1)[pair.given - 1 :]
    targets = ids[0, pair.given :]
    return float(logs.gather(1, targets[:, None]).sum()), bool((logs.argmax(-1) == targets).all())


@pytest.mark.parametrize("name", VARIANTS)
def test_equals_every_pair_by_itself(name: str) -> None:
    model = build(VARIANTS[name])
    items = random_items(9, model.config.vocabulary_size, 24)
    found = dict(Scorer(model, precision="fp32", batch_tokens=64).score(items))
    for place, each in enumerate(items):
        expected = [alone(model, pair) for pair in each.pairs]
        assert found[place].sums == pytest.approx([total for total, _ in expected], rel=2e-4, abs=2e-4)
        assert found[place].greedy == tuple(greedy for _, greedy in expected)
        assert found[place].tokens == tuple(pair.scored for pair in each.pairs)


@pytest.mark.parametrize("name", ["modern", "modern alibi", "windows", "classic", "sinks alibi"])
def test_a_beginning_that_items_share_is_read_once(name: str) -> None:
    import dataclasses

    model = build(dataclasses.replace(VARIANTS[name], context=128))
    shots = [3 + place % 50 for place in range(LEAST_SHARED + 7)]
    items = [
        encoded(*[(shots + list(pair.ids[: pair.given]), list(pair.ids[pair.given :])) for pair in each.pairs])
        for each in random_items(7, model.config.vocabulary_size, 24)
    ]
    trees = [tree_of(place, each.pairs) for place, each in enumerate(items)]
    (grove,) = groves(trees)
    assert grove.shared[: len(shots)] == tuple(shots)
    assert sum(len(tree.ids) for tree in grove.trees) <= sum(len(tree.ids) for tree in trees) - 7 * len(shots)
    found = dict(Scorer(model, precision="fp32").score(items))
    for place, each in enumerate(items):
        assert found[place].sums == pytest.approx([alone(model, pair)[0] for pair in each.pairs], rel=2e-4, abs=2e-4)


def test_a_row_has_each_common_token_once() -> None:
    tree = tree_of(0, encoded(([1, 2, 3], [4, 5]), ([1, 2, 3], [4, 6, 7]), ([1, 2, 3], [8])).pairs)
    assert tree.ids == (1, 2, 3, 4, 4, 6)
    assert tree.trunk == 3
    assert tree.positions == (0, 1, 2, 3, 3, 4)
    assert tree.rows == ((2, 3), (2, 4, 5), (2,))
    letters = tree_of(0, encoded(([1, 2], [3]), ([1, 2], [4]), ([1, 2], [5])).pairs)
    assert letters.ids == (1, 2)  # one pass of the prompt answers for all letters
    assert common([(1, 2, 3), (1, 2), (1, 2, 4)]) == 2


def test_batches_do_not_matter_beyond_rounding_and_bits_repeat() -> None:
    model = build(modern(vocabulary_size=61, context=64, layers=2, width=32, heads=4))
    items = random_items(12, 61, 30, seed=3)
    small, large = (dict(Scorer(model, precision="fp32", batch_tokens=n).score(items)) for n in (1, 4096))
    again = dict(Scorer(model, precision="fp32", batch_tokens=4096).score(items))
    assert large == again
    for place in small:
        assert small[place].sums == pytest.approx(large[place].sums, rel=1e-4)


def test_precision_is_named_and_items_without_tokens_are_passed_over() -> None:
    model = build(modern(vocabulary_size=61, context=32, layers=1, width=32, heads=4))
    items = [Encoded(item=item(0), pairs=()), *random_items(2, 61, 10)]
    whole = dict(Scorer(model, precision="fp32").score(items))
    scorer = Scorer(model, precision="bf16")
    assert scorer.path.startswith("bf16")
    narrow = dict(scorer.score(items))
    assert list(whole) == list(narrow) and 0 not in whole
    for place in whole:
        assert narrow[place].sums == pytest.approx(whole[place].sums, rel=0.05, abs=0.3)


@pytest.mark.parametrize("name", ["modern", "grouped", "no qk-norm"])
def test_the_compiled_kernels_say_the_same(name: str) -> None:
    """In bf16, with and without a beginning that items share; the others in the batch change it by rounding only."""
    import dataclasses

    from textmill.kernels.build import available

    if not available()[0]:
        pytest.skip(str(available()[1]))
    config = dataclasses.replace(VARIANTS[name], context=192, head_width=32, vocabulary_size=96)
    shots = [3 + place % 50 for place in range(LEAST_SHARED + 7)]
    items = random_items(9, 96, 30) + [
        encoded(*[(shots + list(pair.ids[: pair.given]), list(pair.ids[pair.given :])) for pair in each.pairs])
        for each in random_items(6, 96, 24, seed=2)
    ]
    exact = dict(Scorer(build(config), precision="fp32").score(items))
    scorer = Scorer(build(config), precision="bf16", batch_tokens=256)
    assert scorer.packed is not None and scorer.path == "bf16 (compiled kernels)"
    found = dict(scorer.score(items))
    assert list(found) != [] and set(found) == set(exact)
    for place in exact:
        for near, far, count in zip(found[place].sums, exact[place].sums, exact[place].tokens, strict=True):
            assert near == pytest.approx(far, abs=0.12 * count, rel=0.03)
