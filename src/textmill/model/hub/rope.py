"""Rotary positions as config.json says them: `rope_theta` and `rope_scaling`, or both as `rope_parameters`.

We write the first form, which every engine reads; transformers from version 5 on writes the second.
"""

from typing import Any

from textmill.errors import ModelError
from textmill.model.config import RopeScaling
from textmill.model.hub.family import HubConfig

KINDS = {"default": "none", "linear": "linear", "dynamic": "dynamic", "llama3": "llama3", "yarn": "yarn"}


def write_rope(theta: float, scaling: RopeScaling, context: int) -> dict[str, Any]:
    """Returns the keys of config.json for a base `theta` and a scaling."""
    if scaling.kind == "none":
        return {"rope_theta": theta, "rope_scaling": None}
    values: dict[str, Any] = {"rope_type": scaling.kind, "factor": scaling.factor}
    if scaling.kind in ("llama3", "yarn"):
        values["original_max_position_embeddings"] = scaling.original_context or context
    if scaling.kind == "llama3":
        values["low_freq_factor"] = scaling.low_frequency_factor
        values["high_freq_factor"] = scaling.high_frequency_factor
    if scaling.kind == "yarn":
        values["beta_fast"], values["beta_slow"] = scaling.beta_fast, scaling.beta_slow
        if scaling.attention_factor:
            values["attention_factor"] = scaling.attention_factor
    return {"rope_theta": theta, "rope_scaling": values}


def read_rope(config: HubConfig, context: int) -> tuple[float, float, RopeScaling]:
    """Returns the base, the rotated share of a head's width, and the scaling."""
    section = config.section("rope_parameters" if "rope_parameters" in config else "rope_scaling")
    theta = section.number("rope_theta", config.number("rope_theta", 10_000.0))
    share = section.number("partial_rotary_factor", config.number("partial_rotary_factor", 1.0))
    if theta <= 1 or not 0 < share <= 1:
        raise ModelError(
            "hub.value",
            file=config.place,
            name="rope_theta, partial_rotary_factor",
            expected="> 1, 0 … 1",
            value=f"{theta}, {share}",
        )
    hub_kind = section.get("rope_type", str, section.get("type", str, "default"))
    if hub_kind not in KINDS:
        raise ModelError(
            "hub.unsupported", file=section.place, name="rope_type", value=hub_kind, allowed=", ".join(KINDS)
        )
    return theta, share, _read_scaling(section, KINDS[hub_kind], context)


def _read_scaling(section: HubConfig, kind: str, context: int) -> RopeScaling:
    if kind == "none":
        return RopeScaling()
    factor = section.number("factor", 1.0)
    if factor <= 0:
        raise ModelError("hub.value", file=section.place, name="factor", expected="> 0", value=factor)
    original = section.integer("original_max_position_embeddings", context) if kind in ("llama3", "yarn") else 0
    if kind == "llama3":
        low, high = section.number("low_freq_factor", 1.0), section.number("high_freq_factor", 4.0)
        return RopeScaling(
            kind=kind,
            factor=factor,
            original_context=original,
            low_frequency_factor=low,
            high_frequency_factor=high,
        )
    if kind == "yarn":
        section.require("truncate", True)
        section.require("mscale")
        section.require("mscale_all_dim")
        return RopeScaling(
            kind=kind,
            factor=factor,
            original_context=original,
            beta_fast=section.number("beta_fast", 32.0),
            beta_slow=section.number("beta_slow", 1.0),
            attention_factor=section.number("attention_factor", 0.0),
        )
    return RopeScaling(kind=kind, factor=factor)
