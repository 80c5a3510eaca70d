"""What the tests of writing share: a tokenizer of single bytes, scripted models, checkpoints."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from textmill.checkpoints import checkpoint_folder, write_checksums
from textmill.config import TokenizerSettings
from textmill.model.cache import Cache
from textmill.model.config import PRESETS, ModelConfig
from textmill.model.gpt import GPT
from textmill.model.hub import save_model
from textmill.tokenizer.tokenizer import Tokenizer
from textmill.tokenizer.train import SMALLEST_VOCABULARY, train_tokenizer

TEXTS = ["the cat sat on the mat and the dog sat on the log 猫坐在垫子上，狗坐在木头上。" * 4]


def tiny_config(preset: str = "modern", vocabulary_size: int = SMALLEST_VOCABULARY, context: int = 64) -> ModelConfig:
    return PRESETS[preset](vocabulary_size=vocabulary_size, context=context, layers=2, width=32, heads=2)


def tiny_model(config: ModelConfig, seed: int = 0) -> GPT:
    """A model whose every weight is random: also those that a fresh one has as zeros, so that scores differ."""
    generator = torch.Generator().manual_seed(seed)
    model = GPT(config)
    model.initialise(generator)
    for parameter in model.parameters():
        if parameter.ndim > 1:
            nn.init.normal_(parameter, std=0.2, generator=generator)
    return model.eval()


class ScriptedModel(GPT):
    """Says the ids of a script one after another, whatever it reads."""

    def __init__(self, config: ModelConfig, script: Sequence[int]) -> None:
        super().__init__(config)
        self.script = list(script)
        self.prompt: list[int] = []

    def hidden(self, ids_BT: Tensor, *, cache: Cache | None = None, **_: object) -> Tensor:  # type: ignore[override]
        assert cache is not None
        if cache.length == 0:
            self.prompt = ids_BT[0].tolist()
        cache.advance(ids_BT.shape[1])
        return torch.full((1, ids_BT.shape[1], 1), float(cache.length - len(self.prompt)))

    def logits(self, x_BTD: Tensor) -> Tensor:  # type: ignore[override]
        scores = torch.full((1, self.config.vocabulary_size), -50.0)
        scores[0, self.script[int(x_BTD[0, 0]) % len(self.script)]] = 50.0
        return scores


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
