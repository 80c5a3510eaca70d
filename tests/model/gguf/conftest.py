"""Lets the tests of GGUF share `gguf_bytes`, and a small tokenizer and model."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def tokenizer():
    from tokenizer_samples import TEXTS

    from textmill.config import TokenizerSettings
    from textmill.tokenizer.train import train_tokenizer

    return train_tokenizer(TEXTS, settings=TokenizerSettings(), vocabulary_size=400)
