"""Labels by hand: the least sure first, every answer kept at once, undone, skipped, gone on with."""

import json

import pytest

from textmill.apps.sentiment.labelled import read_labelled
from textmill.apps.sentiment.labelling import Answers, in_turn, meant, uncertainty
from textmill.apps.sentiment.results import write_table
from textmill.errors import InputError


@pytest.fixture
def file(tmp_path):
    chances = (0.9, 0.55, 0.7, 0.5)
    rows = [
        {"text": f"text {number}", "label": "good", "probabilities": {"bad": 1 - chance, "good": chance}}
        for number, chance in enumerate(chances)
    ]
    write_table(tmp_path / "judged.csv", rows)
    return tmp_path / "judged.csv"


def answers(folder) -> list[dict]:
    return [json.loads(line) for line in (folder / "judged.labels.jsonl").read_text(encoding="utf-8").splitlines()]


def test_the_least_sure_come_first():
    assert uncertainty({"a": 0.5, "b": 0.5}) == 1
    assert uncertainty({}) == 1
    chances = [{"a": 0.9, "b": 0.1}, {"a": 0.6, "b": 0.4}, {"a": 0.6, "b": 0.4}, {"a": 0.2, "b": 0.8}, {"a": 1.0}]
    assert in_turn(["one", "two", "two", "three", " "], chances) == [1, 3, 0]


def test_a_label_by_number_name_or_beginning():
    labels = ("negative", "neutral", "positive")
    assert [meant(typed, labels) for typed in ("1", "Neutral", " pos", "ne", "4", "", "x")] == [
        "negative", "neutral", "positive", None, None, None, None,
    ]  # fmt: skip
    assert meant("2", ("1", "2", "3")) == "2"
    assert meant("3", ("5", "3")) == "3", "a rating's name comes before its number"


def test_answers_are_kept_undone_and_gone_on_with(file, run_textmill, tmp_path):
    done = run_textmill("label", "sentiment", file, "--json", stdin="2\nnonsense\nbad\nu\ns\nq\n").ok()
    assert answers(tmp_path) == [{"text": "text 3", "label": "good"}, {"text": "text 1", "skipped": True}]
    told = json.loads(done.out)
    assert (told["labelled"], told["skipped"], told["left"], told["labels"]) == (1, 1, 2, ["bad", "good"])
    with open(tmp_path / "judged.labels.jsonl", "ab") as cut:
        cut.write(b'{"text": "te')
    told = json.loads(run_textmill("label", "sentiment", file, "--json", stdin="b\n").ok().out)
    assert answers(tmp_path)[2:] == [{"text": "text 2", "label": "bad"}]
    assert (told["left"], told["counts"]) == (1, {"good": 1, "bad": 1})


def test_undo_without_an_answer_and_an_end_of_the_input(file, run_textmill, tmp_path):
    done = run_textmill("label", "sentiment", file, stdin="u\n").ok()
    assert "nothing to undo" in done.err
    assert not (tmp_path / "judged.labels.jsonl").exists()


def test_texts_that_nobody_judged_come_as_they_stand(run_textmill, tmp_path):
    (tmp_path / "raw.csv").write_text("review\nfirst\nsecond\n", encoding="utf-8")
    arguments = ("label", "sentiment", "raw.csv", "--label", "ja", "--label", "nein", "--out", "own.jsonl")
    done = run_textmill(*arguments, stdin="1\n2\n").ok()
    assert "second" in done.err
    rows = [json.loads(line) for line in (tmp_path / "own.jsonl").read_text(encoding="utf-8").splitlines()]
    assert rows == [{"text": "first", "label": "ja"}, {"text": "second", "label": "nein"}]


def test_the_answers_are_what_tuning_reads(tmp_path):
    kept = Answers(tmp_path / "answers.jsonl")
    for number in range(8):
        kept.add(f"good {number}", "good")
        kept.add(f"bad {number}", "bad")
    kept.add("neither", "")
    found = read_labelled([kept.file])
    assert found.counts == {"bad": 8, "good": 8}
    assert len(Answers(kept.file).answered) == 17


def test_another_file_is_left_as_it_is(tmp_path):
    other = tmp_path / "notes.jsonl"
    other.write_text('{"note": 1}\n', encoding="utf-8")
    with pytest.raises(InputError) as raised:
        Answers(other)
    assert raised.value.key == "labelling.not_answers"
    assert other.read_text(encoding="utf-8") == '{"note": 1}\n'


def test_one_label_is_no_choice(file, run_textmill):
    done = run_textmill("label", "sentiment", file, "--label", "good", "--json")
    assert (done.code, json.loads(done.out)["error"]["code"]) == (2, "labelling.few_labels")
