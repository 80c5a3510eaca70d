"""Near-duplicates in a whole build: who stays, what the dropped say, nothing held out leaks, any number of workers."""

import json
import random
from pathlib import Path

import pytest
from corpus_helpers import dropped_rows, write

from textmill.config import Settings
from textmill.data.build import build_corpus
from textmill.data.corpus import Corpus
from textmill.data.document import document_id
from textmill.data.duplicates.minhash import signatures, similarity


def english(seed: int, count: int = 150) -> list[str]:
    chance = random.Random(seed)
    return [f"{chance.choice('bcdfgl')}{chance.choice('aeiou')}{chance.randrange(300)}" for _ in range(count)]


def chinese(seed: int, count: int = 300) -> list[str]:
    chance = random.Random(seed)
    return [chr(0x4E00 + chance.randrange(2000)) for _ in range(count)]


def build(folder: Path, files: dict[str, str], **changes) -> Corpus:
    write(folder / "in", dict(files))
    values = {"corpus.validation_share": 0.0, "corpus.workers": 1}
    values |= {name.replace("__", "."): value for name, value in changes.items()}
    return build_corpus([folder / "in"], folder / "out", Settings().replace(values))


def planted() -> dict[str, str]:
    """Two originals, each with a copy of another date and footer; two texts that are alike in half of their words."""
    first, second, third = english(1), chinese(2), english(3)
    return {
        "en.txt": "Published 3 May. " + " ".join(first),
        "en_copy.txt": "PUBLISHED 9 June! " + " ".join(first) + " All rights reserved",
        "zh.txt": "五月三日讯：" + "".join(second),
        "zh_copy.txt": "六月九日讯，" + "".join(second) + "。版权所有。",
        "half.txt": " ".join(third),
        "other_half.txt": " ".join(third[:75] + english(4, 75)),
    }


def test_planted_copies_are_found_in_both_languages(tmp_path: Path):
    corpus = build(tmp_path, planted())
    documents = {document.source: document for document in corpus.documents()}
    assert set(documents) == {"in/en_copy.txt", "in/zh_copy.txt", "in/half.txt", "in/other_half.txt"}
    rows = {row["source"]: row for row in dropped_rows(corpus)}
    for gone, stays in (("in/en.txt", "in/en_copy.txt"), ("in/zh.txt", "in/zh_copy.txt")):
        row = rows[gone]
        survivor, alike = row["value"].split()
        assert (row["step"], row["reason"], row["threshold"]) == ("deduplicate", "near_duplicate", "0.8")
        assert survivor == document_id(stays)
        assert 0.8 <= float(alike) < 1
        assert row["excerpt"] and row["size"] > 0
        assert documents[stays].meta["duplicates"] == 2
    assert "duplicates" not in documents["in/half.txt"].meta
    assert corpus.manifest["duplicates"] == {"clusters": 2, "largest": 2}


def test_the_first_stays_where_that_is_wanted(tmp_path: Path):
    corpus = build(tmp_path, planted(), duplicates__keep="first")
    assert {document.source for document in corpus.documents()} >= {"in/en.txt", "in/zh.txt"}


@pytest.mark.parametrize("change", [{"duplicates__near": False}, {"corpus__deduplicate": False}])
def test_off(tmp_path: Path, change):
    corpus = build(tmp_path, planted(), **change)
    assert corpus.count() == 6
    assert not dropped_rows(corpus)


def test_copies_of_copies_are_counted_with_who_stays(tmp_path: Path):
    files = planted()
    files |= {"en_again.txt": files["en.txt"], "en_last.txt": files["en.txt"] + "\n"}
    corpus = build(tmp_path, files)
    kept = next(document for document in corpus.documents() if document.source == "in/en_copy.txt")
    assert kept.meta["duplicates"] == 4
    rows = [row for row in dropped_rows(corpus) if row["source"].startswith("in/en")]
    assert [(row["reason"], row["value"].split()[0]) for row in rows] == [("near_duplicate", kept.id)] * 3
    files |= {"en_copy_again.txt": files["en_copy.txt"]}
    rows = {row["source"]: row["reason"] for row in dropped_rows(build(tmp_path, files))}
    assert rows["in/en_copy_again.txt"] == "exact_duplicate"


def test_nothing_in_train_is_like_what_is_held_out(tmp_path: Path):
    """The held-out copy is the shorter one, comes last, and stays all the same."""
    files = planted()
    files["held_out/en.txt"] = files.pop("en.txt")
    files["held_out/z.txt"] = "另一段" + "".join(chinese(7))
    corpus = build(tmp_path, files)
    assert {document.source for document in corpus.documents("validation")} == {
        "in/held_out/en.txt",
        "in/held_out/z.txt",
    }
    assert "in/en_copy.txt" not in {document.source for document in corpus.documents("train")}
    assert not leaks(corpus)


def test_a_share_held_out_is_chosen_among_those_that_stay(tmp_path: Path):
    files = {}
    for number in range(60):
        text = english(number)
        for copy in range(4):
            files[f"{number}_{copy}.txt"] = f"copy{copy} " + " ".join(text)
    corpus = build(tmp_path, files, corpus__validation_share=0.3)
    assert corpus.count() == 60
    assert 5 < corpus.count("validation") < 40
    assert not leaks(corpus)


def leaks(corpus: Corpus) -> list[tuple[str, str]]:
    """All pairs, one held out and one not, that are alike."""
    found = []
    values = Settings().duplicates
    train, held_out = list(corpus.documents("train")), list(corpus.documents("validation"))
    for document in held_out:
        both, _ = signatures([document.text, *(other.text for other in train)], values)
        near = similarity(both[0], both[1:]) >= values.threshold
        found += [(document.source, other.source) for other, alike in zip(train, near, strict=True) if alike]
    return found


def test_the_same_bytes_for_any_number_of_workers(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("textmill.data.units.UNIT_BYTES", 4000)
    rows = []
    chance = random.Random(0)
    for number in range(300):
        words = english(number % 100) if number % 2 else chinese(number % 100)
        words[chance.randrange(len(words))] = str(number)
        rows.append(json.dumps({"text": (" " if number % 2 else "").join(words)}, ensure_ascii=False))
    built = []
    for workers in (1, 3):
        corpus = build(tmp_path, {"rows.jsonl": "\n".join(rows)}, corpus__workers=workers)
        built.append({path.name: path.read_bytes() for path in sorted(corpus.folder.iterdir())})
    assert built[0] == built[1]
    assert 100 <= corpus.count() < 150


def test_boilerplate_and_texts_without_words(tmp_path: Path):
    """Thousands of equal or empty-looking records are settled like any others."""
    texts = (
        ["Access denied. Please enable cookies."] * 3000 + [f"{'.' * (n + 1)}" for n in range(50)] + list("甲乙丙丁ab")
    )
    corpus = build(tmp_path, {"rows.jsonl": "\n".join(json.dumps({"text": text}) for text in texts)})
    assert corpus.count() == 1 + 50 + 6
    assert corpus.manifest["duplicates"] == {"clusters": 1, "largest": 3000}
