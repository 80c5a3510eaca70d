"""Which pairs are fit to learn from; every reason for which one is left out is counted and shown.

    empty        a side has no letter or digit          languages   a side is surely in another language than it should
    copy         both sides are the same text           length      one side is far longer than such pairs are
    long         a side is more than a few sentences    duplicate   the same pair was there before

Lengths are compared in UTF-8-independent units: a Chinese or Japanese sign counts as two letters, about what it says.
The usual proportion of a language pair is the median over what is there, so no table of languages is needed.
"""

import hashlib
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from statistics import median

from textmill.apps.translate.pairs import Found, Pair
from textmill.data.language import HAN, KANA, UNKNOWN, model, script_language

LONGEST = 1000
"""Characters of a side."""
RATIO = 3.0
"""A side may be so many times as long as is usual beside the other …"""
SLACK = 12.0
"""… and so many units more, as short texts vary."""
SURE = 0.8
"""How sure the detector must be of another language; below it short texts would be lost by the thousand."""
LEAST_FOR_LANGUAGE = 20
"""Letters below which nobody can tell a language by its words."""
SPACES = re.compile(r"[ \t\r\n\u00a0\u3000]+")
SAYS = re.compile(r"\w")


def clean_pairs(pairs: Iterable[Pair], found: Found) -> list[Pair]:
    """Returns the pairs that are fit, their blanks single, in their order; what is left out is counted in `found`."""
    seen: set[bytes] = set()
    kept: list[Pair] = []
    for pair in pairs:
        pair = replace(pair, first=tidy(pair.first), second=tidy(pair.second))
        reason = problem(pair)
        key = hashlib.blake2b("\0".join((*pair.languages, pair.first, pair.second)).encode(), digest_size=12).digest()
        if not reason and key in seen:
            reason = "duplicate"
        if reason:
            found.leave_out(reason, pair.place)
            continue
        seen.add(key)
        kept.append(pair)
    return list(of_usual_length(without_leaks(kept, found), found))


def tidy(text: str) -> str:
    """Returns a text with single blanks and none at its ends."""
    return SPACES.sub(" ", text.replace("\0", "")).strip()


def problem(pair: Pair) -> str:
    """Returns why a pair alone is unfit, "" where it is not."""
    first, second = pair.first, pair.second
    if not SAYS.search(first) or not SAYS.search(second):
        return "empty"
    if first == second:
        return "copy"
    if max(len(first), len(second)) > LONGEST:
        return "long"
    if any(other_language(text, code) for text, code in zip((first, second), pair.languages, strict=True)):
        return "languages"
    return ""


def other_language(text: str, code: str) -> bool:
    """True where a text is surely in another language: by its script, or where the detector has no doubt."""
    script = script_language(text)
    if script or code in ("zh", "ja", "ko"):
        # Japanese and Chinese share signs; a text without any is a name or a number, as it may be
        return bool(script) and script != code and {script, code} != {"zh", "ja"}
    letters = sum(sign.isalpha() for sign in text)
    if letters < LEAST_FOR_LANGUAGE:
        return False
    best = model().detect(text[:400].replace("\n", " "), k=1)[0]
    return best["lang"] not in (code, UNKNOWN) and best["score"] >= SURE


def units(text: str) -> float:
    """Returns a text's length, a Chinese or Japanese sign counted as two letters."""
    return len(text) + len(HAN.findall(text)) + len(KANA.findall(text))


def without_leaks(pairs: list[Pair], found: Found) -> list[Pair]:
    """Returns the pairs without those that are learned but whose side stands, word for word, in a held-out one."""
    held = {side for pair in pairs if pair.held_out for side in (pair.first, pair.second)}
    kept = []
    for pair in pairs:
        if not pair.held_out and (pair.first in held or pair.second in held):
            found.leave_out("held_out", pair.place)
        else:
            kept.append(pair)
    return kept


def of_usual_length(pairs: list[Pair], found: Found) -> Iterator[Pair]:
    """Yields the pairs whose sides are as long beside one another as is usual between their languages."""
    ratios: dict[tuple[str, str], list[float]] = defaultdict(list)
    for pair in pairs:
        ratios[pair.languages].append(math.log(units(pair.second) / units(pair.first)))
    usual = {languages: math.exp(median(some)) for languages, some in ratios.items()}
    for pair in pairs:
        first, second = units(pair.first) * usual[pair.languages], units(pair.second)
        if max(first, second) > RATIO * min(first, second) + SLACK:
            found.leave_out("length", pair.place)
        else:
            yield pair
