"""Every step of every kind of model: equal to the model's own hooks, and explained by its operands."""

import dataclasses
import math
import random
from collections import Counter
from pathlib import Path

import pytest
import torch
from model_variants import VARIANTS, build, random_ids, relative_difference

import textmill
from textmill.errors import ModelError
from textmill.inspect.compute import by_token
from textmill.inspect.explain import explain
from textmill.inspect.recording import Recording
from textmill.inspect.sources import PLACES, source
from textmill.model.config import ModelConfig
from textmill.model.gpt import GPT
from textmill.model.trace import Trace

LENGTH = 12
TOLERANCE = 1e-5
FAMILIES = {
    "GPT-2": "classic",
    "Llama": "no qk-norm",
    "Qwen3": "grouped",
    "Gemma": "offset",
    "NeoX": "parallel",
    "OLMo 2": "joint qk-norm",
    "Mixtral": "experts",
}
every_family = pytest.mark.parametrize("name", FAMILIES.values(), ids=FAMILIES.keys())
every_variant = pytest.mark.parametrize("config", VARIANTS.values(), ids=VARIANTS.keys())


def recording_of(config: ModelConfig, tokenizer=None) -> Recording:
    return Recording(build(config), tokenizer, random_ids(config, 1, LENGTH)[0].tolist())


def hooked(model: GPT, ids: list[int]) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """Returns the last output of every module, and the logits."""
    seen: dict[str, torch.Tensor] = {}
    handles = [
        module.register_forward_hook(lambda _, __, out, name=name: seen.__setitem__(name, out.reshape(LENGTH, -1)))
        for name, module in model.named_modules()
        if name and ".experts" not in name and not isinstance(module, torch.nn.ModuleList)
    ]
    with torch.no_grad():
        logits = model(torch.tensor([ids]))[0]
    for handle in handles:
        handle.remove()
    return seen, logits


@every_family
def test_steps_equal_the_modules_outputs(name: str) -> None:
    recording = recording_of(VARIANTS[name])
    seen, logits = hooked(recording.model, recording.ids)
    made_by = Counter(step.module for step in recording.steps.values())
    # a norm that two parts share has been called for the other one last
    steps = [step for step in recording.steps.values() if step.module in seen and made_by[step.module] == 1]
    assert len(steps) >= 6 * recording.model.config.layers
    for step in steps:
        ours = by_token(recording.tensor(step.name))
        assert relative_difference(ours, seen[step.module]) < TOLERANCE, step.name
    assert relative_difference(recording.tensor("normed"), seen["norm"]) < TOLERANCE
    assert relative_difference(recording.tensor("logits"), logits) < TOLERANCE


@every_variant
def test_steps_equal_the_models_trace(config: ModelConfig) -> None:
    recording, trace = recording_of(config), Trace()
    with torch.no_grad():
        logits = recording.model(torch.tensor([recording.ids]), trace=trace)[0]
    assert relative_difference(recording.tensor("logits"), logits) < TOLERANCE
    for layer in range(config.layers):
        for kind in ("scores", "weights", "heads"):
            name = f"layer.{layer}.attention.{kind}"
            assert relative_difference(recording.tensor(name), trace.tensors[name][0]) < TOLERANCE
        # where a part's output is recorded, it is behind norms and scale: what is added to the stream
        added = recording.steps[f"layer.{layer}.residual"]
        if added.kind == "add":
            assert (
                relative_difference(recording.tensor(added.inputs[1]), trace.tensors[f"layer.{layer}.feed_forward"][0])
                < TOLERANCE
            )


@every_variant
def test_kept_steps_follow_from_their_inputs(config: ModelConfig) -> None:
    recording = recording_of(config)
    kept, recording._kept = recording._kept, {}
    for name, value in kept.items():
        assert relative_difference(recording.tensor(name), value) < TOLERANCE, name


@every_variant
def test_every_number_follows_from_its_operands(config: ModelConfig) -> None:
    recording, draw = recording_of(config), random.Random(7)
    for name in recording.steps:
        shape = recording.shape(name)
        for index in [tuple(draw.randrange(size) for size in shape) for _ in range(3)]:
            number = explain(recording, name, index)
            if math.isinf(number.value):
                assert number.made == number.value, name
            else:
                assert number.made == pytest.approx(number.value, rel=1e-4, abs=1e-5), (name, index)
            assert number.filled and number.formula and number.source.code
            for operand in number.operands:
                if operand.kind == "step":
                    place = tuple(0 if at is None else at for at in operand.index)
                    assert operand.values[0] == pytest.approx(recording.value(operand.name, place), abs=1e-5)
                    assert len(operand.index) == len(operand.shape) == len(recording.shape(operand.name))


def test_every_way_leads_back_to_the_token() -> None:
    recording = recording_of(VARIANTS["modern"])
    reached, wanted = set(), ["probabilities"]
    while wanted:
        name = wanted.pop()
        if name not in reached:
            reached.add(name)
            wanted += recording.steps[name].inputs
    assert reached == set(recording.steps)


@pytest.mark.parametrize("key", PLACES)
def test_source_lines_are_there_once(key: str) -> None:
    found = source(key)
    file = Path(textmill.__file__).parent / PLACES[key][0]
    assert file.read_text(encoding="utf-8").count(PLACES[key][1]) == 1
    assert PLACES[key][1] in found.code


def test_what_is_not_there_is_refused() -> None:
    recording = recording_of(VARIANTS["modern"])
    with pytest.raises(ModelError, match="no step"):
        recording.tensor("layer.9.attention.q")
    for index in ((99, 0), (-1, 0), (0, 0, 0)):
        with pytest.raises(ModelError, match="outside"):
            explain(recording, "embedding", index)


def test_a_long_text_keeps_no_squares() -> None:
    config = dataclasses.replace(VARIANTS["grouped"], context=1024)
    recording = Recording(build(config), None, random_ids(config, 1, 1024)[0].tolist())
    for head in range(config.heads):
        assert recording.part("layer.1.attention.weights", head).sum(dim=-1).allclose(torch.ones(1024))
    held = sum(value.numel() for value in recording._kept.values())
    assert held < 40 * 1024 * config.width
    assert len(recording._remembered) <= 24
