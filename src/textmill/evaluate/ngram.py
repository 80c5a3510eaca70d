"""An interpolated modified Kneser-Ney model over token ids: the cheap baseline beside a GPT, by the same bits per byte.

    p(w | h) = max(c(hw) - D(c(hw)), 0) / c(h·)  +  γ(h) · p(w | h'),      h' = h without its oldest token

c counts occurrences at the highest order and after a document's start, and elsewhere how many different tokens stand
before hw; D takes three values an order, by c = 1, 2, 3+; γ(h) hands on what they freed; below one token lies the
uniform distribution (Chen and Goodman 1998; https://aclanthology.org/P13-2121 for counts after a document's start).

Every n-gram is a number: the place of (number of its first n-1 tokens, last token) among the sorted pairs that occur.
So each order is a sort, and ten million tokens take about a minute. The end-of-text token stands before each document
and is never predicted: all probability is the text's, which favours this model a little over a GPT.

Shapes: N tokens with the boundary before each document, G n-grams of one order, C contexts of one order.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from textmill.errors import InputError
from textmill.evaluate.bits_per_byte import BitsPerByte, summarise

Ids = Sequence[int] | np.ndarray
NONE = -1
FALLBACK_DISCOUNTS = (0.5, 1.0, 1.5)
"""Where an order has too few n-grams to estimate them (KenLM's values)."""


@dataclass(frozen=True, slots=True)
class Order:
    """The n-grams of one length."""

    key_G: np.ndarray
    """context · vocabulary + token, sorted; an n-gram's number is its place here."""
    share_G: np.ndarray
    """(c - D(c)) / c(h·)."""
    handed_on_C: np.ndarray
    """γ of each context, 1 where it was never seen."""


class KneserNey:
    """The trained model."""

    def __init__(self, orders: list[Order], vocabulary_size: int, boundary: int) -> None:
        self.orders, self.vocabulary_size, self.boundary = orders, vocabulary_size, boundary

    @classmethod
    def train(
        cls,
        documents: Iterable[Ids],
        *,
        vocabulary_size: int,
        end_of_text_id: int,
        order: int = 5,
    ) -> "KneserNey":
        """Counts `documents` (ids without special tokens) and returns the model."""
        token_N, offset_N = _flatten(documents, end_of_text_id)
        if not (offset_N > 0).any():
            raise InputError("evaluate.no_text", documents=int((offset_N == 0).sum()))
        keys, numbers, starts = [], [token_N], []
        for n in range(1, order + 1):
            valid_N = offset_N >= max(n - 1, 1)  # the whole n-gram in one document, its last token no boundary
            context = np.zeros(int(valid_N.sum()), np.int64) if n == 1 else _before(numbers[-1])[valid_N]
            key, number = np.unique(context * vocabulary_size + token_N[valid_N], return_inverse=True)
            number_N = np.full(len(token_N), NONE, np.int64)
            number_N[valid_N] = number
            start_G = np.zeros(len(key), bool)
            start_G[number_N[valid_N & (offset_N == n - 1)]] = True
            keys.append(key)
            starts.append(start_G)
            numbers.append(number_N if n > 1 else np.where(offset_N == 0, len(key), number_N))
        counts = [_counts(n, order, numbers, starts[n - 1], offset_N, len(keys[n - 1])) for n in range(1, order + 1)]
        sizes = [1, len(keys[0]) + 1, *(len(key) for key in keys[1:])]
        made = [_order(keys[n], counts[n], sizes[n], vocabulary_size) for n in range(order)]
        return cls(made, vocabulary_size, end_of_text_id)

    def token_probabilities(self, documents: Iterable[Ids]) -> tuple[np.ndarray, np.ndarray]:
        """Returns the probability of each token of `documents`, and the index of its document."""
        token_N, offset_N = _flatten(documents, self.boundary)
        probability_N = np.full(len(token_N), 1.0 / self.vocabulary_size)
        number_N = np.zeros(len(token_N), np.int64)
        for n, order in enumerate(self.orders, start=1):
            context_N = number_N if n == 1 else _before(number_N)
            known_N = (context_N != NONE) & (offset_N >= max(n - 1, 1))
            number_N = np.full(len(token_N), NONE, np.int64)
            key = context_N[known_N] * self.vocabulary_size + token_N[known_N]
            place = np.minimum(np.searchsorted(order.key_G, key), len(order.key_G) - 1)
            seen = order.key_G[place] == key
            share = np.where(seen, order.share_G[place], 0.0)
            probability_N[known_N] = share + order.handed_on_C[context_N[known_N]] * probability_N[known_N]
            number_N[known_N] = np.where(seen, place, NONE)
            if n == 1:  # the boundary is a context, though never predicted
                number_N[offset_N == 0] = len(order.key_G)
        text_N = offset_N > 0
        return probability_N[text_N], (np.cumsum(offset_N == 0) - 1)[text_N]

    def bits_per_byte(
        self,
        documents: Iterable[tuple[Ids, int]],
        *,
        keep_documents: bool = False,
        seed: int = 0,
    ) -> BitsPerByte:
        """Scores pairs of ids and UTF-8 bytes as `textmill.evaluate.bits_per_byte.bits_per_byte` does."""
        pairs = list(documents)
        probability_N, owner_N = self.token_probabilities(ids for ids, _ in pairs)
        bits = np.bincount(owner_N, weights=-np.log2(probability_N), minlength=len(pairs))
        sizes = np.asarray([size for _, size in pairs], dtype=np.int64)
        return summarise(bits, sizes, tokens=len(probability_N), keep_documents=keep_documents, seed=seed)


def _flatten(documents: Iterable[Ids], boundary: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns all tokens in one row, the boundary before each document, and each token's distance from its boundary."""
    parts, offsets = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for ids in documents:
        parts += [np.asarray([boundary]), np.asarray(ids, dtype=np.int64)]
        offsets.append(np.arange(len(ids) + 1))
    return np.concatenate(parts), np.concatenate(offsets)


def _before(number_N: np.ndarray) -> np.ndarray:
    """Returns the number that stands one token earlier."""
    return np.concatenate((np.asarray([NONE]), number_N[:-1]))


def _counts(
    n: int, order: int, numbers: list[np.ndarray], start_G: np.ndarray, offset_N: np.ndarray, size: int
) -> np.ndarray:
    """Returns each n-gram's c: occurrences, or, below the highest order, how many tokens stand before it."""
    text_N = (numbers[n] != NONE) & (offset_N > 0)
    occurrences_G = np.bincount(numbers[n][text_N], minlength=size)
    if n == order:
        return occurrences_G
    longer_N = numbers[n + 1]
    _, first = np.unique(longer_N, return_index=True)
    first = first[longer_N[first] != NONE]  # one place of each longer n-gram; what ends there is its shorter one
    different_G = np.bincount(numbers[n][first], minlength=size)
    return np.where(start_G, occurrences_G, different_G) if n > 1 else different_G


def _discounts(count_G: np.ndarray) -> np.ndarray:
    """Returns D by min(count, 3); D(0) = 0."""
    n1, n2, n3, n4 = (int((count_G == k).sum()) for k in (1, 2, 3, 4))
    if min(n1, n2, n3, n4) == 0:
        return np.asarray([0.0, *FALLBACK_DISCOUNTS])
    y = n1 / (n1 + 2 * n2)
    values = np.asarray([0.0, 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3])
    inside = ((values[1:] > 0) & (values[1:] <= (1, 2, 3))).all()
    return values if inside else np.asarray([0.0, *FALLBACK_DISCOUNTS])


def _order(key_G: np.ndarray, count_G: np.ndarray, contexts: int, vocabulary_size: int) -> Order:
    """Returns the order's discounted shares and what each context hands on to the next lower one."""
    discount_G = _discounts(count_G)[np.minimum(count_G, 3)]
    context_G = key_G // vocabulary_size
    total_C = np.bincount(context_G, weights=count_G, minlength=contexts)
    freed_C = np.bincount(context_G, weights=discount_G, minlength=contexts)
    seen_C = total_C > 0
    handed_on_C = np.divide(freed_C, total_C, out=np.ones(contexts), where=seen_C)
    return Order(key_G, (count_G - discount_G) / total_C[context_G], handed_on_C)
