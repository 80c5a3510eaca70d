"""Tiny models for tests: random ones, and ones that say a script."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from textmill.model.cache import Cache
from textmill.model.config import PRESETS, ModelConfig
from textmill.model.gpt import GPT
from textmill.tokenizer.train import SMALLEST_VOCABULARY

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
