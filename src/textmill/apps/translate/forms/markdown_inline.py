"""The inline markup of Markdown as markers: emphasis, links, code, mathematics, HTML, footnotes.

    See **the [guide](a.md)** and `x`.  ─▶  See <1>the <2>guide</2></1> and <3>.

Signs that mark nothing here are things as well; so a sign in the translation that would mark something is one that the
model wrote, and is escaped.
"""

import re
from collections.abc import Set

from textmill.apps.translate.forms.html import RAW_INLINE, VOID, closing
from textmill.apps.translate.forms.inline import Inline
from textmill.apps.translate.forms.markdown_marks import closing as closing_sign
from textmill.apps.translate.forms.markdown_marks import opening as opening_sign
from textmill.apps.translate.markers import THINGS

TOKEN = re.compile(
    r"""(?P<code>(?<!`)(?P<ticks>`+)(?!`)(?:[^`]|(?!(?P=ticks)(?!`))`+)*?(?<!`)(?P=ticks)(?!`))
    |(?P<math>\$\$[^$]+\$\$|(?<![\w$])\$(?=[^\s\d{])[^$\n]{0,300}?(?<=[^\s])\$(?![\w${]))
    |(?P<escaped>\\[!-/:-@\[-`{-~])
    |(?P<address>(?:https?|ftp)://[^\s<>"'\[\]()*`\u3000-\u303f\uff00-\uffef]*[\w/#=&])
    |(?P<braces>\{\{[^{}\n]*\}\}|[$#]\{[^{}\n]*\}|\{[A-Za-z0-9_.:!]*\}|%\([A-Za-z_]\w*\)[a-z])
    |(?P<auto><(?:[a-z][a-z0-9+.-]{1,30}:[^<>\s]*|[\w.+-]+@[\w.-]+)>)
    |(?P<comment><!--.*?-->)
    |(?P<tag><(?P<slash>/?)(?P<name>[A-Za-z][\w:.-]*)(?P<rest>(?:[^<>"']|"[^"]*"|'[^']*')*)>)
    |(?P<note>\[\^[^\]\s]+\])
    |(?P<opens>!?\[)
    |(?P<closes>\](?P<tail>\((?:[^()\s\\]|\\.|\([^()\s]*\)|<[^<>\n]*>)*(?:\s+(?:"[^"]*"|'[^']*'))?\s*\)|\[[^\[\]]*\])?)
    |(?P<sign>\*+|_+|~~|==|`+)""",
    re.VERBOSE | re.S,
)
SPECIAL = re.compile(r"[`*\[\]]|(?<!\w)_|_(?!\w)|~~|==|<(?=[A-Za-z/!?])|\\(?=[!-/:-@\[-`{-~])")
BLOCK_START = re.compile(r"(?:[#>+=~|-]|\*(?=\s)|\d{1,9}(?=[.)](?:\s|$))|:::)")


def escape(text: str) -> str:
    """Returns text in which nothing marks anything."""
    return SPECIAL.sub(r"\\\g<0>", text)


def at_start(text: str) -> str:
    """Returns a block's text, escaped where its beginning would make another block of it."""
    match = BLOCK_START.match(text)
    if match is None:
        return text
    return f"{match[0]}\\{text[match.end() :]}" if match[0].isdigit() else f"\\{text}"


def markdown_inline(text: str, labels: Set[str], *, numbers: bool = False) -> Inline:
    """Returns a stretch of Markdown; `labels` are those of the document's link references."""
    inline = Inline(escape, numbers=numbers)
    brackets: list[int] = []
    marks: list[str] = []
    at = 0
    while match := TOKEN.search(text, at):
        say(inline, text[at : match.start()])
        end = match.end()
        if match["opens"]:
            brackets.append(end)
            inline.opens("[", match[0])
        elif match["closes"]:
            begun = brackets.pop() if brackets else end
            inline.closes("[", match[0] + reference(text[begun : match.start()], match["tail"], labels))
        elif match["sign"] and not match[0].startswith("`"):
            sign(inline, text, match, marks)
        elif match["tag"]:
            end = tag(inline, text, match)
        else:
            inline.word(match[0])
        at = end
    say(inline, text[at:])
    return inline


def say(inline: Inline, text: str) -> None:
    """Adds plain text; addresses and placeholders in it are written as they are, not escaped."""
    at = 0
    for match in THINGS.finditer(text):
        inline.say(text[at : match.start()])
        inline.word(match[0])
        at = match.end()
    inline.say(text[at:])


def reference(label: str, tail: str | None, labels: Set[str]) -> str:
    """Returns what a link that is found by its own text needs, once that is translated: its label."""
    if tail in (None, "[]") and " ".join(label.split()).casefold() in labels:
        return f"[{label}]" if tail is None else ""
    return ""


def sign(inline: Inline, text: str, match: re.Match[str], marks: list[str]) -> None:
    """Adds signs of emphasis: a pair where they can open and close, else a thing."""
    before, behind = text[match.start() - 1 : match.start()] or " ", text[match.end() : match.end() + 1] or " "
    opens, closes = not behind.isspace(), not before.isspace()
    if match[0].startswith("_"):  # inside a word it marks nothing
        opens, closes = opens and not word(before), closes and not word(behind)
    if closes and match[0] in marks:
        while marks.pop() != match[0]:
            pass
        inline.closes(match[0], closing_sign(match[0]), weak=True)
    elif opens:
        marks.append(match[0])
        inline.opens(match[0], opening_sign(match[0]), weak=True)
    elif word(before) and word(behind):
        inline.say(match[0])
    else:
        inline.word(match[0])


def word(sign: str) -> bool:
    """True for a letter, a digit or an underscore."""
    return sign.isalnum() or sign == "_"


def tag(inline: Inline, text: str, match: re.Match[str]) -> int:
    """Adds an HTML tag, or the whole element where that is code; returns where it ends."""
    name, end = match["name"].lower(), match.end()
    if name in RAW_INLINE and not match["slash"]:
        end = closing(text, end, name)
        inline.word(text[match.start() : end])
    elif name in VOID or match["rest"].endswith("/"):
        inline.thing(match[0])
    elif match["slash"]:
        inline.closes(name, match[0])
    else:
        inline.opens(name, match[0])
    return end
