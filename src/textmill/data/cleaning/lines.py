"""Which lines of a document are taken out: boilerplate, and C4's line rules (Raffel et al. 2020, 2.2).

C4 takes out lines that mention JavaScript or a policy, that have too few words or one that is too long, and those that
do not end as sentences do. Blank lines stay where there is something on both sides.
"""

import re
from collections import Counter

from textmill.data.cleaning.boilerplate import boilerplate_lines
from textmill.data.cleaning.rules import LINES, Limits

POLICY = (
    *("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies"),
    *("隐私政策", "使用条款", "服务条款", "用户协议", "使用cookie", "使用 cookie"),  # text data
)
"""C4's, and their counterparts in Chinese."""
CITATION = re.compile(r"\[\d*\]|\[edit\]|\[citation needed\]|\[来源请求\]|\[编辑\]")  # text data
LATIN_RUN = re.compile(r"[^\s\u2e80-\U0003ffff]+")
SENTENCE_END = (".", "?", "!", '"', "'", "”", "’", "。", "？", "！", "；", "」", "』")  # text data


def without_bad_lines(text: str, limits: Limits, *, spaced: bool) -> tuple[str, Counter[str]]:
    """Returns the text without the lines that the rules take out, and how many lines each rule took out."""
    removed: Counter[str] = Counter()
    if not any(rule.name in limits for rule in LINES):
        return text, removed
    lines = text.split("\n")
    full = [place for place, line in enumerate(lines) if line and not line.isspace()]
    menus: set[int] = set()
    if "boilerplate_lines" in limits:
        found = boilerplate_lines([lines[place] for place in full])
        menus = {place for place, is_one in zip(full, found, strict=True) if is_one}
    kept: list[str] = []
    for place, line in enumerate(lines):
        if not line or line.isspace():
            if kept and kept[-1]:
                kept.append("")
            continue
        changed = CITATION.sub("", line) if "citation_marks" in limits and "[" in line else line
        reason = "boilerplate_lines" if place in menus else bad_line(changed, limits, spaced=spaced)
        if reason:
            removed[reason] += 1
        else:
            removed["citation_marks"] += changed != line
            kept.append(changed)
    return ("\n".join(kept).strip("\n") if sum(removed.values()) else text), +removed


def bad_line(line: str, limits: Limits, *, spaced: bool) -> str:
    """Returns the rule of C4 that takes a line out, or ""."""
    if "maximum_word_characters" in limits and has_long_word(line, int(limits["maximum_word_characters"])):
        return "maximum_word_characters"
    if "terminal_punctuation" in limits and not (line.rstrip().endswith(SENTENCE_END) and not line.endswith("...")):
        return "terminal_punctuation"
    if "minimum_line_words" in limits:
        words = len(line.split()) if spaced else sum(map(len, line.split()))
        if words < limits["minimum_line_words"]:
            return "minimum_line_words"
    lower = line.lower()
    if "javascript_lines" in limits and "javascript" in lower:
        return "javascript_lines"
    if "policy_lines" in limits and any(phrase in lower for phrase in POLICY):
        return "policy_lines"
    return ""


def has_long_word(line: str, most: int) -> bool:
    """True when a word has more than so many characters; runs of Chinese, Japanese and Korean are not one word."""
    if len(line) <= most:
        return False
    return any(len(word) > most for word in LATIN_RUN.findall(line))
