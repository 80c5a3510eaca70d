"""What training takes here, tried out: a few real steps of the very model, in a process of their own.

Memory and time of a step are straight lines in the number of layers, all else equal: deeper models than four layers are
tried with two and with four, at the real width, micro-batch and kernels, and the line is drawn on. (One and two layers
lie too near: what the allocator rounds up hides the slope, and its scatter counts many times over.) A process of its
own, because the peak of its memory is then the peak of nothing else.

    python -m textmill.train.trial < QUESTION.json > ANSWER.json
"""

import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import textmill
from textmill.config import Settings
from textmill.errors import ResourceError
from textmill.settings_file import settings_of
from textmill.train.kernels import Kernels

SECONDS = 2.0
"""How long each of the measured things is repeated."""
PATIENCE = 600.0
FEW, MORE = 2, 4
"""The layers that are tried of a model that has more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What was measured, or drawn on from measured ones. Seconds; bytes."""

    base_bytes: float
    """The process before there is a model."""
    peak_bytes: float
    """Its peak over the steps."""
    state_bytes: float
    """Weights and optimizer, which a background save copies."""
    device_bytes: float
    """The peak on the GPU, 0 on a CPU."""
    micro_seconds: float
    """Forward and backward of one micro-batch."""
    update_seconds: float
    """Clipping and the optimizer."""
    forward_seconds: float
    """Evaluating as many tokens as a micro-batch has."""

    def drawn_on(self, other: "Trial", layers: int) -> "Trial":
        """Returns the line through this trial at `FEW` layers and `other` at `MORE`, at `layers`."""
        few, more = asdict(self), asdict(other)
        times = (layers - FEW) / (MORE - FEW)
        return Trial(**{name: few[name] + times * max(0.0, more[name] - few[name]) for name in few})


def try_out(settings: Settings, kernels: Kernels, vocabulary_size: int, *, seconds: float = SECONDS) -> Trial:
    """Returns what a step of the settings' model takes with their micro-batch; the larger ones are drawn on."""
    layers = settings.model.layers
    if layers <= MORE:
        return _ask(settings, kernels, vocabulary_size, seconds)
    trials = (
        _ask(settings.replace({"model.layers": count}), kernels, vocabulary_size, seconds) for count in (FEW, MORE)
    )
    few, more = trials
    return few.drawn_on(more, layers)


def _ask(settings: Settings, kernels: Kernels, vocabulary_size: int, seconds: float) -> Trial:
    question = {
        "settings": settings.as_dict(),
        "kernels": kernels.as_dict(),
        "vocabulary_size": vocabulary_size,
        "seconds": seconds,
    }
    path = os.pathsep.join(filter(None, (str(Path(textmill.__file__).parent.parent), os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        [sys.executable, "-m", "textmill.train.trial"],
        input=json.dumps(question),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        env=os.environ | {"PYTHONPATH": path},  # this very Textmill, wherever it lies
    )
    if done.returncode:
        words = (done.stderr or "").strip().splitlines()
        raise ResourceError("train.trial", detail=words[-1] if words else f"{done.returncode}")
    return Trial(**json.loads(done.stdout))


def measure(settings: Settings, kernels: Kernels, vocabulary_size: int, seconds: float) -> Trial:
    """Measures in this process; its peak so far must be that of an idle one."""
    import torch

    from textmill.hardware.allocator import keep_freed_memory
    from textmill.model.config import from_settings
    from textmill.model.gpt import GPT
    from textmill.train.kernels import default_micro_batch
    from textmill.train.optimizers import Optimizers

    torch.set_num_threads(kernels.threads)
    keep_freed_memory()
    rows = settings.train.micro_batch or default_micro_batch(settings, kernels.device)
    _warm_up(kernels.device)
    base = resident_bytes()
    model = GPT(from_settings(settings.model, vocabulary_size))
    model.initialise(torch.Generator().manual_seed(0))
    model.recompute = settings.train.activation_checkpointing
    replace(kernels, compile=False).prepare(model)
    optimizers = Optimizers(model, settings.train, muon_dtype=kernels.dtype)
    optimizers.set_rates(0.01, 0)
    batch = random_batch(model.config, rows).to(kernels.device)
    timed = _timed(model, optimizers, batch, settings, kernels, seconds)
    state = [*model.parameters(), *optimizers.state_tensors().values()]
    gpu = kernels.device.startswith("cuda")
    return Trial(
        base_bytes=base,
        peak_bytes=peak_bytes(),
        state_bytes=float(sum(tensor.numel() * tensor.element_size() for tensor in state)),
        device_bytes=float(torch.cuda.max_memory_allocated()) if gpu else 0.0,
        **timed,
    )


def _timed(model: Any, optimizers: Any, batch: Any, settings: Settings, kernels: Kernels, seconds: float) -> dict:
    """Returns the seconds of a micro-batch, of an update and of a forward pass."""
    import torch

    from textmill.hardware.measure import synchronize
    from textmill.train.evaluation import undisturbed
    from textmill.train.step import batch_loss, train_step

    def step(count: int) -> None:
        tokens = count * batch.tokens
        train_step(
            model,
            optimizers,
            [batch] * count,
            batch_tokens=tokens,
            step=1,
            clip=settings.train.clip,
            dtype=kernels.dtype,
            z_loss=settings.train.z_loss,
        )
        synchronize(kernels.device)

    def forward() -> None:
        with undisturbed(model), torch.no_grad():
            batch_loss(model, batch, kernels.dtype)
        synchronize(kernels.device)

    step(1)
    one, two, look = (_median(work, seconds) for work in (lambda: step(1), lambda: step(2), forward))
    micro = max(two - one, 0.2 * one)
    return {"micro_seconds": micro, "update_seconds": max(one - micro, 0.0), "forward_seconds": look}


def _median(work: Any, seconds: float) -> float:
    took: list[float] = []
    end = time.perf_counter() + seconds
    while len(took) < 3 or (time.perf_counter() < end and len(took) < 200):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return sorted(took)[len(took) // 2]


def random_batch(config: Any, rows: int) -> Any:
    """Returns a micro-batch of random tokens in documents of a quarter of the context."""
    import torch

    from textmill.train.batches import Batch

    ids_BT = torch.randint(0, config.vocabulary_size, (rows, config.context + 1), generator=torch.Generator())
    length = max(1, config.context // 4)
    return Batch(
        inputs_BT=ids_BT[:, :-1].contiguous(),
        targets_BT=ids_BT[:, 1:].contiguous(),
        documents_BT=(torch.arange(config.context) // length).expand(rows, -1).contiguous(),
    )


def _warm_up(device: str) -> None:
    """Loads what a training process has loaded before its model is made."""
    import torch

    import textmill.tokenizer.tokens
    import textmill.train.loop
    import textmill.train.start  # noqa: F401

    torch.mm(torch.ones(64, 64, device=device), torch.ones(64, 64, device=device))


def resident_bytes() -> float:
    """Returns the memory that this process holds now."""
    import psutil

    return float(psutil.Process().memory_info().rss)


def peak_bytes() -> float:
    """Returns the most memory that this process has held.

    Linux tells it of the process as it is since it began this program; getrusage there counts what its parent held too.
    """
    with suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
        return float(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) * 1024
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(most * (1 if sys.platform == "darwin" else 1024))


def main() -> None:
    """Answers the question on stdin; on a bad end one line on stderr."""
    question = json.loads(sys.stdin.read())
    settings = settings_of(question["settings"])
    out = os.dup(1)
    os.dup2(2, 1)  # whatever a library prints
    try:
        trial = measure(settings, Kernels(**question["kernels"]), question["vocabulary_size"], question["seconds"])
    except (MemoryError, RuntimeError) as error:
        print(str(error).splitlines()[0], file=sys.stderr)
        sys.exit(1)
    os.write(out, json.dumps(asdict(trial)).encode())


if __name__ == "__main__":
    main()
