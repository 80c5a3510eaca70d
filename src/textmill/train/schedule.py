"""The learning rate along a run: a linear warm-up, a plateau, a linear decay (warm-up–stable–decay).

multiplier(p) = p / warmup            for p < warmup
              = 1                     until 1 − decay
              = linear to `final`     at p = 1,          p = the share of the run that is done

https://arxiv.org/abs/2405.18392 measures it level with cosine; its plateau can be branched and prolonged.
"""

from textmill.config import TrainSettings


def multiplier(progress: float, settings: TrainSettings) -> float:
    """Returns the factor on every learning rate when `progress` (0 … 1) of the run is done."""
    progress = min(max(progress, 0.0), 1.0)
    if progress < settings.warmup:
        return progress / settings.warmup
    left = 1.0 - progress
    if left < settings.decay:
        return settings.final_learning_rate + (1.0 - settings.final_learning_rate) * left / settings.decay
    return 1.0


def momentum(step: int) -> float:
    """Returns Muon's momentum: 0.85 rising to 0.95 over 300 steps, as its authors warm it up."""
    return 0.85 + 0.10 * min(step / 300, 1.0)
