"""Lines and paragraphs of many documents: where they stay, where they are cut, and what is left alone."""

import json
import random
from pathlib import Path

import pytest
from corpus_helpers import dropped_rows, write

from textmill.config import Settings
from textmill.data.build import build_corpus
from textmill.data.corpus import Corpus

LICENCE = "Permission is hereby granted, free of charge, to any person obtaining a copy of this text and its parts."
SATZ = "本文版权归作者所有，未经书面许可不得以任何形式转载、摘编或用于商业用途，违者必究，特此声明并保留追究的权利。"


def build(folder: Path, files: dict[str, str], **changes) -> Corpus:
    write(folder / "in", dict(files))
    values = {"corpus.validation_share": 0.0, "corpus.workers": 1, "duplicates.near": False}
    values |= {f"duplicates.{name}": value for name, value in changes.items() if "." not in name}
    values |= {name: value for name, value in changes.items() if "." in name}
    return build_corpus([folder / "in"], folder / "out", Settings().replace(values))


def by_source(corpus: Corpus) -> dict[str, str]:
    return {document.source.removeprefix("in/"): document.text for document in corpus.documents()}


@pytest.mark.parametrize("passage", [LICENCE, SATZ])
def test_a_paragraph_stays_in_the_first_document(tmp_path: Path, passage: str):
    files = {f"{name}.txt": f"Begins with {name}.\n\n{passage}\n\nEnds with {name}." for name in "abc"}
    corpus = build(tmp_path, files, paragraphs=True)
    assert by_source(corpus) == {
        "a.txt": f"Begins with a.\n\n{passage}\n\nEnds with a.",
        "b.txt": "Begins with b.\n\nEnds with b.",
        "c.txt": "Begins with c.\n\nEnds with c.",
    }
    assert corpus.manifest["passages_cut"] == {"line": 0, "paragraph": 2}
    metas = [document.meta.get("cut") for document in corpus.documents()]
    assert metas == [None, {"paragraph": 1}, {"paragraph": 1}]
    assert corpus.manifest["bytes"] == sum(len(text.encode()) for text in by_source(corpus).values())


def test_a_held_out_document_keeps_its_paragraph(tmp_path: Path):
    files = {"a.txt": f"one\n{LICENCE}", "held_out/z.txt": f"two\n{LICENCE}"}
    assert by_source(build(tmp_path, files, paragraphs=True)) == {"a.txt": "one", "held_out/z.txt": f"two\n{LICENCE}"}


def test_twice_in_one_document_is_not_in_several(tmp_path: Path):
    text = f"one\n{LICENCE}\ntwo\n{LICENCE}"
    assert by_source(build(tmp_path, {"a.txt": text, "b.txt": "three"}, paragraphs=True))["a.txt"] == text


def test_what_becomes_too_short_is_dropped_with_its_reason(tmp_path: Path):
    files = {"a.txt": LICENCE + "\nand more", "b.txt": LICENCE, "c.txt": LICENCE + "\nbrief"}
    corpus = build(tmp_path, files, paragraphs=True, **{"corpus.minimum_characters": 6})
    assert by_source(corpus) == {"a.txt": files["a.txt"]}
    rows = [(row["source"], row["reason"], row["value"], row["threshold"]) for row in dropped_rows(corpus)]
    assert rows == [("in/b.txt", "repeated_passages", "0", "6"), ("in/c.txt", "repeated_passages", "5", "6")]


def page(host: str, number: int) -> str:
    return json.dumps({"url": f"https://{host}/{number}", "text": f"Home | News\nStory {number} of {host}\nShare this"})


def test_lines_of_a_host_are_cut_from_all_its_documents(tmp_path: Path):
    rows = [page("big.example", number) for number in range(5)] + [page("small.example", number) for number in range(2)]
    corpus = build(tmp_path, {"rows.jsonl": "\n".join(rows)}, lines=5)
    texts = [document.text for document in corpus.documents()]
    assert texts[:5] == [f"Story {number} of big.example" for number in range(5)]
    assert texts[5] == "Home | News\nStory 0 of small.example\nShare this"
    assert corpus.manifest["passages_cut"] == {"line": 10, "paragraph": 0}


def test_code_and_lines_without_letters_are_left_alone(tmp_path: Path):
    files = {f"{n}.txt": f"{n} words\n```\nimport numpy\n```\n    indented\n---\n| 1 | 2 |\nMenu" for n in range(4)}
    corpus = build(tmp_path, files, lines=3)
    assert by_source(corpus)["2.txt"] == "2 words\n```\nimport numpy\n```\n    indented\n---\n| 1 | 2 |"


def test_equal_after_the_cut_is_equal(tmp_path: Path):
    files = {"a.txt": f"{LICENCE}\nfirst", "b.txt": f"{LICENCE}\nThe same story.", "c.txt": "The same story."}
    corpus = build(tmp_path, files, paragraphs=True)
    assert by_source(corpus) == {"a.txt": files["a.txt"], "b.txt": "The same story."}
    assert [row["reason"] for row in dropped_rows(corpus)] == ["exact_duplicate"]


def test_near_duplicates_are_judged_by_what_is_left(tmp_path: Path):
    """Two stories under one long notice are alike before the cut and not after it."""
    chance = random.Random(0)
    notice = " ".join(f"word{number}" for number in range(300))
    stories = [" ".join(str(chance.randrange(10**6)) for _ in range(20)) for _ in range(2)]
    files = {f"{n}.txt": f"{story}\n{notice}" for n, story in enumerate(stories)}
    settings = {"near": True, "keep": "first"}
    assert build(tmp_path, files, **settings).count() == 1
    corpus = build(tmp_path, files, paragraphs=True, **settings)
    assert by_source(corpus) == {"0.txt": files["0.txt"], "1.txt": stories[1]}


def test_the_same_bytes_for_any_number_of_workers(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("textmill.data.units.UNIT_BYTES", 2000)
    chance = random.Random(0)
    lines = [LICENCE.replace("text", f"text{number}") for number in range(30)] + ["Menu", "首页", "下一篇"]
    rows = [
        json.dumps({"text": "\n".join([f"Own {n}", *chance.sample(lines, 4)]), "url": f"http://h{n % 3}/"})
        for n in range(200)
    ]
    built = []
    for workers in (1, 3):
        corpus = build(
            tmp_path, {"r.jsonl": "\n".join(rows)}, paragraphs=True, lines=20, near=False, **{"corpus.workers": workers}
        )
        built.append({path.name: path.read_bytes() for path in sorted(corpus.folder.iterdir())})
    assert built[0] == built[1]
    kept = [line for text in by_source(corpus).values() for line in text.split("\n") if line.startswith("Permission")]
    assert len(kept) == len(set(kept)) == 30
