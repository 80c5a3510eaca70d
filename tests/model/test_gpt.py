"""What must hold for every option: causality, and cache, packing, padding and tracing that change no logit."""

import dataclasses

import pytest
import torch
from model_variants import CLASSIC, MODERN, VARIANTS, build, random_ids, relative_difference

from textmill.model.cache import Cache
from textmill.model.config import ModelConfig, RopeScaling, classic, modern
from textmill.model.gpt import GPT
from textmill.model.positions import sinusoidal_table
from textmill.model.trace import Trace

TOLERANCE = 1e-5
every_variant = pytest.mark.parametrize("config", VARIANTS.values(), ids=VARIANTS.keys())


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.no_grad():
        yield


@every_variant
def test_no_logit_depends_on_a_later_token(config: ModelConfig) -> None:
    model, ids = build(config), random_ids(config, 2, 24)
    before = model(ids)
    for place in (1, 7, 23):
        changed = ids.clone()
        changed[:, place] = (changed[:, place] + 1) % config.vocabulary_size
        after = model(changed)
        assert relative_difference(after[:, :place], before[:, :place]) < TOLERANCE
        assert relative_difference(after[:, place], before[:, place]) > 1e-3


@every_variant
@pytest.mark.parametrize("chunks", [(24,), (1,) * 24, (9, 1, 1, 6, 7), (1, 23)], ids=str)
def test_cache_equals_full_forward(config: ModelConfig, chunks: tuple[int, ...]) -> None:
    model, ids = build(config), random_ids(config, 2, 24)
    cache = Cache(config, batch=2, capacity=24, dtype=torch.float32)
    parts = [model(part, cache=cache) for part in ids.split(chunks, dim=1)]
    assert cache.length == 24
    assert relative_difference(torch.cat(parts, dim=1), model(ids)) < TOLERANCE


@every_variant
def test_packed_documents_equal_the_documents_alone(config: ModelConfig) -> None:
    model, lengths = build(config), (9, 1, 14)
    documents = [random_ids(config, 1, length, seed=length) for length in lengths]
    packed = torch.cat(documents, dim=1)
    index = torch.repeat_interleave(torch.arange(3), torch.tensor(lengths))[None]
    together = model(packed, documents_BT=index).split(lengths, dim=1)
    for document, logits in zip(documents, together, strict=True):
        assert relative_difference(logits, model(document)) < TOLERANCE


@every_variant
def test_left_padding_changes_nothing(config: ModelConfig) -> None:
    model, lengths = build(config), (24, 13, 1)
    rows = [random_ids(config, 1, length, seed=length) for length in lengths]
    ids, real = torch.zeros(3, 24, dtype=torch.long), torch.zeros(3, 24, dtype=torch.bool)
    for row, (document, length) in enumerate(zip(rows, lengths, strict=True)):
        ids[row, 24 - length :], real[row, 24 - length :] = document[0], True
    padded = model(ids, padding_BS=real)
    assert bool(torch.isfinite(padded).all())
    for row, (document, length) in enumerate(zip(rows, lengths, strict=True)):
        assert relative_difference(padded[row : row + 1, 24 - length :], model(document)) < TOLERANCE


@every_variant
def test_padded_rows_go_on_through_the_cache(config: ModelConfig) -> None:
    model, prompt, rest = build(config), random_ids(config, 1, 6), random_ids(config, 2, 5, seed=9)
    ids = torch.cat((torch.zeros(1, 4, dtype=torch.long), prompt), dim=1).repeat(2, 1)
    real = (torch.arange(15) >= 4)[None].repeat(2, 1)
    cache = Cache(config, batch=2, capacity=15, dtype=torch.float32)
    model(ids, padding_BS=real[:, :10], cache=cache)
    steps = [model(rest[:, i : i + 1], padding_BS=real[:, : 11 + i], cache=cache) for i in range(5)]
    full = model(torch.cat((prompt.repeat(2, 1), rest), dim=1))[:, 6:]
    assert relative_difference(torch.cat(steps, dim=1), full) < TOLERANCE


@every_variant
def test_traced_logits_equal_plain_logits(config: ModelConfig) -> None:
    model, ids, trace = build(config), random_ids(config, 2, 24), Trace()
    plain, traced = model(ids), model(ids, trace=trace)
    assert relative_difference(traced, plain) < TOLERANCE
    names = ["embedding"]
    for layer in range(config.layers):
        attention = ("q", "k", "v", "scores", "weights", "heads", "output")
        names += [f"layer.{layer}.attention.{name}" for name in attention]
        names += [f"layer.{layer}.{name}" for name in ("middle", "feed_forward", "residual")]
    assert list(trace.tensors) == [*names, "normed", "logits"]
    weights = trace.tensors["layer.1.attention.weights"]
    assert weights.shape == (2, config.heads, 24, 24)
    assert float(weights.triu(1).abs().max()) == 0
    sums = weights.sum(dim=-1)
    assert bool((sums < 1).all() if config.attention_sinks else torch.allclose(sums, torch.ones_like(sums), atol=1e-5))


def test_documents_with_a_cache_name_those_seen_before() -> None:
    for config in (MODERN, CLASSIC):
        model, ids = build(config), random_ids(config, 1, 20)
        documents = (torch.arange(20) >= 8).long()[None]
        cache = Cache(config, batch=1, capacity=20, dtype=torch.float32)
        model(ids[:, :12], documents_BT=documents[:, :12], cache=cache)
        logits = model(ids[:, 12:], documents_BT=documents, cache=cache)
        assert relative_difference(logits, model(ids[:, 8:])[:, 4:]) < TOLERANCE


def test_expanded_cache_equals_a_repeated_prompt() -> None:
    model, ids = build(MODERN), random_ids(MODERN, 1, 10)
    cache = Cache(MODERN, batch=1, capacity=12, dtype=torch.float32)
    model(ids, cache=cache)
    wide, new = cache.expand(3), random_ids(MODERN, 3, 2)
    logits = model(new, cache=wide)
    assert cache.length == 10
    assert relative_difference(logits, model(torch.cat((ids.repeat(3, 1), new), dim=1))[:, 10:]) < TOLERANCE
    with pytest.raises(ValueError, match="12 positions"):
        model(new[:, :1], cache=wide)


def test_dynamic_scaling_leaves_short_texts_as_they_were() -> None:
    config = dataclasses.replace(MODERN, rope_scaling=RopeScaling(kind="dynamic", factor=2.0))
    model, ids = build(config), random_ids(config, 1, 64)
    short = model(ids[:, :32])
    model(ids)
    assert torch.equal(model(ids[:, :32]), short)


def test_rope_tables_made_in_inference_mode_serve_training() -> None:
    model, ids = build(MODERN), random_ids(MODERN, 1, 16)
    with torch.inference_mode():
        model(ids)
    with torch.enable_grad():
        model(ids).sum().backward()
    assert model.token_embedding.weight.grad is not None


def test_rope_works_past_the_context_and_a_table_does_not() -> None:
    model, ids = build(MODERN), random_ids(MODERN, 1, 100)
    assert model(ids).shape == (1, 100, MODERN.vocabulary_size)
    with pytest.raises(IndexError):
        build(CLASSIC)(ids)


@pytest.mark.parametrize("config", [MODERN, CLASSIC, VARIANTS["classic sinusoidal"], VARIANTS["experts"]])
def test_initialisation_is_a_function_of_the_seed(config: ModelConfig) -> None:
    def initialised(seed: int) -> dict[str, torch.Tensor]:
        model = GPT(config)
        model.initialise(torch.Generator().manual_seed(seed))
        return dict(model.state_dict())

    first, again, other = initialised(3), initialised(3), initialised(4)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["token_embedding.weight"], other["token_embedding.weight"])


def test_modern_begins_as_the_uniform_distribution_and_blocks_as_the_identity() -> None:
    model, trace = GPT(modern(vocabulary_size=61, context=16, layers=2, width=32, heads=4)), Trace()
    model.initialise(torch.Generator().manual_seed(0))
    assert float(model(random_ids(MODERN, 1, 16), trace=trace).abs().max()) == 0
    assert torch.equal(trace.tensors["embedding"], trace.tensors["layer.1.residual"])


def test_classic_sinusoidal_table_is_fixed() -> None:
    model = GPT(classic(vocabulary_size=61, context=16, layers=1, width=32, heads=4, positions="sinusoidal"))
    model.initialise(torch.Generator().manual_seed(0))
    assert model.position_embedding is not None
    assert not model.position_embedding.weight.requires_grad
    assert torch.allclose(model.position_embedding.weight, sinusoidal_table(16, 32) * 0.02)


@pytest.mark.parametrize("config", [MODERN, CLASSIC], ids=["modern", "classic"])
def test_one_batch_can_be_learned_by_heart(config: ModelConfig) -> None:
    model, ids = GPT(config), random_ids(config, 4, 17)
    model.initialise(torch.Generator().manual_seed(0))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.0)
    loss = torch.tensor(float("inf"))
    with torch.enable_grad():
        for _ in range(120):
            logits = model(ids[:, :-1])
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert float(loss) < 0.05
