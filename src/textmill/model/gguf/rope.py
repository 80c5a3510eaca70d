"""Rotary positions in GGUF: a base, the scalings that llama.cpp computes by itself, and tensors of factors.

Llama 3.1's rule lies in the file as what it makes of each pair's frequency, rope_freqs.weight; longrope's factors as
rope_factors_short.weight and rope_factors_long.weight. Which of them llama.cpp reads depends on the family.
"""

import dataclasses
from typing import Any

from textmill.errors import ModelError
from textmill.model.config import ModelConfig, RopeScaling
from textmill.model.gguf.family import GGUFValues
from textmill.model.positions import rope_frequencies

SCALINGS = ("none", "linear", "yarn")
FREQUENCIES, SHORT, LONG = "rope_freqs.weight", "rope_factors_short.weight", "rope_factors_long.weight"
FACTOR_TENSORS = (FREQUENCIES, LONG, SHORT)
PUBLISHED = (8.0, 32.0)
"""The factors of Llama 3.1, 3.2 and 3.3; the other numbers of the rule are the same in all of them."""


def write_rope(config: ModelConfig) -> dict[str, Any]:
    """Returns the keys for base and scaling; a scaling without a name there reads back as none and is so refused."""
    scaling = config.rope_scaling
    values: dict[str, Any] = {"rope.dimension_count": config.rotated_width, "rope.freq_base": config.rope_theta}
    if scaling.kind in ("linear", "yarn"):
        values |= {"rope.scaling.type": scaling.kind, "rope.scaling.factor": scaling.factor}
    if scaling.kind == "yarn":
        values["rope.scaling.original_context_length"] = scaling.original_context or config.context
        for name, value, usual in (("fast", scaling.beta_fast, 32.0), ("slow", scaling.beta_slow, 1.0)):
            if value != usual:
                values[f"rope.scaling.yarn_beta_{name}"] = value
    if scaling.kind == "longrope" and FREQUENCIES not in rope_factors(config):
        values |= {
            "rope.scaling.type": "longrope",
            "rope.scaling.original_context_length": scaling.original_context or config.context,
            "rope.scaling.attn_factor": rope_frequencies(config, config.context)[1],
        }
    return values


def rope_factors(config: ModelConfig) -> dict[str, tuple[float, ...]]:
    """Returns the tensors of factors that say a configuration's scaling: what frequencies are divided by."""
    scaling = config.rope_scaling
    if config.positions != "rope" or scaling.kind not in ("llama3", "longrope"):
        return {}
    if scaling.kind == "longrope":
        same = scaling.short_factors == scaling.long_factors and scaling.attention_factor == 1.0
        if not same:
            return {LONG: scaling.long_factors, SHORT: scaling.short_factors}
        return {FREQUENCIES: scaling.short_factors}
    plain = dataclasses.replace(config, rope_scaling=RopeScaling())
    scaled, unscaled = (rope_frequencies(each, config.context)[0] for each in (config, plain))
    return {FREQUENCIES: tuple(float(str(value)) for value in (unscaled / scaled).numpy())}


def read_rope(values: GGUFValues, context: int, head_width: int, factors: tuple[str, ...] = ()) -> dict[str, Any]:
    """Returns rope_theta, rope_fraction and rope_scaling of a ModelConfig.

    `factors`: the tensors of factors that llama.cpp reads for the family; others in a file are refused by name.
    """
    theta = values.number("rope.freq_base", 10_000.0)
    if theta <= 1:
        raise ModelError("hub.value", file=values.place, name="rope.freq_base", expected="> 1", value=theta)
    rotated = values.integer("rope.dimension_count", head_width, maximum=head_width)
    values.require("rope.scaling.finetuned", True, False)
    scaling = _read_scaling(values, context, {name: values.factors[name] for name in factors if name in values.factors})
    return {"rope_theta": theta, "rope_fraction": rotated / head_width, "rope_scaling": scaling}


def _read_scaling(values: GGUFValues, context: int, factors: dict[str, tuple[float, ...]]) -> RopeScaling:
    values.require("rope.scaling.type", *SCALINGS, *(["longrope"] if LONG in factors else []))
    factor = values.number("rope.scaling.factor", 1.0)
    if factor <= 0:
        raise ModelError("hub.value", file=values.place, name="rope.scaling.factor", expected="> 0", value=factor)
    kind = values.get("rope.scaling.type", str, "linear" if factor != 1.0 else "none")
    original = values.integer("rope.scaling.original_context_length", context)
    if LONG in factors:
        return RopeScaling(
            kind="longrope",
            original_context=original,
            attention_factor=values.number("rope.scaling.attn_factor", 1.0),
            short_factors=factors.get(SHORT, ()),
            long_factors=factors[LONG],
        )
    values.require("rope.scaling.attn_factor", 1.0)
    if FREQUENCIES in factors:
        same = factors[FREQUENCIES]
        return RopeScaling(
            kind="longrope", original_context=context, attention_factor=1.0, short_factors=same, long_factors=same
        )
    if kind == "none":
        return RopeScaling()
    if kind == "linear":
        return RopeScaling(kind="linear", factor=factor)
    return RopeScaling(
        kind="yarn",
        factor=factor,
        original_context=original,
        beta_fast=values.number("rope.scaling.yarn_beta_fast", 32.0),
        beta_slow=values.number("rope.scaling.yarn_beta_slow", 1.0),
    )


def named_scaling(config: ModelConfig) -> ModelConfig:
    """Returns the configuration with Llama 3's rule by its name where the factors of a file are those it gives."""
    factors = rope_factors(config).get(FREQUENCIES, ())
    for factor in PUBLISHED if factors else ():
        rule = RopeScaling(kind="llama3", factor=factor, original_context=8192)
        named = dataclasses.replace(config, rope_scaling=rule)
        made = rope_factors(named)[FREQUENCIES]
        if all(abs(ours - theirs) <= 1e-5 * theirs for ours, theirs in zip(made, factors, strict=True)):
            return named
    return config


def explicit_scaling(config: ModelConfig) -> RopeScaling:
    """Returns the scaling as a GGUF file says it: Llama 3's rule by its factors, longrope's multiplier as a number."""
    scaling = config.rope_scaling
    if config.positions != "rope" or scaling.kind not in ("llama3", "longrope"):
        return scaling
    if scaling.kind == "longrope":
        return dataclasses.replace(scaling, attention_factor=rope_frequencies(config, config.context)[1])
    same = rope_factors(config)[FREQUENCIES]
    return RopeScaling(
        kind="longrope", original_context=config.context, attention_factor=1.0, short_factors=same, long_factors=same
    )
