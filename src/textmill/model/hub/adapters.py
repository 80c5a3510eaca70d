"""Low-rank adapters in PEFT's format: adapter_config.json and adapter_model.safetensors, read for one model.

    y = W·x + scale · B·(A·x)        scale = alpha / r, or alpha / √r (rank-stabilised, https://arxiv.org/abs/2312.03732)
    with DoRA (https://arxiv.org/abs/2402.09353) y ⊙ m / ‖W + scale · B·A‖ by row, which is merged, not added

https://arxiv.org/abs/2106.09685. Names are those of the model's family; a tensor that holds several of our matrices
(queries, keys and values in one) gives each its rows of B. What we do not do is refused by name.

Shapes: D inputs, O outputs, r rank.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from torch import Tensor

from textmill.errors import CheckpointError, ModelError
from textmill.model.config import ModelConfig
from textmill.model.gpt import GPT
from textmill.model.hub.configs import choose_family
from textmill.model.hub.family import Weight
from textmill.model.hub.weights import own_parameters, weight_rows

CONFIG_FILE, WEIGHTS_FILE = "adapter_config.json", "adapter_model.safetensors"
NAME = re.compile(
    r"base_model\.model\.(?P<module>.+)\.((lora_(?P<part>[AB])|base_layer)(\.default)?\.weight"
    r"|lora_(?P<magnitude>magnitude)_vector(\.default)?(\.weight)?)"
)
REFUSED = {
    "bias": ("none",),
    "modules_to_save": (),
    "layer_replication": (),
    "use_qalora": (False,),
    "lora_bias": (False,),
    "trainable_token_indices": (),
    "target_parameters": (),
}
"""Options that change what an adapter computes, and the values at which they do not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LowRank:
    """What is added to one linear map: scale · B·A."""

    a_rD: Float[Tensor, "r D"]
    b_Or: Float[Tensor, "O r"]
    scale: float
    magnitude_O: Float[Tensor, " O"] | None = None
    """DoRA's, which scales the map's own output too."""

    def added(self, x: Float[Tensor, "*N D"]) -> Float[Tensor, "*N O"]:
        """Returns what is added to the map's output for `x`."""
        a_rD, b_Or = (matrix.to(x.device, x.dtype) for matrix in (self.a_rD, self.b_Or))
        return (x @ a_rD.T) @ b_Or.T * self.scale


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """An adapter for one model: {our weight's name: what is added}."""

    maps: Mapping[str, LowRank]

    def check(self, model: GPT) -> None:
        """Raises ModelError unless every map fits the model."""
        parameters = own_parameters(model)
        for name, low in self.maps.items():
            shape = (low.b_Or.shape[0], low.a_rD.shape[1])
            if tuple(parameters[name].shape) != shape:
                raise ModelError("hub.adapter_shape", name=name, expected=list(parameters[name].shape), got=list(shape))


def load_adapter(folder: Path, model: GPT, *, to_merge: bool = False) -> Adapter:
    """Returns the adapter in `folder` for `model`; errors name the file and what is wrong.

    `to_merge`: also one that can only be merged, not be added to what the model itself computes.
    """
    config = read_config(folder)
    if config.get("use_dora") and not to_merge:
        raise ModelError("hub.unsupported", file=folder / CONFIG_FILE, name="use_dora", value="True", allowed="False")
    parameters = own_parameters(model)
    rows = {row.hub: row for row in weight_rows(choose_family(model.config), model.config, parameters)}
    maps: dict[str, LowRank] = {}
    pairs, copies, magnitudes = read_tensors(folder)
    for module in pairs.keys() | magnitudes:
        if (module in magnitudes) != bool(config.get("use_dora")):
            raise ModelError("hub.adapter_module", file=folder / WEIGHTS_FILE, name=module)
    for module, copy in copies.items():
        row = rows.get(f"{module}.weight")
        parts = [parameters[name] for name in row.ours] if row else []
        if row is None or not torch.equal(row.packing.join(parts, model.config).to(copy), copy):
            raise ModelError("hub.adapter_module", file=folder / WEIGHTS_FILE, name=f"{module}.base_layer")
    for module, (a_rD, b_Or) in pairs.items():
        row = rows.get(f"{module}.weight")
        if row is None or row.ours == ("token_embedding.weight",):
            raise ModelError("hub.adapter_module", file=folder / WEIGHTS_FILE, name=module)
        scale = scale_of(config, module, a_rD.shape[0])
        by_row = {}
        if module in magnitudes:
            by_row = split_rows(row, magnitudes[module].reshape(-1, 1), parameters, model.config)
        for name, part_Or in split_rows(row, b_Or, parameters, model.config).items():
            magnitude_O = by_row[name][:, 0] if by_row else None
            maps[name] = LowRank(a_rD=a_rD, b_Or=part_Or, scale=scale, magnitude_O=magnitude_O)
    adapter = Adapter(maps=maps)
    adapter.check(model)
    return adapter


def read_config(folder: Path) -> dict[str, Any]:
    """Returns adapter_config.json, with everything that we do not do refused by name."""
    file = folder / CONFIG_FILE
    try:
        config = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise ModelError("hub.adapter_config", file=file, detail=error) from error
    if not isinstance(config, dict) or config.get("peft_type") != "LORA":
        kind = config.get("peft_type") if isinstance(config, dict) else type(config).__name__
        raise ModelError("hub.adapter_config", file=file, detail=f"peft_type = {kind!r}")
    for name, allowed in REFUSED.items():
        value = config.get(name)
        if value and value not in allowed:
            raise ModelError(
                "hub.unsupported",
                file=file,
                name=name,
                value=repr(value)[:80],
                allowed=", ".join(map(str, allowed)) or "–",
            )
    for name in ("r", "lora_alpha"):
        if isinstance(config.get(name), bool) or not isinstance(config.get(name), (int, float)) or config[name] <= 0:
            raise ModelError("hub.adapter_config", file=file, detail=f"{name} = {config.get(name)!r}")
    return config


def scale_of(config: Mapping[str, Any], module: str, rank: int) -> float:
    """Returns the factor of one module's product, by its own alpha where the config gives it one."""
    alpha = float(matching(config.get("alpha_pattern"), module, config["lora_alpha"]))
    return alpha / (math.sqrt(rank) if config.get("use_rslora") else rank)


def matching(patterns: Any, module: str, default: Any) -> Any:
    """Returns the value of the pattern that a module's name ends with, as PEFT finds it."""
    for pattern, value in (patterns or {}).items():
        if module == pattern or module.endswith("." + pattern):
            return value
    return default


def read_tensors(
    folder: Path,
) -> tuple[dict[str, tuple[Tensor, Tensor]], dict[str, Tensor], dict[str, Tensor]]:
    """Returns {module: (A, B)} in float32, the copies of the model's own output matrix that PEFT puts beside them, and
    {module: magnitudes}. A name that is none of these is an error.
    """
    file = folder / WEIGHTS_FILE
    found: dict[str, dict[str, Tensor]] = {}
    try:
        with safe_open(file, framework="pt", device="cpu") as tensors:
            for name in tensors.keys():  # noqa: SIM118 - no mapping
                match = NAME.fullmatch(name)
                if match is None:
                    raise ModelError("hub.adapter_module", file=file, name=name)
                found.setdefault(match["module"], {})[match["part"] or match["magnitude"] or "copy"] = (
                    tensors.get_tensor(name)
                )
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError("hub.damaged", file=file, detail=error) from error
    copies = {module: parts.pop("copy") for module, parts in found.items() if "copy" in parts}
    magnitudes = {module: parts.pop("magnitude").float() for module, parts in found.items() if "magnitude" in parts}
    for module, parts in found.items():
        ranks = {parts[part].shape[axis] for part, axis in (("A", 0), ("B", -1)) if part in parts}
        if len(parts) != 2 or len(ranks) != 1 or any(part.ndim != 2 for part in parts.values()):
            raise ModelError("hub.adapter_module", file=file, name=module)
    pairs = {module: (parts["A"].float(), parts["B"].float()) for module, parts in found.items()}
    return pairs, copies, magnitudes


def split_rows(row: Weight, b_Or: Tensor, parameters: Mapping[str, Tensor], config: ModelConfig) -> dict[str, Tensor]:
    """Returns, by our names, the rows of B that belong to each of our matrices in a tensor of the file."""
    sizes = [parameters[name].shape[0] for name in row.ours]
    if b_Or.shape[0] != sum(sizes):
        raise ModelError("hub.adapter_shape", name=row.hub, expected=[sum(sizes)], got=[b_Or.shape[0]])
    whole = b_Or.t() if row.packing.transposed else b_Or
    parts = row.packing.split(whole, sizes, config)
    return {name: part.contiguous() for name, part in zip(row.ours, parts, strict=True)}


@torch.no_grad()
def merge(model: GPT, adapter: Adapter) -> None:
    """Adds the adapter to the model's weights for good."""
    parameters = own_parameters(model)
    for name, low in adapter.maps.items():
        added_OD = low.b_Or @ low.a_rD * low.scale
        if low.magnitude_O is None:
            parameters[name].add_(added_OD.to(parameters[name]))
            continue
        whole_OD = parameters[name].float() + added_OD.to(parameters[name].device)
        factors_O = low.magnitude_O.to(whole_OD) / whole_OD.norm(dim=1)
        parameters[name].copy_(whole_OD * factors_O[:, None])
