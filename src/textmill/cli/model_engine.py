"""The model that a command names, on its device, and the engine that runs it: shared by the commands that write."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from textmill.cli.command import Argument, Context
from textmill.i18n import t

if TYPE_CHECKING:
    from textmill.infer.engine.engine import Engine
    from textmill.infer.resolve import LoadedModel

WEIGHTS = ("auto", "fp32", "bf16", "int8", "int4")
PAGE = 64
"""Positions; a text takes whole pages of the cache."""
MODEL_ARGUMENTS = (
    Argument(name="--model", metavar="MODEL"),
    Argument(name="--weights", choices=WEIGHTS, default="auto"),
    Argument(name="--device", default="", metavar="DEVICE"),
)
SAMPLING_ARGUMENTS = (
    Argument(name="--max-tokens", kind=int),
    Argument(name="--temperature", kind=float),
    Argument(name="--top-k", kind=int),
    Argument(name="--top-p", kind=float),
    Argument(name="--min-p", kind=float),
    Argument(name="--repetition-penalty", kind=float),
    Argument(name="--seed", kind=int),
)
"""The [generate] settings that have a short option of the same name."""


def load_model(context: Context, model: str | None, device: str) -> "LoadedModel":
    """As `load_on`, for a command that waits for the engine: says where that has kernels to compile first."""
    from textmill.infer.engine.build import EngineSettings, compiles_first

    loaded = load_on(context, model, device)
    if compiles_first(loaded.model, EngineSettings()):  # some seconds, once a machine
        context.say(t("cli_generate.compiling"))
    return loaded


def load_on(context: Context, model: str | None, device: str) -> "LoadedModel":
    """Returns the model on the device, as its weights are stored; `notes`: what the user should know of the choice."""
    import torch

    from textmill.hardware import check_device, default_threads
    from textmill.infer.resolve import load

    place = check_device(device)
    if place == "cpu":
        torch.set_num_threads(default_threads())
    return load(model, context.project, device=place, dtype=None)


def make_engine(loaded: "LoadedModel", weights: str, *, texts: int = 0, length: int = 0) -> "Engine":
    """Returns an engine with a cache for so many texts of so many tokens; 0: for as much as memory has room for.

    Where texts that run side by side gain nothing (`Runner.invariant`), they run one after another.
    """
    from textmill.infer.engine.build import EngineSettings, build_engine

    if weights == "auto" and torch_reads_halves(loaded):
        weights = "fp32"
    longest = min(length, loaded.model.config.context)
    engine = build_engine(loaded, EngineSettings(weights=weights, cache_tokens=texts * -(-longest // PAGE) * PAGE))
    if not engine.runner.invariant:
        engine.scheduler.limits = replace(engine.scheduler.limits, running=1)
    return engine


def torch_reads_halves(loaded: "LoadedModel") -> bool:
    """True where torch would multiply half precision on a CPU, which most do slower than single precision."""
    import torch

    from textmill.infer.engine.build import EngineSettings, why_not_compiled

    weight = loaded.model.token_embedding.weight
    if weight.device.type != "cpu" or weight.dtype == torch.float32:
        return False
    return bool(why_not_compiled(loaded.model, EngineSettings()))


def full_name(loaded: "LoadedModel") -> str:
    """Returns how to ask for this very model again."""
    return loaded.name if loaded.step is None else f"{loaded.name}@{loaded.step}"


def short_name(loaded: "LoadedModel") -> str:
    """Returns what to call the model where there is little room: of a path, its end."""
    path = Path(loaded.name)
    return path.name if path.exists() and path.name else full_name(loaded)


def device_of(loaded: "LoadedModel") -> str:
    """Returns the device that the model is on."""
    return str(loaded.model.token_embedding.weight.device)
