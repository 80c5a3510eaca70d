"""Which model an adapter belongs to: how to ask for it, and a fingerprint that tells it from others."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import torch

from textmill.errors import ModelError
from textmill.model.gpt import GPT
from textmill.model.hub.adapters import CONFIG_FILE
from textmill.model.hub.download import PREFIX
from textmill.model.hub.weights import own_parameters

BASE_FILE = "base.json"
SAMPLES = 256
"""Numbers of each weight that are looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A base model. `reference`: MODEL as the user gave it; `folder`: where it lay."""

    reference: str
    folder: str
    fingerprint: str = ""
    """"": not known, the adapter was made elsewhere."""


def fingerprint(model: GPT) -> str:
    """Returns a SHA-256 over the weights' names and shapes and some of their numbers."""
    digest = hashlib.sha256()
    for name, parameter in sorted(own_parameters(model).items()):
        flat = parameter.detach().flatten()
        places = torch.linspace(0, len(flat) - 1, min(SAMPLES, len(flat)), dtype=torch.float64).long()
        digest.update(f"{name} {list(parameter.shape)} ".encode())
        digest.update(flat[places.to(flat.device)].float().cpu().numpy().tobytes())
    return digest.hexdigest()


def base_of(adapter: Path) -> Base:
    """Returns what the adapter in a folder says of its base."""
    try:
        if (adapter / BASE_FILE).is_file():
            return Base(**json.loads((adapter / BASE_FILE).read_bytes()))
        named = json.loads((adapter / CONFIG_FILE).read_bytes())["base_model_name_or_path"]
        if not isinstance(named, str) or not named:
            raise ValueError(named)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError("hub.adapter_config", file=adapter / CONFIG_FILE, detail=repr(error)) from error
    here = Path(named).is_dir()
    return Base(reference=named if here else PREFIX + named, folder=named)


def is_adapter(folder: Path) -> bool:
    """Tells whether a folder holds an adapter and no model."""
    return (folder / CONFIG_FILE).is_file() and not (folder / "config.json").is_file()
