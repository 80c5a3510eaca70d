"""What a reference thinks of every text of a set, computed once and kept beside the run.

The reference is the model as it is before its first step, so there is never a second one in memory; the file names the
data that it belongs to, and a run that goes on reads it.
"""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import safetensors.numpy

from textmill.errors import CheckpointError
from textmill.files import write_bytes
from textmill.tune.encoded import EncodedSet

Arrays = dict[str, np.ndarray]


def data_hash(texts: EncodedSet, *more: object) -> str:
    """Returns a hash over all texts and what is learned of them; `more`: what else the numbers depend on."""
    digest = hashlib.sha256(json.dumps([str(part) for part in more]).encode())
    for array in (texts.ids, texts.learned, texts.offsets):
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()[:32]


def kept(file: Path, of: str, compute: Callable[[], Arrays], *, may_compute: bool) -> Arrays:
    """Returns the arrays in `file` where they are of the data `of`, else computes and writes them.

    `may_compute` False: the run has gone on since, and what was there at its beginning cannot be had again: an error.
    """
    found = read(file, of)
    if found is not None:
        return found
    if not may_compute:
        raise CheckpointError("tune_preference.reference", file=file)
    arrays = compute()
    file.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(file, safetensors.numpy.save(arrays, {"of": of}))
    return arrays


def read(file: Path, of: str) -> Arrays | None:
    """Returns the arrays in a whole `file` that are of the data `of`, else None."""
    try:
        with safetensors.safe_open(file, framework="numpy") as opened:  # type: ignore[attr-defined]
            if (opened.metadata() or {}).get("of") != of:
                return None
            return {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - no mapping
    except (safetensors.SafetensorError, OSError):
        return None
