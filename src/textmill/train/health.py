"""Steps that would do harm: a loss or a gradient far above the last ones is noticed before the weights move.

Loss and gradient norm are compared as logarithms, because both vary in proportion to their size, with mean and standard
deviation of the last steps that were taken. A few spikes in a row are the new normal (another kind of text, a higher
rate) and are taken. What is remembered lies in the run's state, so that a resumed run decides the same.
"""

import math
import statistics

REMEMBERED = 128
"""Steps that a step is compared with."""
NEEDED = 32
"""Steps before anything is called a spike: the first ones fall steeply."""
IN_A_ROW = 3
"""Spikes that are skipped one after another at most."""
SMALLEST_DEVIATION = 0.02
"""Deviations are taken as at least 2%: where steps are almost equal, a harmless one would be many deviations off."""

Recent = list[list[float]]
"""[ln loss, ln gradient norm] of the last steps taken, oldest first."""


def spike(recent: Recent, loss: float, gradient_norm: float, deviations: float) -> str:
    """Returns which of the two lies more than `deviations` above the last steps: "loss", "gradient_norm" or ""."""
    if not deviations or len(recent) < NEEDED:
        return ""
    columns = zip(*recent, strict=True)
    for name, value, past in zip(("loss", "gradient_norm"), _logs(loss, gradient_norm), columns, strict=True):
        deviation = max(statistics.pstdev(past), SMALLEST_DEVIATION)
        if value > statistics.fmean(past) + deviations * deviation:
            return name
    return ""


def remember(recent: Recent, loss: float, gradient_norm: float) -> None:
    """Adds a step that was taken."""
    recent.append(_logs(loss, gradient_norm))
    del recent[:-REMEMBERED]


def _logs(*values: float) -> list[float]:
    return [math.log(max(value, 1e-30)) for value in values]
