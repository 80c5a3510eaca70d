"""Runs that commands are tested with: checkpoints of tiny random models."""

from pathlib import Path

import torch
from torch import nn

from textmill.checkpoints import checkpoint_folder, write_checksums
from textmill.config import TokenizerSettings
from textmill.model.config import modern
from textmill.model.gpt import GPT
from textmill.model.hub import save_model
from textmill.project import Project
from textmill.tokenizer.train import SMALLEST_VOCABULARY, train_tokenizer


def write_run(project: Project, name: str, step: int, *, context: int = 64, seed: int = 0) -> Path:
    """Writes a checkpoint of a tiny random model that never ends by itself."""
    generator = torch.Generator().manual_seed(seed)
    model = GPT(modern(vocabulary_size=SMALLEST_VOCABULARY, context=context, layers=2, width=32, heads=2))
    model.initialise(generator)
    for parameter in model.parameters():
        if parameter.ndim > 1:
            nn.init.normal_(parameter, std=0.2, generator=generator)
    with torch.no_grad():
        model.output.weight[256:] = 0  # top-k, with scores above 0 to choose from, leaves the special tokens out
    folder = checkpoint_folder(project.runs / name, step)
    folder.mkdir(parents=True)
    if not project.tokenizer.is_dir():
        texts = ["the cat sat on the mat 猫坐在垫子上。" * 9]
        train_tokenizer(texts, settings=TokenizerSettings(), vocabulary_size=SMALLEST_VOCABULARY).save(
            project.tokenizer
        )
    save_model(model, folder, tokenizer_folder=project.tokenizer)
    write_checksums(folder)
    return folder
