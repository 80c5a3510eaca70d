"""What there is to know of a model without computing with it: its shape, what it takes, licence, chat template."""

import json
from collections import Counter
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textmill.errors import ModelError
from textmill.model.config import ModelConfig
from textmill.model.counts import count_parameters
from textmill.model.hub.configs import family_of, from_hub
from textmill.model.hub.folder import CONFIG_FILE, read_config, stored_dtype
from textmill.model.hub.tensor_files import TensorFolder
from textmill.tokenizer.other_forms import other_form
from textmill.tokenizer.tokenizer import Tokenizer

if TYPE_CHECKING:
    from textmill.model.gguf import GGUFFile

PRECISIONS = {"fp32": 32.0, "bf16": 16.0, "q8_0": 8.5, "q4_k_m": 4.85, "q4_0": 4.5}
"""Bits a weight, the blocks' scales included; the last three as llama.cpp's files of large models average them, for
models that have no GGUF form. For others each tensor is counted in the type that it would be written in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """What there is to know of a model folder without computing with it. Sizes are bytes."""

    family: str
    architecture: str
    config: ModelConfig
    parameters: int
    dtype: str
    stored_bytes: int
    licence: str
    chat_template: str

    def memory(self) -> dict[str, int]:
        """Returns what the weights take in memory, in bytes, for each of the precisions."""
        return {name: round(self.parameters * bits / 8) for name, bits in PRECISIONS.items()} | self._quantized()

    def _quantized(self) -> dict[str, int]:
        from textmill.model.gguf.configs import choose_family
        from textmill.model.gguf.recipes import RECIPES
        from textmill.model.gguf.weights import outgoing_tensors
        from textmill.model.hub.folder import empty_model

        try:
            family = choose_family(self.config)
        except ModelError:
            return {}
        model = empty_model(self.config)
        return {
            name: sum(tensor.type.bytes_of(prod(tensor.shape)) for tensor in tensors)
            for name in PRECISIONS
            if name in RECIPES and name != "bf16"
            for tensors in [outgoing_tensors(model, family, RECIPES[name])]
        }

    def cache(self, context: int, bits: int = 16) -> int:
        """Returns what keys and values of `context` tokens take."""
        config, total = self.config, 0
        for layer in range(config.layers):
            seen = min(context, config.window(layer) or context)
            total += 2 * config.kv_heads * config.head_width * seen
        return total * bits // 8


def model_facts(folder: Path) -> ModelFacts:
    """Returns the facts of a model folder or a GGUF file; reads the configuration and the headers of the weights."""
    if folder.is_file():
        return _gguf_facts(folder)
    values = read_config(folder)
    config = from_hub(values, str(folder / CONFIG_FILE))
    architectures = values.get("architectures") or ["?"]
    has_one = (folder / "tokenizer.json").is_file() or other_form(folder) is not None
    tokenizer = Tokenizer.load(folder) if has_one else None
    return ModelFacts(
        family=family_of(values).model_type,
        architecture=str(architectures[0]),
        config=config,
        parameters=count_parameters(config).total,
        dtype=str(stored_dtype(folder)).removeprefix("torch."),
        stored_bytes=sum((folder / name).stat().st_size for name in TensorFolder(folder).files),  # not an optimizer's
        licence=licence_of(folder),
        chat_template=tokenizer.chat_template if tokenizer and tokenizer.config.get("chat_template") else "",
    )


def _gguf_facts(path: Path) -> ModelFacts:
    from textmill.model.gguf import read_gguf
    from textmill.model.gguf.configs import family_of as gguf_family
    from textmill.model.gguf.configs import read_config as gguf_config
    from textmill.model.gguf.layout import LICENCE_KEY

    file = read_gguf(path)
    config = gguf_config(file)
    return ModelFacts(
        family=gguf_family(file).architecture,
        architecture="GGUF",
        config=config,
        parameters=count_parameters(config).total,
        dtype=_gguf_type(file),
        stored_bytes=path.stat().st_size,
        licence=str(file.metadata.get(LICENCE_KEY, "")),
        chat_template=str(file.metadata.get("tokenizer.chat_template", "")),
    )


def _gguf_type(file: "GGUFFile") -> str:
    """Returns the quantisation that a file says it has, or the type of most of its values."""
    from textmill.model.gguf.layout import FILE_TYPE_KEY
    from textmill.model.gguf.recipes import RECIPES

    named = {recipe.file_type: recipe.name for recipe in RECIPES.values()}
    number = file.metadata.get(FILE_TYPE_KEY)
    told = named.get(number) if isinstance(number, int) else None
    count = Counter[str]()
    for place in file.places.values():
        count[place.type.name.lower()] += prod(place.shape)
    return told or (count.most_common(1)[0][0] if count else "?")


def licence_of(folder: Path) -> str:
    """Returns the licence that README.md's metadata, a licence file or a GGUF file names, or ""."""
    if folder.is_file():
        return _gguf_facts(folder).licence
    readme = folder / "README.md"
    if readme.is_file():
        text = readme.read_text(encoding="utf-8", errors="replace")
        head = text.split("---")[1] if text.startswith("---") and text.count("---") > 1 else ""
        for line in head.splitlines():
            if line.startswith(("license:", "licence:")):
                return line.partition(":")[2].strip().strip("\"'")
    for path in sorted(folder.glob("LICEN[SC]E*")):
        return path.read_text(encoding="utf-8", errors="replace").strip().partition("\n")[0].strip()[:80]
    return ""


def as_document(facts: ModelFacts) -> dict[str, Any]:
    """Returns what `--json` prints of the facts."""
    return {
        "family": facts.family,
        "architecture": facts.architecture,
        "parameters": facts.parameters,
        "dtype": facts.dtype,
        "bytes": facts.stored_bytes,
        "memory": facts.memory(),
        "cache_bytes": {str(length): facts.cache(length) for length in cache_lengths(facts.config.context)},
        "licence": facts.licence,
        "chat_template": facts.chat_template,
        "config": json.loads(json.dumps(facts.config.as_dict())),
    }


def cache_lengths(context: int) -> list[int]:
    """Returns the lengths of text that memory is shown for: up to the model's context, each four times the last."""
    lengths = [length for length in (1024, 4096, 16_384, 65_536, 262_144) if length < context]
    return [*lengths, context]
