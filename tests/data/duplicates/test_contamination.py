"""Evaluation items planted into documents are found, in both languages; chance and the test's own phrases are not."""

import json
import random
from pathlib import Path

import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest
from corpus_helpers import dropped_rows, write

from textmill.config import DecontaminateSettings, Settings
from textmill.data.build import build_corpus
from textmill.data.corpus import Corpus
from textmill.data.duplicates import contamination, minhash, shingles
from textmill.data.duplicates.contamination import Hit, cut, find_hits, index_of
from textmill.errors import InputError

QUESTION = "A farmer has seventeen sheep and all but nine of them run away during the storm; how many are left?"
FRAGE = "某农场主有十七只羊，暴风雨中除九只外全部跑散，请问他现在还剩下多少只羊？"


def filler(seed: int, count: int = 120) -> str:
    chance = random.Random(seed)
    return " ".join(f"word{chance.randrange(10**6)}" for _ in range(count))


def zh_filler(seed: int, count: int = 400) -> str:
    chance = random.Random(seed)
    return "".join(chr(0x4E00 + chance.randrange(3000)) for _ in range(count))


def farm_set(folder: Path) -> Path:
    rows = [{"question": QUESTION, "answer": "nine"}, {"question": FRAGE, "choices": ["九只", "八只"]}]
    write(folder, {"farm.jsonl": "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)})
    return folder / "farm.jsonl"


def build(folder: Path, files: dict[str, str], **changes) -> Corpus:
    write(folder / "in", dict(files))
    sets = changes.pop("sets", (str(farm_set(folder / "sets")),))
    values = {"corpus.validation_share": 0.0, "corpus.workers": 1, "decontaminate.sets": sets}
    values |= {f"decontaminate.{name}": value for name, value in changes.items() if "." not in name}
    values |= {name: value for name, value in changes.items() if "." in name}
    return build_corpus([folder / "in"], folder / "out", Settings().replace(values))


def planted() -> dict[str, str]:
    return {
        "en.txt": f"{filler(1)} {QUESTION.upper()} {filler(2)}",
        "zh.txt": f"{zh_filler(3)}{FRAGE.replace('，', ' ')}{zh_filler(4)}",
        "twelve.txt": f"{filler(5)} {' '.join(QUESTION.split()[:12])} {filler(6)}",
        "clean.txt": filler(7),
        "清.txt": zh_filler(8),
        "held_out/en.txt": f"{filler(9)} {QUESTION}",
    }


def test_a_planted_item_costs_its_document_and_is_named(tmp_path: Path):
    corpus = build(tmp_path, planted())
    kept = {document.source for document in corpus.documents()}
    assert kept == {"in/twelve.txt", "in/clean.txt", "in/清.txt", "in/held_out/en.txt"}
    rows = {row["source"]: row for row in dropped_rows(corpus)}
    assert {(row["step"], row["reason"]) for row in rows.values()} == {("decontaminate", "contaminated")}
    assert rows["in/en.txt"]["value"] == "farm.jsonl:1: " + " ".join(QUESTION.upper().split()[:13])
    assert rows["in/zh.txt"]["value"].startswith("farm.jsonl:2: 某农场主有十七只羊 暴风雨中")
    assert QUESTION.upper()[:40] in rows["in/en.txt"]["excerpt"]


def test_the_item_is_cut_out_with_what_is_around_it(tmp_path: Path):
    corpus = build(tmp_path, planted(), action="cut", margin=50)
    texts = {document.source: document for document in corpus.documents()}
    text = texts["in/en.txt"].text
    before, after = filler(1) + " ", "? " + filler(2)
    assert text == f"{before[:-50].strip()}\n\n{after[50:].strip()}"
    assert "羊" not in texts["in/zh.txt"].text.replace(zh_filler(3), "").replace(zh_filler(4), "")
    (noted,) = texts["in/en.txt"].meta["decontaminated"]
    assert noted == {"item": "farm.jsonl:1", "text": QUESTION.upper()[:-1]}
    assert corpus.manifest["passages_cut"]["evaluation"] == 2
    assert "decontaminated" not in texts["in/clean.txt"].meta


def test_what_is_mostly_items_is_dropped_even_if_cutting_was_asked_for(tmp_path: Path):
    many = "\n".join(f"{filler(n, 60)} {QUESTION} {filler(n + 100, 60)}" for n in range(12))
    files = {"short.txt": f"Look: {QUESTION}", "many.txt": many, "clean.txt": filler(1)}
    corpus = build(tmp_path, files, action="cut", margin=20)
    assert [document.source for document in corpus.documents()] == ["in/clean.txt"]


def test_a_question_and_its_answer_in_a_row_are_found(tmp_path: Path):
    row = {
        "question": "Which river flows through the town of Ansbach?",
        "answer": "The Rezat, a small one, and no other.",
    }
    write(tmp_path, {"s.jsonl": json.dumps(row)})
    text = f"{filler(1)} Which river flows through the town of Ansbach? The Rezat, a small one, and no other."
    index = index_of(DecontaminateSettings(sets=(str(tmp_path / "s.jsonl"),)))
    assert [number for number, _ in find_hits([filler(2), text], index, DecontaminateSettings())] == [1]


def test_the_sets_own_phrases_do_not_count(tmp_path: Path):
    phrase = "Choose the best of the following four answers to the question that is asked below:"
    rows = [{"text": f"{phrase} {filler(n, 20)}"} for n in range(contamination.MOST_ITEMS + 1)]
    write(tmp_path, {"s.jsonl": "\n".join(map(json.dumps, rows))})
    index = index_of(DecontaminateSettings(sets=(str(tmp_path / "s.jsonl"),)))
    assert not list(find_hits([f"{filler(50)} {phrase} {filler(51)}"], index, DecontaminateSettings()))
    assert list(find_hits([rows[3]["text"]], index, DecontaminateSettings()))


def test_rows_of_numbers_do_not_count(tmp_path: Path):
    numbers = " ".join(map(str, range(1, 41)))
    write(tmp_path, {"s.jsonl": json.dumps({"text": f"Continue: {numbers} {QUESTION}"})})
    index = index_of(DecontaminateSettings(sets=(str(tmp_path / "s.jsonl"),)))
    assert not list(find_hits([f"{filler(50)} {numbers} {filler(51)}"], index, DecontaminateSettings()))
    assert list(find_hits([QUESTION], index, DecontaminateSettings()))


@pytest.mark.parametrize("kind", ["folder", "txt", "json", "parquet"])
def test_forms_of_sets(tmp_path: Path, kind: str):
    folder = tmp_path / "sets"
    write(folder, {"a.txt": f"{filler(90)}\n\n{QUESTION}\n\n{FRAGE}"})
    if kind == "json":
        write(folder, {"a.json": json.dumps([{"deep": {"list": [1, QUESTION, FRAGE]}}])})
    if kind == "parquet":
        parquet.write_table(arrow.table({"q": [QUESTION, FRAGE], "n": [1, 2]}), folder / "a.parquet")
    path = folder if kind == "folder" else folder / f"a.{kind}"
    corpus = build(tmp_path, planted(), sets=(str(path),))
    assert {row["source"] for row in dropped_rows(corpus)} == {"in/en.txt", "in/zh.txt"}


@pytest.mark.parametrize(
    ("name", "content", "key"),
    [
        ("nowhere.jsonl", None, "missing"),
        ("a.pdf", "x", "no_items"),
        ("a.jsonl", "{broken", "unreadable"),
        ("a.parquet", "broken", "unreadable"),
        ("a.txt", "short", "too_short"),
    ],
)
def test_sets_that_cannot_be_used_are_told_before_anything_is_read(tmp_path: Path, name, content, key):
    if content is not None:
        write(tmp_path, {name: content})
    with pytest.raises(InputError) as error:
        build(tmp_path, planted(), sets=(str(tmp_path / name),))
    assert error.value.key == f"contamination.{key}"
    assert not (tmp_path / "out").exists()


def test_a_long_text_is_read_in_blocks(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(shingles, "BLOCK", 500)
    monkeypatch.setattr(minhash, "BLOCK", 500)
    monkeypatch.setattr(contamination, "BLOCK", 500)
    settings = DecontaminateSettings(sets=(str(farm_set(tmp_path)),))
    for length in range(40, 60):
        text = f"{filler(length, length)} {QUESTION} {filler(1, 100)} {QUESTION}"
        ((_, hits),) = find_hits([text], index_of(settings), settings)
        found = {text[hit.start : hit.end] for hit in contamination.spans(hits)}
        assert found == {QUESTION[:-1]}


def test_cutting_by_hand():
    text = "0123456789" * 4
    assert cut(text, [Hit(10, 12, "")], 3) == ("0123456\n\n56789" + "0123456789" * 2, 2)
    assert cut(text, [Hit(1, 3, ""), Hit(8, 10, "")], 5) == ("5678901234567890123456789", 1)
    assert cut(text, [Hit(0, 40, "")], 5) == ("", 0)
