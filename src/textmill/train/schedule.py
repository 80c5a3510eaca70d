"""The learning rate along a run: a linear warm-up, then one of three ways down. p is the share of the run that is done.

    stable   1 until 1 − decay, then linear to `final` at p = 1      (warm-up–stable–decay)
    linear   linear from 1 behind the warm-up to `final` at p = 1
    cosine   final + (1 − final) · (1 + cos(π·x)) / 2,  x = the share of what is behind the warm-up

https://arxiv.org/abs/2405.18392 measures `stable` level with cosine; its plateau can be branched and prolonged
(`textmill train --from`). Linear to zero: https://arxiv.org/abs/2310.07831. Cosine: https://arxiv.org/abs/1608.03983.
"""

import math

from textmill.config import TrainSettings


def multiplier(progress: float, settings: TrainSettings) -> float:
    """Returns the factor on every learning rate when `progress` (0 … 1) of the run is done."""
    progress = min(max(progress, 0.0), 1.0)
    if progress < settings.warmup:
        return progress / settings.warmup
    falling = settings.decay if settings.schedule == "stable" else 1.0 - settings.warmup
    left = 1.0 if falling <= 0 else min((1.0 - progress) / falling, 1.0)
    if settings.schedule == "cosine":
        left = 0.5 * (1.0 - math.cos(math.pi * left))
    return settings.final_learning_rate + (1.0 - settings.final_learning_rate) * left


def decay_begins(settings: TrainSettings) -> float:
    """Returns the share of a run at which its learning rate begins to fall."""
    return max(settings.warmup, 1.0 - settings.decay if settings.schedule == "stable" else 0.0)


def batch_rows(tokens: int, context: int, settings: TrainSettings) -> int:
    """Returns the rows of the step that begins behind `tokens` tokens: an eighth of the batch at first, then all.

    A function of the tokens alone, so that a resumed run and any number of processes read the same batches.
    """
    rows = settings.batch_tokens // context
    if tokens >= settings.batch_warmup_tokens:
        return rows
    return max(1, round(rows * (1 + 7 * tokens / settings.batch_warmup_tokens) / 8))


def momentum(step: int) -> float:
    """Returns Muon's momentum: 0.85 rising to 0.95 over 300 steps, as its authors warm it up."""
    return 0.85 + 0.10 * min(step / 300, 1.0)
