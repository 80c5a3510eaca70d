"""From a piece of HTML (a chapter, a post, an item of a feed) to text in the manner of Markdown.

Unlike a page, a piece has no menus to leave out. Headings get their ``#``, tables their ``|``, code its fence; lists
and paragraphs are resiliparse's, which does the work.
"""

import re

from resiliparse.extract.html2text import extract_plain_text

HEADING = re.compile(r"<h([1-6])\b[^<>]*>\s*", re.I)
CELL = re.compile(r"<t[dh]\b[^<>]*>\s*", re.I)
ROW_END = re.compile(r"(</t[dh]\s{0,9}>)?\s{0,99}</tr\s{0,9}>", re.I)
CELL_BLOCK = re.compile(r"(<t[dh]\b[^<>]*>)(.*?)(?=</?(?:t[dh]|tr|table|tbody|thead|tfoot)\b)", re.I | re.S)
INNER_BLOCK = re.compile(r"</?(?:p|div|br)\b[^<>]*>", re.I)
CODE_START = re.compile(r"<pre\b[^<>]*>(?:\s{0,99}<code\b[^<>]*>)?\n?", re.I)
CODE_END = re.compile(r"\n?(?:</code>\s{0,99})?</pre\s{0,9}>", re.I)
BULLET = re.compile(r"^( *)• ", re.M)
TABLE_LINE = re.compile(r"^\s*\|.*$", re.M)
BLANKS = re.compile(r"\n[ \t]*(?:\n[ \t]*)+\n")
NESTING = re.compile(r"<(/?)(?:div|section|article|span|b|i|em|strong|font|blockquote|table|ul|ol|dl|a)\b", re.I)
DEEPEST = 256
"""Browsers stop at 512 levels; what is nested deeper is a mistake or malice."""
FENCE, PIPE = "\ufdd1", "\ufdd2"
"""Code points that Unicode keeps free for use inside a program: a fence, and the border of a cell."""


def fragment_text(markup: str) -> str:
    """Returns the readable text of some HTML, paragraphs apart, "" for none."""
    if "<" not in markup and "&" not in markup:
        return markup.strip()
    markup = markup.replace(FENCE, "").replace(PIPE, "")
    if too_deep(markup):
        return plain(markup)
    markup = HEADING.sub(lambda found: f"{found[0]}{'#' * int(found[1])} ", markup)
    if "<td" in markup or "<th" in markup or "<TD" in markup:
        markup = CELL_BLOCK.sub(lambda found: found[1] + INNER_BLOCK.sub(" ", found[2]), markup)
        markup = ROW_END.sub(rf" {PIPE}\1</tr>", CELL.sub(lambda found: f"{found[0]}{PIPE} ", markup))
    if "<pre" in markup or "<PRE" in markup:
        markup = CODE_START.sub(lambda found: f"{found[0].rstrip()}{FENCE}\n", markup)
        markup = CODE_END.sub(f"\n{FENCE}</pre>", markup)
    text = BULLET.sub(r"\1- ", plain(markup)).replace(FENCE, "```")
    if PIPE in text:
        lines = [" ".join(line.replace(PIPE, "|").split()) if PIPE in line else line for line in text.split("\n")]
        text = "\n".join(lines)
    return BLANKS.sub("\n\n", text.replace("\xa0", " ")).strip("\n")


def too_deep(markup: str) -> bool:
    """True when elements are nested so deeply that walking up from each would take all day."""
    depth = 0
    for tag in NESTING.finditer(markup):
        depth = max(0, depth - 1) if tag[1] else depth + 1
        if depth > DEEPEST:
            return True
    return False


def plain(markup: str) -> str:
    """Returns the visible text with its paragraphs, lists and code as lines."""
    return extract_plain_text(markup, preserve_formatting=True, list_bullets=True, alt_texts=False, links=False)
