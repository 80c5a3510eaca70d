"""The engine for a loaded model on this machine: which weights, which kernels, how much cache.

    auto        on a CPU the compiled runner where it covers the model, in the precision in which the weights are
                stored (bf16 for half precision of either kind); torch else
    int8, int4  quantised as the model is loaded; only the compiled runner has them

The compiled runner takes some seconds to compile, once a machine. `quick_engine` serves with torch until it is there.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from textmill import hardware
from textmill.errors import ModelError
from textmill.infer.engine.draft import DraftProposer
from textmill.infer.engine.engine import Engine
from textmill.infer.engine.runner import Runner
from textmill.infer.engine.scheduler import Limits
from textmill.infer.engine.speculation import NGramProposer, Proposer
from textmill.infer.engine.torch_runner import PAGE, TorchRunner
from textmill.infer.native.covers import uncovered
from textmill.infer.native.runner import NativeRunner, build_native_runner
from textmill.infer.resolve import LoadedModel
from textmill.kernels.build import Unavailable, can_build_inference, inference_is_compiled
from textmill.model.config import ModelConfig
from textmill.model.gpt import GPT
from textmill.model.hub.adapters import load_adapter

QUANTISED = ("int8", "int4")
CACHE_SHARE = 0.25
"""Of the memory that is free, for keys and values, where nothing else is said."""
MOST_TEXTS = 64
"""No more cache than so many texts of the model's whole context can fill."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """How a model is run."""

    weights: str = "auto"
    """auto, fp32, bf16, int8 or int4."""
    cache_tokens: int = 0
    """Positions that the cache holds; 0: a quarter of the free memory, at most 64 texts of the whole context."""
    threads: int = 0
    """For arithmetic; 0: one a physical core."""
    limits: Limits = field(default_factory=Limits)
    speculate: bool = True
    """Guess ahead from the text itself where that has been worth it."""
    adapters: tuple[tuple[str, Path], ...] = ()
    """(name, folder in PEFT's format) of the adapters that requests may ask for; torch's kernels apply them."""


def build_engine(loaded: LoadedModel, settings: EngineSettings, *, draft: LoadedModel | None = None) -> Engine:
    """Returns an engine over `loaded`'s model; `draft`: a smaller one with the same tokenizer that guesses ahead.

    Raises ModelError for weights that cannot be had here.
    """
    runner = build_runner(loaded.model, settings)
    proposer: Proposer | None = NGramProposer() if settings.speculate else None
    if draft is not None:
        if draft.tokenizer.hash != loaded.tokenizer.hash:
            raise ModelError("infer.draft_tokenizer", name=draft.name, model=loaded.name)
        plain = replace(settings, adapters=())
        known = loaded.tokenizer.vocabulary_size
        proposer = DraftProposer(build_runner(draft.model, plain), vocabulary_size=known)
    return Engine(runner, loaded.tokenizer, limits=settings.limits, proposer=proposer)


def quick_engine(loaded: LoadedModel, settings: EngineSettings) -> tuple[Engine, Callable[[], Engine] | None]:
    """Returns an engine that answers at once, and how to make the one that new requests should get, if it is another.

    Another one: where it `compiles_first`.
    """
    if not compiles_first(loaded.model, settings):
        return build_engine(loaded, settings), None
    at_first = Engine(_torch_runner(loaded.model, settings), loaded.tokenizer, limits=settings.limits)
    return at_first, lambda: build_engine(loaded, settings)


def build_runner(model: GPT, settings: EngineSettings) -> Runner:
    """Returns the runner for the model; ModelError where the settings ask for what is not to be had."""
    why_not = why_not_compiled(model, settings)
    if why_not:
        if settings.weights in QUANTISED:
            raise ModelError("infer.no_quantised", weights=settings.weights, reason=why_not)
        return _torch_runner(model, settings)
    weights = settings.weights
    if weights == "auto":
        weights = "fp32" if model.token_embedding.weight.dtype == torch.float32 else "bf16"
    tokens = settings.cache_tokens or cache_tokens(model.config, 4 if weights == "fp32" else 2)
    threads = settings.threads or hardware.default_threads()
    try:
        pages = -(-tokens // NativeRunner.page_size)
        return build_native_runner(model, weights=weights, page_count=pages, threads=threads)
    except Unavailable as error:
        if settings.weights in QUANTISED:
            raise ModelError("infer.no_quantised", weights=settings.weights, reason=str(error.reason)) from error
        return _torch_runner(model, settings)


def compiles_first(model: GPT, settings: EngineSettings) -> bool:
    """True where the compiled runner would answer but has to be compiled first."""
    return not why_not_compiled(model, settings) and not inference_is_compiled()


def why_not_compiled(model: GPT, settings: EngineSettings) -> str:
    """Returns why the compiled runner does not answer, "" where it does."""
    if model.token_embedding.weight.device.type != "cpu":
        return model.token_embedding.weight.device.type
    if settings.adapters:
        return ", ".join(name for name, _ in settings.adapters)
    possible, reason = can_build_inference()
    if not possible:
        return str(reason)
    reason = uncovered(model.config)
    return str(reason) if reason is not None else ""


def _torch_runner(model: GPT, settings: EngineSettings) -> TorchRunner:
    if settings.weights in ("fp32", "bf16"):
        model = model.to({"fp32": torch.float32, "bf16": torch.bfloat16}[settings.weights])
    size = model.token_embedding.weight.element_size()
    tokens = settings.cache_tokens or cache_tokens(model.config, size)
    adapters = {name: load_adapter(folder, model) for name, folder in settings.adapters}
    return TorchRunner(model, page_count=max(1, -(-tokens // PAGE)), adapters=adapters)


def cache_tokens(config: ModelConfig, element_size: int) -> int:
    """Returns how many positions of keys and values a quarter of the free memory holds, within reason."""
    import psutil

    bytes_each = config.layers * 2 * config.kv_heads * config.head_width * element_size
    room = int(psutil.virtual_memory().available * CACHE_SHARE) // bytes_each
    return max(config.context, min(room, MOST_TEXTS * config.context))
