"""`textmill inspect` on a tiny model: what it prints, what --json holds, what it refuses."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny_models import TEXTS, tiny_config, tiny_model

from textmill.config import TokenizerSettings
from textmill.model.hub import save_model
from textmill.tokenizer.train import SMALLEST_VOCABULARY, train_tokenizer

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inspected")
    save_model(tiny_model(tiny_config()), folder)
    train_tokenizer(TEXTS, settings=TokenizerSettings(), vocabulary_size=SMALLEST_VOCABULARY).write_files(folder)
    return folder


@pytest.mark.parametrize("language", ["en", "zh"])
def test_it_shows_every_part(run_textmill: Run, model_folder: Path, language: str) -> None:
    shown = run_textmill("inspect", "a 世", "--model", model_folder, "--seed", 1, "--ui-language", language).ok().out
    titles = {"en": ("Tokens", "Logit lens", "may come next"), "zh": ("词元", "每层之后", "候选")}  # text data
    assert all(title in shown for title in titles[language])
    assert "3–5" in shown and "▶" in shown


def test_json_has_it_all(run_textmill: Run, model_folder: Path) -> None:
    place = "layer.1.attention.weights[0, 2, 1]"
    words = ("inspect", "abc", "--model", model_folder, "--number", place, "--temperature", 0, "--json")
    document = run_textmill(*words).ok().document
    assert [token["text"] for token in document["tokens"]] == ["<|endoftext|>", "a", "b", "c"]
    assert {step["name"] for step in document["steps"]} >= {"embedding", "layer.1.residual", "probabilities"}
    number = document["number"]
    assert number["made"] == pytest.approx(number["value"], abs=1e-6) and number["operands"][0]["values"]
    assert document["next"]["kept"] == 1 and document["next"]["drawn"] == document["next"]["candidates"][0]["id"]
    assert document["lens"][-1][0]["id"] == document["next"]["drawn"]


def test_a_number_and_the_steps_are_printed(run_textmill: Run, model_folder: Path) -> None:
    place = "layer.0.attention.scores[0, 2, 1]"
    shown = run_textmill("inspect", "abc", "--model", model_folder, "--number", place).ok().out
    assert "Σ" in shown and "src/textmill/model/attention.py:" in shown
    assert "layer.1.feed_forward.hidden" in run_textmill("inspect", "abc", "--model", model_folder, "--steps").ok().out


@pytest.mark.parametrize("place", ["scores", "layer.9.attention.q[0,0,0]", "embedding[0, 999]", "embedding[0,]"])
def test_places_that_are_none(run_textmill: Run, model_folder: Path, place: str) -> None:
    refused = run_textmill("inspect", "abc", "--model", model_folder, "--number", place)
    assert refused.code == 2 and "Traceback" not in refused.err
