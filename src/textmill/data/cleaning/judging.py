"""One text against the rules that are on: lines are taken out, and the first rule that the rest breaks refuses it.

    boilerplate lines ─▶ broken characters ─▶ repetition ─▶ Gopher ─▶ C4's lines ─▶ C4 ─▶ FineWeb

FineWeb's order, so that the same rule speaks first. A rule that takes out lines can leave nothing: "no_lines".
"""

from collections import Counter
from dataclasses import dataclass

from textmill.data.cleaning import quality_rules
from textmill.data.cleaning.lines import without_bad_lines
from textmill.data.cleaning.measures import WITHOUT_SPACES, Measures
from textmill.data.cleaning.repetition import Finding, broken_rules
from textmill.data.cleaning.rules import Limits

BOILERPLATE = "boilerplate_lines"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What is left of a text, the rule that refuses it (None: it stays), and how many lines each rule took out."""

    text: str
    finding: Finding | None
    removed: Counter[str]


def judge(text: str, language: str, limits: Limits) -> Judgement:
    """Returns what the rules make of a text in `language`; `limits` are those of its profile."""
    spaced = language not in WITHOUT_SPACES
    removed: Counter[str] = Counter()
    if BOILERPLATE in limits:
        text, removed = without_bad_lines(text, {BOILERPLATE: limits[BOILERPLATE]}, spaced=spaced)
    measures = Measures(text, language)
    for rules in (quality_rules.broken, broken_rules, quality_rules.gopher):
        finding = next(rules(measures, limits), None)
        if finding:
            return Judgement(text=text, finding=finding, removed=removed)
    others = {name: value for name, value in limits.items() if name != BOILERPLATE}
    text, more = without_bad_lines(text, others, spaced=spaced)
    removed += more
    if removed and not text:
        return Judgement(text=text, finding=("no_lines", 0, 1), removed=removed)
    measures = Measures(text, language) if more else measures
    for rules in (quality_rules.c4, quality_rules.fineweb):
        finding = next(rules(measures, limits), None)
        if finding:
            return Judgement(text=text, finding=finding, removed=removed)
    return Judgement(text=text, finding=None, removed=removed)
