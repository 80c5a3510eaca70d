"""Bringing a model in: from a hub, a folder or a GGUF file to a folder of the project, checked before it stands there.

A folder's files are copied as they are, so that what went in comes out; a GGUF file becomes a model folder.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import torch

from textmill.errors import InputError, ModelError
from textmill.files import atomic_folder, write_bytes
from textmill.model.hub.configs import TOKEN_IDS
from textmill.model.hub.download import PREFIX, download
from textmill.model.hub.folder import CONFIG_FILE, TOKENIZER_FILES, load_model, save_model, stored_dtype
from textmill.model.hub.tensor_files import INDEX_FILE, TensorFolder
from textmill.tokenizer.other_forms import RANKS_SUFFIX, other_form
from textmill.tokenizer.tokenizer import Tokenizer

DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}
OTHER_FILES = (CONFIG_FILE, "generation_config.json", INDEX_FILE, *TOKENIZER_FILES)


def name_of(source: str) -> str:
    """Returns what an imported model is called unless told otherwise: the last part of where it came from."""
    path = Path(source.removeprefix(PREFIX).partition("@")[0] if source.startswith(PREFIX) else source)
    return path.stem if path.suffix.lower() == ".gguf" else path.absolute().name


def import_model(source: str, target: Path, *, dtype: str = "f32", replace: bool = False) -> Path:
    """Returns `target` with the model of `source` in it (`hf:OWNER/NAME[/FILE.gguf]`, a folder or a .gguf file).

    `dtype` is what a GGUF file's weights are stored as. Nothing is written unless configuration, weights and tokenizer
    are whole and all that they ask for is done here.
    """
    if target.exists() and not replace:
        raise InputError("hub.target_taken", folder=target)
    folder = download(source) if source.startswith(PREFIX) else Path(source).expanduser()
    if folder.suffix.lower() == ".gguf" and folder.is_file():
        _from_gguf(folder, target, DTYPES[dtype])
        return target
    if not folder.is_dir():
        raise InputError("hub.no_source", source=source)
    load_model(folder, dtype=stored_dtype(folder))  # mapped: every name, shape and option is checked, no byte copied
    tokenizer = tokenizer_in(folder)
    with atomic_folder(target) as fresh:
        for path in files_to_copy(folder):
            shutil.copyfile(path, fresh / path.name)
        if not (fresh / "tokenizer.json").is_file():  # made of an older form, so that it is made once
            write_bytes(fresh / "tokenizer.json", tokenizer.json_bytes)
    return target


def files_to_copy(folder: Path) -> Iterator[Path]:
    """Yields the files that make a model folder; no code, no pickles, no second copy of the weights."""
    weights = TensorFolder(folder).files
    for path in sorted(folder.iterdir()):
        known = path.name in OTHER_FILES or path.name in weights or path.suffix == RANKS_SUFFIX
        if path.is_file() and (known or is_paper(path)):
            yield path


def is_paper(path: Path) -> bool:
    """True for a licence, a notice or a model card."""
    return path.name.upper().startswith(("LICENSE", "LICENCE", "README", "NOTICE"))


def tokenizer_in(folder: Path) -> Tokenizer:
    """Returns the tokenizer of a model folder; ModelError names what is missing."""
    if not (folder / "tokenizer.json").is_file() and other_form(folder) is None:
        there = [name for name in TOKENIZER_FILES if (folder / name).is_file()]
        raise ModelError("hub.no_tokenizer", folder=folder, there=", ".join(there) or "–")
    return Tokenizer.load(folder)


def _from_gguf(path: Path, target: Path, dtype: torch.dtype) -> None:
    from textmill.model.gguf import load_gguf, read_gguf
    from textmill.model.gguf.layout import LICENCE_KEY

    file = read_gguf(path)
    model, tokenizer = load_gguf(file, dtype=dtype)
    licence = " ".join(str(file.metadata.get(LICENCE_KEY, "")).split())[:80]
    with atomic_folder(target) as fresh:
        tokenizer.write_files(fresh)
        named = {name: tokenizer.special_variables.get(name.removesuffix("_id"), "") for name in TOKEN_IDS}
        save_model(model, fresh, token_ids={name: tokenizer.special.get(token) for name, token in named.items()})
        if licence:
            write_bytes(fresh / "README.md", f"---\nlicense: {licence}\n---\n".encode())
