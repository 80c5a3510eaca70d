"""Writing: seeds, whole characters, stop strings, ends, long prompts, sliding."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from textmill.errors import ModelError
from textmill.infer.context import kept_prompt
from textmill.infer.events import Event, Generation
from textmill.infer.generate import generate, stream
from textmill.infer.prompts import end_ids, prompt_ids
from textmill.infer.sampling import SamplingSettings
from textmill.model.gpt import GPT
from textmill.tokenizer.tokenizer import Tokenizer

GREEDY = SamplingSettings(temperature=0, max_tokens=100)
RANDOM = SamplingSettings(temperature=1.5, top_p=1.0, max_tokens=24, seed=11)


def text_of(model: GPT, tokenizer: Tokenizer, settings: SamplingSettings, prompt: str = "") -> Generation:
    return generate(model, tokenizer, prompt, settings)[0]


def test_a_seed_gives_the_same_samples_whatever_n(model: GPT, byte_tokenizer: Tokenizer) -> None:
    four = generate(model, byte_tokenizer, "the cat", replace(RANDOM, n=4))
    assert len({sample.ids for sample in four}) == 4
    assert [sample.seed for sample in four] == [11, 12, 13, 14]
    for sample in four:
        alone = text_of(model, byte_tokenizer, replace(RANDOM, seed=sample.seed), "the cat")
        assert (alone.ids, alone.text, alone.log_probability) == (sample.ids, sample.text, sample.log_probability)
    assert generate(model, byte_tokenizer, "the cat", replace(RANDOM, n=4)) == four


def test_a_random_seed_is_told_and_gives_the_text_again(model: GPT, byte_tokenizer: Tokenizer) -> None:
    first = text_of(model, byte_tokenizer, replace(RANDOM, seed=-1))
    assert first.seed >= 0
    assert text_of(model, byte_tokenizer, replace(RANDOM, seed=first.seed)) == first


def test_the_cache_gives_what_a_full_pass_gives(model: GPT, byte_tokenizer: Tokenizer) -> None:
    ids = prompt_ids(byte_tokenizer, "the dog 狗")
    sample = text_of(model, byte_tokenizer, replace(GREEDY, max_tokens=20), "the dog 狗")
    known, total = byte_tokenizer.vocabulary_size, 0.0
    for id in sample.ids:
        with torch.inference_mode():
            scores = model(torch.tensor([ids]))[0, -1, :known]
        assert int(scores.argmax()) == id
        total += float(scores.log_softmax(0)[id])
        ids.append(id)
    assert sample.log_probability == pytest.approx(total, abs=1e-4)


def test_a_prompt_stands_behind_the_documents_beginning(byte_tokenizer: Tokenizer) -> None:
    end = byte_tokenizer.end_of_text_id
    assert prompt_ids(byte_tokenizer, "") == [end]
    assert prompt_ids(byte_tokenizer, "ab") == [end, *byte_tokenizer.encode("ab")]
    assert prompt_ids(byte_tokenizer, [5, 6]) == [5, 6]
    assert prompt_ids(byte_tokenizer, []) == [end]
    assert end not in prompt_ids(byte_tokenizer, "<|endoftext|>")[1:], "a text that spells a special token is text"
    plain = Tokenizer(byte_tokenizer.json_bytes, config=dict(byte_tokenizer.config) | {"add_bos_token": False})
    assert prompt_ids(plain, "ab") == plain.encode("ab"), "as Qwen has it"
    assert prompt_ids(plain, "") == [end]


@pytest.mark.parametrize("text", ["一只猫坐在垫子上。", "a😀b👩‍👩‍👧‍👦c", "é\u0301 ñ ﷽", "plain"])
def test_never_half_a_character(text: str, scripted: Callable[..., GPT], byte_tokenizer: Tokenizer) -> None:
    model = scripted(text)
    count = len(text.encode())
    pieces = [event.text for event in stream(model, byte_tokenizer, "", replace(GREEDY, max_tokens=count))]
    assert "".join(pieces) == text
    assert len(pieces) == count
    assert "\ufffd" not in "".join(pieces)
    for cut in range(1, count):
        got = text_of(model, byte_tokenizer, replace(GREEDY, max_tokens=cut)).text
        assert text.startswith(got), "a character that max_tokens cut is left out whole"
        assert got == text.encode()[:cut].decode(errors="ignore")


def test_bytes_that_are_no_text_do_not_stop_the_stream(scripted: Callable[..., GPT], byte_tokenizer: Tokenizer) -> None:
    model = scripted(b"a\xff\xe4\xb8b\xe7\x8c\xab")
    assert text_of(model, byte_tokenizer, replace(GREEDY, max_tokens=8)).text == "a\ufffd\ufffdb猫"


@pytest.mark.parametrize("stop", ["垫子", "上。", "猫坐在垫子上"])
def test_stop_strings_across_tokens(stop: str, scripted: Callable[..., GPT], byte_tokenizer: Tokenizer) -> None:
    text = "一只猫坐在垫子上。它睡着了。"
    heard: list[str] = []
    settings = replace(GREEDY, stop=(stop, "never"))
    sample = generate(scripted(text), byte_tokenizer, "", settings, on_text=lambda _, piece: heard.append(piece))[0]
    before, _, _ = text.partition(stop)
    assert (sample.text, sample.finish_reason) == (before, "stop")
    assert "".join(heard) == before
    assert byte_tokenizer.decode(sample.ids) == before + stop


def test_held_back_text_comes_when_no_stop_string_does(scripted: Callable[..., GPT], byte_tokenizer: Tokenizer) -> None:
    end = byte_tokenizer.end_of_text_id
    model = scripted([*byte_tokenizer.encode("the en"), end])
    sample = text_of(model, byte_tokenizer, replace(GREEDY, stop=("end",)))
    assert (sample.text, sample.finish_reason, sample.ids[-1]) == ("the en", "end", end)
    sample = text_of(model, byte_tokenizer, replace(GREEDY, stop=("end",), max_tokens=6))
    assert (sample.text, sample.finish_reason) == ("the en", "length")


@pytest.mark.parametrize("name", ["<|endoftext|>", "<|im_end|>"])
def test_document_and_turn_end_a_sample(name: str, scripted: Callable[..., GPT], byte_tokenizer: Tokenizer) -> None:
    assert byte_tokenizer.special[name] in end_ids(byte_tokenizer)
    model = scripted([*byte_tokenizer.encode("ab"), byte_tokenizer.special[name], *byte_tokenizer.encode("no")])
    sample = text_of(model, byte_tokenizer, GREEDY)
    assert (sample.text, sample.finish_reason, len(sample.ids)) == ("ab", "end", 3)


def test_events_of_a_stream(scripted: Callable[..., GPT], byte_tokenizer: Tokenizer) -> None:
    events = list(stream(scripted("猫a"), byte_tokenizer, "x", replace(GREEDY, max_tokens=4, n=2)))
    assert [event.sample for event in events] == [0, 0, 0, 0, 1, 1, 1, 1]
    assert [event.text for event in events[:4]] == ["", "", "猫", "a"]
    assert [event.finish_reason for event in events[:4]] == ["", "", "", "length"]
    assert all(event.log_probability == pytest.approx(0, abs=1e-6) for event in events)


def test_repetition_penalty_sees_prompt_and_text(byte_tokenizer: Tokenizer, model: GPT) -> None:
    plain = text_of(model, byte_tokenizer, replace(GREEDY, max_tokens=30), "aa")
    penalized = text_of(model, byte_tokenizer, replace(GREEDY, max_tokens=30, repetition_penalty=100.0), "aa")
    assert len(set(penalized.ids)) > len(set(plain.ids))
    assert penalized.ids[0] not in prompt_ids(byte_tokenizer, "aa")


def test_ids_that_only_the_model_has_are_never_drawn(make_model: Callable[..., GPT], byte_tokenizer: Tokenizer) -> None:
    padded = make_model(vocabulary_size=byte_tokenizer.vocabulary_size + 2000)
    sample = text_of(padded, byte_tokenizer, replace(RANDOM, temperature=50.0, max_tokens=60))
    assert max(sample.ids) < byte_tokenizer.vocabulary_size


@pytest.mark.parametrize(
    ("length", "max_tokens", "kept"), [(64, 9, 64), (65, 9, 55), (65, 20, 44), (65, 500, 32), (10_000, 1, 63)]
)
def test_how_much_of_a_long_prompt_is_kept(length: int, max_tokens: int, kept: int) -> None:
    assert kept_prompt(length, 64, max_tokens) == kept


@pytest.mark.parametrize("preset", ["modern", "classic"])
@pytest.mark.parametrize("length", [62, 63, 64, 65, 500])
def test_a_long_prompt_is_cut_from_the_left_with_a_note(
    preset: str, length: int, make_model: Callable[..., GPT], byte_tokenizer: Tokenizer
) -> None:
    model, notes = make_model(preset), []
    prompt = "abcdefg " * 70
    settings = replace(GREEDY, max_tokens=10)
    long = generate(model, byte_tokenizer, prompt[: length - 1], settings, on_note=notes.append)[0]
    assert len(long.ids) == 10 or long.finish_reason == "end"
    assert [("its last 54 tokens" in note) for note in notes if "prompt has" in note] == [True] * (length > 64)
    if length > 64:
        short = generate(model, byte_tokenizer, prompt_ids(byte_tokenizer, prompt[: length - 1])[-54:], settings)[0]
        assert long.ids == short.ids


@pytest.mark.parametrize("preset", ["modern", "classic"])
@pytest.mark.parametrize("context", [1, 2, 7, 64])
def test_past_the_context_the_window_slides_and_it_is_told_once(
    preset: str, context: int, make_model: Callable[..., GPT], byte_tokenizer: Tokenizer
) -> None:
    model, notes = make_model(preset, context=context), []
    settings = replace(RANDOM, max_tokens=200, n=2)
    samples = generate(model, byte_tokenizer, "", settings, on_note=notes.append)
    assert [len(sample.ids) for sample in samples] == [200, 200] or any(s.finish_reason == "end" for s in samples)
    assert len([note for note in notes if "outgrown" in note]) == 1
    ended = text_of(model, byte_tokenizer, replace(settings, slide=False))
    assert ended.finish_reason in ("context", "end")
    assert ended.ids == samples[0].ids[: len(ended.ids)]
    assert len(ended.ids) == context or ended.finish_reason == "end"


def test_sliding_reads_the_last_half_again(model: GPT, byte_tokenizer: Tokenizer) -> None:
    written = text_of(model, byte_tokenizer, replace(GREEDY, max_tokens=70, ignore_end=True), "").ids
    view = [*prompt_ids(byte_tokenizer, ""), *written]
    window = view[33:65]  # of 65 tokens the last 32, where the context is 64
    with torch.inference_mode():
        scores = model(torch.tensor([window]))[0, -1, : byte_tokenizer.vocabulary_size]
    expected = scores.clone()
    expected[list(end_ids(byte_tokenizer))] = -torch.inf
    assert view[65] == int(expected.argmax())


def test_a_broken_off_stream_leaves_the_model_as_it_was(model: GPT, byte_tokenizer: Tokenizer) -> None:
    model.train()
    events = stream(model, byte_tokenizer, "", RANDOM)
    assert isinstance(next(events), Event)
    assert not torch.is_inference_mode_enabled()
    events.close()
    assert model.training

    def stop(sample: int, text: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(model, byte_tokenizer, "", RANDOM, on_text=stop)


def test_training_goes_on_after_writing(model: GPT, byte_tokenizer: Tokenizer) -> None:
    model.train()
    generate(model, byte_tokenizer, "a", RANDOM)
    model(torch.tensor([[1, 2, 3]])).sum().backward()
    assert model.token_embedding.weight.grad is not None


def test_random_numbers_of_others_are_left_alone(model: GPT, byte_tokenizer: Tokenizer) -> None:
    before = torch.get_rng_state()
    generate(model, byte_tokenizer, "a", RANDOM)
    assert torch.equal(torch.get_rng_state(), before)


def test_foreign_ids_and_broken_weights_are_errors(model: GPT, byte_tokenizer: Tokenizer) -> None:
    with pytest.raises(ModelError) as caught:
        generate(model, byte_tokenizer, [model.config.vocabulary_size], GREEDY)
    assert caught.value.key == "infer.foreign_ids"
    with torch.no_grad():
        model.output.weight[3] = math.nan
    with pytest.raises(ModelError) as caught:
        generate(model, byte_tokenizer, "a", GREEDY)
    assert caught.value.key == "infer.not_finite"


def test_bfloat16_weights(model: GPT, byte_tokenizer: Tokenizer) -> None:
    four = generate(model.bfloat16(), byte_tokenizer, "the", replace(RANDOM, n=4))
    assert text_of(model, byte_tokenizer, RANDOM, "the").ids == four[0].ids
