"""Rotary positions in GGUF's metadata: a base, and a scaling of the kinds that llama.cpp computes by itself."""

from typing import Any

from textmill.errors import ModelError
from textmill.model.config import ModelConfig, RopeScaling
from textmill.model.gguf.family import GGUFValues

SCALINGS = ("none", "linear", "yarn")


def write_rope(config: ModelConfig) -> dict[str, Any]:
    """Returns the keys for base and scaling; a scaling without a name there reads back as none and is so refused."""
    scaling = config.rope_scaling
    values: dict[str, Any] = {"rope.freq_base": config.rope_theta}
    if scaling.kind in ("linear", "yarn"):
        values |= {"rope.scaling.type": scaling.kind, "rope.scaling.factor": scaling.factor}
    if scaling.kind == "yarn":
        values["rope.scaling.original_context_length"] = scaling.original_context or config.context
    return values


def read_rope(values: GGUFValues, context: int) -> tuple[float, RopeScaling]:
    """Returns base and scaling. yarn is with the paper's constants, which are llama.cpp's defaults too."""
    theta = values.number("rope.freq_base", 10_000.0)
    if theta <= 1:
        raise ModelError("hub.value", file=values.place, name="rope.freq_base", expected="> 1", value=theta)
    values.require("rope.scaling.type", *SCALINGS)
    values.require("rope.scaling.finetuned", True, False)
    kind, factor = values.get("rope.scaling.type", str, "none"), values.number("rope.scaling.factor", 1.0)
    original = values.integer("rope.scaling.original_context_length", context)
    if factor <= 0:
        raise ModelError("hub.value", file=values.place, name="rope.scaling.factor", expected="> 0", value=factor)
    if kind == "none":
        return theta, RopeScaling()
    if kind == "linear":
        return theta, RopeScaling(kind="linear", factor=factor)
    return theta, RopeScaling(kind="yarn", factor=factor, original_context=original)
