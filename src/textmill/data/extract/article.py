"""The text of a page in one of three modes: fast, quality, union.

fast      what the model chooses; one pass over the markup, no other library
quality   the same model, told besides what trafilatura takes for content: where the two differ it has learned
          which to believe
union     what either of them takes for content, for those who would rather clean later than lose text
"""

from dataclasses import dataclass

import numpy as np

from textmill.data.extract import second_opinion
from textmill.data.extract.blocks import Blocks, build
from textmill.data.extract.choose import choose, heading
from textmill.data.extract.formulas import has_formulas, with_formulas
from textmill.data.extract.model import chances
from textmill.data.extract.render import Renderer
from textmill.data.extract.tokens import Tokens, read

LARGEST_JUDGED = 60_000
"""Blocks; a page of more is a dump of data, and no article is looked for in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """The text of a page, and its heading, which is the text's first line where there is one."""

    text: str
    heading: str = ""


def page_blocks(markup: str, tokens: Tokens) -> Blocks:
    """Returns the page's blocks, its formulas as LaTeX."""
    return build(read(with_formulas(markup)) if has_formulas(markup, tokens) else tokens)


def find_article(markup: str, tokens: Tokens, mode: str, *, body: str = "", title: str = "") -> Article:
    """Returns the page's text; `body` is the article as linked data has it, without blanks."""
    page = page_blocks(markup, tokens)
    if not page.blocks:
        return Article(text="")
    if len(page.blocks) > LARGEST_JUDGED:
        return Article(text="\n".join(block.text for block in page.blocks))
    chance, features = chances(page, body, title)
    if mode == "fast":
        chosen = choose(page, chance, title)
    else:
        chosen = second_opinion.choose(page, chance, features, markup, title, union=mode == "union")
    top = heading(page, chosen, title)
    return Article(text=written(page, chosen), heading=page.blocks[top].text if top is not None and chosen[top] else "")


def written(page: Blocks, chosen: np.ndarray) -> str:
    """Returns the chosen blocks as text."""
    renderer = Renderer(page)
    for number in np.flatnonzero(chosen):
        renderer.add(page.blocks[number])
    return renderer.text()
