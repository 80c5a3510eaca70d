"""Where a token stands: sinusoidal and learned tables, rotary angles and their scalings, ALiBi slopes.

Shapes: T positions, D model width, K head width, P = R/2 pairs of the R rotated dimensions, H heads.
"""

import dataclasses
import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

from textmill.model.config import ModelConfig, RopeScaling


def sinusoidal_table(context: int, width: int) -> Float[Tensor, "T D"]:
    """Returns PE(t, 2i) = sin(t / 10000^(2i/D)), PE(t, 2i+1) = cos(same) ("Attention is all you need", section 3.5)."""
    position_T1 = torch.arange(context, dtype=torch.float64)[:, None]
    frequency_I = torch.exp(torch.arange(0, width, 2, dtype=torch.float64) * (-math.log(10_000.0) / width))
    table_TD = torch.zeros(context, width, dtype=torch.float64)
    table_TD[:, 0::2] = torch.sin(position_T1 * frequency_I)
    table_TD[:, 1::2] = torch.cos(position_T1 * frequency_I)[:, : width // 2]
    return table_TD.float()


def rope_frequencies(config: ModelConfig, length: int) -> tuple[Float[Tensor, " P"], float]:
    """Returns the angle per position of each pair of dimensions, and the factor on cosines and sines.

    θ_i = theta^(-2i/R), then stretched as the config's scaling says. `length` is the longest position in use, which
    only the dynamic scaling looks at. The rules follow the papers named in `RopeScaling`.
    """
    scaling, width, base = config.rope_scaling, config.rotated_width, config.rope_theta
    original = scaling.original_context or config.context
    if scaling.kind == "dynamic" and length > original:
        stretch = scaling.factor * length / original - (scaling.factor - 1)
        base = base * stretch ** (width / (width - 2))
    exponent = torch.arange(0, width, 2, dtype=torch.float32) / width
    frequency = 1.0 / (base**exponent)
    if scaling.kind == "linear":
        return frequency / scaling.factor, 1.0
    if scaling.kind == "llama3":
        return _llama3(frequency, config, original), 1.0
    if scaling.kind == "longrope":
        return _longrope(frequency, config, length, original)
    if scaling.kind == "yarn":
        factor = scaling.attention_factor or 0.1 * math.log(max(scaling.factor, 1.0)) + 1.0
        return _yarn(frequency, config, original), factor
    return frequency, 1.0


def _llama3(frequency: Tensor, config: ModelConfig, original: int) -> Tensor:
    scaling = config.rope_scaling
    wavelength = 2 * math.pi / frequency
    low = original / scaling.low_frequency_factor
    high = original / scaling.high_frequency_factor
    blend = (original / wavelength - scaling.low_frequency_factor) / (
        scaling.high_frequency_factor - scaling.low_frequency_factor
    )
    middle = (1 - blend) * frequency / scaling.factor + blend * frequency
    slow = torch.where(wavelength > low, frequency / scaling.factor, middle)
    return torch.where(wavelength < high, frequency, slow)


def _yarn(frequency: Tensor, config: ModelConfig, original: int) -> Tensor:
    scaling, width = config.rope_scaling, config.rotated_width

    def dimension(rotations: float) -> float:
        return width * math.log(original / (rotations * 2 * math.pi)) / (2 * math.log(config.rope_theta))

    low = max(math.floor(dimension(scaling.beta_fast)), 0)
    high = min(math.ceil(dimension(scaling.beta_slow)), width - 1)
    span = high - low or 0.001  # as transformers has it, which can also be negative
    ramp = ((torch.arange(width // 2, dtype=torch.float32) - low) / span).clamp(0, 1)
    return frequency / scaling.factor * ramp + frequency * (1 - ramp)


def _longrope(frequency: Tensor, config: ModelConfig, length: int, original: int) -> tuple[Tensor, float]:
    """Each pair of dimensions has a factor of its own, and another one past the original context."""
    scaling = config.rope_scaling
    factors = scaling.long_factors if length > original else scaling.short_factors
    stretch = config.context / original
    rule = math.sqrt(1 + math.log(stretch) / math.log(original)) if stretch > 1 else 1.0
    return frequency / torch.tensor(factors), scaling.attention_factor or rule


def rope_tables(
    config: ModelConfig, length: int, *, local: bool = False
) -> tuple[Float[Tensor, "T P"], Float[Tensor, "T P"]]:
    """Returns the cosines and sines of positions 0 … length-1, in float32; `local`: of layers with a window."""
    if local:
        config = dataclasses.replace(config, rope_theta=config.window_rope_theta, rope_scaling=RopeScaling())
    frequency, factor = rope_frequencies(config, length)
    angle_TP = torch.arange(length, dtype=torch.float32)[:, None] * frequency
    return angle_TP.cos() * factor, angle_TP.sin() * factor


def rotate(
    x_BHTK: Float[Tensor, "B H T K"], cos_BTP: Float[Tensor, "#B T P"], sin_BTP: Float[Tensor, "#B T P"]
) -> Float[Tensor, "B H T K"]:
    """Rotates the pairs (x_i, x_{i+R/2}) of each head by their position's angle (https://arxiv.org/abs/2104.09864).

    Pairs are halves apart, as Hugging Face's Llama and Qwen lay them out. Dimensions past R pass through.
    """
    half = cos_BTP.shape[-1]
    cos, sin = cos_BTP[:, None].to(x_BHTK.dtype), sin_BTP[:, None].to(x_BHTK.dtype)
    first, second = x_BHTK[..., :half], x_BHTK[..., half : 2 * half]
    rotated = torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)
    return rotated if 2 * half == x_BHTK.shape[-1] else torch.cat((rotated, x_BHTK[..., 2 * half :]), dim=-1)


def alibi_slopes(heads: int) -> Float[Tensor, " H"]:
    """Returns each head's penalty per position of distance (https://arxiv.org/abs/2108.12409, as BLOOM computes it)."""
    power = 2 ** math.floor(math.log2(heads))
    slopes = [2 ** (-8 * (i + 1) / power) for i in range(power)]
    slopes += [2 ** (-4 * (2 * i + 1) / power) for i in range(heads - power)]
    return torch.tensor(slopes)


def document_positions(documents_BT: Int[Tensor, "B T"]) -> Int[Tensor, "B T"]:
    """Returns each token's distance from the start of its document within the row."""
    step_BT = torch.arange(documents_BT.shape[1], device=documents_BT.device).expand_as(documents_BT)
    first_BT = torch.ones_like(documents_BT, dtype=torch.bool)
    first_BT[:, 1:] = documents_BT[:, 1:] != documents_BT[:, :-1]
    return step_BT - torch.cummax(torch.where(first_BT, step_BT, 0), dim=1).values
