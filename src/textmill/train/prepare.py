"""What training needs before its first step: a corpus, a tokenizer that fits it, and fresh token arrays."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from textmill.config import Settings
from textmill.data.corpus import Corpus
from textmill.errors import TextmillError
from textmill.progress import Progress
from textmill.project import Project
from textmill.tokenizer.tokenizer import Tokenizer
from textmill.tokenizer.tokens import Tokens, tokens_are_fresh, write_tokens
from textmill.tokenizer.train import shortfall, train_on_corpus

Stage = Callable[[str], AbstractContextManager[Progress]]
"""Opens a progress line under a title key (`train.stage_tokenizer`, …)."""


def ensure_tokenizer(
    project: Project, settings: Settings, vocabulary_size: int | None, stage: Stage, warn: Callable[[str], None]
) -> Tokenizer:
    """Returns the project's tokenizer; trains one of `vocabulary_size` (None: by the text) when there is none yet.

    An existing one is kept even if the corpus has changed since: it is lossless on any text, and models depend on it.
    `warn` gets the words when the text was too small for the vocabulary.
    """
    if not (project.tokenizer / "tokenizer.json").is_file():
        corpus = Corpus.open(project.corpus)
        with stage("train.stage_tokenizer") as progress:
            tokenizer = train_on_corpus(
                corpus, settings=settings.tokenizer, vocabulary_size=vocabulary_size, progress=progress
            )
            tokenizer.save(project.tokenizer)
        if warning := shortfall(tokenizer):
            warn(warning)
    return Tokenizer.load(project.tokenizer)


def ensure_tokens(project: Project, tokenizer: Tokenizer, stage: Stage) -> Tokens:
    """Returns the project's tokens, made anew when missing, damaged or made from another corpus or tokenizer."""
    corpus = Corpus.open(project.corpus)
    if tokens_are_fresh(project.tokens, corpus.content_hash, tokenizer.hash):
        try:
            tokens = Tokens.open(project.tokens)
            tokens.verify()
            return tokens
        except TextmillError:
            pass  # cut short or damaged: they can always be made again
    with stage("train.stage_tokens") as progress:
        write_tokens(corpus, tokenizer, project.tokens, progress=progress)
    return Tokens.open(project.tokens)
