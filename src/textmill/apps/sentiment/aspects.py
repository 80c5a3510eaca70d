"""What is praised or blamed, with the words that say so, each of them a quote.

    text ─▶ (aspect, opinion) by a model under a grammar, or by clauses and the judge ─▶ the clause, judged ─▶ Aspect

`find` takes a model (an `Extractor`, see `extraction`) or none: without one the pairs come of `clause_pairs`, which
knows where an aspect stands in a sentence and asks the judge which words decide. Either way both spans are cut out of
the text, never written, so that no quote can be made up; the sentiment is the judge's, over the opinion's clause.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from textmill.apps.sentiment.clause_pairs import pairs_of_clauses
from textmill.apps.sentiment.clauses import Span, clauses
from textmill.apps.sentiment.judgement import Judgement
from textmill.apps.sentiment.reasons import Scores


class Judging(Scores, Protocol):
    """What is needed of a judge."""

    def judge(self, texts: Sequence[str]) -> list[Judgement]:
        """Returns what comes of each text."""
        ...


class Pairing(Protocol):
    """A way to find the pairs of spans."""

    def pairs(self, texts: Sequence[str]) -> list[list[tuple[Span | None, Span]]]:
        """Returns the (aspect, opinion) spans of each text; None: of the thing as a whole."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Aspect:
    """`aspect` is "" where the whole is meant; offsets are code points, (0, 0) for such an aspect."""

    aspect: str
    opinion: str
    at: Span
    opinion_at: Span
    label: str
    probability: float
    unsure: bool

    def as_dict(self) -> dict[str, Any]:
        """Returns it for JSON."""
        return {
            "aspect": self.aspect,
            "opinion": self.opinion,
            "label": self.label or None,
            "probability": round(self.probability, 4),
            "unsure": self.unsure,
            "at": list(self.at),
            "opinion_at": list(self.opinion_at),
        }


def find(judge: Judging, model: Pairing | None, text: str) -> list[Aspect]:
    """Returns the aspects of one text."""
    return find_all(judge, model, [text])[0]


def find_all(judge: Judging, model: Pairing | None, texts: Sequence[str]) -> list[list[Aspect]]:
    """Returns the aspects of each text, in its order."""
    found = model.pairs(texts) if model is not None else pairs_of_clauses(judge, texts)
    asked = [
        clause_of(text, opinion, aspect) for text, pairs in zip(texts, found, strict=True) for aspect, opinion in pairs
    ]
    judged = iter(judge.judge(asked) if asked else [])
    return [
        [made(text, aspect, opinion, next(judged)) for aspect, opinion in pairs]
        for text, pairs in zip(texts, found, strict=True)
    ]


def clause_of(text: str, opinion: Span, aspect: Span | None) -> str:
    """Returns the clauses that the two spans lie in."""
    low, high = opinion
    if aspect is not None and abs(aspect[0] - low) < 80:
        low, high = min(low, aspect[0]), max(high, aspect[1])
    touched = [span for span in clauses(text) if span[0] < high and low < span[1]]
    return text[min(low, touched[0][0]) : max(high, touched[-1][1])] if touched else text[low:high]


def made(text: str, aspect: Span | None, opinion: Span, judged: Judgement) -> Aspect:
    """Returns the aspect that two spans are."""
    return Aspect(
        aspect=text[slice(*aspect)] if aspect else "",
        opinion=text[slice(*opinion)],
        at=aspect or (0, 0),
        opinion_at=opinion,
        label=judged.label,
        probability=judged.probabilities.get(judged.label, 0.0),
        unsure=judged.unsure,
    )
