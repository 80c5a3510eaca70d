"""Small models, one an option, that the model's tests run over; all weights are random, so that every part speaks."""

import dataclasses
from typing import Any

import torch

from textmill.model.config import ModelConfig, RopeScaling, classic, modern
from textmill.model.gpt import GPT

SIZES: dict[str, Any] = {"vocabulary_size": 61, "context": 32, "layers": 2, "width": 32, "heads": 4}
MODERN, CLASSIC = modern(**SIZES), classic(**SIZES)

VARIANTS: dict[str, ModelConfig] = {
    "modern": MODERN,
    "modern tied": modern(**SIZES, tied=True),
    "modern learned": modern(**SIZES, positions="learned"),
    "modern sinusoidal": modern(**SIZES, positions="sinusoidal"),
    "modern alibi": modern(**SIZES, positions="alibi"),
    "modern none": modern(**SIZES, positions="none"),
    "classic": CLASSIC,
    "classic untied": classic(**SIZES, tied=False),
    "classic sinusoidal": classic(**SIZES, positions="sinusoidal"),
    "classic rope": classic(**SIZES, positions="rope"),
    "post": dataclasses.replace(MODERN, norm_place="post"),
    "both": dataclasses.replace(MODERN, norm_place="both"),
    "layer norm": dataclasses.replace(MODERN, norm="layer"),
    "grouped": modern(**SIZES, kv_heads=2),
    "multi-query": modern(**SIZES, kv_heads=1),
    "windows": dataclasses.replace(MODERN, windows=(5, 0)),
    "all windows": dataclasses.replace(MODERN, windows=(3, 6)),
    "alibi windows": dataclasses.replace(MODERN, positions="alibi", windows=(5, 0), kv_heads=2),
    "partial rope": dataclasses.replace(MODERN, rope_fraction=0.5),
    "yarn": dataclasses.replace(MODERN, rope_scaling=RopeScaling(kind="yarn", factor=4.0, original_context=8)),
    "soft-caps": dataclasses.replace(MODERN, attention_softcap=2.0, logit_softcap=3.0),
    "sinks": dataclasses.replace(MODERN, attention_sinks=True),
    "sinks alibi": dataclasses.replace(MODERN, attention_sinks=True, positions="alibi", windows=(0, 4)),
    "relu2": dataclasses.replace(MODERN, feed_forward_kind="relu2"),
    "geglu": dataclasses.replace(MODERN, feed_forward_kind="geglu", feed_forward_bias=True),
    "gelu": dataclasses.replace(MODERN, feed_forward_kind="gelu"),
    "experts": dataclasses.replace(MODERN, experts=4, experts_per_token=2),
    "one expert": dataclasses.replace(MODERN, experts=3, experts_per_token=1, norm_expert_weights=False),
    "biases": dataclasses.replace(MODERN, attention_bias=True, attention_output_bias=True, feed_forward_bias=True),
    "no qk-norm": dataclasses.replace(MODERN, qk_norm=False, attention_scale=0.3, embedding_scale=2.0),
    "joint qk-norm": dataclasses.replace(MODERN, qk_norm_joint=True, norm_place="output", kv_heads=2),
    "parallel": dataclasses.replace(CLASSIC, positions="rope", parallel=True, feed_forward_kind="gelu_exact"),
    "one norm": dataclasses.replace(CLASSIC, positions="rope", parallel=True, shared_norm=True, kv_heads=1),
    "multipliers": dataclasses.replace(MODERN, residual_scale=0.3, logit_divisor=4.0, embedding_scale=3.0),
    "offset": dataclasses.replace(MODERN, norm_offset=True, norm_place="both", windows=(0, 5), window_rope_theta=100.0),
    "no rope": dataclasses.replace(MODERN, rope_skips=(1,)),
    "embedding norm": dataclasses.replace(CLASSIC, positions="alibi", embedding_norm=True),
    "longrope": dataclasses.replace(
        MODERN,
        rope_scaling=RopeScaling(
            kind="longrope", original_context=32, short_factors=(1.0, 1.0, 2.0, 3.0), long_factors=(1.0, 2.0, 4.0, 8.0)
        ),
    ),
    "wide heads": dataclasses.replace(MODERN, head_width=16, kv_heads=2),
}


def build(config: ModelConfig, seed: int = 0) -> GPT:
    """Returns a model in evaluation mode whose weights, norms and biases are all random."""
    generator = torch.Generator().manual_seed(seed)
    model = GPT(config)
    model.initialise(generator)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name == "position_embedding.weight" and config.positions == "sinusoidal":
                continue
            mean = 1.0 if parameter.ndim == 1 and name.endswith("weight") else 0.0
            deviation = 0.3 if parameter.ndim == 1 else (1.5 / parameter.shape[1]) ** 0.5
            parameter.normal_(mean, deviation, generator=generator)
    return model.eval()


def random_ids(config: ModelConfig, rows: int, length: int, seed: int = 1) -> torch.Tensor:
    """Returns random token ids (rows × length)."""
    return torch.randint(config.vocabulary_size, (rows, length), generator=torch.Generator().manual_seed(seed))


def relative_difference(value: torch.Tensor, reference: torch.Tensor) -> float:
    """Returns the largest difference over the largest magnitude."""
    return float((value - reference).abs().max() / reference.abs().max())
