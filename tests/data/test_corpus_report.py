"""report corpus: the figures are the corpus's, hostile text stays text, memory does not grow with the corpus."""

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from corpus_helpers import build

from textmill import i18n
from textmill.data.corpus_report.counting import Frequent, Lengths, Sample
from textmill.data.corpus_report.gather import gather, host_of, source_of
from textmill.data.corpus_report.page import corpus_page
from textmill.data.duplicates.passages import LINE, PARAGRAPH
from textmill.i18n import set_language

HOSTILE = (
    "<script>alert(1)</script> <img src=x onerror=alert(2)> \"'>&lt; \u202egnp.exe\u202c </bdi></article> enough words"
)


class Elements(HTMLParser):
    """Notes every element with its attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.fixture
def corpus(tmp_path: Path) -> Any:
    rows = [
        {"text": f"Row {number} about dogs and houses.", "url": f"https://www.a{number % 2}.org/x"}
        for number in range(6)
    ]
    rows += [rows[0], rows[0], rows[1], {"text": "tiny"}, {"text": "a bit longer"}]
    files: dict[str, str | bytes] = {
        "rows.jsonl": "".join(json.dumps(row) + "\n" for row in rows),
        f"sub/{HOSTILE[:20].replace('/', '')}.txt": HOSTILE,
        "sub/short.txt": "<b>short",
        "zh/猫.txt": "小猫坐在垫子上，小猫唱歌，唱了一整天。",
        "picture.png": b"\x89PNG\r\n\x1a\n",
    }
    return build(tmp_path, files, minimum_characters=13, personal="keep", language="")


def test_the_figures_are_those_of_the_corpus(corpus: Any) -> None:
    found = gather(corpus)
    assert found["corpus"]["documents"] == corpus.count() == 8
    steps = {step["step"]: step for step in found["funnel"]}
    assert [step["step"] for step in found["funnel"]] == ["find", "clean", "deduplicate"]
    assert steps["deduplicate"]["documents"] == 3
    assert steps["deduplicate"]["bytes"] == 3 * len("Row 0 about dogs and houses.")
    assert steps["clean"]["reasons"][0]["documents"] == 3
    assert found["funnel"][-1]["documents_left"] == corpus.count()
    assert found["duplicates"]["documents"] == 3 and found["duplicates"]["clusters"] == 2
    assert [(row["documents"], row["begin"]) for row in found["duplicates"]["largest"]] == [
        (3, "Row 0 about dogs and houses."), (2, "Row 1 about dogs and houses."),
    ]  # fmt: skip
    assert {row["name"]: row["documents"] for row in found["hosts"]["most"]} == {"a0.org": 3, "a1.org": 3}
    assert {row["name"]: row["documents"] for row in found["sources"]["most"]} == {
        "in/rows.jsonl": 6,
        "in/sub": 1,
        "in/zh": 1,
    }
    (rule,) = found["thresholds"]
    assert (rule["reason"], rule["threshold"], rule["dropped"]) == ("too_short", 13, 3)
    assert (rule["nearest"], rule["furthest"], rule["within_a_tenth"]) == (12, 4, 1)
    lengths = [len(document.text) for document in corpus.documents()]
    assert (found["lengths"]["shortest"], found["lengths"]["longest"]) == (min(lengths), max(lengths))
    assert sum(item["documents"] for item in found["lengths"]["bins"]) == len(lengths)
    json.dumps(found, allow_nan=False)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_hostile_text_stays_text_and_nothing_is_loaded(corpus: Any, language: str) -> None:
    set_language(language)
    text = corpus_page(gather(corpus, samples=20))
    parsed = Elements()
    parsed.feed(text)
    tags = {tag for tag, _ in parsed.found}
    assert not tags & {"script", "img", "link", "iframe", "object", "form", "b"}
    for _, attributes in parsed.found:
        assert not {"src", "onerror", "style"} & set(attributes)
        assert (attributes.get("href") or "#").startswith("#")
    assert "url(" not in text and "@import" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "⟨U+202E⟩" in text and "\u202e" not in text
    assert "小猫坐在垫子上" in text
    anchors = {attributes["href"] for tag, attributes in parsed.found if tag == "a"}
    assert anchors <= {f"#{attributes.get('id')}" for _, attributes in parsed.found}
    assert not re.search(r"corpus_report\.|reason_|step_", text)


def test_what_was_cut_has_words() -> None:
    for kind in (PARAGRAPH, LINE):
        assert f"cut_{kind}" in i18n.catalog("corpus")


def test_the_same_corpus_gives_the_same_page_and_other_seeds_other_samples(corpus: Any) -> None:
    assert corpus_page(gather(corpus)) == corpus_page(gather(corpus))
    first, other = (gather(corpus, samples=3, seed=seed)["samples"]["kept"] for seed in (0, 1))
    assert [item["id"] for item in first] != [item["id"] for item in other]
    assert {item["reason"] for item in gather(corpus, samples=2)["samples"]["dropped"]} == {
        "too_short",
        "exact_duplicate",
    }


def test_the_command_writes_the_page_and_prints_its_figures(corpus: Any, run_textmill: Callable[..., Any]) -> None:
    done = run_textmill("report", "corpus", "--corpus", corpus.folder, "--json").ok().document
    assert Path(done["file"]) == corpus.folder / "report.html"
    assert "Corpus report" in (corpus.folder / "report.html").read_text(encoding="utf-8")
    assert done["corpus"]["content_hash"] == corpus.content_hash
    run_textmill("report", "corpus", "--corpus", corpus.folder, "--out", "zh.html", "--ui-language", "zh").ok()
    assert run_textmill("report", "corpus", "--corpus", corpus.folder / "none").code == 2


def test_frequent_names_survive_with_bounded_room() -> None:
    counted = Frequent(room=10)
    for number in range(3000):
        counted.add("often" if number % 3 == 0 else f"once {number}", 10)
        assert len(counted.counts) <= 10
    ((name, count, size),) = counted.most(1)
    assert name == "often" and 1000 - 3000 / 10 <= count <= 1000 and size == 10 * count
    assert not counted.exact


def test_quantiles_are_exact_to_five_per_cent() -> None:
    lengths = Lengths()
    for length in range(1, 10_001):
        lengths.add(length)
    for part in (0.1, 0.5, 0.9):
        assert lengths.quantile(part) == pytest.approx(10_000 * part, rel=0.05)
    assert sum(number for _, _, number in lengths.octaves()) == 10_000


def test_a_sample_does_not_depend_on_the_order() -> None:
    forward, backward = Sample(room=5), Sample(room=5)
    for number in range(100):
        forward.add(str(number), number)
        backward.add(str(99 - number), 99 - number)
    assert forward.items() == backward.items() and len(forward.entries) == 5


def test_names_of_sources_and_hosts() -> None:
    assert [source_of(name) for name in ("a.jsonl:7", "a/b/c/d.html", "a/b.warc:3")] == ["a.jsonl", "a/b", "a/b.warc"]
    assert [host_of(url) for url in ("https://www.A.org:8/x", "http://[x", "")] == ["a.org", "", ""]
