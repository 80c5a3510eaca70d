"""Units and n-grams against a plain reading of the text, for any texts, alone and together, in blocks and whole."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textmill.data.duplicates import shingles
from textmill.data.duplicates.shingles import blocks, ngrams, units_of

SIGNS = st.sampled_from(list("abcXYZ019 \n.,!-_“”，。、今天気ไทย한국éÉßİΣ\u200b𠀀😀\udc80"))
TEXTS = st.lists(st.text(SIGNS, max_size=40), max_size=6)


def lowered(text: str) -> str:
    return "".join(map(chr, shingles.small_letters(text).tolist()))


def plain_units(text: str) -> list[tuple[int, int]]:
    """The same by the definition, one sign after another."""
    found: list[tuple[int, int]] = []
    kinds = shingles.kinds_table()
    before = shingles.SEPARATOR
    for place, sign in enumerate(text):
        kind = kinds[ord(sign)]
        if kind == shingles.LETTER and before == shingles.LETTER:
            found[-1] = (found[-1][0], place + 1)
        elif kind != shingles.SEPARATOR:
            found.append((place, place + 1))
        before = kind
    return found


def plain_ngrams(text: str, size: int) -> list[tuple[str, ...]]:
    words = [lowered(text)[first:last] for first, last in plain_units(text)]
    if len(words) < size:
        return [tuple(words)] if words else []
    return [tuple(words[place : place + size]) for place in range(len(words) - size + 1)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello, World! It's 3.14", ["hello", "world", "it", "s", "3", "14"]),
        ("今天天气很好。", list("今天天气很好")),
        ("我们用 PyTorch2 训练", ["我", "们", "用", "pytorch2", "训", "练"]),
        ("カタカナ・ひらがな", list("カタカナひらがな")),
        ("naïve Ärger straße", ["naïve", "ärger", "straße"]),
        ("한국어 문장", ["한국어", "문장"]),
        ("… — “” 。，！？ \n\t", []),
        ("", []),
    ],
)
def test_units(text, words):
    units = units_of([text])
    found = [lowered(text)[first:last] for first, last in zip(units.starts, units.ends, strict=True)]
    assert found == words


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_units_of_many_texts_are_those_of_each(texts):
    units = units_of(texts)
    assert len(units.bounds) == len(texts) + 1
    for number, text in enumerate(texts):
        place = slice(units.bounds[number], units.bounds[number + 1])
        spans = zip(units.starts[place] - units.origins[number], units.ends[place] - units.origins[number], strict=True)
        assert list(spans) == plain_units(text)
        assert (units.hashes[place] == units_of([text]).hashes).all()


@settings(max_examples=300, deadline=None)
@given(TEXTS, st.integers(1, 6))
def test_ngrams_are_equal_exactly_where_the_words_are(texts, size):
    hashes, documents = ngrams(units_of(texts), size)
    expected = [(number, run) for number, text in enumerate(texts) for run in plain_ngrams(text, size)]
    assert documents.tolist() == [number for number, _ in expected]
    known: dict[int, tuple[str, ...]] = {}
    for value, (_, run) in zip(hashes.tolist(), expected, strict=True):
        assert known.setdefault(value, run) == run
    assert len(set(known.values())) == len(known)


def test_a_script_without_spaces_is_told_by_the_text():
    assert units_of(["今天 the", "今天 the weather is", "", "weather"]).single.tolist() == [True, False, False, False]


@pytest.mark.parametrize("sign", ["word ", "字", "x", ".", "字 a,"])
def test_blocks_miss_no_run_and_invent_none(sign, monkeypatch):
    monkeypatch.setattr(shingles, "BLOCK", 100)
    text = "".join(f"{sign}{number}" if number % 3 else sign for number in range(400))
    pieces = [piece for start, piece in blocks(text, 4) if text.startswith(piece, start)]
    assert all(len(piece) <= 100 for piece in pieces)
    assert len(pieces) < 2 * len(text) / 20
    if sign in ("x", "."):
        return  # words and dots longer than a block are cut somewhere; that it ends is what counts
    whole = set(plain_ngrams(text, 5))
    parts = {run for piece in pieces for run in plain_ngrams(piece, 5)}
    assert whole <= parts
    assert len(parts - whole) == 0
