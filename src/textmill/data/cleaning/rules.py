"""The rules by which a document is refused or shortened: name, threshold by language, and whose rule it is.

`clean.rules` chooses a set of them, `clean.thresholds` changes single ones ("minimum_words=30", "minimum_words.zh=60",
"curly_bracket=off"). Values are the sources' own:

    Gopher           Rae et al. 2021, arXiv 2112.11446, section A.1 (repetition: table A1)
    C4               Raffel et al. 2020, arXiv 1910.10683, section 2.2
    FineWeb          Penedo et al. 2024, arXiv 2406.17557, section 3.6
    FineWeb2         Penedo et al. 2025, arXiv 2506.20920: Gopher's and FineWeb's thresholds set anew for each language
    ChineseWebText   Chen et al. 2023, arXiv 2311.01149, section 3.2
    RefinedWeb       Penedo et al. 2023, arXiv 2306.01116, appendix G.2: lines that no article has
    Textmill         measured here (docs/log.md)

Chinese has no spaces, so a word of a rule is a character there: a count of words becomes one of characters with 1.6
characters to a word (what jieba finds in news and web pages), and runs of n words runs of as many characters
(`measures.CHARACTERS_OF_WORDS`). Other languages have the English values without those that are about English words.
"""

import difflib
from dataclasses import dataclass
from functools import cache

from textmill.config import CleanSettings
from textmill.errors import SettingsError

PROFILES = ("en", "zh", "other")
OFF, ON = "off", "on"
Limits = dict[str, float]
"""{rule: threshold} of the rules that are on; 1.0 for rules that have no threshold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule; a threshold of None means that the rule says nothing about texts in that language."""

    name: str
    group: str
    source: str
    en: float | None
    zh: float | None
    other: float | None
    chinese_source: str = ""
    switch: bool = False
    """True for a rule that has no threshold: it is on or off."""

    def threshold(self, profile: str) -> float | None:
        """Returns the threshold for "en", "zh" or "other"."""
        return getattr(self, profile)


def _same(name: str, group: str, source: str, value: float, zh: float | None, chinese_source: str = "") -> Rule:
    """Returns a rule whose English value holds for other languages too."""
    return Rule(name=name, group=group, source=source, en=value, zh=zh, other=value, chinese_source=chinese_source)


def _switch(name: str, group: str, source: str, chinese_source: str = "", *, zh: bool = True) -> Rule:
    """Returns a rule without a threshold."""
    return Rule(
        name=name,
        group=group,
        source=source,
        en=1.0,
        zh=1.0 if zh else None,
        other=1.0,
        chinese_source=chinese_source,
        switch=True,
    )


def _english(name: str, group: str, source: str, value: float, zh: float | None, chinese_source: str = "") -> Rule:
    """Returns a rule about English words, which other languages do not have."""
    return Rule(name=name, group=group, source=source, en=value, zh=zh, other=None, chinese_source=chinese_source)


def _chinese(name: str, group: str, source: str, value: float) -> Rule:
    """Returns a rule about Chinese texts alone."""
    return Rule(name=name, group=group, source="", en=None, zh=value, other=None, chinese_source=source)


LINES = (
    _switch("boilerplate_lines", "lines", "RefinedWeb", "Textmill"),
    _switch("policy_lines", "c4", "C4", "Textmill"),
    _switch("javascript_lines", "c4", "C4", "C4"),
    _switch("citation_marks", "c4", "C4", "C4"),
    _switch("terminal_punctuation", "c4", "C4", "C4"),
    _same("minimum_line_words", "c4", "C4", 3, 5, "C4 × 1.6"),
    _same("maximum_word_characters", "c4", "C4", 1000, 1000, "C4"),
)
"""Rules that take lines out; a document without lines left is dropped."""

DOCUMENTS = (
    _same("maximum_broken_characters", "broken", "Textmill", 0.01, 0.01, "Textmill"),
    _same("maximum_duplicate_paragraphs", "repetition", "Gopher", 0.30, 0.30, "Gopher"),
    _same("maximum_duplicate_paragraph_characters", "repetition", "Gopher", 0.20, 0.20, "Gopher"),
    _same("maximum_duplicate_lines", "repetition", "Gopher", 0.30, 0.287, "FineWeb2"),
    _same("maximum_duplicate_line_characters", "repetition", "Gopher", 0.20, 0.20, "Gopher"),
    _same("minimum_ngram_words", "repetition", "Textmill", 0, 0, "Textmill"),
    _same("top_2gram", "repetition", "Gopher", 0.20, 0.256, "FineWeb2"),
    _same("top_3gram", "repetition", "Gopher", 0.18, 0.201, "FineWeb2"),
    _same("top_4gram", "repetition", "Gopher", 0.16, 0.171, "FineWeb2"),
    _same("repeated_5grams", "repetition", "Gopher", 0.15, 0.198, "FineWeb2"),
    _same("repeated_6grams", "repetition", "Gopher", 0.14, 0.182, "FineWeb2"),
    _same("repeated_7grams", "repetition", "Gopher", 0.13, 0.167, "FineWeb2"),
    _same("repeated_8grams", "repetition", "Gopher", 0.12, 0.154, "FineWeb2"),
    _same("repeated_9grams", "repetition", "Gopher", 0.11, 0.14, "FineWeb2"),
    _same("repeated_10grams", "repetition", "Gopher", 0.10, 0.127, "FineWeb2"),
    _same("minimum_words", "gopher", "Gopher", 50, 80, "FineWeb2 × 1.6"),
    _same("maximum_words", "gopher", "Gopher", 100_000, 160_000, "FineWeb2 × 1.6"),
    _english("minimum_word_length", "gopher", "Gopher", 3, None),
    _english("maximum_word_length", "gopher", "Gopher", 10, None),
    _same("maximum_hashes", "gopher", "Gopher", 0.1, 0.06, "Gopher ÷ 1.6"),
    _same("maximum_ellipses", "gopher", "Gopher", 0.1, 0.06, "Gopher ÷ 1.6"),
    _same("maximum_bullet_lines", "gopher", "Gopher", 0.9, 0.9, "Gopher"),
    _same("maximum_ellipsis_lines", "gopher", "Gopher", 0.3, 0.3, "Gopher"),
    _same("minimum_alphabetic_words", "gopher", "Gopher", 0.8, 0.735, "FineWeb2"),
    _english("minimum_stop_words", "gopher", "Gopher", 2, 2, "FineWeb2"),
    _chinese("minimum_chinese_share", "gopher", "ChineseWebText", 0.3),
    _chinese("minimum_line_length", "gopher", "ChineseWebText", 10),
    _switch("lorem_ipsum", "c4", "C4", "C4"),
    _switch("curly_bracket", "c4", "C4", "C4"),
    _same("minimum_sentences", "c4", "C4", 5, 5, "C4"),
    _same("minimum_punctuated_lines", "fineweb", "FineWeb", 0.12, 0.106, "FineWeb2"),
    _same("short_line_characters", "fineweb", "FineWeb", 30, 10, "Textmill"),
    _same("maximum_short_lines", "fineweb", "FineWeb", 0.67, 0.67, "FineWeb"),
    _same("maximum_repeated_line_characters", "fineweb", "FineWeb", 0.01, 0.1, "FineWeb2"),
    _same("maximum_newlines", "fineweb", "FineWeb", 0.3, 0.11, "FineWeb2 ÷ 1.6"),
)
"""Rules that refuse a document, in the order in which they are asked (FineWeb's: repetition, Gopher, C4, FineWeb)."""

RULES = {rule.name: rule for rule in (*LINES, *DOCUMENTS)}
PARAMETERS = frozenset(("minimum_ngram_words", "short_line_characters"))
"""Not rules of their own: from how many words on repeated n-grams count, and which lines are short."""
Change = tuple[str, str, float | None]

LIGHTER: tuple[Change, ...] = (
    ("minimum_ngram_words", "", 50),
    ("minimum_ngram_words", "zh", 80),
    ("maximum_duplicate_paragraphs", "", None),
    ("maximum_duplicate_lines", "", None),
)
"""What makes Gopher's repetition rules fit short texts, and texts with code, whose fences and braces are lines too."""

PRESETS: dict[str, tuple[tuple[str, ...], tuple[Change, ...]]] = {
    "none": ((), ()),
    "light": (("lines", "broken", "repetition", "lorem_ipsum"), LIGHTER),
    "gopher": (("repetition", "gopher"), ()),
    "c4": (("c4",), ()),
    "fineweb": (
        ("repetition", "gopher", "c4", "fineweb"),
        (
            ("terminal_punctuation", "", None),
            *((rule.name, "zh", None) for rule in RULES.values() if rule.group == "c4"),
        ),
    ),
}
"""{clean.rules: (groups or single rules, changes)}. "light" is for texts of all kinds, so it asks nothing of their
length, words or lines; FineWeb leaves out C4's terminal punctuation, FineWeb2 all of C4."""


def profile_of(language: str) -> str:
    """Returns whose thresholds hold for a language."""
    return language if language in ("en", "zh") else "other"


@cache
def limits(settings: CleanSettings) -> dict[str, Limits]:
    """Returns {profile: {rule: threshold}} of the rules that are on; SettingsError for a threshold that is none."""
    chosen, changes = PRESETS[settings.rules]
    found: dict[str, dict[str, float | None]] = {profile: {} for profile in PROFILES}
    for rule in RULES.values():
        if rule.group in chosen or rule.name in chosen:
            for profile in PROFILES:
                found[profile][rule.name] = rule.threshold(profile)
    given = [parse(entry) for entry in settings.thresholds]
    # What names a language counts more than what does not, wherever it stands.
    for name, profile, value in (*changes, *sorted(given, key=lambda change: bool(change[1]))):
        for each in (profile,) if profile else PROFILES:
            found[each][name] = RULES[name].threshold(each) if value == float("inf") else value
    return {
        profile: {name: value for name, value in values.items() if value is not None}
        for profile, values in found.items()
    }


def parse(entry: str) -> Change:
    """Returns (rule, profile or "", value) of "rule=VALUE" or "rule.LANGUAGE=VALUE"; None: off, infinity: its own."""
    name, equals, text = (part.strip() for part in entry.partition("="))
    name, _, profile = name.partition(".")
    if name not in RULES or profile not in ("", *PROFILES):
        wanted = difflib.get_close_matches(name, RULES, n=1, cutoff=0.0)[0]
        raise SettingsError("cleaning.unknown_rule", entry=entry, nearest=f"{wanted}=VALUE, {wanted}.zh=VALUE")
    if equals and text in (OFF, ON):
        return name, profile, None if text == OFF else float("inf")
    try:
        value = float(text)
        if RULES[name].switch or not 0 <= value < float("inf"):
            raise ValueError
    except ValueError:
        expected = "on, off" if RULES[name].switch else "0 …, on, off"
        raise SettingsError("cleaning.bad_threshold", entry=entry, name=name, expected=expected) from None
    return name, profile, value
