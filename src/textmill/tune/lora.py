"""Which weights of a model are learned: all, or small adapters beside frozen ones.

    full    every weight, in float32
    lora    low-rank adapters (`model.adapted`); rank-stabilised with `tune.stabilised`
    dora    the same with a learned magnitude for each row
    qlora   low-rank adapters on a base in four bits (`model.four_bits`)

A frozen base lies in bf16 where that is what is multiplied, so it takes a third of what AdamW needs for full training
of half as wide numbers: 2 bytes a weight instead of 16. Adapters begin as PEFT's: A uniform within ±1/√D, B zero.
"""

import torch
from torch import nn

from textmill.config_tune import TuneSettings
from textmill.errors import InputError
from textmill.model.adapted import AdaptedLinear, FrozenEmbedding
from textmill.model.gpt import GPT

PLACES = ("query", "key", "value", "output", "gate", "up", "down")
"""The linear maps of a block: of attention, then of the feed-forward part."""


def adapt(model: GPT, settings: TuneSettings, *, dtype: torch.dtype, seed: int) -> None:
    """Freezes `model`, on the CPU, and puts adapters beside the linear maps that the settings name.

    `dtype`: what matrices are multiplied in.
    """
    generator = torch.Generator().manual_seed(seed)
    chosen = places(settings)
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    found = 0
    for part in list(model.blocks.modules()):
        for name, child in list(part.named_children()):
            if isinstance(child, nn.Linear):
                layer = _adapted(child, settings, generator, learned=name in chosen)
                found += layer.rank > 0
                _keep(layer, settings, dtype)
                setattr(part, name, layer)
    if not found:
        raise InputError("tune.no_module", modules=", ".join(settings.modules), known=", ".join(PLACES))
    if dtype == torch.bfloat16:
        model.token_embedding.weight.data = model.token_embedding.weight.data.to(dtype)
    output = AdaptedLinear(model.output)
    if dtype == torch.bfloat16 and output.weight is not None:
        output.weight.data = model.token_embedding.weight.data if model.config.tied else output.weight.data.to(dtype)
    model.output = output  # type: ignore[assignment]
    model.token_embedding = FrozenEmbedding(model.token_embedding)  # type: ignore[assignment]


def places(settings: TuneSettings) -> frozenset[str]:
    """Returns the names of the maps that get an adapter; none given: all."""
    unknown = [name for name in settings.modules if name not in PLACES]
    if unknown:
        raise InputError("tune.no_module", modules=", ".join(unknown), known=", ".join(PLACES))
    return frozenset(settings.modules or PLACES)


def alpha_of(settings: TuneSettings) -> float:
    """Returns alpha; unless it is set, what makes the scale 2 at a plain adapter's rank."""
    return settings.alpha or 2.0 * settings.rank


def _adapted(linear: nn.Linear, settings: TuneSettings, generator: torch.Generator, *, learned: bool) -> AdaptedLinear:
    rank = min(settings.rank, *linear.weight.shape) if learned else 0
    if not rank:
        return AdaptedLinear(linear)
    scale = alpha_of(settings) / (rank**0.5 if settings.stabilised else rank)
    layer = AdaptedLinear(linear, rank=rank, scale=scale, dropout=settings.dropout, magnitude=settings.method == "dora")
    assert layer.lora_a_rD is not None
    nn.init.uniform_(layer.lora_a_rD, -(layer.in_features**-0.5), layer.in_features**-0.5, generator=generator)
    return layer


def _keep(layer: AdaptedLinear, settings: TuneSettings, dtype: torch.dtype) -> None:
    """Has the frozen weight as the method and the precision want it."""
    if settings.method == "qlora":
        layer.pack()
    elif dtype == torch.bfloat16 and layer.weight is not None:
        layer.weight.data = layer.weight.data.to(dtype)


def adapted_layers(model: GPT) -> dict[str, AdaptedLinear]:
    """Returns the maps that have an adapter, by the names of their weights."""
    return {
        f"{name}.weight".replace("_orig_mod.", ""): layer
        for name, layer in model.named_modules()
        if isinstance(layer, AdaptedLinear) and layer.rank
    }
