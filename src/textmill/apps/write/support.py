"""Does a sentence stand in its source? By rules that can be read: its numbers, its names, its words, its negations.

A sentence is supported when all its numbers and names are in the passage (or in what was asked for), each number
stands beside a word that it stands beside in the passage, it says no where the passage does and only there, and of its
words that carry meaning, those of the request left out, at least `SHARE` are the passage's, and at least `LEAST`. This
catches what small models invent (figures, people, places, opposites, dates put to another event), not every wrong
relation between right words.
"""

import re
from dataclasses import dataclass

from textmill.apps.write.order import CHARACTER
from textmill.apps.write.sources import terms
from textmill.evaluate.text_quality import units

SHARE = 0.6
LEAST = 2
"""Words of the passage's that a sentence must have: one alone ("They are the only bakery in Lyon") is met by chance."""
DIGITS = r"\d+(?:[.,]\d+)*"
ENGLISH = (
    r"\b(?:three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|"
    r"nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundreds?|thousands?|millions?|dozens?|half|twice)\b"
)
CHINESE_DIGITS = "二两三四五六七八九十百千万"  # text data
CHINESE = f"[〇零一亿{CHINESE_DIGITS}]{{2,}}|[{CHINESE_DIGITS}](?=[个天年月日人本次位岁点册只家条])"  # text data
NUMBER = re.compile(f"{DIGITS}|{ENGLISH}|{CHINESE}", re.IGNORECASE)
BESIDE = 3
"""Units to each side of a number among which one must be the passage's."""
NAME = re.compile(r"(?<![.!?。！？]\s)(?<!^)(?<![\"“‘'])\b[A-Z][\w'-]*")  # text data
NO = "[不没無无未非]"  # text data
NEGATION = re.compile(
    rf"\b(?:not|no|never|none|nobody|nothing|without|neither|nor|cannot|\w+n't)\b|{NO}", re.IGNORECASE
)
_COMMON = (
    "a an the and or but if of in on at to for with by from as is are was were be been being it its this "
    "that these those he she they them his her their there here which who whom what when where while than "
    "then so such also more most very can could may might will would shall should has have had do does "
    "did not no i we you our your my me us into about over under after before between during through out "
    "up down off again once only just both each all any some other one two said says according "
)
COMMON = frozenset(_COMMON.split())
"""English words that carry no fact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """What was found: the share of the sentence's words that the passage has, and what it has not."""

    share: float
    shared: int = LEAST
    """How many words they share; of a passage of one such word, one counts as enough."""
    missing: tuple[str, ...] = ()
    """Numbers and names that are not in the passage, "negation" where one says no and the other does not."""

    @property
    def supported(self) -> bool:
        """True where nothing speaks against it."""
        return not self.missing and self.share >= SHARE and self.shared >= LEAST


def support(sentence: str, passage: str, known: str = "") -> Support:
    """Returns whether `sentence` stands in `passage`; `known` are words that need no source: the topic, the titles."""
    allowed = " ".join((passage, known)).casefold()
    there = {word.strip(".,") for word in NUMBER.findall(allowed)}
    missing = [word for word in NUMBER.findall(sentence) if word.casefold().strip(".,") not in there]
    missing += misplaced(sentence, passage)
    missing += [word for word in NAME.findall(sentence) if not re.search(rf"\b{re.escape(word.casefold())}", allowed)]
    if bool(NEGATION.search(sentence)) != bool(NEGATION.search(passage)):
        missing.append("negation")
    own = meaning(passage)
    wanted = meaning(sentence) - (meaning(known) - own)
    share = len(wanted & own) / len(wanted) if wanted else 0.0
    shared = len(wanted & own) + max(0, LEAST - len(own))
    return Support(share=share, shared=shared, missing=tuple(dict.fromkeys(missing)))


def misplaced(sentence: str, passage: str) -> list[str]:
    """Returns the numbers of the passage that stand beside none of the words that they stand beside there."""
    told, found = _beside(passage), _beside(sentence)
    return [number for number, words in found.items() if number in told and words and not words & told[number]]


def _beside(text: str) -> dict[str, set[str]]:
    """Returns, for each number, the terms around it that carry meaning."""
    found: dict[str, set[str]] = {}
    for match in NUMBER.finditer(text.casefold()):
        before, after = units(text[: match.start()])[-BESIDE:], units(text[match.end() :])[:BESIDE]
        space = "" if CHARACTER.search(text) else " "
        near = meaning(space.join(before)) | meaning(space.join(after))
        found.setdefault(match[0].strip(".,"), set()).update(near)
    return found


def meaning(text: str) -> set[str]:
    """Returns the terms of a text that carry meaning: no common English words, no single Chinese characters."""
    common = {word for word in units(text) if word in COMMON}
    kept = {term for term in terms(text) if len(term) > 1 or not CHARACTER.fullmatch(term)}
    return kept - {term for word in common for term in terms(word)}
