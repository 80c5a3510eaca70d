"""Safetensors files: an 8-byte length, a JSON header of names, types, shapes and places, then the bytes.

Reading maps the file into memory; writing goes tensor by tensor, so that a full disk is an ordinary error and a model
on a GPU needs no second copy.
"""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from textmill.errors import CheckpointError, ModelError
from textmill.files import disk_errors

WEIGHTS_FILE, INDEX_FILE = "model.safetensors", "model.safetensors.index.json"
PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
DTYPE_CODES = {torch.float64: "F64", torch.float32: "F32", torch.bfloat16: "BF16", torch.float16: "F16"}


def write_tensors(path: Path, tensors: Mapping[str, Tensor], dtype: torch.dtype | None = None) -> None:
    """Writes `tensors`, ordered by name, as one safetensors file; `dtype`: of all of them, else each keeps its own."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    offset, names = 0, sorted(tensors)
    for name in names:
        tensor, stored = tensors[name], dtype or tensors[name].dtype
        end = offset + tensor.numel() * stored.itemsize
        header[name] = {"dtype": DTYPE_CODES[stored], "shape": list(tensor.shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with disk_errors(path), open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name in names:
            flat = tensors[name].detach().to("cpu", dtype or tensors[name].dtype).contiguous().reshape(-1)
            file.write(flat.view(torch.uint8).numpy().data)
        file.flush()
        os.fsync(file.fileno())


class TensorFolder(Mapping[str, Tensor]):
    """The tensors of a model folder by name, read as they are asked for: one file, or shards with an index."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files: dict[str, Any] = {}
        self._place: dict[str, str] = {}
        if (folder / WEIGHTS_FILE).is_file():
            self._place = dict.fromkeys(self._open(WEIGHTS_FILE).keys(), WEIGHTS_FILE)
        elif (folder / INDEX_FILE).is_file():
            self._read_index(folder / INDEX_FILE)
        else:
            _refuse_missing(folder)

    def __getitem__(self, name: str) -> Tensor:
        file = self._place[name]
        try:
            return self._open(file).get_tensor(name)
        except (SafetensorError, OSError, ValueError, RuntimeError, AttributeError) as error:
            raise CheckpointError("hub.damaged", file=self.folder / file, detail=error) from error

    def __iter__(self) -> Iterator[str]:
        return iter(self._place)

    def __len__(self) -> int:
        return len(self._place)

    @property
    def files(self) -> set[str]:
        """The names of the files that hold the tensors."""
        return set(self._place.values())

    def _open(self, file: str) -> Any:
        if file not in self._files:
            try:
                self._files[file] = safe_open(self.folder / file, framework="pt", device="cpu")
            except (SafetensorError, OSError, ValueError) as error:
                raise CheckpointError("hub.damaged", file=self.folder / file, detail=error) from error
        return self._files[file]

    def _read_index(self, path: Path) -> None:
        places = read_json(path).get("weight_map")
        if not isinstance(places, dict) or not places:
            raise CheckpointError("hub.damaged", file=path, detail="weight_map")
        for name, file in places.items():
            # a shard lies in this folder; a link there is the hub cache's own way, a path elsewhere is an attack
            if not isinstance(file, str) or not file.endswith(".safetensors") or {"/", "\\", "\0"} & set(file):
                raise CheckpointError("hub.index_path", file=path, name=name, value=repr(file)[:80])
            self._place[name] = file
        held = {file: set(self._open(file).keys()) for file in set(places.values())}
        for name, file in places.items():
            if name not in held[file]:
                raise CheckpointError("hub.damaged", file=self.folder / file, detail=name)


def read_json(path: Path) -> dict[str, Any]:
    """Returns the object that a JSON file holds."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError("hub.damaged", file=path, detail=error) from error
    if not isinstance(value, dict):
        raise CheckpointError("hub.damaged", file=path, detail=type(value).__name__)
    return value


def _refuse_missing(folder: Path) -> None:
    pickled = sorted(path.name for path in folder.glob("*") if path.suffix in PICKLED)
    if pickled:
        raise ModelError("hub.pickle", file=folder / pickled[0], folder=folder)
    raise CheckpointError("hub.no_weights", folder=folder, file=WEIGHTS_FILE)
