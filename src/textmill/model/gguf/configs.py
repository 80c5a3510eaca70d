"""A model's configuration as GGUF metadata and back; what a family cannot say is found by writing and reading back."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from textmill.errors import ModelError
from textmill.model.config import ModelConfig
from textmill.model.gguf.families import GGUF_FAMILIES
from textmill.model.gguf.family import GGUFFamily, GGUFValues, shapes_that_tell
from textmill.model.gguf.file import GGUFFile
from textmill.model.gguf.layout import ARCHITECTURE_KEY
from textmill.model.gguf.rope import explicit_scaling, rope_factors
from textmill.model.hub.configs import canonical

EXACT_KEY = "textmill.config"
"""Holds `ModelConfig.as_dict()` as JSON; other programs pass over keys that they do not know."""
SPLIT_KEY = "split.count"
HOME = {
    "modern": "qwen3",
    "classic": "gpt2",
    "mistral": "llama",
    "mixtral": "llama",
    "internlm3": "llama",
    "gemma3_text": "gemma3",
    "qwen3_moe": "qwen3moe",
    "gpt_neox": "gptneox",
}
"""The architecture of a preset or of a hub's family, where llama.cpp calls it otherwise."""


def family_metadata(config: ModelConfig, family: GGUFFamily) -> dict[str, Any]:
    """Returns architecture, the family's keys and our own configuration."""
    own = {f"{family.architecture}.{name}": value for name, value in family.write(config).items()}
    exact = json.dumps(config.as_dict(), sort_keys=True, separators=(",", ":"))
    return {ARCHITECTURE_KEY: family.architecture, **own, EXACT_KEY: exact}


def choose_family(config: ModelConfig) -> GGUFFamily:
    """Returns the family that says all of `config`; raises a ModelError that names the options that none can say."""
    home = HOME.get(config.preset, config.preset)
    if home in GGUF_FAMILIES and not gguf_differences(config, GGUF_FAMILIES[home]):
        return GGUF_FAMILIES[home]  # what was imported goes out as what it was, where several families could say it
    differences = {name: gguf_differences(config, family) for name, family in GGUF_FAMILIES.items()}
    nearest = min(differences, key=lambda name: len(differences[name]))
    if differences[nearest]:
        nearest = home if home in GGUF_FAMILIES else nearest
        options = ", ".join(f"{name} = {getattr(config, name)}" for name in differences[nearest])
        raise ModelError("gguf.no_equivalent", options=options, family=nearest)
    return GGUF_FAMILIES[nearest]


def gguf_differences(config: ModelConfig, family: GGUFFamily) -> list[str]:
    """Returns the names of the options of `config` that `family` has no equivalent for in GGUF."""
    ours = as_stored(canonical(config))
    factors = {name: values for name, values in rope_factors(config).items() if name in family.factors}
    values = GGUFValues(family.write(config), shapes_that_tell(config), factors=_singles(factors))
    try:
        back = as_stored(canonical(family.read(values)))
    except ModelError:
        return [item.name for item in dataclasses.fields(config)]
    return [item.name for item in dataclasses.fields(ours) if getattr(ours, item.name) != getattr(back, item.name)]


def read_config(file: GGUFFile) -> ModelConfig:
    """Returns the configuration that a file describes; what we do not do is refused by name.

    The family's keys decide. Ours only add what they cannot say and what changes no logit, and not even that when
    another program has changed theirs.
    """
    family, shapes = family_of(file), {name: place.shape for name, place in file.places.items()}
    prefix = f"{family.architecture}."
    own = {key.removeprefix(prefix): value for key, value in file.metadata.items() if key.startswith(prefix)}
    factors = {name: tuple(file[name].float().view(-1).tolist()) for name in family.factors if name in file.places}
    values = GGUFValues(own, shapes, f"{file.path}: {family.architecture}", _singles(factors))
    config = family.read(values)
    unread = values.unread(family.without_effect)
    if unread:
        raise ModelError("gguf.unread", file=file.path, names=", ".join(prefix + name for name in unread)[:300])
    return _exact(file.metadata, config)


def family_of(file: GGUFFile) -> GGUFFamily:
    """Returns the family that a file names."""
    if file.metadata.get(SPLIT_KEY, 1) not in (0, 1):
        raise ModelError("gguf.split", file=file.path, value=repr(file.metadata[SPLIT_KEY])[:80])
    name = file.metadata.get(ARCHITECTURE_KEY)
    if not isinstance(name, str) or name not in GGUF_FAMILIES:
        known = ", ".join(sorted(GGUF_FAMILIES))
        raise ModelError("gguf.family", file=file.path, value=str(name)[:80], known=known)
    return GGUF_FAMILIES[name]


def as_stored(config: ModelConfig) -> ModelConfig:
    """Returns the configuration as a file can say it: numbers as float32 keeps them, no window that hides nothing."""
    told = explicit_scaling(config)
    scaling = {name: _single(value) for name, value in dataclasses.asdict(told).items()}
    changes = {item.name: _single(getattr(config, item.name)) for item in dataclasses.fields(config)}
    changes["rope_scaling"] = dataclasses.replace(told, **scaling)
    if config.windows and min(window or config.context for window in config.windows) >= config.context:
        changes |= {"windows": (), "window_rope_theta": 0.0}
    return dataclasses.replace(config, **changes)


def _single(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_single, value))
    return float(str(np.float32(value))) if isinstance(value, float) else value


def _singles(factors: Mapping[str, tuple[float, ...]]) -> dict[str, tuple[float, ...]]:
    return {name: _single(values) for name, values in factors.items()}


def _exact(metadata: Mapping[str, Any], config: ModelConfig) -> ModelConfig:
    try:
        ours = ModelConfig.from_dict(json.loads(metadata[EXACT_KEY]))
    except (KeyError, TypeError, ValueError, RecursionError, ModelError):
        return config  # none of ours, or written by a newer version; the family's keys say all that engines need
    return ours if as_stored(canonical(ours)) == as_stored(canonical(config)) else config
