"""SentencePiece models as their own library trains them, for tests of whatever reads or writes such vocabularies."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from tokenizer_samples import TEXTS

from textmill.tokenizer.tokenizer import Tokenizer

MODELS: dict[str, dict[str, Any]] = {
    "bpe": {"model_type": "bpe"},
    "bpe as Llama 2": {
        "model_type": "bpe", "normalization_rule_name": "identity", "remove_extra_whitespaces": False,
        "split_digits": True, "allow_whitespace_only_pieces": True,
    },
    "bpe as Gemma": {
        "model_type": "bpe", "normalization_rule_name": "identity", "remove_extra_whitespaces": False,
        "add_dummy_prefix": False,
    },
    "unigram": {"model_type": "unigram"},
    "unigram, nothing normalised": {
        "model_type": "unigram", "normalization_rule_name": "identity", "remove_extra_whitespaces": False,
    },
    "unigram without a prefix": {"model_type": "unigram", "add_dummy_prefix": False},
}  # fmt: skip


def train_sentencepiece(name: str) -> tuple[Any, bytes]:
    """Returns a processor of sentencepiece and its tokenizer.model; skips where the library is absent."""
    library = pytest.importorskip("sentencepiece", reason="pip install sentencepiece: the reference")
    out = io.BytesIO()
    library.SentencePieceTrainer.train(
        sentence_iterator=iter("".join(TEXTS).splitlines()), model_writer=out, vocab_size=460, byte_fallback=True,
        character_coverage=0.98, hard_vocab_limit=False, minloglevel=2, **MODELS[name],
    )  # fmt: skip
    return library.SentencePieceProcessor(model_proto=out.getvalue()), out.getvalue()


def folder_with(folder: Path, name: str, data: bytes, **config: Any) -> Path:
    """Writes a tokenizer's file and its configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)
    (folder / "tokenizer_config.json").write_text(json.dumps({"bos_token": "<s>", "eos_token": "</s>"} | config))
    return folder


def sentencepiece_of(name: str, folder: Path) -> tuple[Any, Tokenizer]:
    """Returns a processor of sentencepiece and our tokenizer of the same model."""
    theirs, data = train_sentencepiece(name)
    return theirs, Tokenizer.load(folder_with(folder / "model", "tokenizer.model", data))
