"""Taking a model out as a Hugging Face folder: what came in goes out, bytes for bytes, with all that belongs to it.

The weights keep the precision that they are stored in unless another is asked for. The tokenizer's files, the defaults
for generation, the licence and the model card of an imported model are copied as they lie there.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from textmill.files import atomic_folder
from textmill.model.gpt import GPT
from textmill.model.hub.configs import TOKEN_IDS
from textmill.model.hub.folder import GENERATION_FILE, TOKENIZER_FILES, read_config, save_model
from textmill.model.hub.importing import is_paper
from textmill.tokenizer.other_forms import RANKS_SUFFIX
from textmill.tokenizer.tokenizer import TOKENIZER_FILE, Tokenizer


def export_folder(
    model: GPT, tokenizer: Tokenizer, source: Path, target: Path, *, dtype: torch.dtype | None = None
) -> None:
    """Writes `model`, which came from `source` (a folder or a GGUF file), to `target`, whole or not at all.

    `dtype`: that of the weights in the folder, None for their own. An option without an equivalent in the layouts that
    others read is a ModelError that names it.
    """
    with atomic_folder(target) as fresh:
        for path in companions(source):
            shutil.copyfile(path, fresh / path.name)
        if not (fresh / TOKENIZER_FILE).is_file():  # inside a GGUF file, or an older form
            tokenizer.write_files(fresh)
        save_model(
            model,
            fresh,
            tokenizer_folder=fresh,
            layout="hub",
            dtype=dtype,
            token_ids=told_token_ids(source),
        )
        if source.is_dir() and (source / GENERATION_FILE).is_file():
            shutil.copyfile(source / GENERATION_FILE, fresh / GENERATION_FILE)


def companions(source: Path) -> Iterator[Path]:
    """Yields the files beside configuration and weights: the tokenizer's, licence, model card."""
    for path in sorted(source.iterdir()) if source.is_dir() else ():
        if path.is_file() and (path.name in TOKENIZER_FILES or path.suffix == RANKS_SUFFIX or is_paper(path)):
            yield path


def told_token_ids(source: Path) -> dict[str, Any] | None:
    """Returns the special ids in the source's config.json, which may be lists; None where it says nothing."""
    values = read_config(source) if source.is_dir() else {}
    told = {name: values.get(name) for name in TOKEN_IDS}
    return told if any(value is not None for value in told.values()) else None
