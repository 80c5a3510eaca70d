"""A model's weights under a family's names, and back, strictly: every name and every shape must be as expected."""

import re
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from textmill.errors import InternalError, ModelError
from textmill.model.config import ModelConfig
from textmill.model.gpt import GPT
from textmill.model.hub.configs import choose_family
from textmill.model.hub.family import Family, Weight

SHOWN_NAMES = 5


def hub_tensors(model: GPT, family: Family | None = None) -> dict[str, Tensor]:
    """Returns the weights by their names in the hub's layout; memory is shared wherever the layout allows."""
    family = family or choose_family(model.config)
    parameters = own_parameters(model)
    tensors = {}
    for row in weight_rows(family, model.config, parameters):
        parts = [parameters[name].detach() for name in row.ours]
        tensors[row.hub] = row.packing.join(parts, model.config).contiguous()
    return tensors


def load_hub_tensors(
    model: GPT,
    tensors: Mapping[str, Tensor],
    family: Family | None = None,
    *,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
) -> None:
    """Puts tensors with the hub's names into `model`; a name too few or too many is a ModelError that says which.

    A model on the meta device takes the tensors themselves where neither device, dtype nor layout differ, so that
    weights mapped from a file are not copied. Into any other model they are copied.
    """
    family = family or choose_family(model.config)
    parameters = own_parameters(model)
    rows = weight_rows(family, model.config, parameters)
    actual = _match_names(family, model.config, tensors, rows)
    on_meta = model.token_embedding.weight.is_meta
    state = {}
    for row in rows:
        for name, part in _split(row, tensors[actual[row.hub]], parameters, model.config):
            wanted = parameters[name]
            place = (device or "cpu") if on_meta else wanted.device
            state[name] = part.to(place, dtype or wanted.dtype)
    _check_tied_copy(family, model.config, tensors, actual)
    if on_meta:
        adopt(model, state)
        return
    with torch.no_grad():
        for name, value in state.items():
            parameters[name].copy_(value)


def adopt(model: GPT, weights: Mapping[str, Tensor]) -> None:
    """Makes `weights`, by our names, those of a model on the meta device; nothing is copied."""
    model.load_state_dict(weights, strict=False, assign=True)
    if model.config.tied:
        model.output.weight = model.token_embedding.weight


def own_parameters(model: GPT) -> dict[str, torch.nn.Parameter]:
    """Returns the model's parameters by our names, a shared one once, whether or not blocks are compiled."""
    return {name.replace("_orig_mod.", ""): parameter for name, parameter in model.named_parameters()}


def weight_rows(family: Family, config: ModelConfig, names: Mapping[str, object]) -> list[Weight]:
    """Returns the rows of the family's table that hold for a model with the parameters `names`, filled in."""
    if not family.weights:
        return [Weight(name, (name,)) for name in names]
    rows, covered = [], set()
    for weight in family.weights:
        if weight.when is not None and not weight.when(config):
            continue
        layers = range(config.layers) if "{layer}" in weight.hub else range(1)
        experts = range(config.experts) if "{expert}" in weight.hub else range(1)
        for row in (weight.filled(layer, expert) for layer in layers for expert in experts):
            present = [name in names for name in row.ours]
            if all(present):
                rows.append(row)
                covered.update(row.ours)
    if covered != set(names):
        raise InternalError("hub.table", family=family.model_type, names=_some(set(names) - covered))
    return rows


def _match_names(
    family: Family, config: ModelConfig, tensors: Mapping[str, Tensor], rows: list[Weight]
) -> dict[str, str]:
    """Returns the file's name for each name of the table; raises unless both name the same tensors."""
    bare = family.prefix and not any(name.startswith(family.prefix) for name in tensors)
    actual = {family.prefix + name if bare and name != family.output else name: name for name in tensors}
    wanted = {row.hub for row in rows}
    allowed = wanted | ({family.output} if config.tied else set())
    extra = [
        name for name in actual if name not in allowed and not any(re.fullmatch(rule, name) for rule in family.buffers)
    ]
    missing = wanted - set(actual)
    if missing or extra:
        raise ModelError("hub.names", missing=_some(missing), extra=_some(extra))
    return actual


def _split(
    row: Weight, tensor: Tensor, parameters: Mapping[str, Tensor], config: ModelConfig
) -> Iterator[tuple[str, Tensor]]:
    """Yields our name and our part for each parameter that a tensor of the file holds."""
    empty = [torch.empty(parameters[name].shape, device="meta") for name in row.ours]
    expected = row.packing.join(empty, config).shape
    if tensor.shape != expected:
        raise ModelError("hub.shape", name=row.hub, expected=list(expected), got=list(tensor.shape))
    if not tensor.is_floating_point():
        raise ModelError("hub.dtype", name=row.hub, got=str(tensor.dtype).removeprefix("torch."))
    parts = row.packing.split(tensor, [part.shape[0] for part in empty], config)
    yield from ((name, part.contiguous()) for name, part in zip(row.ours, parts, strict=True))


def _check_tied_copy(
    family: Family, config: ModelConfig, tensors: Mapping[str, Tensor], actual: Mapping[str, str]
) -> None:
    """A tied model's file may hold its output matrix too; if that is another one, somebody untied it by hand."""
    if not config.tied or family.output not in actual or not family.weights:
        return
    embedding = next(weight.hub for weight in family.weights if weight.ours == "token_embedding.weight")
    if not torch.equal(tensors[actual[family.output]], tensors[actual[embedding]]):
        raise ModelError("hub.untied", name=family.output)


def _some(names: set[str] | list[str]) -> str:
    ordered = sorted(names)
    text = ", ".join(ordered[:SHOWN_NAMES]) or "–"
    return text if len(ordered) <= SHOWN_NAMES else f"{text}, … ({len(ordered)})"
