"""A model's weights under llama.cpp's names, and back, strictly: every name and every shape must be as expected."""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import torch
from torch import Tensor

from textmill.errors import InternalError, ModelError
from textmill.model.config import ModelConfig
from textmill.model.gguf.family import GGUFFamily, Weight
from textmill.model.gguf.file import GGUFFile
from textmill.model.gguf.layout import TYPES
from textmill.model.gguf.recipes import Recipe, tensor_type
from textmill.model.gguf.rope import rope_factors
from textmill.model.gguf.writer import Outgoing
from textmill.model.gpt import GPT
from textmill.model.hub.weights import adopt, own_parameters

SHOWN_NAMES = 5
LARGEST_HALF = 65_504.0
"""The largest float16; a larger weight would become infinite without a word."""


def outgoing_tensors(model: GPT, family: GGUFFamily, recipe: Recipe) -> list[Outgoing]:
    """Returns the tensors to be written, in the order of the family's table."""
    config, parameters = model.config, own_parameters(model)
    tensors = [
        Outgoing(name=name, type=TYPES["F32"], shape=(len(values),), make=partial(np.array, values, np.float32))
        for name, values in rope_factors(config).items()
        if name in family.factors
    ]
    for row in weight_rows(family, config, parameters):
        shape = _file_shape(row, parameters, config)
        kind = tensor_type(row.gguf, shape, recipe, layers=config.layers, tied=config.tied, experts=config.experts)
        make = _maker(row, [parameters[name].detach() for name in row.ours], config, kind.name)
        tensors.append(Outgoing(name=row.gguf, type=kind, shape=shape, make=make))
    return tensors


def load_tensors(
    model: GPT, file: GGUFFile, family: GGUFFamily, device: torch.device | str, dtype: torch.dtype
) -> None:
    """Puts a file's tensors into a model on the meta device; a name too few or too many is a ModelError.

    Tensors that are of `dtype` already and stay on the CPU are mapped from the file, not copied.
    """
    config, parameters = model.config, own_parameters(model)
    rows = weight_rows(family, config, parameters)
    _match_names(family, file, rows)
    state = {}
    for row in rows:
        expected, got = _file_shape(row, parameters, config), file.places[row.gguf].shape
        if expected != got:
            raise ModelError("hub.shape", name=row.gguf, expected=list(expected), got=list(got))
        sizes = [parameters[name].shape[0] for name in row.ours]
        for name, part in zip(row.ours, row.packing.split(file[row.gguf], sizes, config), strict=True):
            state[name] = part.to(device, dtype).contiguous()
    adopt(model, state)


def weight_rows(family: GGUFFamily, config: ModelConfig, names: Mapping[str, object]) -> list[Weight]:
    """Returns the rows of the family's table that hold for a model with the parameters `names`, filled in.

    Rows of layers that follow one another in the table are written layer by layer.
    """
    rows: list[Weight] = []
    repeated: list[Weight] = []
    for weight in (*family.weights, None):
        if weight is not None and "{layer}" in weight.gguf:
            repeated.append(weight)
            continue
        rows += [each.filled(layer, config.experts) for layer in range(config.layers) for each in repeated]
        repeated = []
        if weight is not None:
            rows.append(weight.filled(0, config.experts))
    rows = [
        row
        for row in rows
        if row.ours and all(name in names for name in row.ours) and (row.when is None or row.when(config))
    ]
    left = set(names) - {name for row in rows for name in row.ours}
    if left:
        raise InternalError("hub.table", family=family.architecture, names=_some(left))
    return rows


def _match_names(family: GGUFFamily, file: GGUFFile, rows: list[Weight]) -> None:
    wanted = {row.gguf for row in rows}
    missing = wanted - set(file)
    extra = set(file) - wanted - set(family.factors)
    if missing or extra:
        raise ModelError("hub.names", missing=_some(missing), extra=_some(extra))


def _file_shape(row: Weight, parameters: Mapping[str, Tensor], config: ModelConfig) -> tuple[int, ...]:
    empty = [torch.empty(parameters[name].shape, device="meta") for name in row.ours]
    return tuple(row.packing.join(empty, config).shape)


def _maker(row: Weight, parts: list[Tensor], config: ModelConfig, kind: str) -> Callable[[], np.ndarray]:
    """Returns what makes a row's values when their turn comes, so that only one copy is in memory at a time."""

    def make() -> np.ndarray:
        # float32 before anything is computed: Gemma's norms, 1 + w, would be rounded in bfloat16
        whole = row.packing.join([part.to("cpu", torch.float32) for part in parts], config).contiguous()
        if kind == "F16" and float(whole.abs().max()) > LARGEST_HALF:
            raise ModelError("gguf.half_range", name=row.gguf, largest=LARGEST_HALF)
        return whole.numpy()

    return make


def _some(names: set[str] | list[str]) -> str:
    ordered = sorted(names)
    text = ", ".join(name[:80] for name in ordered[:SHOWN_NAMES]) or "–"
    return text if len(ordered) <= SHOWN_NAMES else f"{text}, … ({len(ordered)})"
