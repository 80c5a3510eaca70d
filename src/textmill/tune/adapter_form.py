"""An adapter's checkpoint: PEFT's two files, the tokenizer, and which base model it belongs to.

    adapter_config.json, adapter_model.safetensors   as PEFT has them (`model.hub.adapter_files`)
    base.json                                        {"reference", "folder", "fingerprint"} of the base
    tokenizer…                                       the base's, with the template that was trained with

The fingerprint is a SHA-256 over every weight's name and shape and some hundreds of its numbers: another base is
noticed without reading all of it.
"""

import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from textmill.config_tune import TuneSettings
from textmill.files import write_json
from textmill.model.config import ModelConfig
from textmill.model.gpt import GPT
from textmill.model.hub.adapter_files import Learned, read_learned, write_adapter
from textmill.model.hub.base import BASE_FILE, Base
from textmill.model.hub.folder import TOKENIZER_FILES
from textmill.tune.lora import adapted_layers

PARTS = {"a": "lora_a_rD", "b": "lora_b_Or", "magnitude": "magnitude_O"}


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterForm:
    """Keeps adapters only (a `Form` of train.checkpoint)."""

    config: ModelConfig
    settings: TuneSettings
    base: Base
    scales: Mapping[str, float]
    """By the names of the weights that have an adapter."""

    @classmethod
    def of(cls, model: GPT, settings: TuneSettings, base: Base) -> "AdapterForm":
        """Returns the form for a model with adapters."""
        scales = {name: layer.scale for name, layer in adapted_layers(model).items()}
        return cls(config=model.config, settings=settings, base=base, scales=scales)

    def parameters(self, model: GPT) -> Mapping[str, Tensor]:
        """Returns the adapters' tensors."""
        found: dict[str, Tensor] = {}
        for name, layer in adapted_layers(model).items():
            stem = name.removesuffix("weight")
            values = {attribute: getattr(layer, attribute) for attribute in PARTS.values()}
            found |= {stem + attribute: value for attribute, value in values.items() if value is not None}
        return found

    def write(self, weights: Mapping[str, Tensor], folder: Path, tokenizer_folder: Path) -> None:
        """Writes the adapter, its base's name and the tokenizer."""
        learned = {}
        for name, scale in self.scales.items():
            a_rD, b_Or, magnitude_O = (weights.get(name.removesuffix("weight") + part) for part in PARTS.values())
            assert a_rD is not None
            assert b_Or is not None
            learned[name] = Learned(a_rD=a_rD, b_Or=b_Or, scale=scale, magnitude_O=magnitude_O)
        settings = self.settings
        write_adapter(
            folder,
            self.config,
            learned,
            base=self.base.reference.removeprefix("hf:") if self.base.reference.startswith("hf:") else self.base.folder,
            stabilised=settings.stabilised,
            dropout=settings.dropout,
        )
        write_json(folder / BASE_FILE, asdict(self.base))
        for name in TOKENIZER_FILES:
            if (tokenizer_folder / name).is_file():
                shutil.copyfile(tokenizer_folder / name, folder / name)

    @torch.no_grad()
    def read(self, model: GPT, folder: Path) -> None:
        """Puts the adapter in `folder` into the model's maps."""
        layers = adapted_layers(model)
        found = read_learned(folder, self.config, {name: layer.rank for name, layer in layers.items()})
        for name, parts in found.items():
            for part, value in parts.items():
                getattr(layers[name], PARTS[part]).copy_(value)
