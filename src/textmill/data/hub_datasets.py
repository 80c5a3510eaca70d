"""Datasets from a Hugging Face hub as input: `hf:OWNER/NAME…` becomes files of the cache, each with its name.

The commit is looked up once and pinned: all files are of it, and the manifest names it. A listing of it is kept in the
cache, so that the same corpus can be built again without a network. Only data files are taken, never a loading script;
how they are chosen stands in `hub_choice`.
"""

import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textmill.config import CorpusSettings
from textmill.data.hub_choice import HELD_OUT, Chosen, Reference, choose, parse
from textmill.data.sources import Given
from textmill.errors import InputError
from textmill.files import write_json
from textmill.hub import PREFIX, check_sum, endpoint, fetch_large, hub_errors, offline, sum_of
from textmill.progress import Progress, silent

AREA, CARD = "hub_data", "README.md"
GIGABYTE, MEGABYTE = 1 << 30, 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What a dataset holds at one commit: {path: (bytes, SHA-256 or None)}."""

    commit: str
    files: dict[str, tuple[int, str | None]]


def is_reference(path: object) -> bool:
    """True for an input that names a dataset on a hub."""
    return str(path).startswith(PREFIX)


def with_datasets(
    paths: Sequence[Path | Given], settings: CorpusSettings, progress: Progress = silent
) -> tuple[list[Path | Given], list[dict[str, Any]]]:
    """Returns the inputs with every `hf:…` replaced by its files, and what the manifest says of each dataset.

    InputError says what to do: no such dataset or split, a token is needed, the hub cannot be reached, it is too large.
    """
    inputs: list[Path | Given] = []
    datasets: list[dict[str, Any]] = []
    for path in paths:
        if isinstance(path, Given) or not is_reference(path) or os.path.lexists(path):
            inputs.append(path)
            continue
        reference = parse(str(path))
        files, about = dataset(reference, settings, progress)
        inputs += files
        datasets.append(about)
    return inputs, datasets


def dataset(reference: Reference, settings: CorpusSettings, progress: Progress) -> tuple[list[Given], dict[str, Any]]:
    """Returns the files of one dataset, downloading what is not in the cache yet, and what is told of it."""
    with hub_errors(InputError, AREA, reference.name, reference.text):
        listing = listed(reference)
        card = read_card(fetched(reference, listing, CARD)) if CARD in listing.files else {}
        chosen = choose(list(listing.files), card, reference)
        size = sum(listing.files[file.path][0] for file in chosen)
        most = settings.maximum_download_gigabytes
        if size > most * GIGABYTE:
            raise InputError(
                "hub_data.too_large", name=reference.name, files=len(chosen), size=f"{size / GIGABYTE:.1f}", most=most
            )
        files, done = [], 0
        for file in chosen:
            files.append(Given(name=given_name(reference, file, settings), path=fetched(reference, listing, file.path)))
            done += listing.files[file.path][0]
            progress(done / MEGABYTE, size / MEGABYTE)
    about = {
        "dataset": reference.text,
        "revision": listing.commit,
        "files": len(chosen),
        "bytes": size,
        "splits": dict(sorted(Counter(file.split or "–" for file in chosen).items())),
    }
    return files, about


def given_name(reference: Reference, file: Chosen, settings: CorpusSettings) -> str:
    """Returns a file's name in the corpus; with `corpus.hold_out_splits` one below the held-out folder's name."""
    held_out = settings.hold_out_splits and file.split in HELD_OUT and settings.validation_folder
    folder = f"{settings.validation_folder}/" if held_out else ""
    return f"{PREFIX}{reference.name}/{folder}{file.path}"


def listed(reference: Reference) -> Listing:
    """Returns what the dataset holds at the revision that is meant: from the hub, or offline as it was seen last."""
    from huggingface_hub import HfApi

    if offline():
        return kept_listing(reference)
    about = HfApi(endpoint=endpoint()).dataset_info(
        reference.name, revision=reference.revision or None, files_metadata=True
    )
    files = {file.rfilename: (file.size or 0, sum_of(file)) for file in about.siblings or []}
    listing = Listing(commit=about.sha or "", files=files)
    write_json(listing_path(reference), {"commit": listing.commit, "files": listing.files})
    return listing


def kept_listing(reference: Reference) -> Listing:
    """Returns the listing that was kept when the dataset was last read."""
    try:
        kept = json.loads(listing_path(reference).read_text(encoding="utf-8"))
        return Listing(commit=kept["commit"], files={path: (size, sum) for path, (size, sum) in kept["files"].items()})
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError("hub_data.offline", name=reference.name, endpoint="") from None


def listing_path(reference: Reference) -> Path:
    """Returns where the listing of a dataset's revision is kept, beside what the library keeps of it."""
    from huggingface_hub.constants import HF_HUB_CACHE

    revision = (reference.revision or "main").replace("/", "--")
    return Path(HF_HUB_CACHE) / f"datasets--{reference.name.replace('/', '--')}" / "textmill" / f"{revision}.json"


def fetched(reference: Reference, listing: Listing, path: str) -> str:
    """Returns where a file lies in the cache, downloading it if need be; it is held against the hub's sum."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.utils import disable_progress_bars

    disable_progress_bars()
    size, expected = listing.files[path]
    if not offline():
        fetch_large(reference.name, path, size, commit=listing.commit, kind="dataset")
    place = Path(
        hf_hub_download(
            reference.name, path, repo_type="dataset", revision=listing.commit, endpoint=endpoint(),
        )
    )  # fmt: skip
    check_sum(place, expected, InputError, AREA, reference.name, path)
    return os.path.realpath(place)


def read_card(path: str) -> dict[str, Any]:
    """Returns the YAML head of a dataset's card, or {} where it has none or a broken one."""
    from huggingface_hub import metadata_load

    try:
        return metadata_load(path) or {}
    except Exception:  # whatever YAML it holds: the card only helps to choose, the files' names still tell
        return {}
