"""What the tests of looking inside share: a tiny model with a tokenizer of single bytes, and its checkpoint."""

from pathlib import Path

import pytest
from tiny_models import TEXTS, tiny_config, tiny_model

from textmill.config import TokenizerSettings
from textmill.infer.resolve import LoadedModel
from textmill.model.hub import save_model
from textmill.tokenizer.train import SMALLEST_VOCABULARY, train_tokenizer


@pytest.fixture(scope="session")
def loaded() -> LoadedModel:
    """Every token but the special ones is one byte, so every Chinese character spans three."""
    tokenizer = train_tokenizer(TEXTS, settings=TokenizerSettings(), vocabulary_size=SMALLEST_VOCABULARY)
    return LoadedModel(model=tiny_model(tiny_config()), tokenizer=tokenizer, name="tiny", folder=Path("."), step=None)


@pytest.fixture(scope="session")
def model_folder(loaded: LoadedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model and its tokenizer as a folder."""
    folder = tmp_path_factory.mktemp("looked_into") / "model"
    folder.mkdir()
    save_model(loaded.model, folder)
    loaded.tokenizer.write_files(folder)
    return folder
