"""Rotary positions as config.json says them: `rope_theta` and `rope_scaling`, or both as `rope_parameters`.

We write the first form, which every engine reads; transformers from version 5 on writes the second.
"""

from typing import Any

from textmill.errors import ModelError
from textmill.model.config import ModelConfig, RopeScaling
from textmill.model.hub.family import HubConfig

KINDS = {
    "default": "none",
    "linear": "linear",
    "dynamic": "dynamic",
    "llama3": "llama3",
    "yarn": "yarn",
    "longrope": "longrope",
    "su": "longrope",  # its first name, in early files of Phi-3
}
WITH_ORIGINAL = ("llama3", "yarn", "longrope")


def write_rope(config: ModelConfig) -> dict[str, Any]:
    """Returns the keys of config.json for the base and the scaling."""
    theta, scaling = config.rope_theta, config.rope_scaling
    if scaling.kind == "none":
        return {"rope_theta": theta, "rope_scaling": None}
    values: dict[str, Any] = {"rope_type": scaling.kind, "factor": scaling.factor}
    if scaling.kind in WITH_ORIGINAL:
        values["original_max_position_embeddings"] = scaling.original_context or config.context
    if scaling.kind == "llama3":
        values["low_freq_factor"] = scaling.low_frequency_factor
        values["high_freq_factor"] = scaling.high_frequency_factor
    if scaling.kind == "yarn":
        values["beta_fast"], values["beta_slow"] = scaling.beta_fast, scaling.beta_slow
    if scaling.kind == "longrope":
        del values["factor"]  # the two contexts say it
        values["short_factor"], values["long_factor"] = list(scaling.short_factors), list(scaling.long_factors)
    if scaling.attention_factor:
        values["attention_factor"] = scaling.attention_factor
    return {"rope_theta": theta, "rope_scaling": values}


def read_rope(
    config: HubConfig, context: int, *, theta: float = 10_000.0, share: float = 1.0, partial: bool = False
) -> dict[str, Any]:
    """Returns rope_theta, rope_fraction and rope_scaling of a ModelConfig.

    `theta` and `share` hold where the file is silent. Unless `partial`, a share of the head other than all of it is
    refused: transformers reads it in some families and leaves it unread in the others.
    """
    section = config.section("rope_parameters" if "rope_parameters" in config else "rope_scaling")
    theta = section.number("rope_theta", config.number("rope_theta", theta))
    share = section.number("partial_rotary_factor", config.number("partial_rotary_factor", share))
    if not partial:
        config.require("partial_rotary_factor", 1.0)
        section.require("partial_rotary_factor", 1.0)
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
    scaling = _read_scaling(config, section, KINDS[hub_kind], context)
    return {"rope_theta": theta, "rope_fraction": share, "rope_scaling": scaling}


def _read_scaling(config: HubConfig, section: HubConfig, kind: str, context: int) -> RopeScaling:
    if kind == "none":
        return RopeScaling()
    factor = section.number("factor", 1.0)
    if factor <= 0:
        raise ModelError("hub.value", file=section.place, name="factor", expected="> 0", value=factor)
    original = 0
    if kind in WITH_ORIGINAL:
        name = "original_max_position_embeddings"
        original = section.integer(name, config.integer(name, context))
    if kind == "longrope":
        return RopeScaling(
            kind=kind,
            original_context=original,
            attention_factor=section.number("attention_factor", 0.0),
            short_factors=section.numbers("short_factor"),
            long_factors=section.numbers("long_factor"),
        )
    if kind == "llama3":
        return RopeScaling(
            kind=kind,
            factor=factor,
            original_context=original,
            low_frequency_factor=section.number("low_freq_factor", 1.0),
            high_frequency_factor=section.number("high_freq_factor", 4.0),
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
