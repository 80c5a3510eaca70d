"""`textmill tune translate`: from nothing, on top of a model, resumed; what the model then knows of itself."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from small_translation import SMALL, rows, write_pairs
from small_tuning import model_folder

from textmill.apps.translate.card import CARD_FILE, card_of, read_card
from textmill.apps.translate.learning import directed, hold_out, marked_sides
from textmill.apps.translate.pairs import Direction, Pair
from textmill.checkpoints import list_checkpoints
from textmill.errors import InputError
from textmill.model.hub import load_model
from textmill.project import Project
from textmill.train.events import read_events


def test_from_nothing(run_textmill: Callable, project: Project) -> None:
    words = ("--data", write_pairs(project.root / "pairs.tsv"), "--name", "small", "--train.steps=2", *SMALL)
    shown = run_textmill("tune", "translate", *words, "--model.dropout=0.1", cwd=project.root).ok()
    assert "a new model" in shown.err
    assert "zh-en: chrF" in shown.err
    assert "textmill translate" in shown.out
    card, notes = card_of("small", project)
    assert not notes
    assert [str(pair.direction) for pair in card.pairs] == ["en-zh", "zh-en"]
    assert card.form == "task"
    assert 0 < card.pairs[0].characters < card.pairs[1].characters
    events = read_events(project.runs / "small")
    assert {"held_out", "sample", "translated"} <= {event["type"] for event in events}
    assert {event["direction"] for event in events if event["type"] == "translated"} == {"en-zh", "zh-en"}
    assert load_model(list_checkpoints(project.runs / "small")[-1].folder).config.dropout == 0.1
    start = next(event for event in events if event["type"] == "start")
    assert start["settings"]["tune"]["label_smoothing"] == 0.1


def test_on_top_of_a_chat_model_and_resumed(run_textmill: Callable, project: Project, tmp_path: Path) -> None:
    base = model_folder(tmp_path / "base")
    data = write_pairs(tmp_path / "pairs.tsv")
    words = ("--model", base, "--data", data, "--directions", "zh-en", "--name", "one", "--method", "lora", *SMALL)
    first = run_textmill("tune", "translate", *words, "--train.steps=2", "--json", cwd=project.root).ok()
    assert first.document["method"] == "lora"
    again = run_textmill("tune", "translate", *words, "--resume", "--train.steps=3", cwd=project.root).ok()
    assert "directions: zh-en" in again.err
    folder = list_checkpoints(project.runs / "one")[-1].folder
    card = read_card(folder)
    assert card is not None
    assert [pair.direction for pair in card.pairs] == [Direction("zh", "en")]
    refused = run_textmill("translate", "hello", "--from", "en", "--to", "zh", "--model", "one", cwd=project.root)
    assert refused.code == 2
    assert "does not translate en-zh" in refused.err
    assert "zh-en" in refused.err


def test_wrong_words(run_textmill: Callable, project: Project, tmp_path: Path) -> None:
    data = write_pairs(tmp_path / "pairs.tsv")
    empty = tmp_path / "empty.tsv"
    empty.write_text("en\tzh\n…\t…\n", encoding="utf-8")
    for words, said in (
        ((), "nothing to learn from"),
        (("--data", data, "--fresh", "--model", "x"), "--fresh"),
        (("--data", data, "--directions", "en"), "no direction"),
        (("--data", data, "--languages", "en"), "languages of columns"),
        (("--data", data, "--directions", "en-de"), "no pair to learn from for en-de"),
        (("--data", empty), "1 empty on one side (empty.tsv:2)"),
    ):
        result = run_textmill("tune", "translate", *words, *SMALL, cwd=project.root)
        assert result.code == 2
        assert said in result.err


def test_what_is_held_out_is_held_out_both_ways() -> None:
    pairs = [Pair(first=en, second=zh, languages=("en", "zh")) for en, zh in rows() * 20]
    held = hold_out(pairs, 0.1)
    assert 0 < sum(pair.held_out for pair in held) < len(held) / 5
    assert hold_out(held, 0.5) == held
    sides = directed(held, (Direction("en", "zh"), Direction("zh", "en")))
    away = {side[0].text for side, out in sides if out}
    assert away.isdisjoint(side[0].text for side, out in sides if not out)


def test_some_pairs_are_learned_with_markers() -> None:
    pairs = [
        Pair(first=f"See file {n}42.", second=f"查看文件 {n}42。", languages=("en", "zh")) for n in range(100)
    ]  # text data
    sides = [side for side, _ in directed(pairs, (Direction("en", "zh"),))]
    marked = marked_sides(sides, 0)
    assert 2 < len(marked) < 40
    assert all("<1>" in asked.text and "<1>" in target for asked, target, _ in marked)


def test_a_damaged_card(tmp_path: Path) -> None:
    for content in ("{", json.dumps({"version": 9}), json.dumps({"version": 1, "form": "x", "pairs": []})):
        (tmp_path / CARD_FILE).write_text(content)
        with pytest.raises(InputError):
            read_card(tmp_path)
    assert read_card(tmp_path / "elsewhere") is None
