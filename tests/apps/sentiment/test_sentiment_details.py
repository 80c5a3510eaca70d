"""`textmill sentiment --aspects --reasons`, from labels to the page: quotes are true in every row."""

import json

import pytest
from praise_and_blame import sentences

from textmill.apps.sentiment.results import write_table
from textmill.apps.sentiment.tables import open_table

TEXT = "The room was clean, but the staff was rude."


@pytest.fixture
def judged_project(project, run_textmill):
    """A project with a judge of words."""
    rows = [{"text": text, "label": ("negative", "positive")[label]} for text, label in dict(sentences(200)).items()]
    write_table(project.root / "labels.csv", rows)
    data = ("--data", "labels.csv", "--method", "words", "--name", "judge")
    run_textmill("tune", "sentiment", *data, cwd=project.root).ok()
    return project


def test_a_text_is_told_with_aspects_and_reasons(judged_project, run_textmill):
    words = ("sentiment", TEXT, "--aspects", "--reasons")
    told = json.loads(run_textmill(*words, "--json", cwd=judged_project.root).ok().out)
    assert told["reasons"]
    assert [aspect["aspect"] for aspect in told["aspects"]] == ["room", "staff"]
    for reason in told["reasons"]:
        assert TEXT[reason["start"] : reason["end"]] == reason["text"]
    plain = json.loads(run_textmill("sentiment", TEXT, "--json", cwd=judged_project.root).ok().out)
    assert not {"aspects", "reasons"} & set(plain)


@pytest.mark.slow  # it makes a judge of its own
def test_a_file_gets_both_and_then_its_page(judged_project, run_textmill):
    root = judged_project.root
    texts = [TEXT, "", *(text for text, _ in sentences(30, 9))]
    write_table(root / "reviews.csv", [{"text": text} for text in texts])
    words = ("sentiment", "--in", "reviews.csv", "--aspects", "--reasons", "--out", "judged.csv")
    run_textmill(*words, cwd=root).ok()
    with open_table(root / "judged.csv") as table:
        rows = list(table.rows)
    assert len(rows) == len(texts)
    assert json.loads(rows[1]["aspects"]) == []
    quotes = 0
    for row in rows:
        for aspect in json.loads(row["aspects"]):
            (low, high), quotes = aspect["opinion_at"], quotes + 1
            assert row["text"][low:high] == aspect["opinion"]
    assert quotes > 20
    page = json.loads(run_textmill("report", "sentiment", "judged.csv", "--json", cwd=root).ok().out)
    assert page["texts_with_aspects"] > 20
    assert page["abstained"] == {"empty": 1}
