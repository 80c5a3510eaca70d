"""A model that begins with nothing but the pairs: a vocabulary of both sides' texts, and random weights.

It lies in a folder as any model does, and is tuned as any model is; only its settings are those of a first training.
"""

from collections.abc import Sequence
from pathlib import Path

import torch

from textmill.apps.translate.pairs import Pair
from textmill.config import Settings
from textmill.files import atomic_folder
from textmill.model.config import ModelConfig, from_settings
from textmill.model.gpt import GPT
from textmill.model.hub import save_model
from textmill.progress import Progress, silent
from textmill.tokenizer.tokenizer import Tokenizer
from textmill.tokenizer.train import train_tokenizer

FRESH_FOLDER = "fresh"


def joint_tokenizer(pairs: Sequence[Pair], settings: Settings, progress: Progress = silent) -> Tokenizer:
    """Returns a tokenizer learned from both sides of the pairs that are not held out."""
    texts = [text for pair in pairs if not pair.held_out for text in (pair.first, pair.second)]
    size = settings.tokenizer.vocabulary_size
    return train_tokenizer(texts, settings=settings.tokenizer, vocabulary_size=size, progress=progress)


def make_fresh(
    pairs: Sequence[Pair], settings: Settings, folder: Path, progress: Progress = silent
) -> tuple[Tokenizer, ModelConfig]:
    """Writes a fresh model for the pairs into `folder`."""
    tokenizer = joint_tokenizer(pairs, settings, progress)
    config = from_settings(settings.model, tokenizer.vocabulary_size)
    model = GPT(config)
    model.initialise(torch.Generator().manual_seed(settings.train.seed), looks_back=settings.model.look_back)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with atomic_folder(folder) as fresh:
        tokenizer.write_files(fresh)
        save_model(model, fresh, tokenizer_folder=fresh)
    return tokenizer, config
