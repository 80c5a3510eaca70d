"""Beam search: what an exhaustive search and transformers find, with shared pages."""

import itertools
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hash_runner import HashRunner

from textmill.errors import UsageError
from textmill.infer.constraints import LARK, compile_grammar
from textmill.infer.engine.engine import Engine
from textmill.infer.engine.request import Request
from textmill.infer.engine.torch_runner import TorchRunner
from textmill.infer.events import Collector, Event, Generation, Output
from textmill.infer.sampling import SamplingSettings
from textmill.model.gpt import GPT
from textmill.model.hub import save_model
from textmill.tokenizer.tokenizer import Tokenizer

SETTINGS = SamplingSettings(max_tokens=3, seed=0, n=4, ignore_end=True)


def search(engine: Engine, *requests: Request) -> list[list[Generation]]:
    collectors = [Collector(seed=0) for _ in requests]

    def teller(collector: Collector) -> Callable[[Output], None]:
        def tell(output: Output) -> None:
            assert isinstance(output, Event), output
            collector.add(output)

        return tell

    for request, collector in zip(requests, collectors, strict=True):
        engine.add(request, teller(collector))
    while engine.step():
        pass
    assert engine.idle
    assert engine.scheduler.pool.held == 0
    return [collector.generations() for collector in collectors]


@pytest.mark.parametrize("invariant", [True, False])
@pytest.mark.parametrize("pages", [9, 12, 200])
def test_many_beams_find_what_there_is(invariant: bool, pages: int, byte_tokenizer: Tokenizer) -> None:
    """With a beam for every pair of the allowed tokens, the best texts of three tokens are all found."""
    few = tuple((id, -1e9) for id in range(276) if id not in (5, 6, 7))
    runner = HashRunner(page_count=pages, page_size=2, invariant=invariant)
    request = Request(ids=(1, 2, 3), settings=replace(SETTINGS, logit_bias=few), beams=9)
    (found,) = search(Engine(runner, byte_tokenizer), request)
    alone = HashRunner(page_count=60, page_size=2, invariant=invariant)
    sums: dict[tuple[int, ...], float] = {}
    for ids in itertools.product((5, 6, 7), repeat=3):
        total = 0.0
        for length in range(3):
            scores = _scores(alone, (1, 2, 3), ids[:length])
            for id, bias in few:
                scores[id] += bias
            total += float(scores.log_softmax(0)[ids[length]])
        sums[ids] = total
    best = sorted(sums, key=lambda ids: sums[ids], reverse=True)[:4]
    assert [sample.ids for sample in found] == best
    assert [sample.log_probability for sample in found] == pytest.approx([sums[ids] for ids in best], abs=1e-4)


def _scores(runner: HashRunner, prompt: tuple[int, ...], written: tuple[int, ...]) -> torch.Tensor:
    """What the runner says after a prompt that was read in whole pages and a text written token by token."""
    from textmill.infer.engine.runner import Part

    ids, size, pages = (*prompt, *written), runner.page_size, tuple(range(20))
    cuts = [*range(0, len(prompt), size), *range(len(prompt), len(ids) + 1)]
    rows = torch.empty(0)
    for start, end in itertools.pairwise(sorted(set(cuts))):
        rows = runner.forward([Part(ids=ids[start:end], past=start, pages=pages, wanted=[end - start - 1])])
    return rows[0].clone()


@pytest.mark.parametrize("length_penalty", [0.0, 1.0, 2.0])
def test_as_transformers(
    length_penalty: float,
    make_model: Callable[..., GPT],
    byte_tokenizer: Tokenizer,
    tokenizer_folder: Path,
    tmp_path: Path,
) -> None:
    transformers = pytest.importorskip("transformers")
    model = make_model(context=128)
    save_model(model, tmp_path / "model", tokenizer_folder=tokenizer_folder)
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "model", dtype=torch.float32)
    prompt = byte_tokenizer.encode("the cat")
    end = byte_tokenizer.end_of_text_id
    for beams in (2, 5):
        out = theirs.generate(
            torch.tensor([prompt]),
            attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
            num_beams=beams,
            num_return_sequences=beams,
            length_penalty=length_penalty,
            max_new_tokens=20,
            do_sample=False,
            early_stopping=False,
            eos_token_id=[end, byte_tokenizer.special["<|im_end|>"]],
            pad_token_id=end,
        )
        expected = [_until_end(row[len(prompt) :].tolist(), end) for row in out]
        settings = SamplingSettings(max_tokens=20, n=beams, seed=0)
        request = Request(ids=tuple(prompt), settings=settings, beams=beams, length_penalty=length_penalty)
        (found,) = search(Engine(TorchRunner(model, page_count=40, page_size=4), byte_tokenizer), request)
        assert [_until_end(list(sample.ids), end) for sample in found] == expected


def _until_end(ids: list[int], end: int) -> list[int]:
    return ids[: ids.index(end)] if end in ids else ids


def test_beams_beside_others_and_stop_strings(model: GPT, byte_tokenizer: Tokenizer) -> None:
    beams = Request(ids=(1, 2, 3), settings=replace(SETTINGS, max_tokens=12), beams=4)
    others = [Request(ids=(1, 2, number), settings=replace(SETTINGS, n=1, max_tokens=9)) for number in range(6)]
    (alone,) = search(Engine(TorchRunner(model, page_count=60, page_size=4), byte_tokenizer), beams)
    together = search(Engine(TorchRunner(model, page_count=60, page_size=4), byte_tokenizer), *others, beams, *others)
    assert together[6] == alone
    assert together[:6] == together[7:]
    text = alone[0].text
    stop = text[len(text) // 2 :][:1]
    settings = replace(SETTINGS, max_tokens=12, stop=(stop,))
    (stopped,) = search(
        Engine(TorchRunner(model, page_count=60, page_size=4), byte_tokenizer), replace(beams, settings=settings)
    )
    assert all(stop not in sample.text for sample in stopped)
    assert any(sample.finish_reason == "stop" for sample in stopped)


def test_what_beams_cannot_do_is_refused(model: GPT, byte_tokenizer: Tokenizer) -> None:
    engine = Engine(TorchRunner(model, page_count=60, page_size=4), byte_tokenizer)
    with pytest.raises(UsageError):
        engine.add(Request(ids=(1,), settings=replace(SETTINGS, n=5), beams=4), lambda _: None)


def test_beams_within_a_grammar(model: GPT, byte_tokenizer: Tokenizer) -> None:
    pytest.importorskip("llguidance")
    source = 'start: (A | B) C\nA: "cat"\nB: "dog"\nC: /[a-c]{3}/'
    grammar = compile_grammar(byte_tokenizer, LARK, source)
    request = Request(
        ids=tuple(byte_tokenizer.encode("the")),
        settings=replace(SETTINGS, n=3, max_tokens=20, ignore_end=False),
        beams=6,
        grammar=grammar,
    )
    (found,) = search(Engine(TorchRunner(model, page_count=60, page_size=4), byte_tokenizer), request)
    texts = [sample.text for sample in found]
    assert len(set(texts)) > 1  # two tokens end a text, so one may come twice
    assert all(re.fullmatch("(cat|dog)[a-c]{3}", text) for text in texts)
    scores = [sample.log_probability for sample in found]
    assert scores == sorted(scores, reverse=True)
