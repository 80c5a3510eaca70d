"""How much the words of a question ask for a path of predicates: plain words and characters, no model.

    likeness = half of how well each predicate's name is found in the question
             + half of how much of the question's words the names account for;
    half of that for a path with a step that no word asks for

Words are compared by their beginnings (direct, directed, director), Chinese character by character. Names in every
language count, so a Chinese question finds a predicate that also has a Chinese label, and no other.
"""

from collections.abc import Sequence

from textmill.apps.graph import folding

ENGLISH = """
a an the of in on at by to for from and or is are was were be been did does do has have had with as which what who
whom whose when where how many much number that this it its there me tell name list give all any s about
"""
CHINESE = "的是了在有和与谁哪什么吗呢个些里为几多少请问一位"  # text data
STOPPED = frozenset((*ENGLISH.split(), *CHINESE))
"""Words that stand in any question."""
SHORTEST = 3
"""Letters that two words must share at their beginning to be alike at all."""

ASKED_FOR, UNASKED = 0.3, 0.5
"""A detour by a predicate that the question does not name (less than the first) is worth the second part."""


def content(text: str) -> list[str]:
    """Returns the words of a text that ask for something; Chinese as single characters."""
    words = (part for word in folding.words(folding.fold(text)) for part in word.split("_"))
    return [word for word in words if word and word not in STOPPED]


def alike(first: str, second: str) -> float:
    """Returns how alike two words are, by their common beginning: 1 for the same."""
    if first == second:
        return 1.0
    if folding.IDEOGRAPH.search(first + second):
        return 0.0
    shorter, longer = sorted((first, second), key=len)
    common = next((at for at, letter in enumerate(shorter) if letter != longer[at]), len(shorter))
    return common / len(longer) if common >= max(SHORTEST, len(shorter) - 2) else 0.0


def likeness(question: Sequence[str], path: Sequence[Sequence[Sequence[str]]]) -> float:
    """Returns 0 to 1. `question`: its content words; `path`: for each step, each of its names as content words."""
    if not question or not path:
        return 0.0
    covered = [0.0] * len(question)
    found: list[float] = []
    for names in path:
        best, marks = 0.0, [0.0] * len(question)
        for name in names:
            table = [[alike(word, asked) for asked in question] for word in name]
            if not table:
                continue
            score = sum(max(row) for row in table) / len(table)
            if score > best:
                best, marks = score, [max(column) for column in zip(*table, strict=True)]
        found.append(best)
        covered = [max(pair) for pair in zip(covered, marks, strict=True)]
    whole = 0.5 * sum(found) / len(path) + 0.5 * sum(covered) / len(question)
    return whole if len(path) == 1 or min(found) >= ASKED_FOR else UNASKED * whole
