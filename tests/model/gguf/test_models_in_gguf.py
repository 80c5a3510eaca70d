"""Models go into GGUF files and come back; transformers computes the same from them."""

import dataclasses
import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from model_variants import VARIANTS, build, random_ids, relative_difference

from textmill.errors import CheckpointError, ModelError
from textmill.model.config import ModelConfig, RopeScaling, classic, modern
from textmill.model.gguf import RECIPES, load_gguf, read_gguf, write_gguf
from textmill.model.gguf.family import STACKED
from textmill.model.gguf.layout import TYPES
from textmill.model.gguf.quantize import quantize
from textmill.model.gguf.writer import Outgoing, write_file
from textmill.model.hub.packing import ROTARY
from textmill.model.hub.weights import own_parameters
from textmill.tokenizer.tokenizer import Tokenizer

SIZES = {"vocabulary_size": 420, "context": 64, "layers": 2, "width": 64, "heads": 4}
MODELS: dict[str, ModelConfig] = {
    "modern": modern(**SIZES),
    "modern tied": modern(**SIZES, tied=True),
    "grouped": modern(**SIZES, kv_heads=2),
    "wide heads": dataclasses.replace(modern(**SIZES), head_width=32),
    "linear": dataclasses.replace(modern(**SIZES), rope_scaling=RopeScaling(kind="linear", factor=2.0)),
    "yarn": dataclasses.replace(
        modern(**SIZES), rope_scaling=RopeScaling(kind="yarn", factor=4.0, original_context=16)
    ),
    "theta": dataclasses.replace(modern(**SIZES), rope_theta=1e6, norm_epsilon=1e-5),
    "dropout": modern(**SIZES, dropout=0.1),
    "llama": dataclasses.replace(modern(**SIZES, kv_heads=2), qk_norm=False),
    "classic": classic(**SIZES),
    "classic untied": classic(**SIZES, tied=False),
    "classic sinusoidal": classic(**SIZES, positions="sinusoidal"),
}
every_model = pytest.mark.parametrize("config", MODELS.values(), ids=MODELS.keys())


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.no_grad():
        yield


@every_model
def test_f32_brings_back_the_same_model(config: ModelConfig, tokenizer: Tokenizer, tmp_path: Path) -> None:
    model, path = build(config), tmp_path / "model.gguf"
    write_gguf(model, tokenizer, path, "f32")
    back, back_tokenizer = load_gguf(path)
    assert back.config == config
    assert not back.training
    ours, theirs = own_parameters(model), own_parameters(back)
    assert list(ours) == list(theirs)
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    ids = random_ids(config, 2, 20)
    assert torch.equal(model(ids), back(ids))
    assert back_tokenizer.encode("One morning") == tokenizer.encode("One morning")


PEER_SIZES = SIZES | {"width": 256, "heads": 2}
PEERS: dict[str, ModelConfig] = {
    "modern": modern(**PEER_SIZES),
    "modern tied": modern(**PEER_SIZES, tied=True),
    "grouped": modern(**PEER_SIZES, kv_heads=1),
    "theta": dataclasses.replace(modern(**PEER_SIZES), rope_theta=1e6, norm_epsilon=1e-5),
    "llama": dataclasses.replace(modern(**SIZES, kv_heads=2), qk_norm=False),
    "classic": classic(**SIZES | {"context": 1024}),
    "classic sinusoidal": classic(**SIZES | {"context": 1024}, positions="sinusoidal"),
}
"""transformers reads neither the width of Qwen3's heads (it takes 128) nor GPT-2's context (1,024), nor scalings."""


@pytest.mark.parametrize("config", PEERS.values(), ids=PEERS.keys())
def test_transformers_computes_the_same(config: ModelConfig, tokenizer: Tokenizer, tmp_path: Path) -> None:
    pytest.importorskip("gguf", reason="pip install gguf: transformers reads GGUF files with it")
    pytest.importorskip("accelerate", reason="pip install accelerate: transformers reads GGUF files with it")
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    model = build(config)
    write_gguf(model, tokenizer, tmp_path / "model.gguf", "f32")
    peer = AutoModelForCausalLM.from_pretrained(tmp_path, gguf_file="model.gguf", dtype=torch.float32).eval()
    ids = random_ids(config, 2, 20)
    assert relative_difference(model(ids), peer(ids).logits) < 1e-5


@pytest.mark.parametrize(("recipe", "most"), [("f16", 2e-3), ("bf16", 2e-2), ("q8_0", 0.05), ("q4_0", 0.6)])
def test_recipes_keep_the_model(recipe: str, most: float, tokenizer: Tokenizer, tmp_path: Path) -> None:
    model = build(modern(**SIZES))
    write_gguf(model, tokenizer, tmp_path / "model.gguf", recipe)
    back, _ = load_gguf(tmp_path / "model.gguf")
    assert read_gguf(tmp_path / "model.gguf").metadata["general.file_type"] == RECIPES[recipe].file_type
    ids = random_ids(model.config, 2, 20)
    difference = relative_difference(back(ids), model(ids))
    assert 0 < difference < most


def test_q4_k_m_and_its_dequantised_weights(tokenizer: Tokenizer, tmp_path: Path) -> None:
    config = modern(**SIZES | {"width": 256}, feed_forward=512)
    model = build(config)
    write_gguf(model, tokenizer, tmp_path / "model.gguf", "q4_k_m")
    file = read_gguf(tmp_path / "model.gguf")
    kinds = {name: place.type.name for name, place in file.places.items()}
    assert kinds["output.weight"] == kinds["blk.1.ffn_down.weight"] == "Q6_K"
    assert kinds["token_embd.weight"] == kinds["blk.0.attn_q.weight"] == "Q4_K"
    query = own_parameters(model)["blocks.0.attention.query.weight"].detach().numpy()
    assert np.array_equal(file.raw("blk.0.attn_q.weight"), quantize(query, TYPES["Q4_K"]))
    back, _ = load_gguf(tmp_path / "model.gguf", dtype=torch.bfloat16)
    assert back.token_embedding.weight.dtype == torch.bfloat16
    assert relative_difference(back.float()(random_ids(config, 2, 20)), model(random_ids(config, 2, 20))) < 0.6


def test_the_same_model_is_the_same_bytes(tokenizer: Tokenizer, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_gguf(build(modern(**SIZES)), tokenizer, tmp_path / f"{name}.gguf", "q4_0")
    assert (tmp_path / "a.gguf").read_bytes() == (tmp_path / "b.gguf").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.gguf", "b.gguf"]


def test_the_reference_reads_what_we_write(tokenizer: Tokenizer, tmp_path: Path) -> None:
    gguf = pytest.importorskip("gguf", reason="pip install gguf: the reference implementation")
    write_gguf(build(classic(**SIZES)), tokenizer, tmp_path / "model.gguf", "q8_0")
    ours, theirs = read_gguf(tmp_path / "model.gguf"), gguf.GGUFReader(tmp_path / "model.gguf")
    assert [tensor.name for tensor in theirs.tensors] == list(ours)
    for tensor in theirs.tensors:
        values = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        assert torch.equal(ours[tensor.name], torch.from_numpy(values.copy()))
    for key, value in ours.metadata.items():
        contents = theirs.fields[key].contents()
        if isinstance(value, float):
            assert np.float32(value) == np.float32(contents)
        else:
            assert contents == (value.tolist() if isinstance(value, np.ndarray) else value)


def test_mapped_weights_are_not_copied(tokenizer: Tokenizer, tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    write_gguf(build(modern(**SIZES)), tokenizer, path, "f32")
    before = hashlib.sha256(path.read_bytes()).digest()
    model, _ = load_gguf(path)
    model.token_embedding.weight.fill_(1.0)
    assert hashlib.sha256(path.read_bytes()).digest() == before


@pytest.mark.parametrize("name", ["modern alibi", "soft-caps", "sinks", "relu2", "biases", "windows"])
def test_options_without_an_equivalent_are_refused_by_name(name: str, tokenizer: Tokenizer, tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        write_gguf(build(VARIANTS[name]), tokenizer, tmp_path / "model.gguf")
    assert caught.value.key == "gguf.no_equivalent"
    assert str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_failed_write_leaves_what_was_there(tokenizer: Tokenizer, tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"before")
    model = build(modern(**SIZES))
    own_parameters(model)["blocks.1.feed_forward.down.weight"].fill_(1e6)
    with pytest.raises(ModelError, match="float16"):
        write_gguf(model, tokenizer, path, "f16")
    assert path.read_bytes() == b"before"
    assert len(list(tmp_path.iterdir())) == 1


def changed(path: Path, **changes: object) -> None:
    """Writes a file's metadata and tensors anew with changes; a key with None goes."""
    file = read_gguf(path)
    metadata = {**file.metadata, **{key.replace("__", "."): value for key, value in changes.items()}}
    kept = {key: value for key, value in metadata.items() if value is not None}
    tensors = [
        Outgoing(name=name, type=TYPES["F32"], shape=place.shape, make=lambda name=name: file[name].float().numpy())
        for name, place in file.places.items()
    ]
    write_file(path, kept, tensors)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"general__architecture": "mamba"}, "gguf.family"),
        ({"general__architecture": None}, "gguf.family"),
        ({"split__count": 3}, "gguf.split"),
        ({"qwen3__attention__sliding_window": 128}, "gguf.unread"),
        ({"qwen3__attention__value_length": 8}, "hub.unsupported"),
        ({"qwen3__rope__scaling__type": "longrope"}, "hub.unsupported"),
        ({"qwen3__rope__freq_base": -1.0}, "hub.value"),
        ({"qwen3__block_count": 9_999}, "gguf.too_few"),
        ({"qwen3__block_count": None}, "hub.value"),
        ({"qwen3__block_count": "2"}, "hub.value"),
        ({"qwen3__block_count": 1}, "hub.names"),
        ({"qwen3__block_count": 3}, "hub.names"),
        ({"qwen3__feed_forward_length": 96}, "hub.shape"),
        ({"qwen3__embedding_length": 2**30}, "hub.shape"),
        ({"qwen3__attention__head_count_kv": 3}, "model.kv_heads"),
        ({"qwen3__vocab_size": 77}, "hub.unsupported"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict, key: str, tokenizer: Tokenizer, tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    write_gguf(build(modern(**SIZES)), tokenizer, path, "f32")
    changed(path, **changes)
    with pytest.raises(ModelError) as caught:
        load_gguf(path)
    assert caught.value.key == key
    assert str(caught.value)


def test_the_familys_keys_win_over_ours(tokenizer: Tokenizer, tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    write_gguf(build(modern(**SIZES, dropout=0.1)), tokenizer, path, "f32")
    changed(path, qwen3__rope__freq_base=500_000.0)
    assert load_gguf(path)[0].config.rope_theta == 500_000.0
    changed(path, textmill__config="{")
    assert load_gguf(path)[0].config.dropout == 0.0


def test_packings_come_back() -> None:
    config = modern(**SIZES)
    rows = torch.arange(64.0)[:, None].expand(64, 3)
    packed = ROTARY.join([rows], config)
    assert packed[:4, 0].tolist() == [0.0, 8.0, 1.0, 9.0]
    assert torch.equal(ROTARY.split(packed, [64], config)[0], rows)
    parts = [torch.randn(2, 3) for _ in range(4)]
    stacked = STACKED.join(parts, config)
    assert stacked.shape == (4, 2, 3)
    assert all(torch.equal(a, b) for a, b in zip(parts, STACKED.split(stacked, [2] * 4, config), strict=True))


def test_no_tokenizer(tokenizer: Tokenizer, tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    write_gguf(build(modern(**SIZES)), tokenizer, path, "f32")
    changed(path, tokenizer__ggml__tokens=None)
    with pytest.raises(Exception, match="holds no tokenizer"):
        load_gguf(path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CheckpointError):
        load_gguf(path)
