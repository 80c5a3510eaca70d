"""What tests of tuning share: a tiny model in a folder, with a template of one's own if need be, and files of rows."""

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from tiny_models import TEXTS, tiny_config, tiny_model

from textmill.config import TokenizerSettings
from textmill.model.hub.folder import save_model
from textmill.tokenizer.tokenizer import Tokenizer
from textmill.tokenizer.train import train_tokenizer

CONTEXT = 96


@cache
def tokenizer() -> Tokenizer:
    return train_tokenizer(TEXTS, settings=TokenizerSettings(), vocabulary_size=360)


def model_folder(folder: Path, *, template: str | None = None, **config: Any) -> Path:
    """Writes a tiny random model, with another chat template or other words of tokenizer_config.json."""
    folder.mkdir(parents=True)
    ours = tokenizer()
    changes = config | ({"chat_template": template} if template is not None else {})
    made = Tokenizer(ours.json_bytes, config={**ours.config, **changes})
    made.write_files(folder)
    save_model(tiny_model(tiny_config(vocabulary_size=ours.vocabulary_size, context=CONTEXT)), folder)
    return folder


def write_rows(file: Path, rows: Iterable[Any]) -> Path:
    """Writes rows as JSON lines."""
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return file


def chat(*said: str) -> dict[str, Any]:
    """A row of messages in turn."""
    return {"messages": [{"role": ("user", "assistant")[at % 2], "content": text} for at, text in enumerate(said)]}
