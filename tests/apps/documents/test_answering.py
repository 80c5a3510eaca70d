"""Answers from documents: quotes with their places, refusals, an index that follows its files."""

import json
import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textmill.apps.documents.answering import NO_DOCUMENTS, NOTHING, UNLIKELY, answer
from textmill.apps.documents.index import DocumentIndex
from textmill.apps.documents.passages import LONGEST_SENTENCE, passages, spans
from textmill.apps.documents.words import asked
from textmill.errors import InputError

TOWN = """\
# Riverton

Riverton is a small town on the river Alm. It was founded in 1820 by Ann Lee.
The ferry to Hilltop leaves at nine in the morning and costs two crowns.

## Library

The library keeps 12,000 books in two
rooms. It was opened in 1903.
"""
CHINESE = "河边镇位于阿尔姆河畔。镇长是李安，她于1998年上任。\n图书馆于1903年开放，藏书一万二千册。\n"  # text data


@pytest.fixture
def index(tmp_path: Path) -> Iterator[DocumentIndex]:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/town.md").write_text(TOWN, encoding="utf-8")
    (tmp_path / "notes/镇.txt").write_text(CHINESE, encoding="utf-8")  # text data
    made = DocumentIndex(tmp_path / "index.sqlite")
    made.refresh([tmp_path / "notes"])
    yield made
    made.close()


@pytest.mark.parametrize(
    ("question", "quote", "place"),
    [
        ("How much does the ferry cost?", "The ferry to Hilltop leaves at nine in the morning and costs two crowns.",
         "notes/town.md"),
        ("Who founded Riverton?", "It was founded in 1820 by Ann Lee.", "notes/town.md"),
        ("How many books does the library keep?", "The library keeps 12,000 books in two\nrooms.", "notes/town.md"),
        ("When was the library opened?", "It was opened in 1903.", "notes/town.md"),
        ("谁是镇长？", "镇长是李安，她于1998年上任。", "notes/镇.txt"),  # text data
        ("图书馆是什么时候开放的？", "图书馆于1903年开放，藏书一万二千册。", "notes/镇.txt"),  # text data
    ],
)  # fmt: skip
def test_the_answer_is_a_sentence_word_for_word(index: DocumentIndex, question: str, quote: str, place: str) -> None:
    reply = answer(index, question)
    assert reply.quote is not None and not reply.refused
    assert (reply.answer, reply.quote.source.place) == (quote, place)
    assert reply.quote.source.text[reply.quote.start : reply.quote.end] == quote


def test_what_the_documents_do_not_say_is_refused_with_what_was_looked_for(index: DocumentIndex) -> None:
    for question, why, missing in (
        ("When was the bridge built?", NOTHING, ("bridg", "built")),
        ("What is the population of Riverton?", UNLIKELY, ("population",)),
        ("桥是哪年建的？", NOTHING, ("桥", "建")),  # text data
    ):
        reply = answer(index, question)
        assert (reply.refused, reply.missing, reply.answer) == (why, missing, "")
    assert answer(DocumentIndex(), "Who?").refused == NO_DOCUMENTS


def test_the_index_follows_its_files(index: DocumentIndex, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    assert index.refresh([notes]) == 0
    (notes / "town.md").write_text("The bridge was built in 1850.\n")
    (notes / "镇.txt").unlink()  # text data
    assert index.refresh([notes]) == 1
    assert answer(index, "When was the bridge built?").answer == "The bridge was built in 1850."
    assert answer(index, "谁是镇长？").refused and answer(index, "Who founded Riverton?").refused  # text data
    fresh = DocumentIndex()
    fresh.refresh([notes])
    assert fresh.counts() == index.counts() == {"documents": 1, "passages": 1}
    assert fresh.rarity(["bridg", "town"]) == index.rarity(["bridg", "town"])


def test_words_of_a_query_language_are_words(index: DocumentIndex) -> None:
    for question in ('" OR 1=1 --', "NEAR(town ferry)", "terms:town*", "a AND NOT b", "^", "(((", "\0", "🙂" * 50):
        answer(index, question)  # raises nothing
    with pytest.raises(InputError):
        answer(index, "x " * 2000)


def test_a_damaged_index_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.sqlite").write_bytes(os.urandom(4096))
    with pytest.raises(InputError) as caught:
        DocumentIndex(tmp_path / "bad.sqlite")
    assert caught.value.key == "documents.index_unreadable"


@given(st.text(st.sampled_from("ab .。\n，,1#“”"), max_size=1200))
def test_sentences_lie_in_order_and_have_no_blanks_around(text: str) -> None:
    found = list(spans(text))
    assert all(text[start:end].strip() == text[start:end] != "" for start, end in found)
    assert all(one[1] <= two[0] for one, two in pairwise(found))
    assert all(end - start <= LONGEST_SENTENCE for start, end in found)
    inside = [span for passage in passages(text) for span in passage.sentences]
    assert set(inside) <= set(found)


def test_a_question_is_about_its_rare_words() -> None:
    assert asked("How many books does the library keep?") == ["book", "library", "keep"]
    assert asked("图书馆是什么时候开放的？") == ["图书", "书馆", "开放"]  # text data
    assert asked("Who are you?") and json.dumps(asked("什么？"))  # text data
