"""A translator that knows a few pairs by heart, and commands with a model in its project."""

from collections.abc import Callable

import pytest
from small_translation import phrase_translator, translating_model

from textmill.apps.translate.translator import Translator
from textmill.project import Project


@pytest.fixture
def translator() -> Translator:
    return phrase_translator()


@pytest.fixture
def in_taught(run_textmill: Callable, project: Project) -> Callable:
    """Runs a command in a project whose model "small" takes itself for a translator of en and zh."""
    translating_model(project.models / "small")
    return lambda *words, **more: run_textmill(*words, cwd=project.root, **more)
