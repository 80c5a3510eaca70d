"""Checkpoints on disk: how they are named, listed, and how a damaged one is noticed.

    runs/NAME/checkpoints/step-00001000/   config.json, model.safetensors, tokenizer.json, …
                                           checksums.json = {"file name": "sha256 in hexadecimal"} over all the others
    runs/NAME/best.json                    {"step", "bits_per_byte"}: which of them scored best on held-out documents

Whoever writes a checkpoint fills the folder, calls `write_checksums` last, and renames the folder into its place
(`textmill.files.atomic_folder`); whoever reads one calls `verify_checksums` first.
"""

import json
import math
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from textmill.errors import CheckpointError
from textmill.files import sha256_file, write_json

CHECKPOINTS_FOLDER = "checkpoints"
CHECKSUMS_FILE = "checksums.json"
BEST_FILE = "best.json"
STEP_DIGITS = 8
_NAME = re.compile(rf"step-(\d{{{STEP_DIGITS},}})")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Checkpoint:
    """A checkpoint's place and the optimizer steps behind it; checkpoints sort by step."""

    step: int
    folder: Path

    @property
    def run(self) -> str:
        """The name of the run that wrote it: runs/NAME/checkpoints/step-…"""
        return self.folder.absolute().parent.parent.name


def checkpoint_name(step: int) -> str:
    """Returns the folder name of a step's checkpoint, step-00001000; names sort as the steps do."""
    return f"step-{step:0{STEP_DIGITS}d}"


def step_of(folder: Path) -> int | None:
    """Returns the step in a checkpoint folder's name, or None when the folder is no checkpoint."""
    match = _NAME.fullmatch(folder.name)
    return int(match[1]) if match else None


def checkpoint_folder(run_folder: Path, step: int) -> Path:
    """Returns where a run keeps (or would keep) the checkpoint of `step`."""
    return run_folder / CHECKPOINTS_FOLDER / checkpoint_name(step)


def list_checkpoints(run_folder: Path) -> list[Checkpoint]:
    """Returns a run's checkpoints, oldest first, without half-written ones, which still have a temporary name."""
    folder = run_folder / CHECKPOINTS_FOLDER
    if not folder.is_dir():
        return []
    steps = ((step_of(path), path) for path in folder.iterdir() if path.is_dir())
    return sorted(Checkpoint(step=step, folder=path) for step, path in steps if step is not None)


def best_checkpoint(run_folder: Path) -> Checkpoint | None:
    """Returns the checkpoint that best.json names; None where none was evaluated, or it is gone."""
    try:
        step = json.loads((run_folder / BEST_FILE).read_bytes())["step"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return next((found for found in list_checkpoints(run_folder) if found.step == step), None)


def mark_if_best(run_folder: Path, step: int, bits_per_byte: float) -> None:
    """Writes best.json if there is a checkpoint of `step` and no better one."""
    try:
        best = float(json.loads((run_folder / BEST_FILE).read_bytes())["bits_per_byte"])
    except (OSError, ValueError, KeyError, TypeError):
        best = math.inf
    if checkpoint_folder(run_folder, step).is_dir() and (bits_per_byte < best or best_checkpoint(run_folder) is None):
        write_json(run_folder / BEST_FILE, {"step": step, "bits_per_byte": bits_per_byte})


def remove_old(run_folder: Path, *, keep: int, keep_every: int = 0) -> None:
    """Removes all checkpoints but the `keep` newest, the best, and those of every `keep_every`th step (0: none)."""
    best = best_checkpoint(run_folder)
    for checkpoint in list_checkpoints(run_folder)[:-keep]:
        if checkpoint != best and not (keep_every and checkpoint.step % keep_every == 0):
            shutil.rmtree(checkpoint.folder)


def write_checksums(folder: Path) -> None:
    """Writes the SHA-256 of every file below `folder` into its checksums.json."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / CHECKSUMS_FILE)
    write_json(folder / CHECKSUMS_FILE, {path.relative_to(folder).as_posix(): sha256_file(path) for path in files})


def read_checksums(folder: Path) -> dict[str, str]:
    """Returns what checksums.json says, or raises CheckpointError when it is missing or damaged itself."""
    path = folder / CHECKSUMS_FILE
    try:
        content = json.loads(path.read_bytes())
    except OSError:
        raise CheckpointError("checkpoints.no_checksums", folder=folder, file=CHECKSUMS_FILE) from None
    except ValueError:
        raise CheckpointError("checkpoints.bad_checksums", folder=folder, file=CHECKSUMS_FILE) from None
    if not isinstance(content, dict) or not content or not all(_is_entry(*item) for item in content.items()):
        raise CheckpointError("checkpoints.bad_checksums", folder=folder, file=CHECKSUMS_FILE)
    return content


def _is_entry(name: str, checksum: object) -> bool:
    """True for a file name that stays inside its folder, with a SHA-256."""
    path = PurePosixPath(name)
    inside = not path.is_absolute() and ".." not in path.parts
    return inside and isinstance(checksum, str) and _SHA256.fullmatch(checksum) is not None


def verify_checksums(folder: Path) -> None:
    """Raises CheckpointError, naming the file, unless every listed file is there as it was written."""
    for name, expected in read_checksums(folder).items():
        path = folder / name
        try:
            got = sha256_file(path)
        except OSError as error:
            raise CheckpointError("checkpoints.missing_file", folder=folder, file=name, error=error) from error
        if got != expected:
            raise CheckpointError("checkpoints.damaged", folder=folder, file=name, expected=expected, got=got)


def newest_good_checkpoint(
    run_folder: Path, on_damaged: Callable[[Checkpoint, CheckpointError], None] = lambda checkpoint, error: None
) -> Checkpoint | None:
    """Returns a run's newest checkpoint that is whole, or None when the run has none at all.

    Each damaged one on the way is handed to `on_damaged`; if all are damaged, the newest one's error is raised.
    """
    first: CheckpointError | None = None
    for checkpoint in reversed(list_checkpoints(run_folder)):
        try:
            verify_checksums(checkpoint.folder)
        except CheckpointError as error:
            first = first or error
            on_damaged(checkpoint, error)
        else:
            return checkpoint
    if first is not None:
        raise first
    return None
