"""An honest watch for overfitting: is held-out text getting worse, by more than chance, while text trained on is not?

Every evaluation reads the same held-out documents, so it is compared with the best one document by document: the mean
of the differences has a far narrower interval than the scores themselves. Only when its whole 95% interval lies above
zero is held-out text said to get worse. Then as much text that was trained on is scored by the same function: the gap
between the two, in bits per byte, is what was learned by heart.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from textmill.evaluate.bits_per_byte import BitsPerByte
from textmill.evaluate.bootstrap import ratio_interval

ENOUGH_DOCUMENTS = 8
"""With fewer an interval over documents says little."""


@dataclass(slots=True, kw_only=True)
class Watch:
    """The best evaluation so far, document by document; {} and () before the first."""

    step: int = 0
    best: float = 0.0
    bits: tuple[float, ...] = ()

    def compare(
        self, step: int, score: BitsPerByte, sizes: np.ndarray, trained_on: Callable[[], BitsPerByte]
    ) -> dict[str, Any]:
        """Returns what is to be told of an evaluation with `document_bits`, {} where held-out text is no worse.

        `sizes`: UTF-8 bytes of its documents; `trained_on()` scores text that was trained on.
        """
        if not self.bits or len(self.bits) != len(score.document_bits) or score.value <= self.best:
            self.step, self.best, self.bits = step, score.value, score.document_bits
            return {}
        if len(sizes) < ENOUGH_DOCUMENTS:
            return {}
        low, high = ratio_interval(np.array(score.document_bits) - np.array(self.bits), sizes)
        if low <= 0:
            return {}
        training = trained_on().value
        return {
            "held_out": score.value,
            "training": training,
            "gap": score.value - training,
            "worse_by": score.value - self.best,
            "low": low,
            "high": high,
            "best": self.best,
            "best_step": self.step,
        }
