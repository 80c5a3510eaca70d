"""Which entities a question names: the longest stretches of it that are somebody's name."""

import re
from dataclasses import dataclass
from itertools import pairwise

from textmill.apps.ask.likeness import STOPPED
from textmill.apps.graph import folding
from textmill.apps.graph.names import EXACT, TYPO, Match
from textmill.apps.graph.store import EmbeddedGraph

LONGEST_NAME = 12
"""Words, or Chinese characters twice over."""
MOST_MEANINGS = 4
MOST_SLIPPED = 40
"""Stretches that are looked up with slips, when none is a name as it stands."""
OWN_NAME = 0.97
"""Scores above belong to names that were given; ends of IRIs ("Street") are easily met by chance."""


SIGNS, SIGNS_BEFORE = re.compile(r"[^\w\s]*"), re.compile(r"[^\w\s]*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """A stretch of a question and the entities that it may mean."""

    start: int
    end: int
    text: str
    matches: tuple[Match, ...]


def link(graph: EmbeddedGraph, question: str) -> list[Mention]:
    """Returns the entities that a question names, the longest name first; predicates are no entities here."""
    spans = stretches(question)
    found: list[Mention] = []
    for start, end in spans:
        if all(end <= other.start or start >= other.end for other in found):
            start, end, named = _named(graph, question, start, end)
            text = question[start:end]
            if matches := _meanings(graph, named, EXACT):
                found.append(Mention(start=start, end=end, text=text, matches=matches))
    kinds = [mention for mention in found if _is_kind(graph, mention.matches[0].iri)]
    if any(mention.matches[0].score > OWN_NAME and mention not in kinds for mention in found):
        return found
    if kinds:  # "street" is found as it stands in "Lmap Street", which is somebody's name all the same
        spans = [span for span in spans if any(span[0] <= one.start and one.end <= span[1] for one in kinds)]
    for start, end in [span for span in spans if folding.allowed_typos(question[slice(*span)])][:MOST_SLIPPED]:
        text = question[start:end]
        if matches := _meanings(graph, graph.find(text, most=MOST_MEANINGS), TYPO):
            one = Mention(start=start, end=end, text=text, matches=matches)
            return [one, *(mention for mention in found if mention.end <= start or mention.start >= end)]
    return found


def stretches(question: str) -> list[tuple[int, int]]:
    """Returns the (start, end) of whole words in a row, the longest first; a Chinese character is a word."""
    places: list[tuple[int, int]] = []
    for word in folding.WORD.finditer(question):
        inside = [match.start() for match in folding.IDEOGRAPH.finditer(word[0])]
        cuts = sorted({0, len(word[0]), *inside, *(at + 1 for at in inside)})
        places += [(word.start() + a, word.start() + b) for a, b in pairwise(cuts)]
    spans = [
        (places[first][0], places[last][1])
        for first in range(len(places))
        for last in range(first, min(len(places), first + 2 * LONGEST_NAME))
    ]
    named = [span for span in spans if folding.fold(question[slice(*span)]) not in STOPPED]
    return sorted(named, key=lambda span: (span[0] - span[1], span[0]))


def _meanings(graph: EmbeddedGraph, matches: list[Match], how: str) -> tuple[Match, ...]:
    """Returns the matches of a kind that are things and not predicates; names before ends of IRIs."""
    kept = [match for match in matches if match.how == how and not _is_predicate(graph, match.iri)]
    return tuple(sorted(kept, key=lambda match: (-match.score, match.iri))[:MOST_MEANINGS])


def _is_kind(graph: EmbeddedGraph, iri: str) -> bool:
    return graph.query(f"ASK {{ ?s a <{iri}> }}").truth


def _is_predicate(graph: EmbeddedGraph, iri: str) -> bool:
    return graph.query(f"ASK {{ ?s <{iri}> ?o }}").truth


def _named(graph: EmbeddedGraph, question: str, start: int, end: int) -> tuple[int, int, list[Match]]:
    """Returns where a stretch begins and ends and whose name it is, with the signs around it if these are part of it
    ("Help!"), or as one thing of many."""
    wide = (start - len(SIGNS_BEFORE.search(question[:start])[0]), end + len(SIGNS.match(question, end)[0]))  # type: ignore[index]
    for a, b in dict.fromkeys((wide, (start, wide[1]), (wide[0], end), (start, end))):
        if matches := graph.index.exactly(folding.fold(question[a:b])):
            return a, b, matches
    return start, end, graph.index.exactly(_singular(folding.fold(question[start:end])))


def _singular(folded: str) -> str:
    """Returns an English plural as one thing ("streets" are of the kind "street"), "" for other text."""
    return folded[:-1] if len(folded) > 4 and folded.isascii() and folded.endswith("s") else ""
