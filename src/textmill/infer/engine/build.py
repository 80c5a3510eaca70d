"""The engine for a loaded model on this machine: which weights, which kernels, how much cache."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from textmill.errors import ModelError
from textmill.infer.engine.draft import DraftProposer
from textmill.infer.engine.engine import Engine
from textmill.infer.engine.runner import Runner
from textmill.infer.engine.scheduler import Limits
from textmill.infer.engine.speculation import NGramProposer, Proposer
from textmill.infer.engine.torch_runner import PAGE, TorchRunner
from textmill.infer.resolve import LoadedModel
from textmill.model.config import ModelConfig
from textmill.model.hub.adapters import load_adapter

CACHE_SHARE = 0.25
"""Of the memory that is free, for keys and values, where nothing else is said."""
MOST_TEXTS = 64
"""No more cache than so many texts of the model's whole context can fill."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """How a model is run."""

    weights: str = "auto"
    """fp32, bf16, int8, int4; auto: as they are stored, or what the processor multiplies best without loss."""
    cache_tokens: int = 0
    """Positions that the cache holds; 0: a quarter of the free memory, at most 64 texts of the whole context."""
    threads: int = 0
    """For arithmetic; 0: one a physical core."""
    limits: Limits = field(default_factory=Limits)
    speculate: bool = True
    """Guess ahead from the text itself where that has been worth it."""
    adapters: tuple[tuple[str, Path], ...] = ()
    """(name, folder in PEFT's format) of the adapters that requests may ask for."""


def build_engine(loaded: LoadedModel, settings: EngineSettings, *, draft: LoadedModel | None = None) -> Engine:
    """Returns an engine over `loaded`'s model; `draft`: a smaller one with the same tokenizer that guesses ahead."""
    runner = build_runner(loaded, settings)
    proposer: Proposer | None = NGramProposer() if settings.speculate else None
    if draft is not None:
        if draft.tokenizer.hash != loaded.tokenizer.hash:
            raise ModelError("infer.draft_tokenizer", name=draft.name, model=loaded.name)
        plain = replace(settings, adapters=())
        proposer = DraftProposer(build_runner(draft, plain), vocabulary_size=loaded.tokenizer.vocabulary_size)
    return Engine(runner, loaded.tokenizer, limits=settings.limits, proposer=proposer)


def build_runner(loaded: LoadedModel, settings: EngineSettings) -> Runner:
    """Returns the runner for the model."""
    model = loaded.model
    weight = model.token_embedding.weight
    tokens = settings.cache_tokens or cache_tokens(model.config, weight.element_size())
    adapters = {name: load_adapter(folder, model) for name, folder in settings.adapters}
    return TorchRunner(model, page_count=max(1, -(-tokens // PAGE)), adapters=adapters)


def cache_tokens(config: ModelConfig, element_size: int) -> int:
    """Returns how many positions of keys and values a quarter of the free memory holds, within reason."""
    import psutil

    bytes_each = config.layers * 2 * config.kv_heads * config.head_width * element_size
    room = int(psutil.virtual_memory().available * CACHE_SHARE) // bytes_each
    return max(config.context, min(room, MOST_TEXTS * config.context))
