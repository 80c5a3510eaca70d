"""datatrove's decisions on the texts of `spoiled.py`, stored with the version that made them, against ours.

Made by its GopherRepetitionFilter, GopherQualityFilter, C4QualityFilter and FineWebQualityFilter with their defaults,
each alone, on every text. What differs is to be listed here; on these texts nothing does. On real pages it is the share
of words with letters, near its threshold: words are cut by spaCy there and by an expression here.
"""

import json
from pathlib import Path

import pytest
from cleaning_texts import ENGLISH
from spoiled import SPOILS, STRENGTHS, spoiled

from textmill.config import CleanSettings
from textmill.data.cleaning import quality_rules
from textmill.data.cleaning.lines import without_bad_lines
from textmill.data.cleaning.measures import Measures
from textmill.data.cleaning.repetition import broken_rules
from textmill.data.cleaning.rules import limits

STORED = json.loads((Path(__file__).parent / "datatrove_decisions.json").read_text(encoding="utf-8"))
TEXTS = spoiled(ENGLISH)
NAMES = {
    "dup_para_frac": "maximum_duplicate_paragraphs",
    "dup_para_char_frac": "maximum_duplicate_paragraph_characters",
    "dup_line_frac": "maximum_duplicate_lines",
    "dup_line_char_frac": "maximum_duplicate_line_characters",
    **{f"top_{n}_gram": f"top_{n}gram" for n in (2, 3, 4)},
    **{f"duplicated_{n}_n_grams": f"repeated_{n}grams" for n in range(5, 11)},
    "gopher_short_doc": "minimum_words",
    "gopher_below_avg_threshold": "minimum_word_length",
    "gopher_above_avg_threshold": "maximum_word_length",
    "gopher_too_many_hashes": "maximum_hashes",
    "gopher_too_many_ellipsis": "maximum_ellipses",
    "gopher_too_many_bullets": "maximum_bullet_lines",
    "gopher_too_many_end_ellipsis": "maximum_ellipsis_lines",
    "gopher_below_alpha_threshold": "minimum_alphabetic_words",
    "gopher_enough_stop_words": "minimum_stop_words",
    "lorem_ipsum": "lorem_ipsum",
    "curly_bracket": "curly_bracket",
    "too_few_sentences": "minimum_sentences",
    "line_punct_ratio": "minimum_punctuated_lines",
    "short_line_ratio": "maximum_short_lines",
    "char_dup_ratio": "maximum_repeated_line_characters",
    "list_ratio": "maximum_newlines",
    "": "",
}
DIFFERENT: dict[tuple[str, str, int], tuple[str, str]] = {}
"""{(filter, way, strength): (theirs, ours)}; empty, and a change of ours has to keep it so or say why not."""


def ours(filter_: str, text: str) -> str:
    """Returns the rule that refuses a text when only that filter's rules are asked."""
    on = limits(CleanSettings(rules="c4" if filter_ == "c4" else "fineweb"))["en"]
    if filter_ == "c4":
        text = without_bad_lines(text, on, spaced=True)[0]
    rules = {
        "repetition": broken_rules,
        "gopher": quality_rules.gopher,
        "c4": quality_rules.c4,
        "fineweb": quality_rules.fineweb,
    }
    finding = next(rules[filter_](Measures(text, "en"), on), None)
    return finding[0] if finding else ""


def test_the_stored_decisions_are_of_these_texts_and_of_all_kinds() -> None:
    assert len(TEXTS) == len(SPOILS) * len(STRENGTHS) == len(STORED["gopher"])
    seen = {reason for filter_ in ("repetition", "gopher", "c4", "fineweb") for reason in STORED[filter_]}
    assert len(seen) >= 17


@pytest.mark.parametrize("filter_", ["repetition", "gopher", "c4", "fineweb"])
def test_the_same_rule_refuses_the_same_texts(filter_: str) -> None:
    different = {}
    for place, (text, theirs) in enumerate(zip(TEXTS, STORED[filter_], strict=True)):
        found = ours(filter_, text)
        if found != NAMES[theirs]:
            way, strength = divmod(place, len(STRENGTHS))
            different[filter_, SPOILS[way].__name__, strength] = (NAMES[theirs], found)
    assert different == {key: value for key, value in DIFFERENT.items() if key[0] == filter_}


def test_c4_keeps_the_same_lines() -> None:
    on = limits(CleanSettings(rules="c4"))["en"]
    for text, kept, refused in zip(TEXTS, STORED["c4_lines"], STORED["c4"], strict=True):
        if not refused:
            assert len(without_bad_lines(text, on, spaced=True)[0].split("\n")) == kept
