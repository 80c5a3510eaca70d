"""A model's configuration as config.json and back.

What a family can say is found by writing a configuration and reading it back: what comes back different has no
equivalent there and is refused by name, so that an option that is added later is refused until it is mapped.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import torch

from textmill.errors import ModelError
from textmill.model.config import ModelConfig, RopeScaling
from textmill.model.hub.families import FAMILIES, HUB_FAMILIES
from textmill.model.hub.families.textmill import EXACT_KEY, TEXTMILL
from textmill.model.hub.family import Family, HubConfig
from textmill.model.hub.rope import WITH_ORIGINAL

HOME = {"modern": "qwen3", "classic": "gpt2"}
"""The family of a preset; an imported model's preset is its family's own name."""
LAYOUTS = ("any", "hub", "textmill")
DTYPE_NAMES = {
    torch.float64: "float64",
    torch.float32: "float32",
    torch.bfloat16: "bfloat16",
    torch.float16: "float16",
}
TOKEN_IDS = ("bos_token_id", "eos_token_id", "pad_token_id")


def to_hub(
    config: ModelConfig,
    dtype: torch.dtype = torch.float32,
    *,
    token_ids: Mapping[str, Any] | None = None,
    layout: str = "hub",
) -> dict[str, Any]:
    """Returns the content of config.json; `token_ids` gives bos_token_id, eos_token_id and pad_token_id.

    `layout`: see `choose_family`.
    """
    family = choose_family(config, layout)
    return {
        "architectures": [family.architecture],
        "model_type": family.model_type,
        **family.write(config),
        **{name: (token_ids or {}).get(name) for name in TOKEN_IDS},
        "torch_dtype": DTYPE_NAMES[dtype],
        EXACT_KEY: config.as_dict(),
    }


def from_hub(config_json: Mapping[str, Any], place: str = "config.json") -> ModelConfig:
    """Returns the configuration that a config.json describes; what we do not do is refused by name.

    The family's own keys decide. Ours only add what they cannot say and what changes no logit (sinusoidal, dropout,
    the preset's name), and not even that when another tool has changed theirs.
    """
    family = family_of(config_json, place)
    hub = HubConfig(config_json, place)
    hub.require("quantization_config")
    config = family.read(hub)
    exact = config_json.get(EXACT_KEY)
    if family is TEXTMILL or not isinstance(exact, Mapping):
        return config
    try:
        ours = ModelConfig.from_dict(dict(exact))
    except ModelError:
        return config  # written by a newer version; the family's keys say all that its engines need
    return ours if canonical(ours) == canonical(config) else config


def family_of(config_json: Mapping[str, Any], place: str = "config.json") -> Family:
    """Returns the family that a config.json names."""
    name = config_json.get("model_type")
    if not isinstance(name, str) or name not in FAMILIES:
        raise ModelError("hub.family", file=place, value=str(name)[:80], known=", ".join(sorted(FAMILIES)))
    return FAMILIES[name]


def choose_family(config: ModelConfig, layout: str = "hub") -> Family:
    """Returns the family in whose layout `config` is saved.

    "hub": one that other engines read, or a ModelError that names the options without an equivalent; "textmill": ours;
    "any": the first if it can be, else the second.
    """
    if layout not in LAYOUTS:
        raise ValueError(f"layout must be one of {LAYOUTS}, got {layout!r}")
    if layout == "textmill":
        return TEXTMILL
    home = HOME.get(config.preset, config.preset)
    if home in FAMILIES and not hub_differences(config, FAMILIES[home]):
        return FAMILIES[home]  # what was imported goes out as what it was, where several families could say it
    differences = {family.model_type: hub_differences(config, family) for family in HUB_FAMILIES}
    nearest = min(differences, key=lambda name: len(differences[name]))
    if not differences[nearest]:
        return FAMILIES[nearest]
    if layout == "any":
        return TEXTMILL
    options = ", ".join(f"{name} = {getattr(config, name)}" for name in differences[nearest])
    raise ModelError("hub.no_equivalent", options=options, family=nearest)


def hub_differences(config: ModelConfig, family: Family) -> list[str]:
    """Returns the names of the options of `config` that `family` has no equivalent for."""
    ours = canonical(config)
    try:
        back = canonical(family.read(HubConfig(family.write(config))))
    except ModelError:
        return [item.name for item in dataclasses.fields(config)]
    return [item.name for item in dataclasses.fields(ours) if getattr(ours, item.name) != getattr(back, item.name)]


def canonical(config: ModelConfig) -> ModelConfig:
    """Returns a configuration that is equal for all that compute the same logits from the same weights."""
    scaling, changes = config.rope_scaling, {"preset": "custom", "dropout": 0.0}
    if config.positions == "sinusoidal":
        changes["positions"] = "learned"  # the table is stored
    if config.positions != "rope":
        changes |= {"rope_theta": 10_000.0, "rope_fraction": 1.0, "rope_scaling": RopeScaling(), "rope_skips": ()}
    elif scaling.kind == "none":
        changes["rope_scaling"] = RopeScaling()
    else:
        original = scaling.original_context or config.context
        told = scaling.kind in WITH_ORIGINAL or original != config.context
        changes["rope_scaling"] = dataclasses.replace(
            scaling, original_context=original if told and scaling.kind != "linear" else 0
        )
    if not any(config.windows):
        changes["windows"] = ()
    if not any(config.windows) or config.positions != "rope":
        changes["window_rope_theta"] = 0.0
    if config.norm == "layer":
        changes["norm_offset"] = False
    if not config.parallel:
        changes["shared_norm"] = False
    if not config.qk_norm:
        changes["qk_norm_joint"] = False
    if config.attention_scale == config.head_width**-0.5:
        changes["attention_scale"] = 0.0
    if not config.experts:
        changes |= {"experts_per_token": 2, "norm_expert_weights": True}
    return dataclasses.replace(config, **changes)
