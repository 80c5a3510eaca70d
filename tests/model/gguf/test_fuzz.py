"""Truncated and bit-flipped files: a valid read or one clear error, within bounds of time and memory, always."""

import json
import os
import random
import time
import tracemalloc
from pathlib import Path

import pytest
import torch
from model_variants import build
from tokenizer_samples import TEXTS

from textmill.config import TokenizerSettings
from textmill.errors import CheckpointError, ModelError, TokenizerError
from textmill.model.config import classic, modern
from textmill.model.gguf import load_gguf, read_gguf, write_gguf
from textmill.tokenizer.train import train_tokenizer

CASES, LONG_CASES, TRACED = 200, 20_000, 1000
SIZES = {"vocabulary_size": 280, "context": 16, "layers": 1, "width": 32, "heads": 2}
MOST_SECONDS, MOST_BYTES = 5.0, 30_000_000
LENGTHS = (0, 1, 2**31, 2**32, 2**63, 2**63 - 1, 2**64 - 1)


def damage(content: bytes, header: int, chance: random.Random) -> bytes:
    """Returns the file with one kind of damage; most of it goes where numbers are that are believed."""
    kind = chance.choice(("cut", "bits", "bits", "bytes", "length", "swap"))
    end = header if chance.random() < 0.9 else len(content)
    data = bytearray(content)
    if kind == "cut":
        return content[: chance.randrange(end)]
    if kind == "bits":
        for _ in range(chance.choice((1, 1, 2, 8))):
            data[chance.randrange(end)] ^= 1 << chance.randrange(8)
    elif kind == "bytes":
        at = chance.randrange(end)
        data[at : at + 8] = chance.randbytes(len(data[at : at + 8]))
    elif kind == "length":
        at = chance.randrange(end - 8)
        data[at : at + 8] = chance.choice(LENGTHS).to_bytes(8, "little")
    else:
        here, there, size = chance.randrange(end), chance.randrange(end), chance.randrange(64)
        data[here : here + size] = content[there : there + size]
    return bytes(data)


def attempt(path: Path) -> str:
    """Reads everything in a file; returns how that ended, and raises whatever is no clear error."""
    try:
        file = read_gguf(path)
        for name in file:
            assert file[name].is_floating_point()
        model, tokenizer = load_gguf(path)
        tokenizer.encode("One morning 小镇")
        with torch.no_grad():
            model(torch.zeros(1, 2, dtype=torch.long))
    except (CheckpointError, ModelError, TokenizerError) as error:
        assert str(error)
        return error.key
    return "valid"


@pytest.mark.parametrize(
    "cases", [CASES, pytest.param(LONG_CASES, marks=pytest.mark.long)], ids=["few_cases", "all_cases"]
)
def test_damaged_files(cases: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tokenizer = train_tokenizer(TEXTS, settings=TokenizerSettings(), vocabulary_size=280)
    sources = []
    for config, recipe in ((modern(**SIZES), "q8_0"), (classic(**SIZES), "f16")):
        path = tmp_path / f"{recipe}.gguf"
        write_gguf(build(config), tokenizer, path, recipe)
        begin = min(place.offset for place in read_gguf(path).places.values())
        sources.append((path.read_bytes(), begin))
        assert attempt(path) == "valid"
    chance, met = random.Random(int(os.environ.get("TEXTMILL_SEED", "0"))), {}
    slowest, largest, path = 0.0, 0, tmp_path / "damaged.gguf"
    for number in range(cases):
        traced = number % max(cases // TRACED, 1) == 0  # Python's own count of memory makes a case ten times slower
        path.unlink(missing_ok=True)  # never cut a file that may still be mapped
        path.write_bytes(damage(*chance.choice(sources), chance))
        if traced:
            tracemalloc.start()
        begin = time.process_time()
        key = attempt(path)
        slowest = max(slowest, time.process_time() - begin)
        if traced:
            largest = max(largest, tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        met[key] = met.get(key, 0) + 1
    figures = {"cases": cases, "slowest_s": round(slowest, 3), "largest_mb": round(largest / 1e6, 1), **met}
    with capsys.disabled():
        print(f"\nfuzz: {json.dumps(figures)}")
    assert slowest < MOST_SECONDS
    assert largest < MOST_BYTES
