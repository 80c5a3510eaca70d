"""Bringing a model in: from a hub, a folder or a GGUF file to a folder of the project, checked before it stands there.

A folder's files are copied as they are, so that what went in comes out; a GGUF file becomes a model folder.
"""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from textmill.errors import InputError, ModelError
from textmill.files import atomic_folder, write_bytes
from textmill.model.config import ModelConfig
from textmill.model.counts import count_parameters
from textmill.model.hub.configs import family_of, from_hub
from textmill.model.hub.download import PREFIX, download
from textmill.model.hub.folder import CONFIG_FILE, TOKENIZER_FILES, load_model, read_config, save_model
from textmill.model.hub.tensor_files import INDEX_FILE, TensorFolder
from textmill.tokenizer.other_forms import RANKS_SUFFIX, other_form
from textmill.tokenizer.tokenizer import Tokenizer

DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}
OTHER_FILES = (CONFIG_FILE, "generation_config.json", INDEX_FILE, *TOKENIZER_FILES)


def name_of(source: str) -> str:
    """Returns what an imported model is called unless told otherwise: the last part of where it came from."""
    if source.startswith(PREFIX):
        return source.removeprefix(PREFIX).partition("@")[0].rpartition("/")[2]
    path = Path(source)
    return path.stem if path.suffix.lower() == ".gguf" else path.absolute().name


def import_model(source: str, target: Path, *, dtype: str = "f32", replace: bool = False) -> Path:
    """Returns `target` with the model of `source` in it (`hf:OWNER/NAME`, a folder or a .gguf file).

    `dtype` is what a GGUF file's weights are stored as. Nothing is written unless configuration, weights and tokenizer
    are whole and all that they ask for is done here.
    """
    if target.exists() and not replace:
        raise InputError("hub.target_taken", folder=target)
    if source.lower().endswith(".gguf"):
        _from_gguf(Path(source), target, DTYPES[dtype])
        return target
    folder = download(source) if source.startswith(PREFIX) else Path(source).expanduser()
    if not folder.is_dir():
        raise InputError("hub.no_source", source=source)
    load_model(folder, dtype=stored_dtype(folder))  # mapped: every name, shape and option is checked, no byte copied
    tokenizer = tokenizer_in(folder)
    with atomic_folder(target) as fresh:
        for path in files_to_copy(folder):
            shutil.copyfile(path, fresh / path.name)
        if not (fresh / "tokenizer.json").is_file():  # made of an older form, so that it is made once
            write_bytes(fresh / "tokenizer.json", tokenizer.json_bytes)
    return target


def files_to_copy(folder: Path) -> Iterator[Path]:
    """Yields the files that make a model folder; no code, no pickles, no second copy of the weights."""
    weights = TensorFolder(folder).files
    for path in sorted(folder.iterdir()):
        known = path.name in OTHER_FILES or path.name in weights or path.suffix == RANKS_SUFFIX
        if path.is_file() and (known or is_paper(path)):
            yield path


def is_paper(path: Path) -> bool:
    """True for a licence, a notice or a model card."""
    return path.name.upper().startswith(("LICENSE", "LICENCE", "README", "NOTICE"))


def tokenizer_in(folder: Path) -> Tokenizer:
    """Returns the tokenizer of a model folder; ModelError names what is missing."""
    if not (folder / "tokenizer.json").is_file() and other_form(folder) is None:
        there = [name for name in TOKENIZER_FILES if (folder / name).is_file()]
        raise ModelError("hub.no_tokenizer", folder=folder, there=", ".join(there) or "–")
    return Tokenizer.load(folder)


def stored_dtype(folder: Path) -> torch.dtype:
    """Returns the dtype of a folder's weights; float32, which holds them all, where they differ."""
    tensors = TensorFolder(folder)
    found = {tensors[name].dtype for name in tensors}
    return found.pop() if len(found) == 1 else torch.float32


def _from_gguf(path: Path, target: Path, dtype: torch.dtype) -> None:
    from textmill.model.gguf import load_gguf

    if not path.is_file():
        raise InputError("hub.no_source", source=path)
    model, tokenizer = load_gguf(path, dtype=dtype)
    licence = licence_of(path)
    with atomic_folder(target) as fresh:
        tokenizer.write_files(fresh)
        save_model(model, fresh, tokenizer_folder=fresh)
        if licence:
            write_bytes(fresh / "README.md", f"---\nlicense: {licence}\n---\n".encode())


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

    def memory(self, bits: int) -> int:
        """Returns what the weights take in memory at so many bits each."""
        return self.parameters * bits // 8

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
        stored_bytes=sum(path.stat().st_size for path in folder.glob("*.safetensors")),
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
        dtype="gguf",
        stored_bytes=path.stat().st_size,
        licence=str(file.metadata.get(LICENCE_KEY, "")),
        chat_template=str(file.metadata.get("tokenizer.chat_template", "")),
    )


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
        return path.read_text(encoding="utf-8", errors="replace").strip().splitlines()[0].strip()[:80]
    return ""


def as_document(facts: ModelFacts) -> dict[str, Any]:
    """Returns what `--json` prints of the facts."""
    return {
        "family": facts.family,
        "architecture": facts.architecture,
        "parameters": facts.parameters,
        "dtype": facts.dtype,
        "bytes": facts.stored_bytes,
        "memory": {name: facts.memory(bits) for name, bits in (("fp32", 32), ("bf16", 16), ("q8_0", 9), ("q4_0", 5))},
        "cache_bytes": {str(length): facts.cache(length) for length in cache_lengths(facts.config.context)},
        "licence": facts.licence,
        "chat_template": facts.chat_template,
        "config": json.loads(json.dumps(facts.config.as_dict())),
    }


def cache_lengths(context: int) -> list[int]:
    """Returns the lengths of text that memory is shown for: up to the model's context, each four times the last."""
    lengths = [length for length in (1024, 4096, 16_384, 65_536, 262_144) if length < context]
    return [*lengths, context]
