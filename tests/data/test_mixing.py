"""Weights by source, language and quality: rules, copies that are a function of seed and id, and shares by hand."""

import hashlib
import json
import math
from pathlib import Path

import numpy as np
import pytest
from corpus_helpers import write
from hypothesis import given
from hypothesis import strategies as st

from textmill.config import MixSettings, Settings
from textmill.data.build import build_corpus
from textmill.data.mixing import copies, corpus_shares, group_of, quality_weights, rule_of, rules_of, weights_of
from textmill.errors import SettingsError


def ids(count: int, name: str = "") -> np.ndarray:
    digests = [hashlib.sha256(f"{name}{number}".encode()).digest()[:16] for number in range(count)]
    return np.frombuffer(b"".join(digests), dtype=np.uint8).reshape(-1, 16)


PINNED = [1, 1, 2, 1, 1, 2, 1, 1, 1, 2, 1, 2, 2, 1, 1, 1]
"""Which documents a run takes must not change with a version of Textmill."""


@pytest.mark.parametrize("weight", [0.0, 0.1, 0.5, 1.0, 1.7, 3.0])
def test_copies_are_the_weight_on_average(weight):
    found = copies(ids(20_000), np.full(20_000, weight), 0)
    assert set(found) <= {math.floor(weight), math.ceil(weight)}
    assert found.mean() == pytest.approx(weight, abs=4 * 0.5 / 20_000**0.5)


@given(st.integers(0, 2**63 - 1), st.floats(0, 5), st.floats(0, 5))
def test_copies_depend_on_seed_and_id_alone_and_grow_with_the_weight(seed, first, second):
    documents = ids(50)
    low, high = sorted((first, second))
    some = copies(documents, np.full(50, low), seed)
    assert (some <= copies(documents, np.full(50, high), seed)).all()
    assert (copies(documents[::-1], np.full(50, low), seed) == some[::-1]).all()
    assert (copies(documents[7:9], np.full(2, low), seed) == some[7:9]).all()


def test_another_seed_takes_other_documents():
    half = [copies(ids(2000), np.full(2000, 0.5), seed) for seed in (1, 2)]
    assert 0.4 < (half[0] == half[1]).mean() < 0.6
    assert copies(ids(16), np.full(16, 1.5), 0).tolist() == PINNED


def test_the_first_rule_of_a_field_counts_and_fields_multiply():
    rules = rules_of(
        MixSettings(weights=("source:web/*=0.5", "source:*=3", "language:zh=2", "quality:0.8-1=1.5", "quality:0-1=0.1"))
    )
    names = {"source": ["web/a", "mail"], "language": ["en", "zh"]}
    places = {"source": np.array([0, 0, 1, 1]), "language": np.array([0, 1, 0, 1])}
    quality = np.array([math.nan, 0.9, 0.5, 1.0])
    assert weights_of(names, places, quality, rules) == pytest.approx([0.5, 0.5 * 2 * 1.5, 3 * 0.1, 3 * 2 * 1.5])


def test_quality_ranges_hold_their_lower_end_only():
    scores = np.array([0.0, 0.2, 0.5, 0.8, 1.0, math.nan])
    rules = rules_of(MixSettings(weights=("quality:0-0.5=0", "quality:0.5-1=2")))
    assert quality_weights(scores, rules).tolist() == [0, 0, 2, 2, 2, 1]


@pytest.mark.parametrize(
    "text",
    ["", "zh=2", "language=2", "language:zh", "language:zh=x", "language:zh=-1", "colour:red=1", "language:zh=nan",
     "language:zh=1001", "quality:high=2", "quality:0.8-0.2=1", "language:=2"],
)  # fmt: skip
def test_what_is_no_rule_is_told(text):
    with pytest.raises(SettingsError) as error:
        rule_of(text)
    assert error.value.key == "mixing.rule"


def test_a_pattern_may_hold_colons_and_equal_signs():
    rule = rule_of("source:a:b=c/*=0.25")
    assert (rule.pattern, rule.weight, rule.matches("a:b=c/d")) == ("a:b=c/*", 0.25, True)


@pytest.mark.parametrize(
    ("source", "group"),
    [("in/a/b.html", "in/a"), ("in/r.jsonl:15", "in/r.jsonl"), ("in/r.jsonl", "in"), ("a.txt", ""), ("x:y/z", "x:y")],
)
def test_groups(source, group):
    assert group_of(source) == group


def test_shares_of_a_corpus(tmp_path: Path):
    files = {f"web/{n}.txt": f"{n:03} " * 25 for n in range(40)}
    files["mail.jsonl"] = "\n".join(json.dumps({"text": f"字{n:06}"}) for n in range(10))
    write(tmp_path / "in", files)
    values = {"corpus.validation_share": 0.0, "corpus.workers": 1, "duplicates.near": False}
    corpus = build_corpus([tmp_path / "in"], tmp_path / "out", Settings().replace(values))
    assert corpus_shares(corpus, MixSettings()) == {}
    shares = corpus_shares(corpus, MixSettings(weights=("source:*/mail.jsonl=20",)))
    web, mail = 40 * 99, 10 * 9
    by_name = {part["name"]: part for part in shares["source"]}
    assert by_name["in/web"] == {"name": "in/web", "before": web / (web + mail), "mixed": web / (web + 20 * mail)}
    assert by_name["in/mail.jsonl"]["mixed"] == pytest.approx(20 * mail / (web + 20 * mail))
