"""A model card holds what the run's records say, in a form that a hub's own reader takes."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from textmill.checkpoints import list_checkpoints
from textmill.project import Project


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_card_of_facts(small_project: Project, train: Callable, run_textmill: Callable, language: str) -> None:
    train().ok()
    rows = [{"prompt": f"Mina sees {n}", "choices": ["Otto", "the cat"], "answer": n % 2} for n in range(6)]
    file = small_project.root / "pets.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    run_textmill("evaluate", "main", "--data", file, "--json", cwd=small_project.root).ok()
    words = ("report", "card", "main", "--licence", "mit", "--json", "--ui-language", language)
    document = run_textmill(*words, cwd=small_project.root).ok().document
    newest = list_checkpoints(small_project.runs / "main")[-1].folder
    assert Path(document["file"]) == newest / "README.md" and document["evaluations"] == ["pets"]
    text = (newest / "README.md").read_text(encoding="utf-8")
    card = ModelCard(text)
    assert card.data.license == "mit" and card.data.pipeline_tag == "text-generation"
    assert card.data.eval_results is not None
    (result,) = card.data.eval_results
    told = json.loads((small_project.root / "evaluations" / "main@8" / "pets.json").read_text())
    assert result.metric_value == round(told["scores"]["accuracy"]["value"], 4)
    manifest = json.loads((small_project.corpus / "manifest.json").read_text())
    for fact in (manifest["content_hash"], "train.steps", "pets", "main@8"):
        assert fact in text
    assert ("Limits" in text) == ("kWh" in text) == (language == "en")
    run_textmill("generate", "Mina", "--max-tokens", 2, cwd=small_project.root).ok()  # its checksums still hold


def test_only_runs_have_records(
    small_project: Project, train: Callable, run_textmill: Callable, tmp_path: Path
) -> None:
    train("--train.steps=2").ok()
    newest = list_checkpoints(small_project.runs / "main")[-1].folder
    moved = tmp_path / "elsewhere"
    newest.rename(moved)
    done = run_textmill("report", "card", moved, "--json", cwd=small_project.root)
    assert (done.code, done.document["error"]["code"]) == (2, "model_card.no_run")
