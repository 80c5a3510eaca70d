"""Which runner answers: by device, model, weights and what is compiled; all write the same text for a seed."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from textmill.errors import ModelError
from textmill.infer.engine import build
from textmill.infer.engine.build import EngineSettings, build_engine, build_runner, quick_engine
from textmill.infer.engine.engine import Engine
from textmill.infer.engine.request import Request
from textmill.infer.engine.torch_runner import TorchRunner
from textmill.infer.events import Event, Output
from textmill.infer.generate import generate
from textmill.infer.native.runner import NativeRunner
from textmill.infer.resolve import LoadedModel
from textmill.infer.sampling import SamplingSettings
from textmill.kernels.build import can_build_inference
from textmill.model.gpt import GPT
from textmill.tokenizer.tokenizer import Tokenizer

SMALL = EngineSettings(cache_tokens=256, threads=1)
needs_compiler = pytest.mark.skipif(not can_build_inference()[0], reason=str(can_build_inference()[1]))


def loaded(model: GPT, tokenizer: Tokenizer) -> LoadedModel:
    return LoadedModel(model=model, tokenizer=tokenizer, name="tiny", folder=Path("."), step=None)


def write(engine: Engine, settings: SamplingSettings, prompt: list[int]) -> list[int]:
    told: list[Output] = []
    engine.add(Request(ids=tuple(prompt), settings=settings), told.append)
    while engine.step():
        pass
    return [output.id for output in told if isinstance(output, Event)]


@needs_compiler
@pytest.mark.parametrize("preset", ["modern", "classic"])
def test_the_compiled_runner_writes_what_torch_writes(
    preset: str, make_model: Callable[..., GPT], byte_tokenizer: Tokenizer
) -> None:
    model = make_model(preset)
    engine = build_engine(loaded(model, byte_tokenizer), replace(SMALL, weights="fp32"))
    assert isinstance(engine.runner, NativeRunner)
    settings = SamplingSettings(temperature=0.7, max_tokens=40, seed=3, top_p=1.0, ignore_end=True)
    prompt = byte_tokenizer.encode("the cat sat 猫")
    expected = generate(model, byte_tokenizer, prompt, settings)[0].ids
    assert write(engine, settings, prompt) == list(expected)


@needs_compiler
@pytest.mark.parametrize("weights", ["fp32", "bf16", "int8", "int4"])
def test_weights_name_the_path_and_stay_alone_or_together(weights: str, model: GPT, byte_tokenizer: Tokenizer) -> None:
    engine = build_engine(loaded(model, byte_tokenizer), replace(SMALL, weights=weights))
    assert engine.runner.path.startswith(weights)
    settings = SamplingSettings(temperature=1.0, max_tokens=20, seed=5, ignore_end=True)
    alone = [write(engine, settings, [1, 2, number]) for number in range(6)]
    told: list[list[Output]] = [[] for _ in range(6)]
    for number, outputs in enumerate(told):
        engine.add(Request(ids=(1, 2, number), settings=settings), outputs.append)
    while engine.step():
        pass
    assert [[event.id for event in outputs if isinstance(event, Event)] for outputs in told] == alone


def test_auto_follows_what_is_stored_and_what_is_there(
    model: GPT, monkeypatch: pytest.MonkeyPatch, make_model: Callable[..., GPT]
) -> None:
    if can_build_inference()[0]:
        assert build_runner(model, SMALL).path.startswith("fp32 (")
        assert build_runner(make_model().bfloat16(), SMALL).path.startswith("bf16 (")
    monkeypatch.setattr(build, "can_build_inference", lambda: (False, "no compiler"))
    runner = build_runner(make_model().bfloat16(), SMALL)
    assert isinstance(runner, TorchRunner)
    assert runner.path == "bf16 (torch on cpu)"
    assert build_runner(make_model(), replace(SMALL, weights="bf16")).path == "bf16 (torch on cpu)"
    with pytest.raises(ModelError) as caught:
        build_runner(make_model(), replace(SMALL, weights="int8"))
    assert caught.value.key == "infer.no_quantised"
    assert "no compiler" in str(caught.value)


@needs_compiler
def test_torch_answers_until_the_compiled_runner_is_there(
    model: GPT, byte_tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "inference_is_compiled", lambda: False)
    engine, better = quick_engine(loaded(model, byte_tokenizer), SMALL)
    assert isinstance(engine.runner, TorchRunner)
    assert better is not None
    assert isinstance(better().runner, NativeRunner)
    monkeypatch.setattr(build, "inference_is_compiled", lambda: True)
    engine, better = quick_engine(loaded(model, byte_tokenizer), SMALL)
    assert isinstance(engine.runner, NativeRunner)
    assert better is None


def test_the_cache_has_room_for_a_whole_context(model: GPT) -> None:
    runner = build_runner(model, replace(SMALL, cache_tokens=0))
    assert runner.page_count * runner.page_size >= model.config.context
    assert torch.get_default_dtype() == torch.float32
