"""SentencePiece's kind of vocabulary (Llama 2, Mistral, Gemma): the ids and texts that transformers has."""

import json
from pathlib import Path
from typing import Any

import pytest
import tokenizers
from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from textmill.errors import TokenizerError
from textmill.tokenizer.stream import StreamDecoder
from textmill.tokenizer.tokenizer import Tokenizer

TEXTS = [
    "The cat sat on the mat, and the cat sang.",
    "Numbers 12 and 345; 猫坐在垫子上。",
    "a  b   c\n\nnext line",
] * 20
STRINGS = [
    "The cat sat.", " leading and trailing ", "two  spaces\ttab\nline", "猫坐在垫子上", "🙂 emoji 𝒳", "", " ",
    "Ünïcode ñ 한국어", "<s> spelled out </s>", "The " * 5000 + "猫" * 5000,
]  # fmt: skip


def make(kind: str) -> dict[str, Any]:
    """Returns a tokenizer.json built as the family's own converter builds it."""
    names = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    backend = tokenizers.Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    if kind == "llama":
        backend.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
        last = [decoders.Strip(" ", 1, 0)]
    elif kind == "gemma":
        backend.normalizer = normalizers.Replace(" ", "▁")
        last = []
    else:
        backend.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first", split=False)
        last = [decoders.Strip(" ", 1, 0)]
    backend.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), *last])
    trainer = trainers.BpeTrainer(vocab_size=420, special_tokens=names, show_progress=False)
    backend.train_from_iterator(TEXTS, trainer)
    content = json.loads(backend.to_str())
    content["added_tokens"] = [token for token in content["added_tokens"] if not token["content"].startswith("<0x")]
    return content


@pytest.fixture(params=["llama", "gemma", "metaspace"], scope="module")
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Tokenizer, Any, str]:
    folder: Path = tmp_path_factory.mktemp(request.param)
    content = make(request.param)
    (folder / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")
    names = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(names))
    peer = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"), **names)
    return Tokenizer.load(folder), peer, request.param


@pytest.mark.parametrize("text", STRINGS, ids=lambda text: repr(text[:12]))
def test_ids_and_texts_are_those_of_transformers(both: tuple[Tokenizer, Any, str], text: str) -> None:
    ours, peer, kind = both
    ids = ours.encode(text, allow_special=True)
    assert ids == peer(text, add_special_tokens=False)["input_ids"]
    assert ours.decode(ids, skip_special=False) == peer.decode(ids, clean_up_tokenization_spaces=False)
    plain = ours.encode(text)
    assert not any(ours.is_special(id) for id in plain)
    if kind != "metaspace" or not text.startswith(" "):  # which takes a space that is there for the one it would add
        assert ours.decode(plain) == text


def test_every_byte_has_an_id_and_bytes_come_back(both: tuple[Tokenizer, Any, str]) -> None:
    ours, peer, _ = both
    assert ours.vocabulary_size == len(peer)
    data = bytes(range(128, 256))
    assert ours.decode_bytes(ours.encode_bytes(data)).lstrip(b" ") == data


def test_a_text_that_goes_on_keeps_its_space(both: tuple[Tokenizer, Any, str]) -> None:
    """What follows a prompt begins with the space between them; only a whole text has one too many."""
    ours, _, kind = both
    ids = ours.encode("The cat sat on 垫子")
    stream = StreamDecoder(ours)
    put_before = "" if kind == "gemma" else " "
    assert "".join(stream.feed(id) for id in ids) + stream.finish() == put_before + "The cat sat on 垫子"
    assert ours.decode(ids) == "The cat sat on 垫子"


def test_pieces_show_the_text_itself(both: tuple[Tokenizer, Any, str]) -> None:
    ours, _, _ = both
    for text in ("The cat 猫🙂", "x y"):
        pieces = ours.pieces(text)
        assert "".join(piece.text for piece in pieces) == text
        assert [text[piece.start : piece.end] for piece in pieces] == [piece.text for piece in pieces]


def test_without_byte_fallback_it_is_refused() -> None:
    content = make("llama")
    content["model"]["byte_fallback"] = False
    with pytest.raises(TokenizerError) as caught:
        Tokenizer(json.dumps(content).encode())
    assert caught.value.key == "tokenizer.not_byte_level"
