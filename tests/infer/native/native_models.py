"""What the tests of the compiled runner share: models of every kind, and rows of it."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from textmill.infer.engine.runner import Part
from textmill.infer.native.layout import PAGE
from textmill.infer.native.runner import NativeRunner, build_native_runner
from textmill.kernels.build import UNITS, can_build_inference, inference_units
from textmill.model.config import ModelConfig
from textmill.model.gpt import GPT

HERE = list(UNITS)[list(UNITS).index(inference_units()) :]
"""What this processor can run."""
needs_compiler = pytest.mark.skipif(not can_build_inference()[0], reason=str(can_build_inference()[1]))


def random_model(config: ModelConfig, seed: int = 0) -> GPT:
    """A model whose every parameter is random: norms and biases of one and zero hide mistakes."""
    generator = torch.Generator().manual_seed(seed)
    model = GPT(config).eval().requires_grad_(False)
    for parameter in model.parameters():
        fresh = torch.randn(parameter.shape, generator=generator)
        parameter.copy_(fresh * 0.3 + (0 if config.norm_offset else 1) if parameter.ndim == 1 else fresh * 0.15)
    return model


def native(
    model: GPT, weights: str = "fp32", *, threads: int = 2, units: str = "", page_count: int = 40
) -> NativeRunner:
    return build_native_runner(model, weights=weights, page_count=page_count, threads=threads, units=units)


def random_ids(config: ModelConfig, count: int, seed: int = 0) -> list[int]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, config.vocabulary_size, (count,), generator=generator).tolist()


def pages_for(count: int, first: int = 0) -> list[int]:
    """A page table that jumps about."""
    return [first + index for index in range(-(-count // PAGE))][::-1]


def in_chunks(runner: NativeRunner, ids: Sequence[int], size: int, pages: Sequence[int]) -> Tensor:
    """Every row's logits, the text read `size` tokens at a time."""
    rows = []
    for past in range(0, len(ids), size):
        some = ids[past : past + size]
        rows.append(runner.forward([Part(ids=some, past=past, pages=pages, wanted=range(len(some)))]))
    return torch.cat(rows)
