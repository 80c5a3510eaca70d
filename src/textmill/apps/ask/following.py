"""Questions that go on from the one before: "And where was she born?" keeps whom it was about.

Where a question names nobody, it is about what was answered before, or about what was asked of then; a pronoun or
nothing stands in its place. Where it names somebody and has a pronoun too, it is about both.
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from textmill.apps.ask.linking import Mention
from textmill.apps.graph.names import EXACT, Match

if TYPE_CHECKING:
    from textmill.apps.ask.asking import Reply

PRONOUN = re.compile(
    r"\b(?:he|she|it|they|him|her|them|his|hers|its|their|theirs|there|that one|this one)\b"
    r"|他们|她们|它们|[他她它]|那里|那儿|其",  # text data
    re.IGNORECASE,
)
MOST_ANSWERS = 4
"""More answers than these are nobody in particular."""


def subjects(question: str, mentions: Sequence[Mention], before: "Reply") -> list[Mention]:
    """Returns the mentions of a question that follows another; `before`: what came of that."""
    pronoun = PRONOUN.search(question)
    if mentions and pronoun is None:
        return list(mentions)
    found = [match for mention in before.linked[:1] for match in mention.matches]
    answers = [term["value"] for term in before.answers if term["type"] == "uri"]
    if len(answers) <= MOST_ANSWERS:
        found = [Match(iri=iri, name=iri, language="", how=EXACT, score=1.0) for iri in answers] + found
    start, end = pronoun.span() if pronoun else (0, 0)
    if not found or any(start < other.end and other.start < end for other in mentions):
        return list(mentions)
    known = {match.iri: match for match in reversed(found)}
    one = Mention(start=start, end=end, text=question[start:end], matches=tuple(reversed(known.values())))
    return [*mentions, one]
