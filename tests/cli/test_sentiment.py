"""`textmill sentiment` and `textmill tune sentiment`, on a tiny random model."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from judging import project_with_model, reviews, write_csv

Run = Callable[..., Any]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    project_with_model(tmp_path / "project")
    write_csv(tmp_path / "project" / "rows.csv", reviews(40))
    return tmp_path / "project"


def judge(run_textmill: Run, project: Path, *more: object) -> dict:
    given = ("tune", "sentiment", "--data", "rows.csv", "--model", "tiny", *more, "--json")
    return run_textmill(*given, cwd=project).ok().document


def test_from_rows_to_a_judged_file(run_textmill: Run, project: Path) -> None:
    """A random model knows nothing: words are used, and say so; files get their columns, whatever their form."""
    made = judge(run_textmill, project)
    assert made["labels"] == ["negative", "positive"] and made["method"] == "head"
    assert set(made["figures"]) == {"words", "model", "both"}
    assert made["figures"]["words"]["accuracy"] > 0.9
    assert made["use"] in ("words", "both")
    one = run_textmill("sentiment", "the staff was rude and the room was dirty", "--json", cwd=project).ok().document
    assert one["label"] == "negative" and one["calibrated"]
    assert sum(one["probabilities"].values()) == pytest.approx(1, abs=1e-5)

    german = "der Film war sehr schlecht und langweilig gewesen"
    rows = [("1", "the film was great (77)"), ("2", ""), ("3", "=1+1 the hotel was awful"), ("4", german)]
    write_csv(project / "in.csv", rows, header=("id", "review"))
    for ending in ("csv", "jsonl", "xlsx"):
        out = f"out.{ending}"
        found = run_textmill("sentiment", "--in", "in.csv", "--out", out, "--json", cwd=project).ok().document
        assert found["rows"] == 4 and found["abstained"] == {"empty": 1, "language": 1}
        assert (project / out).is_file() and not (project / f"{out}.rows.jsonl").exists()
    lines = [json.loads(line) for line in (project / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["label"] for line in lines] == ["positive", None, "negative", None]
    assert [line["id"] for line in lines] == ["1", "2", "3", "4"]
    assert all(set(line) >= {"label", "probabilities", "set"} for line in lines)
    with open(project / "out.csv", encoding="utf-8-sig", newline="") as file:
        assert list(csv.DictReader(file))[2]["review"].startswith("'=1+1")


def test_a_stopped_file_goes_on(run_textmill: Run, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from textmill.apps.sentiment.judge import Judge
    from textmill.cli import sentiment

    judge(run_textmill, project, "--method", "words")
    write_csv(project / "in.csv", [(text,) for text, _ in reviews(30, seed=3)], header=("text",))
    asked = ("sentiment", "--in", "in.csv", "--out", "out.jsonl", "--json")
    monkeypatch.setattr(sentiment, "AT_ONCE", 8)
    whole, judged = Judge.judge, list[int]()

    def stops(self: Judge, texts: list[str]) -> list:
        judged.append(len(texts))
        if len(judged) == 3:
            raise KeyboardInterrupt
        return whole(self, texts)

    monkeypatch.setattr(Judge, "judge", stops)
    assert run_textmill(*asked, cwd=project).code == 130
    assert not (project / "out.jsonl").exists()
    document = run_textmill(*asked, cwd=project).ok().document
    assert document["done_before"] == 16 and document["rows"] == 14
    lines = (project / "out.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["text"] for line in lines] == [text for text, _ in reviews(30, seed=3)]


def test_a_table_with_labels_keeps_them(run_textmill: Run, project: Path) -> None:
    judge(run_textmill, project, "--method", "words")
    run_textmill("sentiment", "--in", "rows.csv", "--out", "out.jsonl", cwd=project).ok()
    lines = [json.loads(line) for line in (project / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["label"] for line in lines] == [label for _, label in reviews(40)]
    assert sum(line["sentiment_label"] == line["label"] for line in lines) > 36


def test_reasons_and_aspects_are_quotes(run_textmill: Run, project: Path) -> None:
    judge(run_textmill, project, "--method", "words")
    asked = ("sentiment", "--reasons", "--aspects")
    text = "the hotel was lovely, but the staff was rude and the room was dirty"
    one = run_textmill(*asked, text, "--json", cwd=project).ok().document
    assert one["reasons"] and one["aspects"]
    for reason in one["reasons"]:
        assert text[reason["start"] : reason["end"]] == reason["text"]
    assert all(aspect["opinion"] in text and aspect["aspect"] in text for aspect in one["aspects"])
    shown = run_textmill(*asked, text, cwd=project).ok().out
    assert one["reasons"][0]["text"] in shown and "because of" in shown
    write_csv(project / "in.csv", [(text,), ("",)], header=("text",))
    run_textmill(*asked, "--in", "in.csv", "--out", "out.jsonl", cwd=project).ok()
    lines = [json.loads(line) for line in (project / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert lines[0]["aspects"] == one["aspects"] and lines[1]["reasons"] == []


def test_weights_are_tuned_and_calibrated(run_textmill: Run, project: Path) -> None:
    write_csv(project / "rows.csv", reviews(120))
    more = ("--method", "full", "--train.compile=off", "--train.threads=1", "--tune.epochs=1", "--sentiment.window=40")
    made = judge(run_textmill, project, *more)
    assert made["tuning"]["method"] == "full" and made["tuning"]["step"] == made["tuning"]["total_steps"]
    assert made["held_out"] == made["figures"]["model"]["rows"] < 60
    told = json.loads((project / "runs" / "judge" / "sentiment.json").read_text(encoding="utf-8"))
    assert told["model"].startswith("judge@")
    one = run_textmill("sentiment", "the film was boring", "--model", "judge", "--json", cwd=project).ok().document
    assert set(one["probabilities"]) == {"negative", "positive"}
    again = judge(run_textmill, project, *more, "--resume")
    assert again["figures"] == made["figures"]


def test_an_untuned_model_judges_with_labels_of_ones_own(run_textmill: Run, project: Path) -> None:
    asked = ("sentiment", "the cat sat", "--model", "tiny", "--label", "praise", "--label", "blame")
    result = run_textmill(*asked, "--json", cwd=project).ok()
    assert set(result.document["probabilities"]) == {"praise", "blame"}
    assert not result.document["calibrated"] and "not tuned" in result.err
    plain = run_textmill(*asked, cwd=project).ok()
    assert "praise" in plain.out and "%" in plain.out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("sentiment", "text", "--in", "rows.csv"), "--in"),
        (("sentiment", "text", "--out", "out.csv"), "--out"),
        (("sentiment", "--in", "rows.csv", "--column", "txt", "--out", "o.csv"), "text"),
        (("sentiment", "--in", "rows.csv", "--out", "rows.csv"), "rows.csv"),
        (("sentiment", "text", "--model", "tiny", "--label", "one"), "two"),
        (("tune", "sentiment", "--model", "tiny"), "--data"),
        (("tune", "sentiment", "--data", "nothing.csv"), "nothing.csv"),
    ],
)
def test_what_is_refused(run_textmill: Run, project: Path, words: tuple[str, ...], told: str) -> None:
    result = run_textmill(*words, cwd=project)
    assert result.code == 2 and told in result.err and "Traceback" not in result.err


def test_judges_have_their_own_labels_and_coverage(run_textmill: Run, project: Path) -> None:
    judge(run_textmill, project, "--method", "words")
    assert run_textmill("sentiment", "x y", "--label", "a", "--label", "b", cwd=project).code == 2
    assert run_textmill("sentiment", "x y", "--coverage", "0.5", cwd=project).code == 2
    assert run_textmill("sentiment", "the room was clean", "--coverage", "0.9", cwd=project).code == 0
