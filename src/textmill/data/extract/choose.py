"""Which blocks make the page's text: those the model finds likely, with the heading above them.

On a page with hardly any text (a poem, a note, a test page) there is nothing to weigh a block against: all of it that
is no menu counts.
"""

import re

import numpy as np
from numpy.typing import NDArray

from textmill.data.extract.blocks import Blocks
from textmill.data.extract.features import Matrix, ends
from textmill.data.extract.render import data_tables

MENU_SEPARATOR = re.compile(r"[ \t]+[|·•»›｜][ \t]+")  # text data
MENU_ENTRY = re.compile(r"[^\W_][\w '’&,+-]{0,31}")
LONGEST_MENU = 200
Chosen = NDArray[np.bool_]
LIKELY, RELATIVE = (0.4, 0.7), 0.62
"""A block is content from 0.62 of the mean chance of all that may be: where the model is sure (an article), half a
chance is little; where it is not (a list of products), it is much. Chosen on marked pages that no network had seen."""
SURE_ENOUGH = 0.45
SMALL = 250
"""Bytes below which a text counts as hardly any."""
FRAME = frozenset({"nav", "footer", "aside", "header", "form", "menu", "dialog"})
FRAME_NAMES = ("nav", "menu", "footer", "cookie", "banner", "sidebar", "breadcrumb", "share", "advert")
COMMENTS = re.compile(r"""["'\s_-](?:comments?|commentlist|respond|replies|disqus)(?:["'\s_-]|$)""", re.I)
HEADINGS = ("h1", "h2", "h3")
HEADING_REACH = 30
"""Blocks above the text in which its heading is looked for."""


def threshold(chance: Matrix, sizes: NDArray[np.int64]) -> float:
    """Returns the chance from which a block of this page is content."""
    weights = sizes * (chance > SURE_ENOUGH)
    mean = float((weights * chance).sum() / max(1, int(weights.sum())))
    return min(LIKELY[1], max(LIKELY[0], RELATIVE * mean))


def choose(page: Blocks, chance: Matrix, title: str) -> Chosen:
    """Returns which blocks are the text of the page."""
    sizes = np.array([len(block.text.encode("utf-8", "replace")) for block in page.blocks])
    chosen = whole_tables(page, chance, chance > threshold(chance, sizes))
    if sizes[chosen].sum() < SMALL:
        chosen = chosen | small_text(page, chance, sizes)
    else:
        top = page.blocks[int(np.flatnonzero(chosen)[0])].container
        said = in_comments(page, set(page.ancestors(top)))
        if sizes[chosen & ~said].sum() >= SMALL:
            chosen = chosen & ~said
    for number in np.flatnonzero(chosen).tolist():
        if is_menu_line(page.blocks[number].text):
            chosen[number] = False
    number = heading(page, chosen, title)
    if number is not None:
        chosen[number] = True
    return chosen


def whole_tables(page: Blocks, chance: Matrix, chosen: Chosen) -> Chosen:
    """Returns the choice with each table of data in it or not as a whole: a row without its cells says nothing."""
    tables = data_tables(page)
    if not tables:
        return chosen
    held: dict[int, list[int]] = {}
    for number, block in enumerate(page.blocks):
        for container in page.ancestors(block.container):
            if container in tables:
                held.setdefault(container, []).append(number)
    for numbers in held.values():
        chosen[numbers] = bool(chance[numbers].mean() > LIKELY[0])
    return chosen


def small_text(page: Blocks, chance: Matrix, sizes: NDArray[np.int64]) -> Chosen:
    """Returns the blocks of a page of hardly any text: those that stand in no frame and are no links."""
    blocks = page.blocks
    found = np.array([block.linked * 2 <= len(block.text) and not in_frame(page, block.container) for block in blocks])
    said = in_comments(page, set())
    if (found & ~said).any():  # on a forum the posts may be called comments, and are the content
        found &= ~said
    if sizes[found].sum() <= 3 * SMALL:
        return found
    return found & (chance > min(LIKELY[0], float(chance[found].max()) / 2))


def in_comments(page: Blocks, apart: set[int]) -> Chosen:
    """Returns which blocks stand in an element that is called comments, if it is none of those that are set apart.

    The model takes comments for content, because on a forum they are. Under an article they are not the article. One
    of the four parts of words is in all that COMMENTS finds in usual writing; to look for them is many times as fast.
    """
    called = [
        number
        for number, attributes in enumerate(page.attributes)
        if ("omment" in attributes or "espond" in attributes or "eplies" in attributes or "isqus" in attributes)
        and COMMENTS.search(attributes)
    ]
    inside = np.zeros(len(page.tags), dtype=bool)
    containers = np.array([block.container for block in page.blocks])
    if not set(called) - apart:
        return inside[containers]
    last = ends(page.parents)
    for number in called:
        if number not in apart:
            inside[number : last[number]] = True
    return inside[containers]


def in_frame(page: Blocks, container: int) -> bool:
    """True inside what goes around the text of every page of a site."""
    for number in page.ancestors(container):
        if page.tags[number] in FRAME:
            return True
        attributes = page.attributes[number].lower()
        if attributes and any(name in attributes for name in FRAME_NAMES):
            return True
    return False


def heading(page: Blocks, chosen: Chosen, title: str) -> int | None:
    """Returns the number of the heading above the text: the page's title if it stands there, else its <h1>."""
    numbers = np.flatnonzero(chosen)
    if not len(numbers):
        return None
    top = int(numbers[0])
    best = None
    for number in range(top, max(-1, top - HEADING_REACH), -1):
        block = page.blocks[number]
        tag = page.tags[block.container]
        if tag in HEADINGS and len(block.text) > 3 and block.text in title:
            return number
        if tag == "h1" and best is None:
            best = number
    return best


def is_menu_line(line: str) -> bool:
    """True for three or more short entries between separators, of words only: code has other signs as well."""
    if len(line) > LONGEST_MENU or not MENU_SEPARATOR.search(line):
        return False
    entries = MENU_SEPARATOR.split(line)
    return len(entries) >= 3 and all(MENU_ENTRY.fullmatch(entry) and len(entry.split()) <= 5 for entry in entries)
