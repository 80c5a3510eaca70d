"""MODEL, as every command takes it: which folder it means, and the model and tokenizer in it.

    NAME          a run of the project: its newest whole checkpoint; or an imported model, models/NAME
    RUN@STEP      the checkpoint of that step, and no other
    RUN@best      the one that scored best on held-out documents; RUN@latest the newest whole one, as RUN
    FOLDER        a checkpoint, any model in the Hugging Face layout, or a run's folder
    (nothing)     the project's newest run: the one that wrote a checkpoint last
    FILE.gguf     a file of llama.cpp's
    hf:OWNER/NAME a model on a Hugging Face hub, from its cache where it lies there already

Any of the folders may hold an adapter, as a run of `textmill tune` does: its base is then found by what the adapter
says, and the two are one model.

A damaged checkpoint is passed over, with a note, where the user asked for a run; where they asked for this very one, it
is an error.
"""

import difflib
import re
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from textmill.checkpoints import (
    CHECKPOINTS_FOLDER,
    CHECKSUMS_FILE,
    Checkpoint,
    best_checkpoint,
    list_checkpoints,
    newest_good_checkpoint,
    step_of,
    verify_checksums,
)
from textmill.errors import CheckpointError, ModelError
from textmill.i18n import t
from textmill.model.gguf import load_gguf
from textmill.model.gpt import GPT
from textmill.model.hub import load_model
from textmill.model.hub.adapters import load_adapter, merge
from textmill.model.hub.base import base_of, fingerprint, is_adapter
from textmill.model.hub.download import PREFIX, download
from textmill.model.hub.folder import stored_dtype
from textmill.project import Project
from textmill.tokenizer.tokenizer import TOKENIZER_FILE, Tokenizer

MODEL_FILE = "config.json"
_RUN_AT_STEP = re.compile(r"(?P<run>.+)@(?P<step>\d+|best|latest)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPlace:
    """Where a model lies. `name` is how to ask for it again; `step` is None outside of runs."""

    folder: Path
    name: str
    step: int | None = None
    notes: tuple[str, ...] = ()
    """What the user should know about the choice."""
    adapter: Path | None = None
    """Where an adapter lies; `folder` is then its base model's, and `base` how that was found."""
    base: "ModelPlace | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedModel:
    """A model ready to write, its tokenizer, and where they came from."""

    model: GPT
    tokenizer: Tokenizer
    name: str
    folder: Path
    step: int | None
    notes: tuple[str, ...] = ()


def load(
    reference: str | None,
    project: Project | None,
    device: torch.device | str = "cpu",
    dtype: torch.dtype | None = torch.float32,
    *,
    verify: bool = True,
) -> LoadedModel:
    """Returns the model that `reference` (None: the newest run) means, in evaluation mode.

    `dtype` None: as the weights are stored, those of a GGUF file in float32.
    """
    place = resolve(reference, project, verify=verify)
    model, tokenizer = read_model(place, device, dtype)
    size = model.config.vocabulary_size
    if tokenizer.vocabulary_size > size:
        raise ModelError("infer.foreign_tokenizer", folder=place.folder, size=size, got=tokenizer.vocabulary_size)
    return LoadedModel(
        model=model,
        tokenizer=tokenizer,
        name=place.name,
        folder=place.folder,
        step=place.step,
        notes=place.notes,
    )


def read_model(place: ModelPlace, device: torch.device | str, dtype: torch.dtype | None) -> tuple[GPT, Tokenizer]:
    """Returns the model and the tokenizer that lie there; an adapter is merged into its base."""
    if place.adapter is not None and place.base is not None:
        model, tokenizer = read_model(place.base, device, torch.float32)
        merge_adapter(model, place.adapter, place.base.name)
        if (place.adapter / TOKENIZER_FILE).is_file():
            tokenizer = Tokenizer.load(place.adapter)
        kept = torch.float32 if place.folder.is_file() else stored_dtype(place.folder)
        return model.to(dtype or kept), tokenizer
    if place.folder.is_file():
        return load_gguf(place.folder, device=device, dtype=dtype or torch.float32)
    model = load_model(place.folder, device=device, dtype=dtype or stored_dtype(place.folder))
    return model, Tokenizer.load(place.folder)


def load_tokenizer(place: ModelPlace) -> Tokenizer:
    """Returns the tokenizer of the model that lies there, without the model where its folder has one."""
    for folder in (place.adapter, place.folder):
        if folder is not None and (folder / TOKENIZER_FILE).is_file():
            return Tokenizer.load(folder)
    return read_model(place, "cpu", None)[1]


def merge_adapter(model: GPT, adapter: Path, name: str) -> None:
    """Merges the adapter in a folder into its base, called `name`; raises ModelError where that is another's base."""
    base = base_of(adapter)
    if base.fingerprint and base.fingerprint != fingerprint(model):
        raise ModelError("hub.other_base", adapter=adapter, expected=base.reference, got=name)
    merge(model, load_adapter(adapter, model, to_merge=True))


def resolve(reference: str | None, project: Project | None, *, verify: bool = True) -> ModelPlace:
    """Returns the folder that a MODEL means; with `verify`, its checksums hold where it has any."""
    place = _find(reference, project, verify)
    if not is_adapter(place.folder):
        return place
    base = base_of(place.folder)
    for wanted in (base.reference, base.folder):
        try:
            found = resolve(wanted, project, verify=verify)
        except ModelError:
            continue
        return replace(place, folder=found.folder, adapter=place.folder, base=found)
    raise ModelError("hub.no_base", adapter=place.folder, base=base.reference)


def _find(reference: str | None, project: Project | None, verify: bool) -> ModelPlace:
    if not reference:
        return newest_run(project, verify)
    if reference.startswith(PREFIX):
        return ModelPlace(folder=download(reference), name=reference)
    if reference.lower().endswith(".gguf"):
        return gguf_file(Path(reference).expanduser(), reference)
    if project is not None and reference in folder_names(project.runs):
        return run_model(project.runs / reference, verify)
    if project is not None and reference in folder_names(project.models):
        return folder_model(project.models / reference, reference, verify)
    path = Path(reference).expanduser()
    if path.is_dir():
        return folder_model(path, reference, verify)
    match = _RUN_AT_STEP.fullmatch(reference)
    if match and project is not None and match["run"] in folder_names(project.runs):
        return step_model(project.runs / match["run"], match["step"], verify)
    raise unknown(reference, project)


def gguf_file(path: Path, name: str) -> ModelPlace:
    """Returns the model in a GGUF file."""
    if not path.is_file():
        raise ModelError("infer.no_such_model", name=name)
    return ModelPlace(folder=path, name=name, step=None)


def newest_run(project: Project | None, verify: bool = True) -> ModelPlace:
    """Returns the model of the run that wrote a checkpoint last."""
    if project is None:
        raise ModelError("infer.no_model")
    newest: tuple[float, Path] | None = None
    for name in folder_names(project.runs):
        checkpoints = list_checkpoints(project.runs / name)
        if checkpoints:
            written = max(checkpoint.folder.stat().st_mtime for checkpoint in checkpoints)
            newest = max(newest or (written, project.runs / name), (written, project.runs / name))
    if newest is None:
        raise ModelError("infer.no_runs", folder=project.runs)
    return run_model(newest[1], verify)


def run_model(run_folder: Path, verify: bool = True) -> ModelPlace:
    """Returns a run's newest checkpoint, or with `verify` its newest whole one and a note on what was passed over."""
    notes: list[str] = []

    def skipped(checkpoint: Checkpoint, error: CheckpointError) -> None:
        file = error.values.get("file", checkpoint.folder.name)
        notes.append(t("infer.checkpoint_skipped", run=run_folder.name, step=checkpoint.step, file=file))

    if verify:
        checkpoint = newest_good_checkpoint(run_folder, skipped)
    else:
        checkpoint = next(reversed(list_checkpoints(run_folder)), None)
    if checkpoint is None:
        raise ModelError("infer.no_checkpoint", run=run_folder.name)
    return ModelPlace(folder=checkpoint.folder, name=run_folder.name, step=checkpoint.step, notes=tuple(notes))


def step_model(run_folder: Path, wanted: str, verify: bool = True) -> ModelPlace:
    """Returns the checkpoint of exactly the step `wanted`, of the "best" or of the "latest"."""
    if wanted == "latest":
        return run_model(run_folder, verify)
    best = best_checkpoint(run_folder)
    if wanted == "best" and best is None:
        raise ModelError("infer.no_best", run=run_folder.name)
    step = best.step if wanted == "best" and best else int(wanted)
    found = {checkpoint.step: checkpoint for checkpoint in list_checkpoints(run_folder)}
    if not found:
        raise ModelError("infer.no_checkpoint", run=run_folder.name)
    if step not in found:
        nearest = min(found, key=lambda other: abs(other - step))
        steps = ", ".join(map(str, found))
        raise ModelError("infer.no_step", run=run_folder.name, step=step, steps=steps, nearest=nearest)
    if verify:
        verify_checksums(found[step].folder)
    return ModelPlace(folder=found[step].folder, name=run_folder.name, step=step)


def folder_model(folder: Path, name: str, verify: bool = True) -> ModelPlace:
    """Returns the model in a folder: a run's, a checkpoint, or any model in the Hugging Face layout."""
    if (folder / CHECKPOINTS_FOLDER).is_dir() and not (folder / MODEL_FILE).exists():
        return run_model(folder, verify)
    step = step_of(folder.absolute())
    if verify and (step is not None or (folder / CHECKSUMS_FILE).exists()):
        verify_checksums(folder)
    if not (folder / MODEL_FILE).is_file() and not is_adapter(folder):
        raise ModelError("infer.not_a_model", folder=folder)
    return ModelPlace(folder=folder, name=name, step=step)


def folder_names(folder: Path) -> list[str]:
    """Returns the names of the folders in `folder`, without hidden ones."""
    if not folder.is_dir():
        return []
    return sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def unknown(reference: str, project: Project | None) -> ModelError:
    """Returns the error for a MODEL that is not there, with the nearest one that is."""
    known = [] if project is None else [*folder_names(project.runs), *folder_names(project.models)]
    if not known:
        return ModelError("infer.no_such_model", name=reference)
    nearest = difflib.get_close_matches(reference.partition("@")[0], known, n=1, cutoff=0.0)[0]
    return ModelError("infer.unknown_model", name=reference, known=", ".join(known), nearest=nearest)
