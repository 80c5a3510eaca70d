"""A model's folder: config.json, model.safetensors, generation_config.json and the tokenizer's files."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from textmill.errors import CheckpointError, ModelError
from textmill.files import disk_errors, write_json
from textmill.model.config import ModelConfig
from textmill.model.gpt import GPT
from textmill.model.hub.configs import TOKEN_IDS, choose_family, family_of, from_hub, to_hub
from textmill.model.hub.tensor_files import WEIGHTS_FILE, TensorFolder, read_json, write_tensors
from textmill.model.hub.weights import hub_tensors, load_hub_tensors
from textmill.tokenizer.special_tokens import TURN_END

CONFIG_FILE, GENERATION_FILE = "config.json", "generation_config.json"
TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
    "vocab.json",
    "merges.txt",
    "tokenizer.model",
)


def save_model(
    model: GPT,
    folder: Path,
    *,
    tokenizer_folder: Path | None = None,
    layout: str = "any",
    dtype: torch.dtype | None = None,
    token_ids: Mapping[str, Any] | None = None,
) -> None:
    """Writes `model` into `folder`, file by file (`textmill.files.atomic_folder` makes it whole or not at all).

    `layout`: "any" (the hub's if it has one for these options, else ours), "hub" (an option without an equivalent is
    refused by name) or "textmill". `dtype`: that of the file; None keeps the weights' own. `token_ids`: what
    config.json says of bos_token_id, eos_token_id and pad_token_id; None asks the tokenizer.
    """
    family = choose_family(model.config, layout)
    stored = dtype or model.token_embedding.weight.dtype
    if token_ids is None:
        token_ids = special_token_ids(tokenizer_folder) if tokenizer_folder else {}
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        write_tensors(folder / WEIGHTS_FILE, hub_tensors(model, family), stored)
        write_json(folder / CONFIG_FILE, to_hub(model.config, stored, token_ids=token_ids, layout=layout))
        turn_end = turn_end_id(tokenizer_folder) if tokenizer_folder else None
        write_json(folder / GENERATION_FILE, generation_config(token_ids, turn_end))
        for name in TOKENIZER_FILES:
            if tokenizer_folder not in (None, folder) and (tokenizer_folder / name).is_file():
                shutil.copyfile(tokenizer_folder / name, folder / name)


def load_model(folder: Path, *, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32) -> GPT:
    """Returns the model in `folder`, in evaluation mode.

    Weights that are already of `dtype` and stay on the CPU are mapped from the file, not copied; the mapping is
    private, so training the model does not write to the file.
    """
    config_json = read_config(folder)
    config = from_hub(config_json, str(folder / CONFIG_FILE))
    tensors = TensorFolder(folder)
    if config.layers * max(config.experts, 1) > len(tensors):  # before a number in a file makes us build that much
        raise ModelError("hub.too_few", file=folder / CONFIG_FILE, layers=config.layers, tensors=len(tensors))
    model = empty_model(config)
    load_hub_tensors(model, tensors, family_of(config_json), device=device, dtype=dtype)
    return model.eval()


def empty_model(config: ModelConfig) -> GPT:
    """Returns a model on the meta device: shapes without memory, for weights to be put in."""
    with torch.device("meta"), _Uninitialised():
        return GPT(config)


class _Uninitialised(TorchFunctionMode):
    """Leaves out the random numbers of torch's layers; on the meta device they only import half of torch (4 s here)."""

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        if func in (torch.nn.init.normal_, torch.nn.init.uniform_, torch.nn.init.kaiming_uniform_):
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        return func(*args, **kwargs)


def load_weights(model: GPT, folder: Path) -> None:
    """Copies the weights in `folder` into a model of the same configuration, as a run does when it goes on."""
    config_json = read_config(folder)
    load_hub_tensors(model, TensorFolder(folder), family_of(config_json, str(folder / CONFIG_FILE)))


def read_config(folder: Path) -> dict[str, Any]:
    """Returns the content of a model folder's config.json."""
    if not (folder / CONFIG_FILE).is_file():
        raise CheckpointError("hub.no_config", folder=folder)
    return read_json(folder / CONFIG_FILE)


def stored_dtype(folder: Path) -> torch.dtype:
    """Returns the dtype of a folder's weights; float32, which holds them all, where they differ."""
    tensors = TensorFolder(folder)
    found = {tensors[name].dtype for name in tensors}
    return found.pop() if len(found) == 1 else torch.float32


def special_token_ids(tokenizer_folder: Path) -> dict[str, int | None]:
    """Returns the ids of a tokenizer folder's bos, eos and padding tokens, None where it has none."""
    if not (tokenizer_folder / "tokenizer.json").is_file():
        return {}
    added = read_json(tokenizer_folder / "tokenizer.json").get("added_tokens") or []
    ids = {token["content"]: token["id"] for token in added}
    path = tokenizer_folder / "tokenizer_config.json"
    named = read_json(path) if path.is_file() else {}
    found = {}
    for name in TOKEN_IDS:
        token = named.get(name.removesuffix("_id"))
        found[name] = ids.get(token.get("content") if isinstance(token, dict) else token)
    return found


def turn_end_id(tokenizer_folder: Path) -> int | None:
    """Returns the id by which a tokenizer folder's own chat template ends a turn, None where it has no such token."""
    if not (tokenizer_folder / "tokenizer.json").is_file():
        return None
    added = read_json(tokenizer_folder / "tokenizer.json").get("added_tokens") or []
    return next((token["id"] for token in added if token["content"] == TURN_END and token.get("special")), None)


def generation_config(token_ids: Mapping[str, Any], turn_end: int | None = None) -> dict[str, Any]:
    """Returns what engines take as defaults for sampling; the same numbers as Textmill's settings.

    The end of a chat turn is among the ends: vLLM and `transformers` go by this file alone and would write past it.
    """
    ends = token_ids.get("eos_token_id")
    if turn_end is not None and ends is not None:
        all_ends = ends if isinstance(ends, list) else [ends]
        ends = all_ends if turn_end in all_ends else [*all_ends, turn_end]
    return {
        **{name: token_ids.get(name) for name in TOKEN_IDS},
        "eos_token_id": ends,
        "do_sample": True,
        "temperature": 0.8,
        "top_p": 0.95,
    }
