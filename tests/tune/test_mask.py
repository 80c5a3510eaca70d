"""One template: what is trained begins with what serving sends, and what is learned is the answer and its end."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from family_chats import CALLS, CHATS, FAMILIES, TOOLS, conversation, make
from family_tokenizers import MAKE
from tokenizer_samples import TEXTS

from textmill.config import TokenizerSettings
from textmill.errors import InputError, TokenizerError
from textmill.infer.conversation import Conversation as Talk
from textmill.serve.chat_parameters import tokenize
from textmill.serve.embeddings import ids_of
from textmill.serve.parameters import Bounds
from textmill.tokenizer.tokenizer import Tokenizer
from textmill.tokenizer.train import train_tokenizer
from textmill.tune.encoded import Encoded
from textmill.tune.examples import Completion, Plain, Preference, Problem
from textmill.tune.mask import encode_answer, encode_example, encode_prompt, joined

pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def ours() -> Tokenizer:
    return train_tokenizer(TEXTS, settings=TokenizerSettings(), vocabulary_size=500)


@pytest.fixture(scope="module")
def families(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Any, Tokenizer]]:
    return {name: make(name, tmp_path_factory.mktemp("family")) for name in FAMILIES}


def served(tokenizer: Tokenizer, messages: list[dict[str, Any]], *, ask: bool, tools: Any = None) -> list[int]:
    """What the server makes of a request's messages, its checks included."""
    bounds = Bounds(context=4096, vocabulary=tokenizer.vocabulary_size, samples=1, tokens=0)
    body = {"messages": messages, "add_generation_prompt": ask, "tools": tools}
    values = tokenize(bounds).check({key: value for key, value in body.items() if value is not None}, "")
    return ids_of(SimpleNamespace(tokenizer=tokenizer), values)  # type: ignore[arg-type]


def learned_texts(tokenizer: Tokenizer, encoded: Encoded) -> list[str]:
    """The stretches that are learned, special tokens by their names."""
    at = np.flatnonzero(np.diff(np.concatenate(([False], encoded.learned, [False])).astype(int)))
    return [tokenizer.decode(encoded.ids[a:b].tolist(), skip_special=False) for a, b in at.reshape(-1, 2)]


@pytest.mark.parametrize("chat", CHATS)
@pytest.mark.parametrize("name", FAMILIES)
def test_ids_are_those_of_serving_and_of_the_export(families, name: str, chat: str) -> None:
    theirs, tokenizer = families[name]
    messages = CHATS[chat]
    texts = encode_example(tokenizer, conversation(messages))
    turns = [at for at, message in enumerate(messages) if message["role"] == "assistant"]
    assert sum(text.turns for text in texts) == len(turns)
    assert not any(text.endless or text.departs for text in texts)
    ids = texts[-1].ids.tolist()
    if (name, chat) == ("mistral", "system"):  # the template drops the system message once an answer follows
        assert "Be brief." in tokenizer.decode(ids)
        assert "Be brief." not in tokenizer.decode(served(tokenizer, messages, ask=False))
        return
    if chat != "a line end first":
        assert ids == served(tokenizer, messages, ask=False)
    if chat != "marks in a text":  # transformers takes marks that are spelled in a message for marks
        asked = theirs.apply_chat_template(messages[: turns[-1]], add_generation_prompt=True, return_dict=False)
        assert ids[: len(asked)] == asked
        if chat != "a line end first":
            assert ids == theirs.apply_chat_template(messages, return_dict=False)
    for turn in turns:
        prompt = served(tokenizer, messages[:turn], ask=True)
        begun = [text for text in texts if text.ids[: len(prompt)].tolist() == prompt]
        assert sum(text.learned[len(prompt)] and not text.learned[len(prompt) - 1] for text in begun) == 1


@pytest.mark.parametrize("name", FAMILIES)
def test_the_answer_and_its_end_are_learned_and_nothing_else(families, name: str) -> None:
    _, tokenizer = families[name]
    end = FAMILIES[name].ends
    for chat, messages in CHATS.items():
        learned = [
            part
            for text in encode_example(tokenizer, conversation(messages))
            for part in learned_texts(tokenizer, text)
        ]
        answers = [message["content"] for message in messages if message["role"] == "assistant"]
        assert len(learned) == len(answers), chat
        for part, answer in zip(learned, answers, strict=True):
            assert part.endswith(end)
            said = part.removesuffix(end)
            assert answer.strip() in said, chat
            assert said.replace("<think>", "").replace("</think>", "").strip() == answer.strip()


@pytest.mark.parametrize("name", ["mistral", "qwen 3"])
def test_calls_are_learned_and_what_tools_answer_is_not(families, name: str) -> None:
    theirs, tokenizer = families[name]
    texts = encode_example(tokenizer, conversation(CALLS, TOOLS))
    parts = [part for text in texts for part in learned_texts(tokenizer, text)]
    assert len(parts) == 2
    assert "weather" in parts[0] and "河镇" in parts[0]
    assert "Sun." in parts[1] and "sun" not in parts[1]
    assert texts[-1].ids.tolist() == served(tokenizer, CALLS, ask=False, tools=TOOLS)
    plain = [dict(message) for message in CALLS]
    plain[1]["tool_calls"] = [
        {**CALLS[1]["tool_calls"][0], "function": {"name": "weather", "arguments": {"城市": "河镇"}}}
    ]
    assert texts[-1].ids.tolist() == theirs.apply_chat_template(plain, tools=TOOLS, return_dict=False)


def test_a_template_that_rewrites_earlier_turns_gives_a_text_a_turn(families) -> None:
    _, tokenizer = families["qwen 3"]
    messages = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "the first", "reasoning_content": "thought one"},
        {"role": "user", "content": "b"},
        {"role": "assistant", "content": "the second", "reasoning_content": "thought two"},
    ]
    first, second = encode_example(tokenizer, conversation(messages))
    assert learned_texts(tokenizer, first) == ["<think>\nthought one\n</think>\n\nthe first<|im_end|>"]
    assert learned_texts(tokenizer, second) == ["<think>\nthought two\n</think>\n\nthe second<|im_end|>"]
    assert "thought one" not in tokenizer.decode(second.ids.tolist())
    assert second.ids.tolist() == served(tokenizer, messages, ask=False)


def test_turns_of_one_conversation_share_a_text(ours: Tokenizer) -> None:
    (text,) = encode_example(ours, conversation(CHATS["two turns"]))
    assert text.turns == 2
    assert learned_texts(ours, text) == ["the baker\n\nand a\n<|im_end|>", "the end<|im_end|>"]
    only = conversation(CHATS["two turns"], learned=frozenset({3}))
    assert learned_texts(ours, encode_example(ours, only)[0]) == ["the end<|im_end|>"]


@pytest.mark.parametrize("content", ["\n\nthe", "\n", " \n the", "的"])
def test_an_answer_never_changes_the_tokens_of_its_prompt(ours: Tokenizer, content: str) -> None:
    messages = [{"role": "user", "content": "a"}, {"role": "assistant", "content": content}]
    text = encode_example(ours, conversation([*messages[:1], {"role": "assistant", "content": content + "x"}]))[0]
    prompt = served(ours, messages[:1], ask=True)
    assert text.ids[: len(prompt)].tolist() == prompt
    assert not text.departs
    whole = served(ours, [messages[0], {"role": "assistant", "content": content + "x"}], ask=False)
    assert ours.decode_bytes(text.ids.tolist(), skip_special=False) == ours.decode_bytes(whole, skip_special=False)
    assert learned_texts(ours, text) == [content + "x<|im_end|>"]


def test_chat_command_and_training_send_the_same(ours: Tokenizer) -> None:
    messages = CHATS["system"]
    talk = Talk.__new__(Talk)
    talk.engine, talk.system = SimpleNamespace(tokenizer=ours), "Be brief."  # type: ignore[assignment]
    talk.messages = [dict(messages[1])]
    asked = talk._ids(0)
    text = encode_example(ours, conversation(messages))[0]
    assert text.ids[: len(asked)].tolist() == asked
    assert text.learned.argmax() == len(asked)


def test_a_base_model_without_a_template_gets_ours_spelled_out(tmp_path: Path) -> None:
    theirs = MAKE["gpt2"]()
    theirs.save_pretrained(tmp_path)
    tokenizer = Tokenizer.load(tmp_path)
    messages = CHATS["two turns"]
    (text,) = encode_example(tokenizer, conversation(messages))
    assert text.ids.tolist() == served(tokenizer, messages, ask=False)
    assert learned_texts(tokenizer, text) == ["the baker\n\nand a\n<|im_end|>", "the end<|im_end|>"]
    assert not text.endless


def test_a_template_without_an_end_is_counted(tmp_path: Path) -> None:
    theirs = MAKE["gpt2"]()
    theirs.chat_template = (
        "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
        "{% if add_generation_prompt %}assistant: {% endif %}"
    )
    theirs.save_pretrained(tmp_path)
    (text,) = encode_example(Tokenizer.load(tmp_path), conversation(CHATS["one turn"]))
    assert (text.turns, text.endless) == (1, 1)


def test_a_prompt_that_the_template_does_not_write_down_is_counted(tmp_path: Path) -> None:
    theirs = MAKE["gpt2"]()
    theirs.chat_template = (
        "{% for m in messages %}[{{ m.role }}]{{ m.content }}<|endoftext|>{% endfor %}"
        "{% if add_generation_prompt %}[assistant]<think>{% endif %}"
    )
    theirs.save_pretrained(tmp_path)
    tokenizer = Tokenizer.load(tmp_path)
    (text,) = encode_example(tokenizer, conversation(CHATS["one turn"]))
    assert (text.endless, text.departs) == (0, 1)
    assert learned_texts(tokenizer, text) == ["小镇。<|endoftext|>"]


def test_text_is_one_document_learned_from_its_first_token(ours: Tokenizer) -> None:
    (text,) = encode_example(ours, Plain(place="x", text="the town <|im_end|>"))
    assert text.ids[0] == text.ids[-1] == ours.end_of_text_id
    assert text.ids[1:-1].tolist() == ours.encode("the town <|im_end|>")
    assert text.learned.tolist() == [False] + [True] * (len(text.ids) - 1)


def test_a_completion_follows_the_prompt_as_serving_reads_it(ours: Tokenizer) -> None:
    (text,) = encode_example(ours, Completion(place="x", prompt="the town ", completion=" lay"))
    prompt = [*ours.start_ids, *ours.encode("the town ")]
    assert text.ids[: len(prompt)].tolist() == prompt
    assert learned_texts(ours, text) == [" lay<|endoftext|>"]


def test_of_a_pair_only_the_answers_are_learned(ours: Tokenizer) -> None:
    before = conversation(CHATS["two turns"]).messages[:3]
    answers = [({"role": "assistant", "content": text},) for text in ("the good", "the bad")]
    pair = Preference(place="x", messages=before, chosen=answers[0], rejected=answers[1])
    good, bad = encode_answer(ours, pair, pair.chosen), encode_answer(ours, pair, pair.rejected)
    assert learned_texts(ours, good) == ["the good<|im_end|>"]
    assert learned_texts(ours, bad) == ["the bad<|im_end|>"]
    prompt = encode_prompt(ours, Problem(place="x", messages=before))
    assert good.ids[: len(prompt)].tolist() == bad.ids[: len(prompt)].tolist() == prompt


def test_a_template_that_fails_names_the_place(families) -> None:
    _, tokenizer = families["zephyr"]
    broken = Tokenizer(tokenizer.json_bytes, config={"chat_template": "{{ raise_exception('no such role') }}"})
    with pytest.raises(InputError, match=r"x:1.*no such role") as caught:
        encode_example(broken, conversation(CHATS["one turn"]))
    assert isinstance(caught.value.__cause__, TokenizerError)


def test_ids_that_only_end_otherwise_are_joined_where_they_part(ours: Tokenizer) -> None:
    start = ours.special["<|im_start|>"]
    prompt = [start, *ours.encode("the t")]
    whole = [start, *ours.encode("the town in")]
    ids, begin, exact = joined(ours, prompt, whole)
    assert (ids[:begin], exact) == (prompt, True)
    assert ours.decode(ids) == "the town in"
    ids, begin, exact = joined(ours, [start, *ours.encode("xyz")], whole)
    assert (ids, begin, exact) == (whole, 1, False)
