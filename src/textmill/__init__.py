"""Textmill: raw text in, a GPT out.

The public names, each imported when it is first asked for, so that `import textmill` costs nothing:

    corpus = textmill.build_corpus([Path("texts")], Path("corpus"), textmill.Settings())
    model = textmill.load("main", textmill.find_project(Path.cwd()))
    for story in textmill.generate(model.model, model.tokenizer, "One morning", textmill.SamplingSettings(n=2)):
        print(story.text)

What is not named here may change from one version to the next.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textmill.config import Settings
    from textmill.data.build import build_corpus
    from textmill.data.corpus import Corpus
    from textmill.data.document import Document
    from textmill.errors import TextmillError
    from textmill.evaluate.bits_per_byte import bits_per_byte
    from textmill.infer.generate import generate, stream
    from textmill.infer.resolve import load
    from textmill.infer.sampling import SamplingSettings
    from textmill.model.config import ModelConfig, classic, modern
    from textmill.model.gpt import GPT
    from textmill.project import Project, find_project
    from textmill.tokenizer.tokenizer import Tokenizer
    from textmill.tokenizer.train import train_tokenizer

__version__ = "0.1.0"

__all__ = [
    "GPT",
    "Corpus",
    "Document",
    "ModelConfig",
    "Project",
    "SamplingSettings",
    "Settings",
    "TextmillError",
    "Tokenizer",
    "__version__",
    "bits_per_byte",
    "build_corpus",
    "classic",
    "find_project",
    "generate",
    "load",
    "modern",
    "stream",
    "train_tokenizer",
]

_MODULES = {
    "GPT": "model.gpt",
    "Corpus": "data.corpus",
    "Document": "data.document",
    "ModelConfig": "model.config",
    "Project": "project",
    "SamplingSettings": "infer.sampling",
    "Settings": "config",
    "TextmillError": "errors",
    "Tokenizer": "tokenizer.tokenizer",
    "bits_per_byte": "evaluate.bits_per_byte",
    "build_corpus": "data.build",
    "classic": "model.config",
    "find_project": "project",
    "generate": "infer.generate",
    "load": "infer.resolve",
    "modern": "model.config",
    "stream": "infer.generate",
    "train_tokenizer": "tokenizer.train",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'textmill' has no attribute {name!r}")
    return getattr(import_module(f"textmill.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
