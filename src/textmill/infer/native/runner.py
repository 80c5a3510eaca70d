"""Runs a model with the compiled kernels: one call a step, whatever is in it.

Shapes: R wanted rows, V vocabulary, D width, T positions, P rotated pairs.
"""

import ctypes
from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from jaxtyping import Float32
from torch import Tensor

from textmill.infer.engine.room import room
from textmill.infer.engine.runner import Part
from textmill.infer.native.covers import uncovered
from textmill.infer.native.draw import RowDrawer
from textmill.infer.native.layout import PAGE, Held, PartOfStep, Step
from textmill.infer.native.structure import model_structure
from textmill.kernels.build import Unavailable, inference_library, inference_units
from textmill.model.config import ModelConfig
from textmill.model.gpt import GPT
from textmill.model.positions import rope_tables

MOST_ROWS = 512
"""New tokens at a time: their activations stay near the cache, and each weight is still read for many."""
OUTPUTS = {"fp32": "fp32", "bf16": "bf16", "int8": "int8", "int4": "int8"}
"""The kind of the output projection by that of the rest."""


def build_native_runner(model: GPT, *, weights: str, page_count: int, threads: int, units: str = "") -> "NativeRunner":
    """Returns the runner for `model` with its matrices in `weights`; raises Unavailable with the reason.

    `threads`: for arithmetic; `units`: one of `kernels.build.UNITS`, by default the processor's best.
    """
    reason = uncovered(model.config)
    if reason is not None:
        raise Unavailable(reason)
    library = inference_library(units)
    return NativeRunner(
        model, library, weights=weights, page_count=page_count, threads=threads, units=units or inference_units()
    )


class NativeRunner:
    """A model whose weights have been packed for the kernels; `model` itself is only read while this is made."""

    invariant = True
    adapters: Sequence[str] = ()
    page_size = PAGE

    def __init__(
        self, model: GPT, library: ctypes.CDLL, *, weights: str, page_count: int, threads: int, units: str
    ) -> None:
        self.config: ModelConfig = model.config
        self.page_count, self.threads = page_count, threads
        self.store = _store(model.config, weights, page_count)
        cache = "fp32" if self.store.dtype == torch.float32 else "bf16"
        self.path = f"{weights} ({units}), cache {cache}"
        self._held = Held(library)
        self.drawer = RowDrawer(library)
        self._model = model_structure(self._held, model, weights, OUTPUTS[weights], self.store)
        self._tables: list[tuple[Tensor, Tensor]] = []
        self._scratch = torch.empty(0, dtype=torch.uint8)
        self._room = (-1, -1)
        """For how many new tokens and wanted rows the scratch is enough."""
        self._forward = library.forward
        self._forward.restype = None
        library.scratch_bytes.restype = ctypes.c_int64

    @property
    def weight_bytes(self) -> int:
        """How many bytes of weights a step reads."""
        return self._held.weight_bytes

    def forward(self, parts: Sequence[Part]) -> Float32[Tensor, "R V"]:
        """Returns the scores after each wanted row."""
        return self._rows(parts, self.config.vocabulary_size, hidden=False)

    def hidden(self, parts: Sequence[Part]) -> Float32[Tensor, "R D"]:
        """Returns the wanted rows of the residual stream after the final norm."""
        return self._rows(parts, self.config.width, hidden=True)

    def copy_page(self, source: int, target: int) -> None:
        """Copies a page's keys and values."""
        self.store[:, target] = self.store[:, source]

    def _rows(self, parts: Sequence[Part], width: int, *, hidden: bool) -> Tensor:
        out = torch.empty(sum(len(part.wanted) for part in parts), width)
        done = 0
        for some in _cut(parts):
            wanted = sum(len(part.wanted) for part in some)
            self._step(some, out[done : done + wanted], hidden=hidden)
            done += wanted
        return out

    def _step(self, parts: Sequence[Part], out: Tensor, *, hidden: bool) -> None:
        ids, positions, pages, wanted = [], [], [], []
        structures = (PartOfStep * len(parts))()
        for index, part in enumerate(parts):
            structures[index] = PartOfStep(len(ids), len(part.ids), part.past, len(pages))
            wanted += [len(ids) + row for row in part.wanted]
            ids += part.ids
            positions += range(part.past, part.past + len(part.ids))
            pages += part.pages
        arrays = [(ctypes.c_int32 * max(len(array), 1))(*array) for array in (ids, positions, pages, wanted)]
        step = Step(len(ids), len(parts), len(wanted), self.threads, int(hidden))
        step.ids, step.positions, step.pages, step.wanted = map(ctypes.addressof, arrays)
        step.part, step.out = structures, out.data_ptr()
        for index, (cosines, sines) in enumerate(self._ropes(max(part.past + len(part.ids) for part in parts))):
            step.cosines[index], step.sines[index] = cosines.data_ptr(), sines.data_ptr()
        if any(count > most for count, most in zip((len(ids), len(wanted)), self._room, strict=True)):
            self._room = (max(len(ids), self._room[0]), max(len(wanted), self._room[1]))
            needed = self._held.library.scratch_bytes(ctypes.byref(self._model), *map(ctypes.c_int64, self._room))
            self._scratch = torch.empty(needed, dtype=torch.uint8)
        step.scratch = self._scratch.data_ptr()
        self._forward(ctypes.byref(self._model), ctypes.byref(step))

    def _ropes(self, length: int) -> list[tuple[Tensor, Tensor]]:
        """Returns the tables of all layers, and of those with a window where theirs differ; they grow by doubling."""
        if self.config.positions != "rope":
            return []
        if not self._tables or len(self._tables[0][0]) < length:
            held = max(1024, 1 << (length - 1).bit_length())
            if self.config.rope_scaling.kind in (
                "dynamic",
                "longrope",
            ):  # covered up to the whole context, see `covers`
                held = self.config.context
            kinds = (False, True) if self.config.window_rope_theta else (False,)
            self._tables = [rope_tables(self.config, held, local=local) for local in kinds]
        return self._tables


def _store(config: ModelConfig, weights: str, page_count: int) -> Tensor:
    width = -(-config.head_width // 16) * 16
    shape = (config.layers, page_count, 2, config.kv_heads, PAGE * width)
    return room(shape, torch.float32 if weights == "fp32" else torch.bfloat16, torch.device("cpu"))


def _cut(parts: Sequence[Part]) -> Iterator[list[Part]]:
    """Yields the parts in order, at most `MOST_ROWS` new tokens at a time; a longer part is cut."""
    some: list[Part] = []
    room = MOST_ROWS
    for part in parts:
        done = 0
        while done < len(part.ids):
            count = min(room, len(part.ids) - done)
            wanted = [row - done for row in part.wanted if done <= row < done + count]
            some.append(replace(part, ids=part.ids[done : done + count], past=part.past + done, wanted=wanted))
            done, room = done + count, room - count
            if not room:
                yield some
                some, room = [], MOST_ROWS
    if some:
        yield some
