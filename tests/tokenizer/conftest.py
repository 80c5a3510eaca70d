"""A small tokenizer, trained once."""

import pytest
from tokenizer_samples import TEXTS

from textmill.config import TokenizerSettings
from textmill.tokenizer.tokenizer import Tokenizer
from textmill.tokenizer.train import train_tokenizer


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    return train_tokenizer(TEXTS, settings=TokenizerSettings(), vocabulary_size=500)
