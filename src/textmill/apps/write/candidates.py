"""Candidates for the next sentence, judged: what must not be is thrown out, of the rest the best is taken.

    score = log-probability a token + ¼ · that of the mark that ends it − 3 · share of 4-grams that are there already
            − 3 where it repeats itself
            − 1 for the wrong person − 1 for the wrong tone − how far its words are from the level
            − 1 where its source does not support it

The mark that ends a sentence counts by itself, so a sentence that had to stop in its middle loses.
"""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any

from textmill.apps.write.manner import breaks_tone, off_level, wrong_person
from textmill.apps.write.order import CHARACTER, CITATION, Order, has_word, length
from textmill.apps.write.sources import Finder, Passage
from textmill.apps.write.support import support
from textmill.evaluate.text_quality import runs, units
from textmill.infer.events import END, Generation

REPEATED_SHARE = 0.5
"""A sentence with more of its 4-grams in the article already says nothing new."""
ENDS = re.compile(r"[.!?。！？][\"”]?$")  # text data
DANGLING = re.compile(r"[,;:(–—，、：；-]+(?=[.!?。！？]$)")  # text data
"""What is left of a sentence that would have gone on."""
LEAK_CHINESE = "^(?:内容|资料|注意|要求)[：:]"  # text data
LEAK = re.compile(rf"\bshould say\b|\bAnswer in JSON\b|\bas an AI\b|{LEAK_CHINESE}", re.IGNORECASE)
"""Words of the request that small models write down instead of doing what it says."""
HELD_AGAINST = 4
"""Passages that a sentence is held against."""
MOST_LOST = -8.0
"""Of a log-probability, how much the ending mark may count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A sentence of the article. `source` 0: it cites nothing."""

    text: str
    source: int = 0
    supported: bool = True
    quoted: bool = False
    """It is the source's own sentence, because the model said nothing that its source supports."""
    why: tuple[str, ...] = ()
    """What its source does not have."""
    score: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Returns the sentence as JSON has it."""
        return asdict(self) | {"why": list(self.why)}

    @staticmethod
    def from_dict(value: dict[str, Any]) -> "Sentence":
        """Returns the sentence that `as_dict` wrote."""
        fields: dict[str, Any] = value | {"why": tuple(value["why"])}
        return Sentence(**fields)


def judge(
    generations: Sequence[Generation],
    order: Order,
    before: str,
    known: str,
    finder: Finder | None,
    used: Sequence[Passage] = (),
    *,
    strict: bool = True,
) -> list[Sentence]:
    """Returns the candidates that may be taken, the best first; with sources each cites the one that has most of it.

    `before`: the article so far; `known`: words that need no source; `used`: passages that are said already; `strict`:
    what repeats itself may not be taken.
    """
    written = {*runs(units(before), 4)}
    fresh = [made for each in generations if (made := _sentence(each, order, before, written)) is not None]
    fresh = [each for each in fresh if not (strict and stutters(CITATION.sub("", each.text)))]
    if finder is not None:
        fresh = [_cited(each, known, finder, used) for each in fresh]
    return sorted(fresh, key=lambda each: -each.score)


def _sentence(generation: Generation, order: Order, before: str, written: set[tuple[str, ...]]) -> Sentence | None:
    """Returns a candidate with its score, or None for one that cannot be taken."""
    text = DANGLING.sub("", balanced(" ".join(generation.text.split())))
    bare = CITATION.sub("", text)
    if generation.finish_reason != END and not ENDS.search(text):
        return None
    if length(bare) < 2 or LEAK.search(bare) or any(has_word(bare, word) for word in order.forbidden) or bare in before:
        return None
    grams = runs(units(bare), 4)
    repeated = sum(gram in written for gram in grams) / len(grams) if grams else 0.0
    if repeated > REPEATED_SHARE:
        return None
    score = generation.log_probability / max(1, len(generation.ids)) - 3 * repeated - 3 * stutters(bare)
    if generation.log_probabilities:
        score += max(MOST_LOST, generation.log_probabilities[-1]) / 4
    score -= wrong_person(bare, order.person) + breaks_tone(bare, order) + off_level(bare, order.level)
    return Sentence(text=text, score=score)


def stutters(text: str) -> bool:
    """True where a sentence repeats itself: three words (four characters) in a row that it has had before."""
    said = units(text)
    found = runs(said, 4 if CHARACTER.search(text) else 3)
    return len(set(found)) < len(found) or any(a == b and not CHARACTER.fullmatch(a) for a, b in pairwise(said))


def balanced(text: str) -> str:
    """Returns the text without the marks of a quotation that is not closed, or never began."""
    if text.count('"') % 2:
        text = text.replace('"', "")
    return text if text.count("“") == text.count("”") else text.replace("“", "").replace("”", "")


def _cited(sentence: Sentence, known: str, finder: Finder, used: Sequence[Passage]) -> Sentence:
    """Returns the sentence with the citation of the passage that supports it best."""
    passages = finder.best(sentence.text, HELD_AGAINST, used)
    tried = [(support(sentence.text, each.text, known), each) for each in passages]
    found, passage = max(tried, key=lambda each: (each[0].supported, each[0].share))
    end = ENDS.search(sentence.text)
    body, mark = (sentence.text[: end.start()], end[0]) if end else (sentence.text, "")
    return replace(
        sentence,
        text=f"{body} [{passage.source}]{mark}",
        source=passage.source,
        supported=found.supported,
        why=found.missing,
        score=sentence.score - (not found.supported) + found.share,
    )


def quote(passage: Passage, language: str) -> Sentence:
    """Returns a sentence that says what the source says, in its words: quoted, unless it is a graph's fact."""
    text = passage.text.strip()
    ends = ENDS.search(text)
    full_stop = "。" if language == "zh" else "."  # text data
    body, end = (text[: ends.start()], text[ends.start()]) if ends else (text, full_stop)
    marks = ("“", "”") if language == "zh" else ('"', '"')
    body = body.strip(' "“”')
    if passage.fact:
        return Sentence(text=f"{body} [{passage.source}]{end}", source=passage.source, quoted=True)
    return Sentence(text=f"{marks[0]}{body}{marks[1]} [{passage.source}]{end}", source=passage.source, quoted=True)
