"""The n-gram baseline: a distribution, the textbook's numbers, and the same accounting as the GPT's."""

import math

import numpy as np
import pytest

from textmill.errors import InputError
from textmill.evaluate.ngram import KneserNey

VOCABULARY, BOUNDARY = 12, 11


def random_documents(count: int, seed: int = 0) -> list[list[int]]:
    """Documents of a first-order chain, so that contexts matter."""
    generator = np.random.default_rng(seed)
    chain = generator.dirichlet(np.full(VOCABULARY - 2, 0.2), size=VOCABULARY)
    documents = []
    for _ in range(count):
        ids = [BOUNDARY]
        for _ in range(generator.integers(0, 40)):
            ids.append(int(generator.choice(VOCABULARY - 2, p=chain[ids[-1]])))
        documents.append(ids[1:])
    return documents


def distribution(model: KneserNey, context: list[int]) -> np.ndarray:
    """p(w | context) for all w, each scored as the last token of a document."""
    probability, owner = model.token_probabilities([[*context, token] for token in range(VOCABULARY)])
    return probability[np.flatnonzero(np.diff(owner, append=VOCABULARY))]


@pytest.mark.parametrize("order", [1, 2, 3, 5])
@pytest.mark.parametrize("count", [1, 3, 200])
def test_probabilities_sum_to_one(order: int, count: int) -> None:
    documents = [[1, 2, 1, 2, 3]] if count == 1 else random_documents(count)
    model = KneserNey.train(documents, vocabulary_size=VOCABULARY, end_of_text_id=BOUNDARY, order=order)
    contexts = [[], [10], [1], [1, 2], documents[0][:3], documents[-1], [0, 0, 0, 0, 0, 0], [3, 10, 2]]
    for context in contexts:
        assert distribution(model, context).sum() == pytest.approx(1.0, abs=1e-12)


def test_a_bigram_model_by_hand() -> None:
    # <s> a b a | <s> a a: bigrams <s>a ×2, ab, ba, aa; before a stand <s>, b, a (3 kinds), before b stands a (1 kind)
    model = KneserNey.train([[0, 1, 0], [0, 0]], vocabulary_size=4, end_of_text_id=3, order=2)
    unigram = {0: (3 - 1.5) / 4 + (1.5 + 0.5) / 4 / 4, 1: (1 - 0.5) / 4 + (1.5 + 0.5) / 4 / 4}
    after_start = (2 - 1.0) / 2 + 1.0 / 2 * unigram[0]
    a_then_b = (1 - 0.5) / 2 + (0.5 + 0.5) / 2 * unigram[1]
    probability, owner = model.token_probabilities([[0, 1]])
    assert probability.tolist() == pytest.approx([after_start, a_then_b])
    assert owner.tolist() == [0, 0]


def naive(documents: list[list[int]], order: int, context: list[int], token: int) -> float:
    """The formula with dictionaries, one n-gram at a time."""
    grams: dict[tuple[int, ...], int] = {}
    for ids in documents:
        row = [BOUNDARY, *ids]
        for end in range(1, len(row)):
            for n in range(1, min(order, end + 1) + 1):
                gram = tuple(row[end - n + 1 : end + 1])
                grams[gram] = grams.get(gram, 0) + 1
    counts: dict[int, dict[tuple[int, ...], int]] = {order: {g: c for g, c in grams.items() if len(g) == order}}
    for n in range(1, order):
        counts[n] = {}
        for gram in grams:
            if len(gram) == n + 1:
                counts[n][gram[1:]] = counts[n].get(gram[1:], 0) + 1
        counts[n] |= {g: c for g, c in grams.items() if len(g) == n and g[0] == BOUNDARY}
    probability, row = 1 / VOCABULARY, [BOUNDARY, *context]
    for n in range(1, min(order, len(row) + 1) + 1):
        of = [sum(c == k for c in counts[n].values()) for k in (1, 2, 3, 4)]
        y = of[0] / max(of[0] + 2 * of[1], 1)
        discounts = [0.0, *(k - (k + 1) * y * of[k] / of[k - 1] for k in (1, 2, 3))] if all(of) else []
        if not discounts or not all(0 < discounts[k] <= k for k in (1, 2, 3)):
            discounts = [0.0, 0.5, 1.0, 1.5]
        history = tuple(row[len(row) - n + 1 :])
        following = {g[-1]: c for g, c in counts[n].items() if g[:-1] == history}
        if following:
            total = sum(following.values())
            freed = sum(discounts[min(c, 3)] for c in following.values())
            own = following.get(token, 0)
            probability = (own - discounts[min(own, 3)]) / total + freed / total * probability
    return probability


def test_equals_the_formula_written_out() -> None:
    documents, fresh = random_documents(150), random_documents(5, seed=0)[3] + [10, 1, 2]
    model = KneserNey.train(documents, vocabulary_size=VOCABULARY, end_of_text_id=BOUNDARY, order=4)
    probability, _ = model.token_probabilities([fresh])
    for place in range(len(fresh)):
        expected = naive(documents, 4, fresh[:place], fresh[place])
        assert probability[place] == pytest.approx(expected, rel=1e-9)


def test_longer_contexts_predict_a_chain_better_than_none() -> None:
    documents = random_documents(400)
    held_out = [(ids, 2 * len(ids)) for ids in documents[300:]]

    def value(order: int) -> float:
        model = KneserNey.train(documents[:300], vocabulary_size=VOCABULARY, end_of_text_id=BOUNDARY, order=order)
        return model.bits_per_byte(held_out).value

    assert value(2) < 0.8 * value(1)
    assert value(5) == pytest.approx(value(2), rel=0.1)


def test_accounting_is_that_of_bits_per_byte() -> None:
    model = KneserNey.train([[0, 1, 0], [0, 0]], vocabulary_size=4, end_of_text_id=3)
    score = model.bits_per_byte([([0, 1], 5), ([], 0), ([2], 3)], keep_documents=True)
    probability, _ = model.token_probabilities([[0, 1], [], [2]])
    assert (score.tokens, score.documents, score.bytes) == (3, 3, 8)
    assert score.bits == pytest.approx(-sum(math.log2(p) for p in probability))
    assert score.document_bits[1] == 0
    assert score.low <= score.value <= score.high


def test_nothing_to_count_is_an_error() -> None:
    with pytest.raises(InputError):
        KneserNey.train([[], []], vocabulary_size=4, end_of_text_id=3)
