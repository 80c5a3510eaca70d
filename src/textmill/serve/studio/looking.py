"""What the page "Look inside" asks: models, recordings, their tensors as bytes, single numbers, the next token.

Models and recordings are few and kept by last use; one thread works, so nothing is computed twice at the same time.
Tensors go as bytes: float32 where there are few values, else uint8 between a low and a high, pooled to what a screen
can show, each cell with the value farthest from zero of those it stands for, so that no spike is lost.
"""

import dataclasses
import secrets
import struct
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textmill.checkpoints import list_checkpoints
from textmill.errors import ModelError, UsageError
from textmill.infer.resolve import folder_names, load
from textmill.infer.sampling import SamplingSettings
from textmill.inspect.explain import explain
from textmill.inspect.lens import logit_lens
from textmill.inspect.next_token import next_token
from textmill.inspect.operate import effect
from textmill.inspect.recording import Recording, look
from textmill.project import Project

if TYPE_CHECKING:
    from torch import Tensor

    from textmill.infer.resolve import LoadedModel

MODELS, RECORDINGS = 2, 4
FULL = 65_536
"""Values that are sent as float32; beyond, a picture is."""
ROWS, COLUMNS = 256, 384
THUMBNAIL = 40
MAGIC = "<4I2f"
"""rows, columns, rows that they stand for, columns that they stand for, low, high; then the values."""


@dataclass(kw_only=True)
class Shelf:
    """The last few of something, by name."""

    most: int
    items: OrderedDict[str, Any]

    def get(self, name: str, make: Callable[[], Any]) -> Any:
        """Returns what is there under `name`, or makes it."""
        if name not in self.items:
            self.items[name] = make()
            while len(self.items) > self.most:
                self.items.popitem(last=False)
        self.items.move_to_end(name)
        return self.items[name]


class Looking:
    """The models and recordings of one studio."""

    def __init__(self, project: Project | None, default: str | None) -> None:
        self.project, self.default = project, default
        self.models = Shelf(most=MODELS, items=OrderedDict())
        self.recordings = Shelf(most=RECORDINGS, items=OrderedDict())

    def list_models(self) -> dict[str, Any]:
        """Returns what there is to choose from: runs with their checkpoints, and imported models."""
        found: list[dict[str, Any]] = []
        if self.project is not None:
            for name in folder_names(self.project.runs):
                steps = [checkpoint.step for checkpoint in list_checkpoints(self.project.runs / name)]
                found += [{"name": name, "kind": "run", "steps": steps}] if steps else []
            found += [{"name": name, "kind": "model", "steps": []} for name in folder_names(self.project.models)]
        if self.default is not None and self.default not in [one["name"] for one in found]:
            found.insert(0, {"name": self.default, "kind": "given", "steps": []})
        return {"models": found, "default": self.default or (found[0]["name"] if found else None)}

    def open(self, model: str, prompt: str, special: bool) -> dict[str, Any]:
        """Runs a prompt through a model and returns what the page draws from."""
        loaded: LoadedModel = self.models.get(model, lambda: load(model, self.project))
        recording = look(loaded, prompt, allow_special=special)
        name = secrets.token_hex(8)
        self.recordings.get(name, lambda: recording)
        config = recording.model.config
        return {
            "id": name,
            "model": loaded.name,
            "step": loaded.step,
            "notes": list(loaded.notes),
            "config": config.as_dict() | {"windows": list(config.windows)},
            "parameters": sum(parameter.numel() for parameter in recording.model.parameters()),
            "tokens": [
                {"id": token.id, "text": token.text, "bytes": token.bytes.hex(), "group": token.group}
                | {"special": token.special}
                for token in recording.tokens
            ],
            "steps": [
                {"name": step.name, "what": step.what, "kind": step.kind, "axes": step.axes, "inputs": step.inputs}
                | {"shape": recording.shape(step.name), "layer": step.layer}
                for step in recording.steps.values()
            ],
        }

    def recording(self, name: str) -> Recording:
        """Returns an open recording."""
        if name not in self.recordings.items:
            raise UsageError("studio.gone")
        return self.recordings.get(name, dict)

    def tensor(self, name: str, step: str, index: int | None) -> bytes:
        """Returns a step as a matrix, or of one with three axes a part of it."""
        recording = self.recording(name)
        if index is not None:
            return packed(recording.part(step, index))
        if len(recording.shape(step)) == 3 or recording.step(step).large:
            raise ModelError("studio.no_matrix", name=step)
        return packed(recording.tensor(step))

    def thumbnails(self, name: str, layer: int) -> bytes:
        """Returns the attention of all heads of a layer as small squares, one below the other."""
        import torch

        recording = self.recording(name)
        step = f"layer.{layer}.attention.weights"
        heads = recording.shape(step)[0]
        small = [pooled(recording.part(step, head), THUMBNAIL, THUMBNAIL) for head in range(heads)]
        return header_and_bytes(torch.cat(small), (heads * len(recording.ids), len(recording.ids)), 0.0, 1.0)

    def number(self, name: str, step: str, index: list[int], until: list[int]) -> dict[str, Any]:
        """Returns how a number came about; with `until` the one farthest from zero of those from `index` to there."""
        recording = self.recording(name)
        place = tuple(index)
        recording.check(step, place)
        if len(place) == len(until) == len(recording.shape(step)):
            place = farthest(recording, step, place, tuple(until))
        return dataclasses.asdict(explain(recording, step, place))

    def next(self, name: str, at: int, settings: SamplingSettings) -> dict[str, Any]:
        """Returns what may come next."""
        recording = self.recording(name)
        recording.check("normed", (at,))
        return dataclasses.asdict(next_token(recording, settings, at=at))

    def without(self, name: str, at: int, parts: list[tuple[int, int]]) -> dict[str, Any]:
        """Returns what becomes of the next token without some heads and feed-forward parts."""
        recording = self.recording(name)
        recording.check("normed", (at,))
        return dataclasses.asdict(effect(recording, parts, at=at))

    def curve(self, name: str, at: int) -> bytes:
        """Returns the probabilities of the whole vocabulary, greatest first, as float32."""
        found = self.recording(name).part("probabilities", at).sort(descending=True).values
        return found.float().cpu().numpy().astype("<f4").tobytes()

    def lens(self, name: str, first: int, last: int) -> dict[str, Any]:
        """Returns the logit lens of the tokens from `first` to before `last`."""
        recording = self.recording(name)
        places = range(max(0, first), min(last, len(recording.ids), first + 64))
        rows = logit_lens(recording, tokens=places)
        return {"first": places.start, "rows": [[dataclasses.asdict(cell) for cell in row] for row in rows]}

    def angles(self, name: str, layer: int, at: int) -> dict[str, Any]:
        """Returns by how much each pair of dimensions is turned at a position, in radians."""
        import torch

        recording = self.recording(name)
        recording.step(f"layer.{layer}.residual")
        recording.check("normed", (at,))
        turns = recording.model.ropes(torch.tensor([[at]]), at + 1)[layer]
        found = [] if turns is None else torch.atan2(turns[1][0, 0], turns[0][0, 0]).tolist()
        return {"angles": found}


def farthest(recording: Recording, step: str, low: tuple[int, ...], high: tuple[int, ...]) -> tuple[int, ...]:
    """Returns the index of the value farthest from zero within a block of the last two axes."""
    import torch

    shape = recording.shape(step)
    if len(shape) == 3:
        found, first = recording.part(step, low[0]), 1
    else:
        found, first = recording.tensor(step), 0
    rows = slice(low[first], max(low[first] + 1, min(high[first], shape[first])))
    columns = slice(low[first + 1], max(low[first + 1] + 1, min(high[first + 1], shape[first + 1])))
    block = torch.nan_to_num(found[rows, columns].abs(), posinf=0.0)
    row, column = divmod(int(block.argmax()), block.shape[1])
    return (*low[:first], low[first] + row, low[first + 1] + column)


def pooled(x: "Tensor", rows: int, columns: int) -> "Tensor":
    """Returns a matrix of at most that size; each value is the one farthest from zero of those it stands for."""
    import torch
    import torch.nn.functional as F

    height, width = x.shape
    if height <= rows and width <= columns:
        return x
    kernel = (-(-height // rows), -(-width // columns))
    padding = (0, -width % kernel[1], 0, -height % kernel[0])
    finite = F.pad(torch.nan_to_num(x.float(), neginf=0.0), padding)[None]
    high, low = F.max_pool2d(finite, kernel)[0], -F.max_pool2d(-finite, kernel)[0]
    return torch.where(high.abs() >= low.abs(), high, low)


def packed(x: "Tensor") -> bytes:
    """Returns a matrix (or one row) as bytes: float32 where it is small, else a picture."""
    import torch

    x = x.detach().float().cpu()
    x = x[None] if x.ndim == 1 else x
    finite = x[torch.isfinite(x)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 0.0)
    if x.numel() <= FULL:
        head = struct.pack(MAGIC, *x.shape, *x.shape, low, high)
        return head + x.numpy().astype("<f4").tobytes()
    return header_and_bytes(pooled(x, ROWS, COLUMNS), tuple(x.shape), low, high)


def header_and_bytes(x: "Tensor", whole: tuple[int, ...], low: float, high: float) -> bytes:
    """Returns a picture: uint8 from `low` to `high`."""
    scaled = ((x - low) / ((high - low) or 1.0) * 255).round().clamp(0, 255)
    return struct.pack(MAGIC, *x.shape, *whole, low, high) + scaled.byte().cpu().numpy().tobytes()
