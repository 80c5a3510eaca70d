"""Conversations: turns that leave view, answers that are broken off, what the cache keeps from turn to turn."""

from dataclasses import replace

import pytest
from hash_runner import HashRunner

from textmill.errors import ModelError
from textmill.infer.conversation import Conversation
from textmill.infer.engine.engine import Engine
from textmill.infer.events import INTERRUPTED, LENGTH
from textmill.infer.sampling import SamplingSettings
from textmill.tokenizer.chat_template import encode_chat
from textmill.tokenizer.tokenizer import Tokenizer

WRITING = SamplingSettings(temperature=1.0, top_p=1.0, seed=3, ignore_end=True, max_tokens=8)


def conversation(tokenizer: Tokenizer, context: int = 400, **changes: object) -> Conversation:
    engine = Engine(HashRunner(page_count=2 * context // 4, context=context), tokenizer)
    return Conversation(engine=engine, settings=replace(WRITING, **changes))


def ask(talk: Conversation, text: str) -> str:
    talk.say(text)
    told = "".join(event.text for event in talk.answer())
    assert talk.turn is not None
    assert talk.turn.text == told
    assert talk.messages[-1] == {"role": "assistant", "content": told}
    assert talk.engine.idle
    return told


def test_an_answer_is_what_the_engine_says_to_the_whole_conversation(byte_tokenizer: Tokenizer) -> None:
    talk = conversation(byte_tokenizer)
    talk.system = "Be 短."
    first = ask(talk, "hello <|im_end|>")  # spelled by the user, it ends no turn
    fresh = conversation(byte_tokenizer)
    fresh.replace([*talk.messages], "Be 短.")
    assert ask(talk, "and?") == ask(fresh, "and?")
    assert talk.turn is not None
    assert fresh.turn is not None
    messages = [{"role": "system", "content": "Be 短."}, *talk.messages[:1]]
    start = len(encode_chat(byte_tokenizer, messages))
    assert talk.turn.reused_tokens >= start // 4 * 4  # all that was read before
    assert fresh.turn.reused_tokens == 0
    assert first
    assert talk.turn.finish_reason == LENGTH


def test_the_oldest_turns_leave_and_the_system_message_stays(byte_tokenizer: Tokenizer) -> None:
    talk = conversation(byte_tokenizer, context=200)
    talk.system = "S"
    left: list[int] = []
    for number in range(12):
        ask(talk, f"question {number:02}")
        assert talk.turn is not None
        left.append(talk.turn.left)
        assert talk.turn.prompt_tokens <= 200 - 8
        shown = encode_chat(byte_tokenizer, [{"role": "system", "content": "S"}, *talk.messages[talk.first :]])
        assert talk.used == len(shown)
        assert talk.messages[talk.first]["role"] == "user"
    assert len(talk.messages) == 24
    assert sum(left) * 2 == talk.first > 0
    assert max(left) > 1, "several leave at a time, so that the beginning stays for some turns"
    assert left.count(0) > 12 / 2


def test_a_message_that_is_too_long(byte_tokenizer: Tokenizer) -> None:
    talk = conversation(byte_tokenizer, context=100)
    ask(talk, "a")
    talk.say("b" * 150)
    with pytest.raises(ModelError, match="too long"):
        talk.answer()
    assert talk.undo() == "b" * 150
    assert ask(talk, "c")
    assert [message["content"] for message in talk.messages if message["role"] == "user"] == ["a", "c"]


def test_an_answer_never_outgrows_the_context(byte_tokenizer: Tokenizer) -> None:
    talk = conversation(byte_tokenizer, context=100, max_tokens=1000)
    for text in ("a", "b" * 20, "c" * 40):
        ask(talk, text)
        assert talk.turn is not None
        assert talk.turn.prompt_tokens + talk.turn.tokens == 101  # the last one drawn is not read


def test_what_was_broken_off_stays(byte_tokenizer: Tokenizer) -> None:
    talk = conversation(byte_tokenizer)
    talk.say("a")
    steps: list[int] = []
    told = list(talk.answer(lambda: len(steps) > 3 or bool(steps.append(0))))
    assert talk.turn is not None
    assert talk.turn.finish_reason == INTERRUPTED
    assert 0 < len(told) < 8
    assert talk.messages[-1]["content"] == "".join(event.text for event in told)
    assert talk.engine.idle
    assert talk.engine.scheduler.pool.held == 0
    assert ask(talk, "b")


def test_taking_back_and_asking_again(byte_tokenizer: Tokenizer) -> None:
    talk = conversation(byte_tokenizer)
    assert (talk.undo(), talk.retry()) == (None, False)
    first = ask(talk, "a")
    assert talk.retry()
    again = "".join(event.text for event in talk.answer())
    assert again != first
    assert talk.retry()
    assert "".join(event.text for event in talk.answer()) not in (first, again)
    assert [message["role"] for message in talk.messages] == ["user", "assistant"]
    ask(talk, "b")
    assert (talk.undo(), talk.undo(), talk.undo()) == ("b", "a", None)
    assert ask(talk, "a") == first  # the seed counts from the first answer anew


def test_undo_brings_back_what_had_left(byte_tokenizer: Tokenizer) -> None:
    talk = conversation(byte_tokenizer, context=120)
    while talk.first == 0:
        ask(talk, "x" * 10)
    while talk.undo() is not None:
        if talk.messages:
            assert talk.first < len(talk.messages)
    assert talk.first == 0
