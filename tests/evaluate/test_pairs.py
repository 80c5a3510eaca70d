"""Texts to tokens by the harness's rule: the tokens that the whole has behind those of the prompt are scored."""

import pytest

from textmill.config import TokenizerSettings
from textmill.evaluate.items import CHOICE, Item
from textmill.evaluate.pairs import encoded, moved, pair_of
from textmill.tokenizer.chat_template import encode_chat
from textmill.tokenizer.tokenizer import Tokenizer
from textmill.tokenizer.train import train_tokenizer


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    texts = ["the cat sat on the mat and the dog sat on the log " * 20, "猫坐在垫子上 " * 20]
    return train_tokenizer(texts, settings=TokenizerSettings(), vocabulary_size=320)


def test_spaces_at_the_end_of_a_prompt_are_scored(tokenizer: Tokenizer) -> None:
    assert moved("the cat  ", "sat") == ("the cat", "  sat")
    assert moved("the cat", " sat") == ("the cat", " sat")
    (item,) = encoded([Item(name="", kind=CHOICE, prompts=("the cat",), choices=(" sat", " on"))], tokenizer, 64)
    whole, prompt = tokenizer.encode("the cat sat"), tokenizer.encode("the cat")
    start = list(tokenizer.start_ids)
    assert item.pairs[0].ids == (*start, *whole) and item.pairs[0].given == len(start) + len(prompt)
    assert not item.cut


def test_an_empty_prompt_is_the_start_of_a_text(tokenizer: Tokenizer) -> None:
    (item,) = encoded([Item(name="", kind=CHOICE, choices=("the cat",))], tokenizer, 64)
    (pair,) = item.pairs
    assert pair.ids == (tokenizer.end_of_text_id, *tokenizer.encode("the cat")) and pair.given == 1


def test_what_is_too_long_loses_its_beginning_but_no_choice() -> None:
    long = pair_of([1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 6, 7], "p", (), (), 4)
    assert long is not None
    assert (long.ids, long.given, long.cut) == ((3, 4, 5, 6, 7), 3, 2)  # 4 are read, the fifth only predicted
    assert pair_of([1], [1, 2, 3, 4, 5, 6], "p", (), (), 4) is None
    assert pair_of([1, 2], [1, 2], "p", (), (), 4) is None


def test_a_tokenizer_without_a_start_gives_the_first_token() -> None:
    pair = pair_of([], [7, 8, 9], "", (), (), 16)
    assert pair is not None and (pair.ids, pair.given) == ((7, 8, 9), 1)
    assert pair_of([], [7], "", (), (), 16) is None


def test_through_a_template_the_prompt_is_a_turn_and_a_choice_begins_the_next(tokenizer: Tokenizer) -> None:
    asked = Item(name="", kind=CHOICE, prompts=("Who sat?<|im_end|>",), choices=(" the cat", " the dog"))
    bare = Item(name="", kind=CHOICE, choices=("the cat sat", "the cat on"))
    first, second = encoded([asked, bare], tokenizer, 256, chat=True)
    turn = encode_chat(tokenizer, [{"role": "user", "content": asked.prompts[0]}], add_generation_prompt=True)
    for pair, choice in zip(first.pairs, ("the cat", "the dog"), strict=True):
        assert pair.ids == (*turn, *tokenizer.encode(choice)) and pair.given == len(turn)
    # two turns begin and one ends: what the prompt spells stays text
    assert [turn.count(tokenizer.special[name]) for name in ("<|im_start|>", "<|im_end|>")] == [2, 1]
    assert second == next(encoded([bare], tokenizer, 256))
