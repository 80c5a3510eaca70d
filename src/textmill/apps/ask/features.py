"""What is read off a question and off a query's shape, as words that weights can be learned for.

    "who directed the films of slotone"    who · who directed · films of slotone · of@-1 · the@-3 …
    ?x1 p <1> . ?x1 q ?answer            the whole · each pattern · p · q · p then q · words of their names · form

A question's own names stand as slots, numbers as 0: what is learned of one entity holds for all.
"""

import re
from collections.abc import Iterator, Sequence

from textmill.apps.ask.linking import Mention
from textmill.apps.ask.query import Query
from textmill.apps.ask.weighing import masked
from textmill.apps.graph import folding

TOKEN = re.compile(r"[\u3400-\u9fff]|[^\W\u3400-\u9fff_]+|[^\w\s]")
NUMBER = re.compile(r"\d+(?:[.,:-]\d+)*")
SLOTS = ("slotone", "slottwo")
RUNS = (1, 2, 3)
REACH = 6
"""Words before and after a slot whose distance from it counts."""
MOST_TOKENS = 120


def question_of(question: str, mentions: Sequence[Mention]) -> str:
    """Returns a question with slots for its mentions."""
    return NUMBER.sub("0", masked(question, mentions, SLOTS[: len(mentions)]).casefold())


def question_features(text: str) -> Iterator[str]:
    """Yields what is read off a question with slots."""
    tokens = TOKEN.findall(text)[:MOST_TOKENS]
    marked = ["^", *tokens, "$"]
    for length in RUNS:
        for place in range(len(marked) - length + 1):
            yield " ".join(marked[place : place + length])
    for slot in SLOTS:
        if slot in marked:
            at = marked.index(slot)
            for place in range(max(0, at - REACH), min(len(marked), at + REACH + 1)):
                yield f"{marked[place]}@{slot[4:]}{place - at}"


def shape_features(shape: Query, names: dict[str, list[str]]) -> Iterator[str]:
    """Yields what is read off a shape; `names`: words of each predicate's names."""
    yield f"form {shape.form} {len(shape.patterns)} {shape.order} {shape.operator} {bool(shape.optional)}"
    yield f"whole {shape.sparql()}"
    for number, pattern in enumerate(shape.patterns):
        yield f"{number} {pattern}"
        yield str(pattern)
        yield f"predicate {pattern.predicate}"
        for word in names.get(pattern.predicate, ()):
            yield f"word {word}"
    for first, second in zip(shape.patterns, shape.patterns[1:], strict=False):
        yield f"then {first.predicate} {second.predicate}"
    if shape.optional is not None:
        yield f"beside {shape.optional.predicate}"


def pieces(text: str) -> set[str]:
    """Returns runs of two signs of a text, by which "birthplace" and "place of birth" are alike."""
    found: set[str] = set()
    for word in folding.words(folding.fold(text)):
        found |= {word[at : at + 3] for at in range(max(1, len(word) - 2))}
    signs = "".join(folding.IDEOGRAPH.findall(folding.fold(text)))
    return found | {signs[at : at + 2] for at in range(len(signs) - 1)}
