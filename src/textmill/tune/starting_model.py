"""The model before it is tuned, and as others see it meanwhile: ready for a pass, without adapters, or merged."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from textmill.config import Settings
from textmill.model.adapted import AdaptedLinear
from textmill.model.gpt import GPT
from textmill.model.hub.folder import empty_model
from textmill.model.hub.weights import adopt, own_parameters
from textmill.train.kernels import Kernels, choose_kernels


@contextmanager
def for_passes(model: GPT, settings: Settings, device: str) -> Iterator[Kernels]:
    """Has `model` on its device, with the kernels that its run will train with; leaves it on the CPU as it was."""
    kernels = choose_kernels(settings, device, model.config)
    native, training = model.native, model.training
    model.to(kernels.device)
    model.native = kernels.native
    threads = torch.get_num_threads()
    torch.set_num_threads(kernels.threads)
    try:
        yield kernels
    finally:
        torch.set_num_threads(threads)
        model.native = native
        model.to("cpu").train(training)


def frozen_copy(model: GPT, dtype: torch.dtype) -> GPT:
    """Returns a copy that is only read, in bf16 where that is what is multiplied."""
    made = copy.deepcopy(model).to(torch.bfloat16 if dtype == torch.bfloat16 else dtype)
    made.native = False
    return made.requires_grad_(False).eval()


@contextmanager
def reference_of(model: GPT, frozen: GPT | None) -> Iterator[GPT]:
    """Gives the model as it was before the first step: a frozen copy, or the model itself without its adapters."""
    if frozen is not None:
        device = model.token_embedding.weight.device
        yield frozen.to(device)
        return
    layers = [part for part in model.modules() if isinstance(part, AdaptedLinear) and part.rank]
    kept = [(layer.scale, layer.magnitude_O) for layer in layers]
    for layer in layers:
        layer.scale, layer.magnitude_O = 0.0, None
    try:
        yield model
    finally:
        for layer, (scale, magnitude_O) in zip(layers, kept, strict=True):
            layer.scale, layer.magnitude_O = scale, magnitude_O


@torch.no_grad()
def plain_model(model: GPT, dtype: torch.dtype) -> GPT:
    """Returns a model of plain maps with the same outputs: `model` itself where it has no adapters."""
    layers = {name: part for name, part in model.named_modules() if isinstance(part, AdaptedLinear)}
    if not layers:
        return model
    weights: dict[str, Tensor] = {}
    for name, parameter in own_parameters(model).items():
        owner, _, last = name.rpartition(".")
        if owner not in layers or last == "bias":
            weights[name] = parameter.detach()
    weights |= {f"{name}.weight": merged_weight(layer) for name, layer in layers.items()}
    made = empty_model(model.config)
    names = dict(made.named_parameters())
    kept = {name: value.to(dtype) for name, value in weights.items() if name in names}
    adopt(made, kept)
    made.requires_grad_(False)
    return made.eval()


def merged_weight(layer: AdaptedLinear) -> Tensor:
    """Returns W + s·B·A, its rows scaled where magnitudes are learned."""
    if layer.lora_a_rD is None or layer.lora_b_Or is None:
        return layer.dense(torch.float32 if layer.weight is None else layer.weight.dtype)
    weight_OD = layer.dense(torch.float32) + layer.scale * (layer.lora_b_Or.float() @ layer.lora_a_rD.float())
    return weight_OD if layer.magnitude_O is None else weight_OD * layer.row_factors().float()[:, None]


def linear_maps(model: nn.Module) -> int:
    """Returns how many maps have an adapter."""
    return sum(isinstance(part, AdaptedLinear) and part.rank > 0 for part in model.modules())
