"""What a run computes with: fixed when it starts, recorded in its checkpoints, used again when it goes on."""

from dataclasses import asdict, dataclass, replace
from typing import Any

import torch

from textmill import hardware
from textmill.config import Settings
from textmill.errors import TrainingError
from textmill.kernels import build
from textmill.model.config import ModelConfig, from_settings
from textmill.model.flex import flexible
from textmill.model.float8 import use_float8
from textmill.model.gpt import GPT
from textmill.model.native import fits

FLOAT8_CAPABILITY = (8, 9)
"""NVIDIA's compute capability from which there are float8 units (Ada, Hopper); a CPU computes the same, slowly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernels:
    """What is fixed when a run starts and used again when it goes on."""

    device: str
    precision: str
    compile: bool
    threads: int
    native: bool = False
    """Whether the compiled kernels of `textmill.kernels` run in place of torch.compile."""
    tiled: bool = False
    """Whether attention masks documents in tiles (FlexAttention)."""
    float8: bool = False
    """Whether large matrices are multiplied in float8."""

    @property
    def dtype(self) -> torch.dtype:
        """What matrices are multiplied in."""
        return {"bf16": torch.bfloat16, "fp32": torch.float32, "fp64": torch.float64}[self.precision]

    def as_dict(self) -> dict[str, Any]:
        """Returns what a checkpoint keeps."""
        return asdict(self)

    def prepare(self, model: GPT) -> None:
        """Moves `model` to the device and readies it for training steps."""
        model.to(self.device).train()
        model.native, model.tiled = self.native, self.tiled
        if self.float8:
            use_float8(model)
        if self.compile:
            for block in model.blocks:  # one block's code serves all: a whole model would take the compiler minutes
                block.compile(dynamic=False)


def choose_kernels(settings: Settings, device: str, config: ModelConfig | None = None) -> Kernels:
    """Returns device, precision, kernels and threads for this machine as far as the settings leave them open.

    `config`: the model's, where the settings do not say it. Raises TrainingError when the compiled kernels are asked
    for and cannot run.
    """
    train = settings.train
    device = hardware.check_device(device)
    precision = hardware.default_precision(device)[0] if train.precision == "auto" else train.precision
    config = config or from_settings(settings.model, 1)
    native = _native(settings, device, precision, config)
    able = hardware.can_compile(device)[0] and not native
    return Kernels(
        device=device,
        precision=precision,
        compile=able if train.compile == "auto" else train.compile == "on" and not native,
        threads=train.threads or hardware.default_threads(),
        native=native,
        tiled=device.startswith("cuda") and flexible(config),
        float8=train.float8 and _float8(device, precision),
    )


def _float8(device: str, precision: str) -> bool:
    """Returns True where float8 products can be had; raises TrainingError where they were asked for in vain."""
    has_units = device == "cpu" or torch.cuda.get_device_capability(device) >= FLOAT8_CAPABILITY
    if precision != "bf16" or not has_units:
        raise TrainingError("train.float8_unfit", device=device, precision=precision)
    return True


def _native(settings: Settings, device: str, precision: str, config: ModelConfig) -> bool:
    """Tells whether the compiled kernels run: where they can, unless torch.compile or float8 is asked for instead."""
    wish = settings.train.native
    if wish == "off" or settings.train.float8 or (wish == "auto" and settings.train.compile == "on"):
        return False
    possible = device == "cpu" and precision == "bf16" and fits(config)
    if wish == "on" and not possible:
        raise TrainingError("train.native_unfit", device=device, precision=precision)
    if not possible:
        return False
    here, reason = build.available()
    if wish == "on" and not here:
        raise TrainingError("train.native_missing", reason=str(reason))
    return here


def kernels_again(fixed: dict[str, Any], *, plain: bool) -> Kernels:
    """Returns the kernels of a run that goes on; `plain`: the user asks to go on without the compiled ones.

    Raises ResourceError without the device, TrainingError where the compiled kernels are not to be had here.
    """
    kernels = Kernels(**fixed)
    kernels = replace(kernels, native=False) if plain else kernels
    hardware.check_device(kernels.device)
    if kernels.native:
        here, reason = build.available()
        if not here:
            raise TrainingError("train.native_missing", reason=str(reason))
    return kernels


def default_micro_batch(settings: Settings, device: str, context: int = 0) -> int:
    """Returns rows a micro-batch: what keeps a layer's activations near the cache on a CPU, all at once on a GPU.

    `context`: tokens a row, where they are not the settings'.
    """
    context = context or settings.model.context
    rows = settings.train.batch_tokens // context
    limit = 4096 if device == "cpu" else 65_536
    return max(1, min(rows, limit // context))
