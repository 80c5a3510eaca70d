"""A whole model with its tokenizer, from a GGUF file and into one."""

from pathlib import Path

import torch

from textmill.errors import ModelError
from textmill.model.gguf.configs import choose_family, family_metadata, family_of, read_config
from textmill.model.gguf.file import GGUFFile
from textmill.model.gguf.layout import ARCHITECTURE_KEY, FILE_TYPE_KEY, LICENCE_KEY, QUANTIZATION_VERSION
from textmill.model.gguf.reader import read_gguf
from textmill.model.gguf.recipes import find_recipe
from textmill.model.gguf.tokenizer_in import read_tokenizer
from textmill.model.gguf.tokenizer_out import tokenizer_metadata
from textmill.model.gguf.weights import load_tensors, outgoing_tensors
from textmill.model.gguf.writer import write_file
from textmill.model.gpt import GPT
from textmill.model.hub.folder import empty_model
from textmill.tokenizer.tokenizer import Tokenizer


def load_gguf(
    place: Path | str | GGUFFile, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
) -> tuple[GPT, Tokenizer]:
    """Returns the model in a GGUF file, in evaluation mode, and its tokenizer.

    Quantised weights are dequantised to `dtype`. Raises ModelError for what we do not do, CheckpointError for damage.
    """
    file = place if isinstance(place, GGUFFile) else read_gguf(place)
    config = read_config(file)
    if config.layers > len(file):  # before a number in a file makes us build that much
        raise ModelError("gguf.too_few", file=file.path, layers=config.layers, tensors=len(file))
    tokenizer = read_tokenizer(file)
    if tokenizer.vocabulary_size > config.vocabulary_size:
        raise ModelError("gguf.vocabulary", tokens=tokenizer.vocabulary_size, rows=config.vocabulary_size)
    model = empty_model(config)
    load_tensors(model, file, family_of(file), device, dtype)
    return model.eval(), tokenizer


def write_gguf(
    model: GPT,
    tokenizer: Tokenizer,
    path: Path | str,
    quantization: str = "f16",
    *,
    name: str = "textmill",
    licence: str = "",
) -> None:
    """Writes a model and its tokenizer as one GGUF file, which llama.cpp and Ollama run; whole or not at all.

    `quantization`: one of `RECIPES`. Raises ModelError for options without an equivalent, by name, TokenizerError for a
    tokenizer that llama.cpp has no name for. Equal models give equal bytes.
    """
    recipe = find_recipe(quantization)
    family = choose_family(model.config)
    own = family_metadata(model.config, family)
    metadata = {
        ARCHITECTURE_KEY: own[ARCHITECTURE_KEY],
        "general.type": "model",
        "general.name": name,
        **({LICENCE_KEY: licence} if licence else {}),
        FILE_TYPE_KEY: recipe.file_type,
        "general.quantization_version": QUANTIZATION_VERSION,
        **own,
        **tokenizer_metadata(tokenizer, model.config.vocabulary_size),
    }
    write_file(Path(path), metadata, outgoing_tensors(model, family, recipe))
