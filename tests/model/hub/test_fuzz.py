"""Damaged safetensors files and indexes: a whole model or one clear error, within bounds of time and memory, always."""

import json
import os
import random
import struct
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from model_variants import build

from textmill.errors import CheckpointError, ModelError
from textmill.model.config import modern
from textmill.model.hub import load_model, save_model
from textmill.model.hub.tensor_files import INDEX_FILE, WEIGHTS_FILE

CASES, LONG_CASES, TRACED = 150, 20_000, 1000
MOST_SECONDS, MOST_BYTES = 5.0, 20_000_000
CONFIG = modern(vocabulary_size=40, context=16, layers=1, width=32, heads=2)
NUMBERS = (0, 1, 2**31, 2**32, 2**63, 2**63 - 1, 2**64 - 1)
Header = dict[str, Any]


def parts(content: bytes) -> tuple[Header, bytes]:
    """Returns a file's header and its data."""
    size = struct.unpack_from("<Q", content)[0]
    return json.loads(content[8 : 8 + size]), content[8 + size :]


def joined(header: Header, data: bytes) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def with_header(change: Callable[[Header, random.Random], None]) -> Callable[[bytes, random.Random], bytes]:
    def damage(content: bytes, chance: random.Random) -> bytes:
        header, data = parts(content)
        change(header, chance)
        return joined(header, data)

    return damage


def tensor_of(header: Header, chance: random.Random) -> dict[str, Any]:
    return header[chance.choice([name for name in header if name != "__metadata__"])]


def offsets(header: Header, chance: random.Random) -> None:
    tensor_of(header, chance)["data_offsets"][chance.randrange(2)] = chance.choice((*NUMBERS, -1, 64, "x", None))


def shape(header: Header, chance: random.Random) -> None:
    tensor_of(header, chance)["shape"] = chance.choice(
        ([2**63, 2], [2**62, 4], [-1, 3], [], [1], [32, 32, 32], ["a"], 7, [0])
    )


def overlap(header: Header, chance: random.Random) -> None:
    tensor_of(header, chance)["data_offsets"] = list(tensor_of(header, chance)["data_offsets"])


def dtype(header: Header, chance: random.Random) -> None:
    tensor_of(header, chance)["dtype"] = chance.choice(("F64", "I64", "BOOL", "F16", "Q4", 3, "F8_E4M3"))


def name(header: Header, chance: random.Random) -> None:
    old = chance.choice(list(header))
    header[chance.choice(("", "a" * 5000, "__metadata__", "model.norm.weight", "../x"))] = header.pop(old)


def bits(content: bytes, chance: random.Random) -> bytes:
    data, end = bytearray(content), 8 + struct.unpack_from("<Q", content)[0]
    for _ in range(chance.choice((1, 1, 2, 8))):
        data[chance.randrange(end)] ^= 1 << chance.randrange(8)
    return bytes(data)


def cut(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randrange(len(content))]


def length(content: bytes, chance: random.Random) -> bytes:
    return struct.pack("<Q", chance.choice(NUMBERS)) + content[8:]


DAMAGE = (bits, bits, cut, length, *map(with_header, (offsets, offsets, shape, overlap, dtype, name)))


def attempt(folder: Path) -> str:
    """Loads a folder and computes with it; returns how that ended, and raises whatever is no clear error."""
    try:
        with torch.no_grad():
            load_model(folder)(torch.zeros(1, 2, dtype=torch.long))
    except (CheckpointError, ModelError) as error:
        assert str(error)
        return error.key
    return "valid"


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved")
    save_model(build(CONFIG), folder)
    return folder


@pytest.mark.parametrize(
    "cases", [CASES, pytest.param(LONG_CASES, marks=pytest.mark.long)], ids=["few_cases", "all_cases"]
)
def test_damaged_files(saved: Path, cases: int, capsys: pytest.CaptureFixture[str]) -> None:
    path = saved / WEIGHTS_FILE
    content = path.read_bytes()
    assert attempt(saved) == "valid"
    chance, met = random.Random(int(os.environ.get("TEXTMILL_SEED", "0"))), {}
    slowest, largest = 0.0, 0
    for number in range(cases):
        traced = number % max(cases // TRACED, 1) == 0  # Python's own count of memory makes a case ten times slower
        path.unlink()  # never cut a file that may still be mapped
        path.write_bytes(chance.choice(DAMAGE)(content, chance))
        if traced:
            tracemalloc.start()
        begin = time.process_time()
        key = attempt(saved)
        slowest = max(slowest, time.process_time() - begin)
        if traced:
            largest = max(largest, tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        met[key] = met.get(key, 0) + 1
    path.unlink()
    path.write_bytes(content)
    figures = {"cases": cases, "slowest_s": round(slowest, 3), "largest_mb": round(largest / 1e6, 1), **met}
    with capsys.disabled():
        print(f"\nfuzz safetensors: {json.dumps(figures)}")
    assert set(met) <= {"valid", "hub.damaged", "hub.names", "hub.shape", "hub.dtype", "hub.too_few", "hub.untied"}
    assert slowest < MOST_SECONDS
    assert largest < MOST_BYTES


def index(places: Any) -> str:
    return json.dumps({"metadata": {"total_size": 1}, "weight_map": places})


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (index({"a": "../other.safetensors"}), "hub.index_path"),
        (index({"a": "/etc/passwd.safetensors"}), "hub.index_path"),
        (index({"a": "..\\other.safetensors"}), "hub.index_path"),
        (index({"a": "x\0.safetensors"}), "hub.index_path"),
        (index({"a": INDEX_FILE}), "hub.index_path"),  # an index that names itself
        (index({"a": "pytorch_model.bin"}), "hub.index_path"),
        (index({"a": 3}), "hub.index_path"),
        (index({"a": "loop.safetensors"}), "hub.damaged"),  # a link to itself
        (index({"a": "missing.safetensors"}), "hub.damaged"),
        (index({"a": "folder.safetensors"}), "hub.damaged"),
        (index([]), "hub.damaged"),
        (index({}), "hub.damaged"),
        ("{", "hub.damaged"),
        ("[" * 100_000, "hub.damaged"),
        ("\xff", "hub.damaged"),
        ("[]", "hub.damaged"),
    ],
)
def test_index_paths_neither_escape_nor_loop(saved: Path, text: str, key: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes((saved / "config.json").read_bytes())
    (tmp_path / INDEX_FILE).write_text(text, encoding="latin-1")
    (tmp_path / "loop.safetensors").symlink_to(tmp_path / "loop.safetensors")
    (tmp_path / "folder.safetensors").mkdir()
    assert attempt(tmp_path) == key


@pytest.mark.parametrize("file", ["pytorch_model.bin", "model.pt", "consolidated.00.pth", "model.ckpt", "weights.pkl"])
def test_pickled_weights_are_refused_with_the_conversion_to_do(saved: Path, file: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes((saved / "config.json").read_bytes())
    (tmp_path / file).write_bytes(b"\x80\x04cos\nsystem\n(S'touch /tmp/owned'\ntR.")
    with pytest.raises(ModelError) as caught:
        load_model(tmp_path)
    assert caught.value.key == "hub.pickle"
    assert "safetensors" in str(caught.value)


@pytest.mark.parametrize(
    "values",
    [
        {"num_hidden_layers": 10**9},
        {"num_hidden_layers": 9_999},
        {"hidden_size": 2**31, "num_attention_heads": 1},
        {"vocab_size": 2**31},
        {"intermediate_size": -1},
        {"head_dim": 1e400},
        {"rope_theta": float("nan")},
        {"rope_scaling": {"rope_type": "yarn", "factor": 0}},
        {"layer_types": ["full_attention"] * 100_000},
        {"model_type": ["qwen3"]},
        {"torch_dtype": 7, "hidden_act": {"x": 1}},
        {"quantization_config": {"quant_method": "gptq"}},
    ],
)
def test_numbers_in_a_configuration_are_not_believed(saved: Path, values: dict[str, Any], tmp_path: Path) -> None:
    config = json.loads((saved / "config.json").read_text())
    del config["textmill_config"]
    (tmp_path / "config.json").write_text(json.dumps(config | values))
    (tmp_path / WEIGHTS_FILE).write_bytes((saved / WEIGHTS_FILE).read_bytes())
    tracemalloc.start()
    key = attempt(tmp_path)
    largest = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert key.startswith(("hub.", "model."))
    assert largest < MOST_BYTES
