"""Counting how texts are written: repetition, variety, obedience, MAUVE between sets of vectors."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_runs import write_run

from textmill.evaluate.text_quality import clustered, distance, distinct, matches, quality, repetition, units, within
from textmill.project import Project


def test_repetition_and_variety() -> None:
    assert repetition("a b c d e f g h") == 0.0
    assert repetition("one two three four " * 5) == pytest.approx(1 - 4 / 17)
    assert units("The cat, 猫坐!") == ["the", "cat", "猫", "坐"]
    assert units("1903年 AI模型 is_2") == ["1903", "年", "ai", "模", "型", "is_2"]
    assert repetition("猫坐在垫" * 3) == pytest.approx(1 - 4 / 9)
    assert distinct(["a b a", "b a b"], 1) == pytest.approx(2 / 6) and distinct(["a b", "a b"], 2) == 0.5
    assert repetition("") == 0.0 and quality(["a b"])["words"].value == 2.0


def test_obedience() -> None:
    assert within("one two three", 2, 3, "words") and not within("one", 2, 3, "words")
    assert within("猫坐", 2, 2, "characters")
    assert matches("Dear Ann,\nbye", r"Dear .*bye") and not matches("dear", r"Dear")


def test_mauve_sees_what_differs() -> None:
    draw = np.random.default_rng(0)
    first, second = draw.normal(size=(300, 8)), draw.normal(size=(300, 8))
    far = draw.normal(size=(300, 8)) * 0.3 + np.r_[4.0, np.zeros(7)]
    assert distance(first, second) > 0.8  # ten texts a cluster: chance alone parts them a little
    assert distance(first, far) < 0.1
    half = np.concatenate((second[:150], far[:150]))
    assert 0.1 < distance(first, half) < distance(first, second)
    assert len(set(clustered(far, 5, 0).tolist())) == 5


def test_the_command(project: Project, run_textmill: Callable[..., Any], tmp_path: Path) -> None:
    write_run(project, "main", 20)
    rows = [{"prompt": "x", "words": [1, 3], "pattern": "[a-z ]+", "samples": [{"text": "a b"}, {"text": "A b c d"}]}]
    file = tmp_path / "texts.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    human = tmp_path / "human.jsonl"
    human.write_text(json.dumps({"text": "the cat sat"}) + "\n" + json.dumps({"text": "猫坐在垫子上"}))
    words = ("report", "writing", file, "--reference", human)
    document = run_textmill(*words, "--model", "main", "--json", cwd=project.root).ok().document
    assert document["texts"] == 2 and document["scores"]["length"]["value"] == 0.5
    assert document["scores"]["form"]["value"] == 0.5 and 0 <= document["distance"] <= 1
    assert run_textmill(*words, "--json", cwd=project.root).document["error"]["code"] == "cli_report_writing.no_model"
    shown = run_textmill("report", "writing", file, "--ui-language", "zh", cwd=project.root).ok()
    assert "重复率" in shown.out and "格式符合要求" in shown.out
