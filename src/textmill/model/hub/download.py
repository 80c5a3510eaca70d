"""Models from a Hugging Face hub: `hf:OWNER/NAME[/FILE.gguf][@REVISION]` to a folder or a file on this machine.

How a hub is asked stands in `textmill.hub`. Only safetensors, configuration, tokenizer and licence files are taken, or
the one GGUF file that is named; never code and never pickles.
"""

import re
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from textmill.errors import ModelError
from textmill.hub import PREFIX as PREFIX
from textmill.hub import check_sum, endpoint, fetch_large, hub_errors, offline, sum_of
from textmill.model.hub.tensor_files import PICKLED

NAME = re.compile(r"hf:(?P<name>[\w.-]+/[\w.-]+)(?:/(?P<file>[\w./-]+\.gguf))?(?:@(?P<revision>[\w./-]+))?")
WEIGHTS, ONE_FILE = ".safetensors", ".gguf"
PATTERNS = (
    "config.json", "generation_config.json", "model*.safetensors", "model*.safetensors.index.json", "tokenizer.json",
    "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "*.jinja", "vocab.json", "merges.txt",
    "tokenizer.model", "*.tiktoken", "README.md", "LICENSE*",
)  # fmt: skip


def download(reference: str) -> Path:
    """Returns the folder, or the GGUF file, that `reference` names, downloading what is not in the cache yet.

    Raises ModelError that says what to do: the model is not there, needs a token, or the hub cannot be reached.
    """
    found = NAME.fullmatch(reference)
    if not found:
        raise ModelError("hub.reference", value=reference)
    name, file, revision, at = found["name"], found["file"], found["revision"], endpoint()
    from huggingface_hub import HfApi, hf_hub_download, snapshot_download

    with hub_errors(ModelError, "hub", name, reference):
        listed: list[Any] = []
        if not offline():
            information = HfApi(endpoint=at).model_info(name, revision=revision, files_metadata=True)
            listed = list(information.siblings or [])
            check_kinds(name, file, [entry.rfilename for entry in listed])
            for entry in listed:
                if entry.rfilename == file or (not file and any(fnmatch(entry.rfilename, each) for each in PATTERNS)):
                    fetch_large(name, entry.rfilename, entry.size or 0, commit=information.sha or "main")
        if file:
            path = Path(hf_hub_download(name, file, revision=revision, endpoint=at))
            listed, folder = [entry for entry in listed if entry.rfilename == file], path
        else:
            folder = Path(snapshot_download(name, revision=revision, endpoint=at, allow_patterns=list(PATTERNS)))
        for entry in listed:
            place = folder if file else folder / entry.rfilename
            check_sum(place, sum_of(entry), ModelError, "hub", name, entry.rfilename)
    return folder


def check_kinds(name: str, file: str | None, files: list[str]) -> None:
    """Refuses before any download what has no weights that we take: pickles only, or GGUF files, none named."""
    if file and file not in files:
        raise ModelError("hub.no_file", name=name, file=file, there=", ".join(gguf_files(files)) or "–")
    if file or any(each.endswith(WEIGHTS) for each in files):
        return
    if gguf_files(files):
        raise ModelError("hub.only_gguf", name=name, there=", ".join(gguf_files(files)), first=gguf_files(files)[0])
    pickled = [each for each in files if each.endswith(PICKLED)]
    if pickled:
        raise ModelError("hub.pickle", file=f"{PREFIX}{name}/{pickled[0]}", folder=name)


def gguf_files(files: list[str]) -> list[str]:
    """Returns the GGUF files of a listing."""
    return sorted(each for each in files if each.endswith(ONE_FILE))
