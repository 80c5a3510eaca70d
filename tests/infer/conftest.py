"""What the tests of writing share: a tokenizer of single bytes, scripted models, checkpoints."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from tiny_models import TEXTS, ScriptedModel, tiny_config, tiny_model

from textmill.checkpoints import checkpoint_folder, write_checksums
from textmill.config import TokenizerSettings
from textmill.model.gpt import GPT
from textmill.model.hub import save_model
from textmill.tokenizer.tokenizer import Tokenizer
from textmill.tokenizer.train import SMALLEST_VOCABULARY, train_tokenizer


@pytest.fixture(scope="session")
def byte_tokenizer() -> Tokenizer:
    """Every token but the special ones is one byte, so every Chinese character spans three."""
    return train_tokenizer(TEXTS, settings=TokenizerSettings(), vocabulary_size=SMALLEST_VOCABULARY)


@pytest.fixture
def scripted(byte_tokenizer: Tokenizer) -> Callable[..., ScriptedModel]:
    """Makes a model that says a text (or ids) byte by byte."""

    def make(script: str | bytes | Sequence[int], context: int = 4096) -> ScriptedModel:
        if isinstance(script, str):
            script = script.encode()
        ids = byte_tokenizer.encode_bytes(script) if isinstance(script, bytes) else script
        return ScriptedModel(tiny_config(context=context), ids)

    return make


@pytest.fixture
def make_model() -> Callable[..., GPT]:
    """Makes a tiny model: ``make_model(preset="modern", vocabulary_size=…, context=64)``."""
    return lambda *arguments, **named: tiny_model(tiny_config(*arguments, **named))


@pytest.fixture
def model() -> GPT:
    """A tiny model with random weights."""
    return tiny_model(tiny_config())


@pytest.fixture(scope="session")
def tokenizer_folder(byte_tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tokenizer as a folder."""
    folder = tmp_path_factory.mktemp("tokenizer") / "tokenizer"
    byte_tokenizer.save(folder)
    return folder


@pytest.fixture
def make_checkpoint(tokenizer_folder: Path) -> Callable[..., Path]:
    """Writes a checkpoint of a run as training does."""

    def make(run_folder: Path, step: int, seed: int = 0) -> Path:
        folder = checkpoint_folder(run_folder, step)
        folder.mkdir(parents=True)
        save_model(tiny_model(tiny_config(), seed), folder, tokenizer_folder=tokenizer_folder)
        write_checksums(folder)
        return folder

    return make
