"""One question, from its words to a quote with its place, or to a refusal that says what was looked for.

    question ─▶ terms ─▶ passages by BM25 ─▶ sentences by how much of the terms they hold, rare ones counting more
             ─▶ the best, quoted;  with a model: the words of the answer in it

    holds(sentence) = Σ weight · rarity(term) / Σ rarity(term)
    weight: 1 in the sentence, ¾ in its neighbours, ½ in heading or title, 0 elsewhere

A sentence that holds less than `LIKELY` is no answer.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from textmill.apps.documents.index import DocumentIndex, Found, Source
from textmill.apps.documents.words import asked, held
from textmill.errors import InputError, UsageError

LIKELY = 0.5
"""The share of what a question asks for that a quote must hold; chosen by benchmarks/ask_documents.py (docs/log.md)."""
NEAR, ABOVE = 0.75, 0.5
PASSAGES = 30
SHOWN = 5
LONGEST_QUESTION = 2000
FITS = 0.08
"""What a sentence gains that has the kind of thing that is asked for: a number, a name."""
NAME = re.compile(r"(?<=[\w,;)] )[A-Z][\w'-]+|(?<=[\u3400-\u9fff])[A-Z]\w+")
KINDS = (
    (re.compile(r"\bwhen\b|\b(what|which) (year|day|date|time)\b|什么时候|哪年|几[年月点]", re.I),  # text data
     re.compile(r"\b[12]\d{3}s?\b|\d[年月日点]"  # text data
                r"|\b(january|february|march|april|june|july|august|september|october"
                r"|november|december|century|morning|noon|evening|night|o'clock|(mon|tues|wednes|thurs|fri|satur|sun)day)"
                r"\b|\d ?[ap]\.?m\b", re.I)),
    (re.compile(r"\bhow (many|much|long|old|far|tall|high)\b|几|多少|多久|多长|多高", re.I),  # text data
     re.compile(r"\d|[一二三四五六七八九十百千万两]"  # text data
                r"|\b(one|two|three|four|five|six|seven|eight|nine|ten)\b", re.I)),
    (re.compile(r"\b(who|whose|whom)\b", re.I), NAME),
)  # fmt: skip
"""What tells the kind of thing that is asked for, and what a sentence with such a thing looks like."""
NOTHING, UNLIKELY, NO_DOCUMENTS = "nothing", "unlikely", "no_documents"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """A sentence of a document, word for word: ``source.text[start:end]``."""

    source: Source
    start: int
    end: int
    score: float
    """The share of what was asked for that it holds, 0 to 1."""
    around: tuple[int, int]
    """The passage that it stands in."""

    @property
    def text(self) -> str:
        """The sentence."""
        return self.source.text[self.start : self.end]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The words of the answer, as places in the document's text, and the model's mean log-probability of them."""

    start: int
    end: int
    log_probability: float


class Chooser(Protocol):
    """What picks the words of an answer out of a quote."""

    def choose(self, question: str, quote: Quote) -> Choice | None:
        """Returns where the answer stands; None where it cannot be asked."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came of a question."""

    question: str
    terms: tuple[str, ...]
    missing: tuple[str, ...] = ()
    """Terms that stand in no document."""
    quote: Quote | None = None
    choice: Choice | None = None
    considered: tuple[Quote, ...] = field(default=())
    """The best sentences, also of a refusal."""
    refused: str = ""
    """Why there is no answer: no_documents, nothing, unlikely; "" where there is one."""

    @property
    def answer(self) -> str:
        """The words chosen by a model, else the whole quote; "" for a refusal."""
        if self.quote is None or self.choice is None:
            return self.quote.text if self.quote else ""
        return self.quote.source.text[self.choice.start : self.choice.end]


def answer(index: DocumentIndex, question: str, chooser: Chooser | None = None) -> Reply:
    """Returns the answer to a question, or a refusal."""
    if not question.strip():
        raise UsageError("ask.nothing_asked")
    if len(question) > LONGEST_QUESTION:
        raise InputError("documents.question_long", limit=LONGEST_QUESTION, got=len(question))
    terms = asked(question)
    missing = tuple(term for term in terms if not index.has(term))
    known = {"question": question, "terms": tuple(terms), "missing": missing}
    found = index.best(terms, PASSAGES)
    if not found:
        empty = index.counts()["passages"] == 0
        return Reply(refused=NO_DOCUMENTS if empty else NOTHING, **known)
    best = quotes(found, question, index.rarity(terms))
    top = best[0]
    if top.score < LIKELY:
        return Reply(refused=UNLIKELY, considered=tuple(best[:SHOWN]), **known)
    choice = chooser.choose(question, top) if chooser is not None else None
    return Reply(quote=top, choice=choice, considered=tuple(best[:SHOWN]), **known)


def quotes(found: Sequence[Found], question: str, rarity: dict[str, float]) -> list[Quote]:
    """Returns the sentences of passages, the best first; of equal ones the one in the better passage."""
    wanted = [thing for cue, thing in KINDS if cue.search(question)]
    total = sum(rarity.values()) or 1.0
    ranked: list[tuple[float, Quote]] = []
    for passage in found:
        text = passage.source.text
        above = held(f"{passage.source.title} {passage.heading}")
        inside = [held(text[start:end]) for start, end in passage.sentences]
        around = (passage.sentences[0][0], passage.sentences[-1][1])
        for number, (start, end) in enumerate(passage.sentences):
            near = frozenset[str]().union(*inside[max(0, number - 1) : number + 2])
            share = sum(
                value * weight(term, inside[number], near, above) for term, value in rarity.items()
            ) / total  # fmt: skip
            gain = FITS * any(thing.search(text[start:end]) for thing in wanted)
            quote = Quote(source=passage.source, start=start, end=end, score=round(share, 4), around=around)
            ranked.append((share + gain, quote))
    ranked.sort(key=lambda item: -item[0])
    return [quote for _, quote in ranked]


def weight(term: str, inside: frozenset[str], near: frozenset[str], above: frozenset[str]) -> float:
    """Returns how much a term counts by where it stands."""
    return 1.0 if term in inside else NEAR if term in near else ABOVE if term in above else 0.0
