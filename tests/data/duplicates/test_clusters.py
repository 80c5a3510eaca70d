"""Clusters: the union-find against a search through the graph, recall by all pairs, and hostile collections."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textmill.config import DuplicatesSettings
from textmill.data.duplicates import clusters
from textmill.data.duplicates.clusters import near_duplicates, unite
from textmill.data.duplicates.minhash import signatures, similarity

SETTINGS = DuplicatesSettings()
PAIRS = st.lists(st.tuples(st.integers(0, 39), st.integers(0, 39)), max_size=80)


def components(count: int, pairs: list[tuple[int, int]]) -> list[int]:
    """The smallest number that each can reach, by walking."""
    near: dict[int, set[int]] = {number: {number} for number in range(count)}
    for first, second in pairs:
        near[first].add(second)
        near[second].add(first)
    found = [-1] * count
    for start in range(count):
        waiting = [start] if found[start] < 0 else []
        while waiting:
            number = waiting.pop()
            if found[number] < 0:
                found[number] = start
                waiting += near[number]
    return found


@settings(max_examples=300, deadline=None)
@given(st.lists(PAIRS, max_size=4))
def test_union_find_is_what_can_be_reached(rounds):
    parent = np.arange(40)
    for pairs in rounds:
        first, second = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
        unite(parent, first, second)
    assert parent.tolist() == components(40, [pair for pairs in rounds for pair in pairs])


@pytest.mark.parametrize("order", ["up", "down", "mixed"])
def test_a_long_chain_is_one_cluster(order):
    numbers = np.arange(200_000)
    if order != "up":
        numbers = numbers[::-1] if order == "down" else np.random.default_rng(0).permutation(numbers)
    parent = np.arange(len(numbers))
    unite(parent, numbers[:-1], numbers[1:])
    assert not parent.any()


def find(texts: list[str], rank: list[int] | None = None, **changes) -> tuple[list[int], list[float]]:
    values = DuplicatesSettings(**changes)
    found, counts = signatures(texts, values)
    order = np.arange(len(texts)) if rank is None else np.array(rank)
    result = near_duplicates(found, np.flatnonzero(counts), order, values)
    return result.survivor.tolist(), result.similarity.tolist()


def collection(seed: int) -> list[str]:
    """Four hundred texts, half of them edits of others, in both languages."""
    chance = random.Random(seed)
    texts: list[str] = []
    for number in range(400):
        chinese = number % 2
        unit = (lambda: chr(0x4E00 + chance.randrange(3000))) if chinese else (lambda: f"w{chance.randrange(5000)}")
        if len(texts) > 10 and chance.random() < 0.5:
            signs = chance.choice(texts).split(" ")
            signs = [unit() if chance.random() < 0.015 else sign for sign in signs]
        else:
            signs = [unit() for _ in range(chance.randrange(20, 300))]
        texts.append(" ".join(signs))
    return texts


@pytest.mark.parametrize("seed", range(3))
def test_every_pair_that_signatures_call_alike_is_found_and_no_other(seed):
    texts = collection(seed)
    found, _ = signatures(texts, SETTINGS)
    survivor, alike = find(texts)
    pairs = [similarity(found, found[number]) >= SETTINGS.threshold for number in range(len(texts))]
    kept = [number for number in range(len(texts)) if survivor[number] == number]
    for number, who in enumerate(survivor):
        assert pairs[number][who]
        assert alike[number] == pytest.approx(similarity(found[number], found[who]))
    missed = sum(pairs[first][second] for place, first in enumerate(kept) for second in kept[:place])
    assert missed <= 1
    assert 100 < len(kept) < 350


def test_a_chain_keeps_what_is_not_like_the_survivor():
    """A ~ B ~ C, but A and C share too little: C stays, and so does A."""
    base = [f"w{number}" for number in range(400)]
    first, second, third = base[:340], base[30:370], base[60:400]
    survivor, _ = find([" ".join(text) for text in (first, second, third)], threshold=0.8)
    assert survivor == [0, 0, 2]


def test_rank_decides_who_stays():
    texts = [" ".join(f"w{number}" for number in range(length)) for length in (200, 205, 203)]
    assert find(texts)[0] == [0, 0, 0]
    assert find(texts, [2, 0, 1])[0] == [1, 1, 1]


def test_more_kinds_than_survivors_join_the_first(monkeypatch):
    monkeypatch.setattr(clusters, "SURVIVORS", 2)
    base = [f"w{number}" for number in range(1000)]
    texts = [" ".join(base[start : start + 300]) for start in range(0, 240, 20)]
    survivor, alike = find(texts)
    assert len(set(survivor)) == 2
    assert all(alike[number] >= 0.8 or survivor[number] == 0 for number in range(len(texts)))


def test_a_hundred_thousand_nearly_equal_texts_stay_linear(monkeypatch):
    """Counted in comparisons, not in seconds: a few a document, where all pairs would be five thousand million."""
    compared = 0
    plain = clusters.compare

    def counting(found, first, second):
        nonlocal compared
        compared += len(first)
        return plain(found, first, second)

    monkeypatch.setattr(clusters, "compare", counting)
    chance = np.random.default_rng(0)
    found = np.tile(chance.integers(0, 65536, 128, dtype=np.uint16), (100_000, 1))
    found[np.arange(100_000), chance.integers(0, 128, 100_000)] ^= 1
    result = near_duplicates(found, np.arange(100_000), np.arange(100_000), SETTINGS)
    assert not result.survivor.any()
    assert compared < 5 * 100_000


def test_texts_without_anything_in_common_or_without_any_words():
    assert find([])[0] == []
    assert find(["", "…", "。", " "])[0] == [0, 1, 2, 3]
    signs = [chr(0x4E00 + number) for number in range(3000)]
    assert find(signs)[0] == list(range(3000))
    assert find(["a", "A.", "b"])[0] == [0, 0, 2]
