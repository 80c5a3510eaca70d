"""Draws a token with the compiled kernels: what `sampling` does to one row, in a tenth of the time.

Shapes: V vocabulary.
"""

import ctypes

import torch
from jaxtyping import Bool, Float32
from torch import Tensor

from textmill.errors import ModelError, UsageError
from textmill.infer.sampling import SamplingSettings


class _Filters(ctypes.Structure):
    _fields_ = [
        ("temperature", ctypes.c_float),
        ("top_k", ctypes.c_int64),
        ("top_p", ctypes.c_float),
        ("min_p", ctypes.c_float),
        ("number", ctypes.c_double),
    ]


class RowDrawer:
    """Draws from rows of one size; not for several threads at once."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._draw = library.draw_row
        self._draw.restype = ctypes.c_int64
        self._forbid = library.forbid
        self._forbid.restype = None
        self._shares = torch.empty(0)

    def covers(self, settings: SamplingSettings) -> bool:
        """True where all filters of the settings are known here."""
        return settings.typical_p >= 1

    def forbid(self, scores_V: Float32[Tensor, " V"], allowed_V: Bool[Tensor, " V"]) -> None:
        """Writes -inf, in place, over the scores of what is not allowed."""
        if len(allowed_V) != len(scores_V):
            raise ValueError(f"{len(allowed_V)} tokens in the grammar, {len(scores_V)} scores")
        pointers = ctypes.c_void_p(scores_V.data_ptr()), ctypes.c_void_p(allowed_V.data_ptr())
        self._forbid(*pointers, ctypes.c_int64(len(scores_V)))

    def draw(
        self,
        model_V: Float32[Tensor, " V"],
        chosen_V: Float32[Tensor, " V"],
        settings: SamplingSettings,
        number: float,
    ) -> tuple[int, float]:
        """Returns the token that `number` in [0, 1) draws from `chosen_V`, and its log-probability by `model_V`.

        Raises ModelError where a score is not finite, UsageError where no token is left.
        """
        same = chosen_V is model_V
        model_V = model_V.contiguous()
        chosen_V = model_V if same else chosen_V.contiguous()
        if len(self._shares) < len(model_V):
            self._shares = torch.empty(len(model_V))
        temperature = 0.0 if settings.greedy else settings.temperature
        filters = _Filters(temperature, settings.top_k, settings.top_p, settings.min_p, number)
        log_probability = ctypes.c_float()
        id = self._draw(
            ctypes.c_void_p(model_V.data_ptr()),
            ctypes.c_void_p(chosen_V.data_ptr()),
            ctypes.c_int64(len(model_V)),
            ctypes.byref(filters),
            ctypes.c_void_p(self._shares.data_ptr()),
            ctypes.byref(log_probability),
        )
        if id == -1:
            raise ModelError("infer.not_finite")
        if id < 0:
            raise UsageError("infer.nothing_allowed")
        return id, log_probability.value
