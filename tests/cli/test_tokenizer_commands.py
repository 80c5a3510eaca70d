"""`textmill tokenizer train` and `textmill tokenizer show`, as a person runs them."""

import json
from pathlib import Path

import pytest

from textmill.project import Project

ENGLISH = "In the morning the baker opened her shop by the river, and nobody was awake.\n"
CHINESE = "清晨，河边的小镇还没有醒来，面包师已经打开了店门。\n"


@pytest.fixture
def made(project: Project, run_textmill, tmp_path: Path) -> Project:
    raw = tmp_path / "raw"
    raw.mkdir()
    for number in range(20):
        (raw / f"{number}.txt").write_text(f"{number} " + (ENGLISH if number % 2 else CHINESE) * 9, encoding="utf-8")
    run_textmill("corpus", "build", raw, cwd=project.root).ok()
    run_textmill("tokenizer", "train", "--tokenizer.vocabulary_size", 320, cwd=project.root).ok()
    return project


def test_train_prints_sizes_place_and_next_step(made: Project, run_textmill) -> None:
    result = run_textmill("tokenizer", "train", "--tokenizer.vocabulary_size=320", cwd=made.root).ok()
    assert "320 tokens" in result.out
    assert "English" in result.out
    assert "Chinese" in result.out
    assert str(made.tokenizer) in result.out
    assert "textmill train" in result.out
    assert (made.tokenizer / "tokenizer.json").is_file()


def test_train_json_and_the_warning(made: Project, run_textmill) -> None:
    result = run_textmill("tokenizer", "train", "--json", cwd=made.root).ok()
    document = result.document
    assert document["requested_vocabulary_size"] == 4096
    assert 320 < document["vocabulary_size"] < 4096
    assert "too small" in document["warning"]
    assert document["bytes_per_token"]["zh"]["bytes_per_token"] > 3
    shown = run_textmill("tokenizer", "train", "--ui-language", "zh", cwd=made.root).ok()
    assert "文本太少" in shown.err
    assert "词元" in shown.out


def test_train_elsewhere(made: Project, run_textmill, tmp_path: Path) -> None:
    out = tmp_path / "elsewhere"
    run_textmill("tokenizer", "train", "--out", out, "--tokenizer.vocabulary_size", 300, cwd=made.root).ok()
    assert json.loads((out / "manifest.json").read_text())["vocabulary_size"] == 300


def test_train_without_a_corpus(project: Project, run_textmill) -> None:
    result = run_textmill("tokenizer", "train", cwd=project.root)
    assert result.code == 2
    assert "corpus build" in result.err


def test_show_prints_whole_characters(made: Project, run_textmill) -> None:
    result = run_textmill("tokenizer", "show", "龘 baker 1998\n", cwd=made.root).ok()
    assert "龘" in result.out
    assert "\ufffd" not in result.out
    assert "bytes per token" in result.out


def test_show_json(made: Project, run_textmill) -> None:
    document = run_textmill("tokenizer", "show", "龘a<|im_end|>", "--json", cwd=made.root).ok().document
    first = document["pieces"][0]
    assert first["text"] == "龘"
    assert "".join(first["bytes"]) == "龘".encode().hex()
    assert (first["start"], first["end"]) == (0, 1)
    assert not any(piece["special"] for piece in document["pieces"])
    special = run_textmill("tokenizer", "show", "<|im_end|>", "--special", "--json", cwd=made.root).ok().document
    assert special["pieces"][0]["special"]
    assert special["tokens"] == 1


def test_show_reads_stdin_and_other_folders(made: Project, run_textmill, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    words = ("tokenizer", "show", "-", "--tokenizer", made.tokenizer, "--json")
    document = run_textmill(*words, cwd=outside, stdin="清晨\n").ok().document
    assert document["characters"] == 3
    document = run_textmill("tokenizer", "show", "", "--model", made.tokenizer, "--json", cwd=outside).ok().document
    assert document["tokens"] == 0


def test_show_finds_a_run_s_tokenizer(made: Project, run_textmill) -> None:
    checkpoint = made.runs / "main" / "checkpoints" / "step-00000010"
    checkpoint.parent.mkdir(parents=True)
    made.tokenizer.rename(checkpoint)
    (checkpoint / "config.json").write_text("{}")
    for model in ("main", "main@10"):
        run_textmill("tokenizer", "show", "baker", "--model", model, cwd=made.root).ok()
    unknown = run_textmill("tokenizer", "show", "baker", "--model", "other", cwd=made.root)
    assert unknown.code == 2
    assert "other" in unknown.err
    assert run_textmill("tokenizer", "show", "baker", cwd=made.root).code == 2


def test_show_takes_one_of_model_and_tokenizer(made: Project, run_textmill) -> None:
    result = run_textmill("tokenizer", "show", "x", "--model", "a", "--tokenizer", "b", cwd=made.root)
    assert result.code == 2
