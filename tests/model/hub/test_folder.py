"""Model folders: strict names and shapes, damage, shards, pickles, tokenizer files, weights mapped."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from model_variants import CLASSIC, MODERN, VARIANTS, build, random_ids
from safetensors.torch import load_file, save_file

from textmill.errors import CheckpointError, ModelError
from textmill.model.gpt import GPT
from textmill.model.hub import hub_tensors, load_hub_tensors, load_model, load_weights, save_model
from textmill.model.hub.tensor_files import write_tensors


@pytest.mark.parametrize("name", VARIANTS)
def test_every_configuration_survives_a_folder(name: str, tmp_path: Path) -> None:
    model = build(VARIANTS[name])
    save_model(model, tmp_path)
    back = load_model(tmp_path)
    assert back.config == model.config
    assert not back.training
    for (own, ours), (other, theirs) in zip(model.named_parameters(), back.named_parameters(), strict=True):
        assert own == other
        assert torch.equal(ours, theirs)
        assert ours.requires_grad == theirs.requires_grad
    assert (back.output.weight is back.token_embedding.weight) == model.config.tied


@pytest.mark.parametrize("config", [MODERN, CLASSIC])
def test_saving_twice_gives_the_same_bytes(config, tmp_path: Path) -> None:
    for name in ("a", "b"):
        save_model(build(config), tmp_path / name)
    for file in ("model.safetensors", "config.json", "generation_config.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    save_file(load_file(tmp_path / "a" / "model.safetensors"), tmp_path / "c.safetensors")
    assert set(load_file(tmp_path / "c.safetensors")) == set(hub_tensors(build(config)))


def test_export_refuses_what_training_may_save(tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        save_model(build(VARIANTS["sinks"]), tmp_path / "out", layout="hub")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("config", [MODERN, CLASSIC])
def test_training_a_loaded_model_leaves_the_file_alone(config, tmp_path: Path) -> None:
    save_model(build(config), tmp_path)
    before = (tmp_path / "model.safetensors").read_bytes()
    model = load_model(tmp_path)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    model(random_ids(config, 1, 16)).sum().backward()
    optimizer.step()
    assert (tmp_path / "model.safetensors").read_bytes() == before
    assert not torch.equal(model.token_embedding.weight, build(config).token_embedding.weight)


@pytest.mark.parametrize("name", ["modern", "classic", "modern tied", "post"])
def test_weights_go_back_into_a_model_that_is_there(name: str, tmp_path: Path) -> None:
    config = VARIANTS[name]
    save_model(build(config, seed=1), tmp_path)
    model = build(config, seed=2)
    place = model.output.weight.data_ptr()
    load_weights(model, tmp_path)
    assert model.output.weight.data_ptr() == place
    ids = random_ids(config, 1, 8)
    assert torch.equal(model(ids), build(config, seed=1)(ids))


def test_names_and_shapes_are_strict() -> None:
    model, tensors = build(MODERN), hub_tensors(build(MODERN, seed=1))
    short = {name: value for name, value in tensors.items() if name != "model.norm.weight"}
    cases: list[tuple[dict, str]] = [
        (short, "missing: model.norm.weight"),
        (tensors | {"model.layers.2.mlp.up_proj.weight": torch.zeros(1)}, "model.layers.2.mlp.up_proj.weight"),
        (tensors | {"model.norm.weight": torch.zeros(33)}, r"\[33\]"),
        (tensors | {"model.norm.weight": torch.zeros(32, dtype=torch.int8)}, "int8"),
        ({}, "missing"),
    ]
    before = {name: value.clone() for name, value in model.state_dict().items()}
    for changed, words in cases:
        with pytest.raises(ModelError, match=words):
            load_hub_tensors(model, changed)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_old_files_without_prefix_and_with_buffers_load() -> None:
    tensors = {name.removeprefix("transformer."): value for name, value in hub_tensors(build(CLASSIC, 1)).items()}
    tensors |= {"h.0.attn.bias": torch.ones(1, 1, 32, 32), "h.1.attn.masked_bias": torch.tensor(-1e4)}
    tensors["lm_head.weight"] = tensors["wte.weight"]
    model = build(CLASSIC, 2)
    load_hub_tensors(model, tensors)
    ids = random_ids(CLASSIC, 1, 8)
    assert torch.equal(model(ids), build(CLASSIC, 1)(ids))
    with pytest.raises(ModelError) as caught:
        load_hub_tensors(model, tensors | {"lm_head.weight": tensors["wte.weight"] + 1})
    assert caught.value.key == "hub.untied"


def test_compiled_blocks_save_under_their_plain_names(tmp_path: Path) -> None:
    class Wrapped(torch.nn.Module):
        def __init__(self, module: torch.nn.Module) -> None:
            super().__init__()
            self._orig_mod = module

    model = build(MODERN)
    names = set(hub_tensors(model))
    model.blocks[0] = Wrapped(model.blocks[0])
    assert set(hub_tensors(model)) == names


def sharded(folder: Path, place: Callable[[str], object] | None = None) -> None:
    """Splits the weights of a folder over two files."""
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names, index = sorted(tensors), {}
    for part, held in enumerate((names[::2], names[1::2]), start=1):
        file = f"model-0000{part}-of-00002.safetensors"
        save_file({name: tensors[name] for name in held}, folder / file)
        index |= dict.fromkeys(held, file)
    if place is not None:
        index[names[0]] = place(index[names[0]])
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))


def test_shards_load(tmp_path: Path) -> None:
    save_model(build(MODERN), tmp_path)
    sharded(tmp_path)
    ids = random_ids(MODERN, 1, 8)
    assert torch.equal(load_model(tmp_path)(ids), build(MODERN)(ids))


@pytest.mark.parametrize(
    ("place", "key"),
    [
        (lambda file: f"../{file}", "hub.index_path"),
        (lambda file: f"/tmp/{file}", "hub.index_path"),
        (lambda file: f"..\\{file}", "hub.index_path"),
        (lambda file: "config.json", "hub.index_path"),
        (lambda file: 7, "hub.index_path"),
        (lambda file: "absent.safetensors", "hub.damaged"),
        (lambda file: "model-00002-of-00002.safetensors", "hub.damaged"),
    ],
)
def test_an_index_that_leads_elsewhere_is_refused(place: Callable, key: str, tmp_path: Path) -> None:
    save_model(build(MODERN), tmp_path)
    sharded(tmp_path, place)
    with pytest.raises(CheckpointError) as caught:
        load_model(tmp_path)
    assert caught.value.key == key


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"weight_map": []}', '{"weight_map": {}}', "[" * 100_000])
def test_a_broken_index_is_one_error(text: str, tmp_path: Path) -> None:
    save_model(build(MODERN), tmp_path)
    (tmp_path / "model.safetensors").unlink()
    (tmp_path / "model.safetensors.index.json").write_text(text)
    with pytest.raises(CheckpointError):
        load_model(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{", "\0", "[" * 100_000])
def test_a_broken_config_is_one_error(text: str, tmp_path: Path) -> None:
    save_model(build(MODERN), tmp_path)
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(CheckpointError, match=r"config\.json"):
        load_model(tmp_path)


def test_folders_that_hold_no_model(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"config\.json"):
        load_model(tmp_path)
    save_model(build(MODERN), tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match="no weights"):
        load_model(tmp_path)
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(ModelError, match=r"pytorch_model\.bin is a pickle.*save_pretrained"):
        load_model(tmp_path)


def test_more_layers_than_tensors_are_refused_before_they_are_built(tmp_path: Path) -> None:
    save_model(build(MODERN), tmp_path)
    values = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(values | {"num_hidden_layers": 9999}))
    with pytest.raises(ModelError) as caught:
        load_model(tmp_path)
    assert caught.value.key == "hub.too_few"


@pytest.mark.parametrize("keep", [0, 7, 8, 100, 0.5, 0.999])
def test_a_cut_file_is_one_error(keep: float, tmp_path: Path) -> None:
    save_model(build(MODERN), tmp_path)
    data = (tmp_path / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(data[: int(keep * len(data)) if isinstance(keep, float) else keep])
    with pytest.raises(CheckpointError, match="damaged"):
        load_model(tmp_path)


def test_flipped_bits_in_the_header_are_one_error_or_change_nothing(tmp_path: Path) -> None:
    save_model(build(MODERN), tmp_path)
    data = (tmp_path / "model.safetensors").read_bytes()
    header, generator, refused = 8 + int.from_bytes(data[:8], "little"), random.Random(0), 0
    for _ in range(200):
        bit = generator.randrange(header * 8)
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        (tmp_path / "model.safetensors").write_bytes(changed)
        try:
            load_model(tmp_path)
        except ModelError as error:
            assert str(error)
            refused += 1
    assert refused > 170  # the rest fell on the padding, the metadata, or swapped what cannot be told apart


def test_tensors_that_overlap_or_do_not_multiply_out_are_refused(tmp_path: Path) -> None:
    save_model(build(MODERN), tmp_path)
    path = tmp_path / "model.safetensors"
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    for change in (
        {"shape": [2**62, 4]},
        {"data_offsets": [0, 2**63]},
        {"data_offsets": [4, 132]},
        {"shape": [-32]},
        {"dtype": "F99"},
        {"dtype": "I64"},
    ):
        header = json.loads(data[8 : 8 + size])
        header["model.norm.weight"] |= change
        text = json.dumps(header).encode()
        path.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + size :])
        with pytest.raises(CheckpointError, match="damaged"):
            load_model(tmp_path)


def test_tokenizer_files_and_token_ids_travel_with_the_model(tmp_path: Path) -> None:
    folder = tmp_path / "tokenizer"
    folder.mkdir()
    (folder / "tokenizer.json").write_text(json.dumps({"added_tokens": [{"content": "<|endoftext|>", "id": 60}]}))
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"eos_token": "<|endoftext|>", "pad_token": {"content": "<|endoftext|>"}, "bos_token": None})
    )
    (folder / "chat_template.jinja").write_text("{{ messages }}")
    (folder / "notes.txt").write_text("not a tokenizer's file")
    save_model(build(CLASSIC), tmp_path / "model", tokenizer_folder=folder)
    files = {path.name for path in (tmp_path / "model").iterdir()}
    assert files == {
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        "chat_template.jinja",
    }
    for file in ("config.json", "generation_config.json"):
        values = json.loads((tmp_path / "model" / file).read_text())
        assert (values["bos_token_id"], values["eos_token_id"], values["pad_token_id"]) == (None, 60, 60)


def test_weights_of_the_right_type_are_not_copied(tmp_path: Path) -> None:
    """2 × 8 M parameters, 64 MB: what is mapped does not count as our own memory until it is written to."""
    from textmill.model.config import modern

    config = modern(vocabulary_size=32_000, context=64, layers=1, width=256, heads=4)
    save_model(GPT(config), tmp_path)
    maps = Path("/proc/self/maps")
    if not maps.exists():
        pytest.skip("needs /proc")
    model = load_model(tmp_path)
    address = model.output.weight.data_ptr()
    for line in maps.read_text().splitlines():
        low, high = (int(part, 16) for part in line.split()[0].split("-"))
        if low <= address < high:
            assert line.endswith("model.safetensors")
            return
    raise AssertionError("the weights lie in no mapping")


def test_writer_rejects_nothing_that_safetensors_reads(tmp_path: Path) -> None:
    tensors = {
        "a": torch.randn(3, 5).t(),
        "中文": torch.randn(2, dtype=torch.bfloat16),
        "b": torch.randn(7).half(),
        "empty": torch.empty(0, 4),
    }
    write_tensors(tmp_path / "x.safetensors", tensors)
    back = load_file(tmp_path / "x.safetensors")
    assert all(torch.equal(back[name], tensors[name]) for name in tensors)
