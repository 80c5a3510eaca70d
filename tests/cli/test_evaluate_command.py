"""`textmill evaluate`: results with all that decides them, going on where it stopped, errors that say what to do."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_runs import write_run

from textmill.project import Project

Run = Callable[..., Any]
PIQA = [
    {"goal": f"Do {n}.", "sol1": f"this {n}", "sol2": f"that way {n}", "label": n % 2} for n in range(9)
]  # fmt: skip


@pytest.fixture
def trained(project: Project) -> Project:
    """A project with one run of one checkpoint, and a suite's file."""
    write_run(project, "main", 20)
    write_rows(project.root / "suites" / "piqa.jsonl", PIQA)
    return project


def write_rows(file: Path, rows: list[dict]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return file


def lines_of(file: Path) -> list[dict]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def test_a_suite_and_its_result(trained: Project, run_textmill: Run) -> None:
    done = run_textmill("evaluate", "main", "--suite", "piqa", cwd=trained.root).ok()
    assert "piqa" in done.out and "95% interval" in done.out and "50.0%" in done.out
    folder = trained.root / "evaluations" / "main@20"
    result = json.loads((folder / "piqa.json").read_text())
    assert result["n"] == 9 and result["suite"]["chance"] == 0.5 and result["suite"]["shots"] == "0"
    assert result["scores"]["accuracy"]["low"] <= result["scores"]["accuracy"]["value"]
    assert result["baseline"]["rule"] in ("longest", "shortest", "same_place", "overlap")
    assert result["path"].startswith(("fp32", "bf16")) and result["model"]["step"] == 20
    head, *items = lines_of(folder / "piqa.jsonl")
    assert head["identity"]["model"] == result["model"]["hash"] and len(items) == 9
    for line in items:
        assert len(line["log_probabilities"]) == 2 and all(value < 0 for value in line["log_probabilities"])
        assert set(line["figures"]) >= {"accuracy", "accuracy_normalised", "probability"}
        assert line["item"]["prompts"][0].startswith("Question: Do")


def test_it_goes_on_where_it_stopped(trained: Project, run_textmill: Run) -> None:
    arguments = ("evaluate", "main", "--suite", "piqa", "--json")
    first = run_textmill(*arguments, cwd=trained.root).ok().document["results"][0]
    file = trained.root / "evaluations" / "main@20" / "piqa.jsonl"
    lines = file.read_bytes().split(b"\n")
    file.write_bytes(b"\n".join(lines[:5]) + b"\n" + lines[5][:20])  # killed in the middle of a line
    again = run_textmill(*arguments, cwd=trained.root).ok().document["results"][0]
    assert again["done_before"] == 4 and again["scores"] == first["scores"]
    whole = {line["place"]: line["log_probabilities"] for line in lines_of(file)[1:]}
    assert len(whole) == 9
    third = run_textmill(*arguments, cwd=trained.root).ok().document["results"][0]
    assert third["done_before"] == 9 and third["items_per_second"] is None
    other = run_textmill(*arguments, "--precision", "fp32", "--limit", 3, cwd=trained.root).ok().document["results"][0]
    assert other["done_before"] == 0 and other["n"] == 3 and other["path"].startswith("fp32")


def test_own_items_texts_and_translations(trained: Project, run_textmill: Run, tmp_path: Path) -> None:
    pytest.importorskip("sacrebleu")
    label = write_rows(tmp_path / "moods.jsonl", [{"text": f"t{n}", "label": "ab"[n % 2]} for n in range(4)])
    answers = write_rows(tmp_path / "answers.jsonl", [{"prompt": "1+1=", "references": ["2"]}])
    pairs = write_rows(tmp_path / "pairs.jsonl", [{"en": "hello", "zh": "你好"}, {"en": "cat", "zh": "猫"}])
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("The cat sat on the mat. " * 5)
    (tmp_path / "texts" / "b.txt").write_text("猫坐在垫子上，一动也不动。" * 5, encoding="utf-8")
    data = [word for file in (label, answers, pairs, tmp_path / "texts") for word in ("--data", file)]
    document = run_textmill("evaluate", *data, "--json", cwd=trained.root).ok().document
    results = {result["suite"]["name"]: result for result in document["results"]}
    assert set(results["moods"]["scores"]) >= {"accuracy", "macro_f1"}
    assert results["answers"]["scores"]["exact_match"]["n"] == 1
    assert {"bleu", "chrf"} <= set(results["pairs"]["scores"])
    texts = results["texts"]
    assert set(texts["groups"]) == {"language en", "language zh", "source a.txt", "source b.txt"}
    bits = lines_of(Path(document["folder"]) / "texts.jsonl")[1:]
    total = sum(line["bits"] for line in bits) / sum(line["bytes"] for line in bits)
    assert texts["scores"]["bits_per_byte"]["value"] == pytest.approx(total)


def test_items_of_the_training_corpus_are_found(trained: Project, run_textmill: Run, tmp_path: Path) -> None:
    words = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen"
    story = tmp_path / "texts" / "story.txt"
    story.parent.mkdir()
    story.write_text(f"Once there was this: {words}. And so it went on for quite some time, until the very end of it.")
    run_textmill("corpus", "build", story.parent, "--corpus.validation_share", "0", cwd=trained.root).ok()
    rows = [{"prompt": f"Say {words.upper()}", "choices": ["now", "never"], "answer": 0},
            {"prompt": "Short", "choices": ["a", "b"], "answer": 0}]  # fmt: skip
    file = write_rows(tmp_path / "mine.jsonl", rows)
    done = run_textmill("evaluate", "main", "--data", file, cwd=trained.root).ok()
    assert "has 1 of 2 items; 1 are too short" in done.out
    result = json.loads((trained.root / "evaluations" / "main@20" / "mine.json").read_text())
    assert list(result["contamination"]["items"]) == ["mine.jsonl:1"]
    assert result["contamination"]["without_them"]["accuracy"]["n"] == 1


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((), "evaluate.nothing_asked"),
        (("--suite", "pica"), "evaluate.unknown_suite"),
        (("--suite", "mmlu"), "evaluate.suite_missing"),
        (("--suite", "arc_easy", "--suite-files", "suites/piqa.jsonl"), "evaluate.not_the_suite"),
        (("--suite", "piqa", "--suite-files", "nowhere"), "evaluate.no_place"),
        (("--data", "nothing.txt"), "evaluate.no_place"),
        (("--suite", "piqa", "--limit", "-1"), "evaluate.limit"),
        (("--suite", "piqa", "--out", "textmill.toml"), "evaluate.out_is_file"),
    ],
)
def test_errors(trained: Project, run_textmill: Run, arguments: tuple, code: str) -> None:
    done = run_textmill("evaluate", *arguments, "--json", cwd=trained.root)
    assert (done.code, done.document["error"]["code"]) == (2, code)
    if code == "evaluate.suite_missing":
        assert "textmill evaluate --suite mmlu --download" in done.document["error"]["next"]


def test_code_is_not_run_without_leave(trained: Project, run_textmill: Run, tmp_path: Path) -> None:
    row = {"prompt": "def f():\n", "test": "def check(f): assert f() == 1", "entry_point": "f"}
    file = write_rows(tmp_path / "human_eval.jsonl", [row])
    done = run_textmill("evaluate", "--suite", "humaneval", "--suite-files", file, "--json", cwd=trained.root)
    assert (done.code, done.document["error"]["code"]) == (2, "sandbox.not_allowed")


def test_in_chinese(trained: Project, run_textmill: Run) -> None:
    done = run_textmill("evaluate", "--suite", "piqa", "--ui-language", "zh", cwd=trained.root).ok()
    assert "评测集" in done.out and "随机水平" in done.out and "95% 区间" in done.out


def test_through_the_chat_template(trained: Project, run_textmill: Run) -> None:
    run_textmill("evaluate", "--suite", "piqa", cwd=trained.root).ok()
    done = run_textmill("evaluate", "--suite", "piqa", "--chat", cwd=trained.root).ok()
    assert "Asked through the checkpoint's own chat template" in done.out
    folders = [trained.root / "evaluations" / name for name in ("main@20", "main@20-chat")]
    plain, chat = (json.loads((folder / "piqa.json").read_text()) for folder in folders)
    assert (plain["model"]["chat"], chat["model"]["chat"]) == ("", "own")
    assert plain["identity"]["items"] == chat["identity"]["items"] and "chat" in chat["identity"]
    sums = [lines_of(folder / "piqa.jsonl")[1]["log_probabilities"] for folder in folders]
    assert sums[0] != sums[1]
    report = run_textmill("report", "evaluation", "--ui-language", "zh", "--json", cwd=trained.root).ok().document
    assert [model["name"] for model in report["models"]] == ["main@20", "main@20 · 对话模板"]
    assert report["suites"][0]["pairs"][0]["n"] == 9
    both = run_textmill("evaluate", "--suite", "piqa", "--chat", "--harness", "x", "--json", cwd=trained.root)
    assert (both.code, both.document["error"]["code"]) == (2, "evaluate.chat_harness")


@pytest.mark.parametrize("chat", [(), ("--chat",)])
def test_written_answers_and_code(trained: Project, run_textmill: Run, chat: tuple) -> None:
    problems = [{"question": f"{n} + 1?", "answer": f"#### {n + 1}"} for n in range(8)]
    write_rows(trained.root / "suites" / "gsm8k.test.jsonl", problems[:2])
    write_rows(trained.root / "suites" / "gsm8k.train.jsonl", problems[2:])
    code = {"prompt": "def f():\n    return 1  #", "test": "def check(f): pass", "entry_point": "f"}
    write_rows(trained.root / "suites" / "human_eval.jsonl", [code, {**code, "prompt": "def f(:\n"}])
    words = ("--suite", "gsm8k", "--suite", "humaneval", "--allow-code-execution", "--json", *chat)
    document = run_textmill("evaluate", *words, cwd=trained.root).ok().document
    sums, functions = document["results"]
    assert (sums["n"], sums["suite"]["shots"], sums["baseline"]["rule"]) == (2, "5 seeded 1234", "last_number")
    lines = lines_of(Path(document["folder"]) / "gsm8k.jsonl")[1:]
    assert all(0 < line["tokens"] <= 256 and {"text", "finish"} <= set(line) for line in lines)
    assert functions["scores"]["pass_at_1"]["n"] == 2
    lines = lines_of(Path(document["folder"]) / "humaneval.jsonl")[1:]
    assert lines[1]["passed"] is False and "SyntaxError" in lines[1]["detail"] + lines[1]["reason"]
