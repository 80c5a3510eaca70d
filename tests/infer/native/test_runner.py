"""The compiled runner beside the module: every option, every precision; and bits that depend on a row alone."""

import dataclasses
from pathlib import Path

import pytest
import torch
from model_variants import VARIANTS
from native_models import HERE, in_chunks, native, needs_compiler, pages_for, random_ids, random_model
from peer_models import MODELS, make
from torch import Tensor

from textmill.infer.engine.runner import Part, Runner
from textmill.infer.native.covers import uncovered
from textmill.infer.native.quantize import quantize_weight
from textmill.kernels.build import Unavailable
from textmill.model.config import RopeScaling, classic, modern
from textmill.model.gpt import GPT
from textmill.model.hub import load_model

pytestmark = needs_compiler
WEIGHTS = ["fp32", "bf16", "int8", "int4"]
ODD = modern(vocabulary_size=131, context=256, layers=2, width=72, heads=6, kv_heads=2)


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.no_grad():
        yield


def distance(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).abs().max() / expected.abs().max())


@pytest.mark.parametrize("name", [name for name, config in VARIANTS.items() if not uncovered(config)])
def test_every_option_computes_what_the_module_does(name: str) -> None:
    model = random_model(VARIANTS[name])
    ids = random_ids(model.config, model.config.context)
    expected = model(torch.tensor([ids]))[0]
    for units in HERE if name in ("modern", "classic", "sinks alibi", "soft-caps") else HERE[:1]:
        assert distance(in_chunks(native(model, units=units), ids, 5, pages_for(len(ids))), expected) < 1e-5


@pytest.mark.parametrize("name", MODELS)
def test_every_family_computes_what_the_module_does(name: str, tmp_path: Path) -> None:
    make(name).save_pretrained(tmp_path)
    model = load_model(tmp_path)
    if uncovered(model.config):
        with pytest.raises(Unavailable):
            native(model)
        assert name in ("mixtral", "qwen3_moe", "qwen3_moe plain", "phi3 longrope")
        return
    ids = random_ids(model.config, 60)
    expected = model(torch.tensor([ids]))[0]
    assert distance(in_chunks(native(model), ids, 23, pages_for(60)), expected) < 1e-5


def with_values(model: GPT, weights: str) -> GPT:
    """The model with what its quantised matrices stand for; the last one is int8 always."""
    copy = random_model(model.config)
    copy.load_state_dict(model.state_dict())
    for name, module in copy.named_modules():
        if isinstance(module, torch.nn.Linear):
            kind = "int8" if name == "output" else weights
            module.weight.copy_(quantize_weight(module.weight, kind).values()[:, : module.weight.shape[1]])
    return copy


@pytest.mark.parametrize("preset", [modern, classic])
@pytest.mark.parametrize(("weights", "bound"), [("bf16", 0.02), ("int8", 0.05), ("int4", 0.05)])
def test_narrow_weights_stay_near_the_module_with_their_values(preset, weights: str, bound: float) -> None:
    model = random_model(preset(vocabulary_size=131, context=256, layers=3, width=192, heads=3, tied=False))
    ids = random_ids(model.config, 90)
    expected = (model if weights == "bf16" else with_values(model, weights))(torch.tensor([ids]))[0]
    found = in_chunks(native(model, weights), ids, 90, pages_for(90))
    assert 1e-4 < float((found - expected).norm() / expected.norm()) < bound


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("config", [ODD, dataclasses.replace(ODD, windows=(40, 0), attention_sinks=True)])
def test_a_row_has_the_same_bits_in_every_step(config, weights: str) -> None:
    model = random_model(config)
    ids = random_ids(config, 150)
    whole = in_chunks(native(model, weights), ids, 150, pages_for(150))
    for threads in (1, 2, 3):
        runner = native(model, weights, threads=threads)
        for size in (1, 7, 64, 150):
            assert torch.equal(in_chunks(runner, ids, size, pages_for(150, 9)), whole), (threads, size)


@pytest.mark.parametrize("weights", WEIGHTS)
def test_a_text_has_the_same_bits_among_others(weights: str) -> None:
    model = random_model(ODD)
    runner = native(model, weights, page_count=64)
    texts = [random_ids(ODD, 20 + 5 * index, seed=index) for index in range(16)]
    pages = [[4 * index + page for page in (2, 0, 3, 1)] for index in range(16)]
    alone = [in_chunks(runner, text, len(text), table) for text, table in zip(texts, pages, strict=True)]
    done = [0] * 16
    rows: list[list[Tensor]] = [[] for _ in texts]
    for turn in range(100):  # each text at its own pace: chunks of prompts beside single tokens
        sizes = [min(1 + (turn * (index + 3)) % 9, len(text) - done[index]) for index, text in enumerate(texts)]
        live = [index for index, size in enumerate(sizes) if size]
        if not live:
            break
        parts = [
            Part(ids=texts[i][done[i] : done[i] + sizes[i]], past=done[i], pages=pages[i], wanted=range(sizes[i]))
            for i in live
        ]
        found = runner.forward(parts).split([sizes[i] for i in live])
        for index, some in zip(live, found, strict=True):
            rows[index].append(some)
            done[index] += sizes[index]
    for index in range(16):
        assert torch.equal(torch.cat(rows[index]), alone[index]), index


def test_only_wanted_rows_come_in_order_also_past_the_most_rows_of_a_step() -> None:
    config = dataclasses.replace(ODD, context=1024)
    model, runner = random_model(config), None
    runner = native(model, page_count=80)
    first, second = random_ids(config, 700), random_ids(config, 40, seed=1)
    tables = pages_for(700), pages_for(40, 30)
    parts = [
        Part(ids=first, past=0, pages=tables[0], wanted=[3, 511, 512, 699]),
        Part(ids=second, past=0, pages=tables[1], wanted=[39]),
    ]
    found = runner.forward(parts)
    expected = torch.cat((model(torch.tensor([first]))[0][[3, 511, 512, 699]], model(torch.tensor([second]))[0][-1:]))
    assert distance(found, expected) < 1e-5
    assert distance(runner.hidden(parts)[-1], model.hidden(torch.tensor([second]))[0, -1]) < 1e-5
    assert runner.forward([dataclasses.replace(parts[1], wanted=[])]).shape == (0, config.vocabulary_size)


def test_a_fork_goes_on_from_a_copied_page() -> None:
    runner = native(random_model(ODD), "int8")
    ids = random_ids(ODD, 50)
    whole = in_chunks(runner, ids, 50, [0, 1])
    runner.forward([Part(ids=ids[:40], past=0, pages=[2, 3], wanted=[])])
    runner.copy_page(3, 7)
    runner.forward([Part(ids=[1, 2, 3], past=40, pages=[2, 3], wanted=[2])])
    assert torch.equal(runner.forward([Part(ids=ids[40:], past=40, pages=[2, 7], wanted=range(10))]), whole[40:])


def test_what_lay_in_a_page_before_does_not_matter() -> None:
    runner = native(random_model(ODD), "bf16")
    ids = random_ids(ODD, 40)
    clean = in_chunks(runner, ids, 40, [0, 1])
    runner.store.fill_(float("nan"))
    assert torch.equal(in_chunks(runner, ids, 3, [0, 1]), clean)


def test_it_is_a_runner_that_says_what_it_is() -> None:
    runner = native(random_model(ODD), "int8")
    assert isinstance(runner, Runner)
    assert runner.path.startswith("int8 (")
    assert runner.path.endswith("cache bf16")
    assert runner.weight_bytes > 0


def test_what_is_not_covered_is_refused_with_its_reason() -> None:
    long = RopeScaling(kind="dynamic", factor=2.0, original_context=64)
    for changed in ({"experts": 4}, {"head_width": 320}, {"rope_scaling": long}):
        with pytest.raises(Unavailable) as caught:
            native(random_model(dataclasses.replace(ODD, **changed)))
        assert caught.value.reason.key.startswith("inference_")
