"""A closer look at single steps, on request: how large gradients and activations are, and where the time goes.

Looking changes nothing: gradients are read before the step, activations come from a forward pass of their own without
gradients, and the profiler only watches.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from textmill.model.gpt import GPT
from textmill.model.trace import Trace
from textmill.train.batches import Batch
from textmill.train.evaluation import undisturbed
from textmill.train.step import autocast


@torch.no_grad()
def gradient_statistics(model: GPT) -> dict[str, dict[str, float]]:
    """Returns {"parameter": {"weight": RMS, "gradient": RMS}} of every weight that has a gradient."""
    named = {name: p for name, p in model.named_parameters() if p.grad is not None}
    return {
        name: {"weight": _rms(parameter), "gradient": _rms(parameter.grad)}
        for name, parameter in named.items()
        if parameter.grad is not None
    }


def activation_statistics(model: GPT, batch: Batch) -> dict[str, float]:
    """Returns the RMS of the residual stream behind the embedding and each layer, and of the last norm's output."""
    trace = Trace()
    with undisturbed(model):
        model.hidden(batch.inputs_BT[:1], documents_BT=batch.documents_BT[:1], trace=trace)
    wanted = ("embedding", "normed", *(f"layer.{layer}.residual" for layer in range(model.config.layers)))
    return {name: _rms(value) for name, value in trace.tensors.items() if name in wanted}


@torch.no_grad()
def first_not_finite_activation(model: GPT, batch: Batch, dtype: torch.dtype) -> str:
    """Returns the weight, else the activation of `batch`'s forward pass that is the first not to be finite, or ""."""
    for name, parameter in model.named_parameters():
        if not bool(torch.isfinite(parameter).all()):
            return name
    trace = Trace()
    with undisturbed(model), autocast(batch.inputs_BT, dtype):
        hidden_BTD = model.hidden(batch.inputs_BT, documents_BT=batch.documents_BT, trace=trace)
        trace.record("logits", model.logits(hidden_BTD))
    return next((name for name, value in trace.tensors.items() if not _finite_but_masks(value)), "")


def _finite_but_masks(tensor: torch.Tensor) -> bool:
    """True unless there is a NaN or +∞; −∞ is what masks attention scores."""
    return not bool(torch.isnan(tensor).any() or torch.isposinf(tensor).any())


def _rms(tensor: torch.Tensor) -> float:
    return float(tensor.float().square().mean().sqrt())


@contextmanager
def profiled(folder: Path, step: int, wanted: bool) -> Iterator[None]:
    """Writes profile-STEP.json (Chrome's trace format: chrome://tracing, ui.perfetto.dev) for the block if `wanted`."""
    if not wanted:
        yield
        return
    activities = [torch.profiler.ProfilerActivity.CPU]
    if torch.cuda.is_available():
        activities.append(torch.profiler.ProfilerActivity.CUDA)
    with torch.profiler.profile(activities=activities) as profiler:
        yield
    profiler.export_chrome_trace(str(folder / f"profile-{step}.json"))
