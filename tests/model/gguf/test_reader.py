"""What a GGUF file says is believed only as far as its bytes go."""

import struct
import time
import tracemalloc
from pathlib import Path

import pytest
import torch
from gguf_bytes import ARRAY, RawTensor, gguf, pair, text

from textmill.errors import CheckpointError
from textmill.i18n import set_language
from textmill.model.gguf import read_gguf

HUGE = 2**63
DATA = bytes(range(64))


def array(key: str, kind: int, count: int, items: bytes = b"") -> bytes:
    return text(key) + struct.pack("<IIQ", ARRAY, kind, count) + items


def nested(depth: int, count: int = 1) -> bytes:
    return text("a") + struct.pack("<I", ARRAY) + struct.pack("<IQ", ARRAY, count) * depth + struct.pack("<IQ", 4, 0)


def twice(value: bytes) -> list[bytes]:
    return [value, value]


DAMAGED = {
    "empty": (b"", "not_gguf"),
    "other": (b"PK\3\4" + bytes(60), "not_gguf"),
    "magic only": (b"GGUF", "past_end"),
    "big-endian": (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "big_endian"),
    "version 1": (gguf(version=1), "version"),
    "version 4": (gguf(version=4), "version"),
    "version 0": (gguf(version=0), "version"),
    "tensors beyond counting": (gguf(counts=(HUGE, 0)), "count"),
    "pairs beyond counting": (gguf(counts=(0, HUGE)), "count"),
    "more pairs than there are": (gguf([pair("a", 1)], counts=(0, 2), alignment=1), "count"),
    "a key beyond counting": (gguf([struct.pack("<Q", HUGE) + bytes(30)]), "count"),
    "a string beyond counting": (gguf([text("a") + struct.pack("<IQ", 8, HUGE)]), "past_end"),
    "a string of all the address space": (gguf([text("a") + struct.pack("<IQ", 8, 2**64 - 1)]), "past_end"),
    "an unknown type of value": (gguf([text("a") + struct.pack("<IQ", 13, 0)]), "value_type"),
    "numbers beyond counting": (gguf([array("a", 4, HUGE)]), "count"),
    "bytes beyond counting": (gguf([array("a", 0, 2**40)]), "count"),
    "strings beyond counting": (gguf([array("a", 8, HUGE)]), "count"),
    "arrays beyond counting": (gguf([array("a", ARRAY, 2**40)]), "count"),
    "arrays in arrays": (gguf([nested(40)]), "nested"),
    "a key that is not UTF-8": (gguf([text(b"\xff\xfe") + struct.pack("<II", 4, 0)]), "text"),
    "a key twice": (gguf(twice(pair("a", 1))), "duplicate"),
    "alignment 0": (gguf([pair("general.alignment", 0)]), "alignment"),
    "alignment 24": (gguf([pair("general.alignment", 24)]), "alignment"),
    "alignment 2^31": (gguf([pair("general.alignment", 2**31)]), "alignment"),
    "alignment in words": (gguf([pair("general.alignment", "32")]), "alignment"),
    "no dimensions": (gguf([], [RawTensor(sizes=())], DATA), "dimensions"),
    "too many dimensions": (gguf([], [RawTensor(sizes=(1,) * 5)], DATA), "dimensions"),
    "dimensions beyond counting": (gguf(counts=(1, 0), alignment=1) + text("a") + b"\xff" * 64, "dimensions"),
    "a size of 0": (gguf([], [RawTensor(sizes=(4, 0))], DATA), "shape"),
    "a size of 2^63": (gguf([], [RawTensor(sizes=(HUGE,))], DATA), "tensor_past_end"),
    "sizes that multiply to 0 in 64 bits": (gguf([], [RawTensor(sizes=(2**32, 2**32))], DATA), "tensor_past_end"),
    "half a block": (gguf([], [RawTensor(sizes=(48,), kind=2)], DATA), "shape"),
    "an unknown type": (gguf([], [RawTensor(kind=4)], DATA), "tensor_type"),
    "a type beyond counting": (gguf([], [RawTensor(kind=2**32 - 1)], DATA), "tensor_type"),
    "a tensor past the end": (gguf([], [RawTensor(sizes=(17,))], DATA), "tensor_past_end"),
    "an offset past the end": (gguf([], [RawTensor(offset=64)], DATA), "tensor_past_end"),
    "an offset beyond counting": (gguf([], [RawTensor(offset=HUGE)], DATA), "tensor_past_end"),
    "an offset beside the alignment": (gguf([], [RawTensor(offset=4)], DATA), "offset"),
    "a name twice": (gguf([], [RawTensor(), RawTensor(offset=32)], DATA), "duplicate"),
    "tensors on each other": (gguf([], [RawTensor("a", (16,)), RawTensor("b", (4,), offset=32)], DATA), "overlap"),
    "no data": (gguf([], [RawTensor()]), "tensor_past_end"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "key"), DAMAGED.values(), ids=DAMAGED.keys())
def test_damage_is_one_clear_error(content: bytes, key: str, tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    tracemalloc.start()
    begin = time.perf_counter()
    with pytest.raises(CheckpointError) as caught:
        read_gguf(path)
    seconds, peak = time.perf_counter() - begin, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert caught.value.key == f"gguf.{key}"
    assert str(path) in str(caught.value)
    set_language("zh")
    assert str(path) in str(caught.value)
    assert seconds < 2
    assert peak < 2_000_000


def test_a_bomb_of_49_bytes_costs_nothing(tmp_path: Path) -> None:
    """An array that claims 2^28 empty arrays: a reader that makes them before it looks takes gigabytes."""
    for kind, count in ((ARRAY, 2**28), (8, 2**28), (0, 2**33), (ARRAY, 2**62)):
        content = (gguf(counts=(0, 1), alignment=1) + array("k", kind, count)).ljust(49, b"\0")[:49]
        assert len(content) == 49
        test_damage_is_one_clear_error(content, "count", tmp_path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no\\.gguf"):
        read_gguf(tmp_path / "no.gguf")
    with pytest.raises(CheckpointError):
        read_gguf(tmp_path)


@pytest.mark.parametrize("version", [2, 3])
def test_a_good_file(version: int, tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    numbers = struct.pack("<4f", 1, 2, 3, 4) + bytes(16) + struct.pack("<2e", 0.5, -2)
    pairs = [
        pair("general.alignment", 32),
        pair("name", "小镇"),
        array("numbers", 5, 2, struct.pack("<2i", -1, 7)),
        array("words", 8, 2, text("a") + text("")),
        array("flags", 7, 3, b"\1\0\1"),
        text("deep") + struct.pack("<IIQIQI", ARRAY, ARRAY, 1, 4, 1, 9),
        text("epsilon") + struct.pack("<If", 6, 1e-6),
        text("large") + struct.pack("<IQ", 10, 2**64 - 1),
    ]
    tensors = [RawTensor("matrix", (2, 2)), RawTensor("half", (2,), kind=1, offset=32)]
    path.write_bytes(gguf(pairs, tensors, numbers, version=version))
    file = read_gguf(path)
    assert file.metadata["numbers"].tolist() == [-1, 7]
    assert file.metadata["words"] == ["a", ""]
    assert file.metadata["flags"].tolist() == [True, False, True]
    assert file.metadata["deep"][0].tolist() == [9]
    assert file.metadata["epsilon"] == 1e-6
    assert file.metadata["large"] == 2**64 - 1
    assert list(file) == ["matrix", "half"]
    assert torch.equal(file["matrix"], torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    assert torch.equal(file["half"], torch.tensor([0.5, -2.0], dtype=torch.float16))


def test_what_is_changed_in_memory_does_not_reach_the_file(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(gguf([], [RawTensor()], DATA))
    before = path.read_bytes()
    read_gguf(path)["a"].fill_(1.0)
    assert path.read_bytes() == before


def test_an_alignment_below_the_size_of_a_number(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    content = gguf([pair("general.alignment", 1)], [RawTensor()], struct.pack("<4f", 1, 2, 3, 4), alignment=1)
    assert (len(content) - 16) % 4
    path.write_bytes(content)
    assert read_gguf(path)["a"].tolist() == [1, 2, 3, 4]
