"""corpus why, search and sample: what was kept and what was dropped, asked from the command line."""

from collections.abc import Callable
from typing import Any

import pytest

from textmill.project import Project

Run = Callable[..., Any]


@pytest.fixture
def corpus(project: Project, run_textmill: Run) -> Project:
    """A corpus of twelve kept documents and three dropped ones."""
    raw = project.root / "raw"
    raw.mkdir()
    for number in range(10):
        (raw / f"story{number}.txt").write_text(f"Story {number}. A Cat sat on mat {number}, and a cat sang.")
    (raw / "猫.txt").write_text("小猫坐在垫子上，小猫唱歌。", encoding="utf-8")
    (raw / "again.txt").write_text("Story 0. A Cat sat on mat 0, and a cat sang.")
    (raw / "short.txt").write_text("abc")
    (raw / "rows.jsonl").write_text('{"text": "A row about dogs and their houses."}\n{"text": "x"}\n')
    run_textmill("corpus", "build", raw, "--corpus.minimum_characters", 5, cwd=project.root).ok()
    return project


def test_why_tells_the_step_the_value_and_the_threshold(corpus: Project, run_textmill: Run) -> None:
    document = run_textmill("corpus", "why", "raw/short.txt", "--json", cwd=corpus.root).ok().document
    (drop,) = document["dropped"]
    assert (drop["step"], drop["reason"], drop["value"], drop["threshold"]) == ("clean", "too_short", "3", "5")
    assert drop["excerpt"] == "abc"
    assert document["kept"] == []
    shown = run_textmill("corpus", "why", drop["id"][:8], cwd=corpus.root).ok().out
    assert "3" in shown and "5" in shown and "raw/short.txt" in shown
    zh = run_textmill("corpus", "why", drop["id"], "--ui-language", "zh", cwd=corpus.root).ok().out
    assert "阈值 5" in zh


def test_why_knows_duplicates_records_and_what_was_kept(corpus: Project, run_textmill: Run) -> None:
    def why(name: str) -> Any:
        return run_textmill("corpus", "why", name, "--json", cwd=corpus.root).ok().document

    twins = [why("again.txt"), why("story0.txt")]
    assert sorted(len(twin["dropped"]) for twin in twins) == [0, 1]
    assert next(twin for twin in twins if twin["dropped"])["dropped"][0]["reason"] == "exact_duplicate"
    rows = why("rows.jsonl")
    assert (len(rows["kept"]), len(rows["dropped"])) == (1, 1)
    kept = why("story3.txt")["kept"][0]
    assert kept["characters"] == len("Story 3. A Cat sat on mat 3, and a cat sang.")
    assert why(kept["id"])["kept"] == [kept]

    done = run_textmill("corpus", "why", "nobody.txt", "--json", cwd=corpus.root)
    assert (done.code, done.document["error"]["code"]) == (2, "corpus.no_such_document")


def test_search_finds_words_in_both_languages(corpus: Project, run_textmill: Run) -> None:
    document = run_textmill("corpus", "search", "cat", "--n", 3, "--json", cwd=corpus.root).ok().document
    assert (document["matches"], len(document["found"]), document["searched"]) == (10, 3, 12)
    first = document["found"][0]
    assert (first["match"], first["count"]) == ("Cat", 2)
    assert first["start"] == len("Story 0. A ")
    zh = run_textmill("corpus", "search", "小猫", "--json", cwd=corpus.root).ok().document
    assert [(found["start"], found["count"]) for found in zh["found"]] == [(0, 2)]
    either = run_textmill("corpus", "search", "小猫|dogs", "--regular", "--json", cwd=corpus.root).ok().document
    assert either["matches"] == 2
    assert run_textmill("corpus", "search", "小猫|dogs", "--json", cwd=corpus.root).ok().document["matches"] == 0
    done = run_textmill("corpus", "search", "(", "--regular", "--json", cwd=corpus.root)
    assert (done.code, done.document["error"]["code"]) == (2, "corpus.expression")


def test_a_sample_is_the_same_for_a_seed(corpus: Project, run_textmill: Run) -> None:
    def ids(*words: Any) -> list[str]:
        document = run_textmill("corpus", "sample", *words, "--json", cwd=corpus.root).ok().document
        return [item["id"] for item in document.get("documents", document.get("dropped"))]

    assert len(ids("--n", 4)) == len(set(ids("--n", 4))) == 4
    assert ids("--n", 4) == ids("--n", 4)
    assert ids("--n", 4) != ids("--n", 4, "--seed", 1)
    assert len(ids("--n", 100)) == 12
    assert len(ids("--dropped")) == 3
    assert "小猫" in run_textmill("corpus", "sample", "--language", "zh", cwd=corpus.root).ok().out
