"""Folders without a tokenizer.json: SentencePiece models and rank files give the ids of their own libraries."""

import base64
import json
import random
import struct
from pathlib import Path
from typing import Any

import pytest
from sentencepiece_samples import MODELS, folder_with, train_sentencepiece
from tokenizer_samples import CHINESE, ENGLISH, MULTILINGUAL

from textmill.errors import TextmillError, TokenizerError
from textmill.tokenizer.pattern import LLAMA3_PATTERN, SPLIT_PATTERN
from textmill.tokenizer.ranks import QWEN_FILE
from textmill.tokenizer.sentencepiece_model import fields, read_sentencepiece
from textmill.tokenizer.tokenizer import Tokenizer

CORPUS = [
    *MULTILINGUAL, ENGLISH, CHINESE, ENGLISH + CHINESE, "  two  spaces ", "aaaaaaaaaa", "a\tb\nc", "I'M 12345.678",
    "The baker OPENED her shop, 面包师。", "ﬁ ﬂ ½ Ⅷ ｆｕｌｌ", "x" * 300,
]  # fmt: skip


@pytest.fixture(scope="module", params=MODELS)
def trained(request: pytest.FixtureRequest) -> tuple[Any, bytes]:
    """A processor of sentencepiece and its tokenizer.model."""
    return train_sentencepiece(request.param)


def test_ids_are_those_of_sentencepiece(trained: tuple[Any, bytes], tmp_path: Path) -> None:
    theirs, data = trained
    ours = Tokenizer.load(folder_with(tmp_path / "model", "tokenizer.model", data))
    assert ours.vocabulary_size == theirs.get_piece_size()
    assert ours.special == {"<s>": 1, "</s>": 2}
    assert ours.end_of_text_id == 2
    for text in CORPUS:
        assert ours.encode(text) == theirs.encode(text), text
        assert ours.decode(theirs.encode(text)) == theirs.decode(theirs.encode(text))


def test_further_tokens_stand_in_the_configuration(trained: tuple[Any, bytes], tmp_path: Path) -> None:
    theirs, data = trained
    size = theirs.get_piece_size()
    told = {str(size + 1): {"content": "<turn>", "special": True}, "1": {"content": "<s>", "special": True}}
    folder = folder_with(tmp_path / "model", "tokenizer.model", data, added_tokens_decoder=told)
    (folder / "added_tokens.json").write_text(json.dumps({"<extra>": size}))
    ours = Tokenizer.load(folder)
    assert ours.vocabulary_size == size + 2
    assert ours.special["<turn>"] == size + 1
    assert ours.encode("<extra>") == [size]
    assert ours.encode("<turn>", allow_special=True) == [size + 1]


def test_damaged_models_are_one_clear_error(trained: tuple[Any, bytes], tmp_path: Path) -> None:
    data, chance, met = trained[1], random.Random(0), set()
    for number in range(150):
        changed = bytearray(data)
        if number % 3 == 0:
            changed = changed[: chance.randrange(1, len(data))]
        else:
            for _ in range(chance.choice((1, 3, 9))):
                changed[chance.randrange(1, len(data))] = chance.randrange(256)
        try:
            content = read_sentencepiece(bytes(changed)).as_json()
            Tokenizer(json.dumps(content).encode()).encode("One morning 小镇 ﬁ")
            met.add("valid")
        except TextmillError as error:
            met.add(error.key)
    known = {"damaged", "sentencepiece_kind", "not_byte_level"}
    assert met <= {"valid", *(f"tokenizer.{key}" for key in known)}
    assert "tokenizer.damaged" in met


@pytest.mark.parametrize(
    "data",
    [
        b"\x0a",
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x0a\x02\x0a\x80",
        b"\x0a\x03\x0a\x01\xff",
        b"\x0a\x03\x0a\x01a",  # no unknown piece
        b"\x0b\x00",
    ],
)
def test_lengths_are_not_believed(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(TokenizerError) as caught:
        Tokenizer.load(folder_with(tmp_path / "model", "tokenizer.model", data))
    assert caught.value.key == "tokenizer.damaged"
    assert str(caught.value)


def test_models_of_words_are_refused(tmp_path: Path) -> None:
    piece = b"\x0a\x05<unk>\x15" + struct.pack("<f", 0.0) + b"\x18\x02"
    data = b"\x0a" + bytes([len(piece)]) + piece + b"\x12\x02\x18\x03"
    assert [number for number, _ in fields(data)] == [1, 2]
    with pytest.raises(TokenizerError) as caught:
        read_sentencepiece(data)
    assert caught.value.key == "tokenizer.sentencepiece_kind"


def rank_file(tokenizer: Tokenizer) -> tuple[dict[bytes, int], bytes]:
    """The ranks of a byte-level tokenizer: its ids, without special tokens."""
    plain = [id for id in range(tokenizer.vocabulary_size) if not tokenizer.is_special(id)]
    ranks = {tokenizer.token_bytes(id): id for id in plain}
    return ranks, b"".join(base64.b64encode(token) + b" %d\n" % rank for token, rank in ranks.items())


@pytest.mark.parametrize(("name", "pattern"), [("tokenizer.model", LLAMA3_PATTERN), (QWEN_FILE, SPLIT_PATTERN)])
def test_ids_are_those_of_tiktoken(tokenizer: Tokenizer, name: str, pattern: str, tmp_path: Path) -> None:
    library = pytest.importorskip("tiktoken", reason="pip install tiktoken: the reference")
    ranks, data = rank_file(tokenizer)
    special = {"<|end|>": len(ranks), "<|turn|>": len(ranks) + 1}
    theirs = library.Encoding("small", pat_str=pattern, mergeable_ranks=ranks, special_tokens=special)
    told = {str(id): {"content": token, "special": True} for token, id in special.items()}
    ours = Tokenizer.load(folder_with(tmp_path, name, data, eos_token="<|end|>", added_tokens_decoder=told))
    assert ours.special == special
    assert ours.end_of_text_id == len(ranks)
    for text in CORPUS:
        assert ours.encode(text) == theirs.encode(text, disallowed_special=()), text
        assert ours.decode(ours.encode(text)) == text
    assert ours.encode("a<|turn|>", allow_special=True) == theirs.encode("a<|turn|>", allowed_special="all")


@pytest.mark.parametrize("change", [b"====", b"YQ== x", b"YQ== 999999", b"YQ== 0", b"\xff 3", b""])
def test_damaged_ranks_are_one_clear_error(tokenizer: Tokenizer, change: bytes, tmp_path: Path) -> None:
    lines = rank_file(tokenizer)[1].splitlines()
    lines[10] = change
    with pytest.raises(TokenizerError) as caught:
        Tokenizer.load(folder_with(tmp_path, "some.tiktoken", b"\n".join(lines)))
    assert caught.value.key == "tokenizer.damaged"
