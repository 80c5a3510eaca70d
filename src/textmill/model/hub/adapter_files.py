"""Writing an adapter in PEFT's format, so that it loads there with the same logits; and back, exactly, to go on.

A tensor of a family's files that holds several of our matrices (queries, keys and values in one) has one A and one B:
A the matrices' own under one another, B theirs as blocks. That is the same map at the sum of their ranks, and its alpha
rises so that the scale stays.

Shapes: D inputs, O outputs, r rank.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from safetensors.torch import load_file
from torch import Tensor

from textmill.errors import CheckpointError, InputError
from textmill.files import write_json
from textmill.model.config import ModelConfig
from textmill.model.hub.adapters import CONFIG_FILE, WEIGHTS_FILE
from textmill.model.hub.configs import choose_family
from textmill.model.hub.family import Weight
from textmill.model.hub.folder import empty_model
from textmill.model.hub.tensor_files import write_tensors
from textmill.model.hub.weights import own_parameters, weight_rows

PREFIX = "base_model.model."


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What is learned beside one matrix."""

    a_rD: Float[Tensor, "r D"]
    b_Or: Float[Tensor, "O r"]
    scale: float
    magnitude_O: Float[Tensor, " O"] | None = None


def adapter_tensors(
    config: ModelConfig, learned: Mapping[str, Learned]
) -> tuple[dict[str, Tensor], dict[str, tuple[int, float]]]:
    """Returns the file's tensors, and {module: (rank, scale)}; `learned`: by our names of the weights."""
    tensors: dict[str, Tensor] = {}
    modules: dict[str, tuple[int, float]] = {}
    for row, sizes in rows_of(config):
        parts = [learned.get(name) for name in row.ours]
        there = [part for part in parts if part is not None]
        if not there:
            continue
        module, scale = row.hub.removesuffix(".weight"), there[0].scale
        ranks, blocks, at = sum(part.a_rD.shape[0] for part in there), [], 0
        for part, size in zip(parts, sizes, strict=True):
            block_OR = torch.zeros(size, ranks)
            if part is not None:
                rank = part.a_rD.shape[0]
                block_OR[:, at : at + rank] = part.b_Or * (part.scale / scale)
                at += rank
            blocks.append(block_OR)
        tensors[f"{PREFIX}{module}.lora_A.weight"] = torch.cat([part.a_rD for part in there]).contiguous()
        tensors[f"{PREFIX}{module}.lora_B.weight"] = _join(row, blocks, config)
        if any(part.magnitude_O is not None for part in there):
            tensors[f"{PREFIX}{module}.lora_magnitude_vector"] = _join_magnitudes(row, parts, config)
        modules[module] = ranks, scale
    return tensors, modules


def rows_of(config: ModelConfig) -> list[tuple[Weight, list[int]]]:
    """Returns the table's rows for linear maps, each with the outputs of our matrices in it."""
    parameters = own_parameters(empty_model(config))
    rows = weight_rows(choose_family(config), config, parameters)
    return [
        (row, [parameters[name].shape[0] for name in row.ours])
        for row in rows
        if row.hub.endswith(".weight") and all(parameters[name].ndim == 2 for name in row.ours)
    ]


def _join(row: Weight, blocks: list[Tensor], config: ModelConfig) -> Tensor:
    joined = row.packing.join(blocks, config)
    return (joined.t() if row.packing.transposed else joined).contiguous()


def _join_magnitudes(row: Weight, parts: list[Learned | None], config: ModelConfig) -> Tensor:
    columns = [part.magnitude_O[:, None] for part in parts if part is not None and part.magnitude_O is not None]
    if len(columns) != len(parts):  # what is not adapted has no magnitude to stand there
        raise InputError("tune.part_of_packed", name=row.hub)
    return _join(row, columns, config).flatten()


def write_adapter(
    folder: Path, config: ModelConfig, learned: Mapping[str, Learned], *, base: str, stabilised: bool, dropout: float
) -> None:
    """Writes adapter_config.json and adapter_model.safetensors; `base`: the folder or hub name of the base model."""
    tensors, modules = adapter_tensors(config, learned)
    write_tensors(folder / WEIGHTS_FILE, tensors)
    write_json(folder / CONFIG_FILE, adapter_config(config, modules, base, stabilised, dropout, learned))


def adapter_config(
    config: ModelConfig,
    modules: Mapping[str, tuple[int, float]],
    base: str,
    stabilised: bool,
    dropout: float,
    learned: Mapping[str, Learned],
) -> dict[str, Any]:
    """Returns what PEFT reads; the most frequent rank and alpha stand for all, others in patterns by module."""
    kinds = {
        module: (rank, scale * (math.sqrt(rank) if stabilised else rank)) for module, (rank, scale) in modules.items()
    }
    (rank, alpha), _ = Counter(kinds.values()).most_common(1)[0]
    transposed = any(row.packing.transposed for row, _ in rows_of(config) if row.hub.removesuffix(".weight") in modules)
    return {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base,
        "r": rank,
        "lora_alpha": alpha,
        "lora_dropout": dropout,
        "target_modules": sorted({within_layer(module) for module in modules}),
        "rank_pattern": {within_layer(module): kind[0] for module, kind in kinds.items() if kind[0] != rank},
        "alpha_pattern": {within_layer(module): kind[1] for module, kind in kinds.items() if kind[1] != alpha},
        "use_rslora": stabilised,
        "use_dora": any(part.magnitude_O is not None for part in learned.values()),
        "fan_in_fan_out": transposed,
        "bias": "none",
        "inference_mode": True,
    }


def within_layer(module: str) -> str:
    """Returns a module's name without the number of its layer: self_attn.q_proj."""
    return re.sub(r"^.*\.\d+\.", "", module)


def read_learned(folder: Path, config: ModelConfig, ranks: Mapping[str, int]) -> dict[str, dict[str, Tensor]]:
    """Returns {our weight's name: {"a", "b", "magnitude"}} as `write_adapter` got them; `ranks`: of each."""
    file = folder / WEIGHTS_FILE
    tensors, found = load_file(file), {}
    try:
        for row, sizes in rows_of(config):
            names, at = [name for name in row.ours if name in ranks], 0
            if not names:
                continue
            module = PREFIX + row.hub.removesuffix(".weight")
            whole_b, magnitude = tensors[f"{module}.lora_B.weight"], tensors.get(f"{module}.lora_magnitude_vector")
            b_parts = _split(row, whole_b, sizes, config)
            magnitudes = None if magnitude is None else _split(row, magnitude[:, None], sizes, config)
            for place, name in enumerate(row.ours):
                if name not in ranks:
                    continue
                span = slice(at, at + ranks[name])
                parts = {"a": tensors[f"{module}.lora_A.weight"][span], "b": b_parts[place][:, span]}
                found[name] = parts if magnitudes is None else parts | {"magnitude": magnitudes[place][:, 0]}
                at += ranks[name]
    except KeyError as error:
        raise CheckpointError("hub.damaged", file=file, detail=error) from error
    return found


def _split(row: Weight, tensor: Tensor, sizes: list[int], config: ModelConfig) -> list[Tensor]:
    return list(row.packing.split(tensor.t() if row.packing.transposed else tensor, sizes, config))
