"""What a block looks like in numbers: its own text, what its containers are called, and what stands around it.

Numbers are the same for English and Chinese: a text is measured in bytes of UTF-8, so that a Chinese character counts
as three Latin letters, about what it says; full stops of both are full stops. Containers are numbered in the order of
the page, so all that lie in one follow it without a gap, and a sum over an element is the difference of two running
sums. One pass over the blocks is Python, everything else numpy: a page has 2 milliseconds in all.
"""

import numpy as np
from numpy.typing import NDArray

from textmill.data.extract.blocks import Block, Blocks
from textmill.data.extract.words import Vocabulary

Matrix = NDArray[np.float32]
Numbers = NDArray[np.int64]
TAGS = ("p", "li", "h1", "h2", "h3", "td", "pre", "div", "blockquote", "figcaption", "dd", "section", "article")
SAME_TAG = {"h4": "h3", "h5": "h3", "h6": "h3", "th": "td", "dt": "dd", "ol": "li", "ul": "li", "header": "section"}
TAG_NUMBER = {tag: number for number, tag in enumerate(TAGS)} | {
    tag: TAGS.index(other) for tag, other in SAME_TAG.items()
}
LONG, FEW_LINKS = 150, 0.4
"""Bytes from which a text with few links counts as a paragraph."""
LEVELS, FARTHEST, WIDTH = 4, 6, 3
SHORT = 80
"""Characters up to which a text's words are looked up: a label, not a paragraph."""
STATED_LEAST = 200
OWN_LIMITS = np.array([100, 10, 10, 1, 1, 5, 10, 10, 1, 1], dtype=np.float32)
OWN_SCALES = np.array([20, 3, 3, 1, 1, 2, 3, 3, 1, 1], dtype=np.float32)


class Page:
    """The measures of one page from which both passes of the model take their features."""

    def __init__(self, page: Blocks, vocabulary: Vocabulary, body: str = "", title: str = "") -> None:
        blocks = page.blocks
        self.container: Numbers = np.array([block.container for block in blocks])
        self.parent: Numbers = np.array(page.parents)
        self.parent[0] = 0
        self.end: Numbers = np.array(ends(page.parents))
        texts = [block.text for block in blocks]
        self.size: Matrix = np.array([len(text.encode("utf-8", "replace")) for text in texts], dtype=np.float32)
        characters = np.array([len(text) for text in texts], dtype=np.float32)
        links = np.array([block.linked for block in blocks], dtype=np.float32)
        self.linked: Matrix = np.minimum(1, links / characters)
        self.hints = container_hints(page, vocabulary)
        self.lexical: Matrix = np.array(
            [vocabulary.of_text(text) if len(text) <= SHORT else (0.0, 0.0, 0.0) for text in texts], dtype=np.float32
        )
        own = np.array([own_text(block, title) for block in blocks], dtype=np.float32)
        self.own: Matrix = (np.minimum(own, OWN_LIMITS) / OWN_SCALES).astype(np.float32)
        self.tag: Numbers = np.array([TAG_NUMBER.get(tag, -1) for tag in page.tags])[self.container]
        self.stated = stated(texts, body)
        self.chain = [self.container]
        for _ in range(FARTHEST - 1):
            self.chain.append(self.parent[self.chain[-1]])

    def sums(self, weights: Matrix) -> Matrix:
        """Returns for each container the sum of a weight over all blocks in it."""
        own = np.bincount(self.container, weights=weights, minlength=len(self.parent))
        running = np.concatenate([[0.0], np.cumsum(own)])
        return (running[self.end] - running[:-1]).astype(np.float32)

    def distance(self, share: Matrix) -> Matrix:
        """Returns for each block how many containers out one comes to one that holds more than half."""
        far = np.stack([share[level] <= 0.5 for level in self.chain]).sum(axis=0)
        return (far / 3).astype(np.float32)


def ends(parents: list[int]) -> list[int]:
    """Returns for each container the number after the last one that lies in it."""
    found = list(range(1, len(parents) + 1))
    for number in range(len(parents) - 1, 0, -1):
        parent = parents[number]
        if found[parent] < found[number]:
            found[parent] = found[number]
    return found


def container_hints(page: Blocks, vocabulary: Vocabulary) -> Matrix:
    """Returns for each container: what its names say, the sum, least and most of those around it, and its depth."""
    rows = [(0.0, 0.0, 0.0, 0.0, 0.0)]
    add, of_tag, of_attributes = rows.append, vocabulary.of_tag, vocabulary.of_attributes
    for tag, attributes, parent in zip(page.tags, page.attributes, page.parents, strict=True):
        if parent < 0:
            continue
        value = of_tag(tag, 0.0)
        if attributes:
            value += of_attributes(attributes)
        _, total, least, most, depth = rows[parent]
        add((value, total + value, value if value < least else least, value if value > most else most, depth + 1))
    numbers = np.array(rows, dtype=np.float32)
    return (np.clip(numbers, -8, 8) / 2).astype(np.float32)


def own_text(block: Block, title: str) -> tuple[float, ...]:
    """Returns counts of one text: blanks, commas, stops, ends, separators, links, line breaks, capitals, the title."""
    _, text, _, links, breaks = block
    count = text.count
    if text.isascii():
        commas, stops, separators = count(","), count(". ") + count("? "), count("|")
    else:
        commas = count(",") + count("，") + count("、")  # text data
        stops = count(". ") + count("? ") + count("。") + count("！") + count("？")  # text data
        separators = count("|") + count("»") + count("·")
    last = text[-1]
    return (
        count(" "),
        commas,
        stops,
        last in '.。!！?？”"…;；',  # text data
        last in ":：",  # text data
        separators,
        links,
        breaks,
        text.isupper(),
        len(text) > 8 and text in title,
    )


def stated(texts: list[str], body: str) -> Matrix:
    """Returns 1 for texts that stand in the article as the page's linked data has it, -1 for others, 0 without one."""
    if len(body) < STATED_LEAST:
        return np.zeros(len(texts), dtype=np.float32)
    found = [1.0 if len(text) > 20 and "".join(text[:80].split())[:60] in body else -1.0 for text in texts]
    return np.array(found, dtype=np.float32)


def around(columns: Matrix, width: int = WIDTH) -> list[Matrix]:
    """Returns the columns shifted so that each block sees those before and after it."""
    size = len(columns)
    padded = np.zeros((size + 2 * width, columns.shape[1]), dtype=np.float32)
    padded[width : width + size] = columns
    return [padded[width + shift : width + shift + size] for shift in range(-width, width + 1) if shift]


def first_features(page: Page) -> Matrix:
    """Returns the features of the first pass, one row a block."""
    size, linked = page.size, page.linked
    count = len(size)
    paragraph = np.where((size > LONG) & (linked < FEW_LINKS), size * (1 - linked), 0)
    sums, links, words = page.sums(paragraph), page.sums(size * linked), page.sums(size)
    share = sums / max(1.0, float(sums[0]))
    density = links / np.maximum(1, words)
    inside = page.sums(np.ones(count, dtype=np.float32))
    places = np.column_stack([page.hints, share, density, np.log1p(words) / 5, np.log1p(inside) / 3])
    log = np.log1p(size) / 5
    tags = page.tag[:, None] == np.arange(len(TAGS))
    order = np.arange(count)
    h1 = np.flatnonzero(page.tag == TAG_NUMBER["h1"])
    before = (np.cumsum(paragraph) - paragraph) / max(1.0, float(sums[0]))
    here = np.column_stack([
        log, linked, np.minimum(size, 1500) / 500, order / max(1, count),
        np.clip((order - (h1[0] if len(h1) else 0)) / 20, -2, 2), before, page.stated, page.distance(share),
        page.lexical, page.own, tags,
    ])  # fmt: skip
    near = np.column_stack([
        log, linked, page.hints[page.container, 1], page.lexical[:, 0] / 2, tags[:, 0],
        np.minimum(paragraph, 1500) / 500,
    ]).astype(np.float32)  # fmt: skip
    whole = np.array([np.log1p(sums[0]) / 8, density[0], np.log1p(count) / 5, float(len(h1) > 0)])
    levels = [places[level] for level in page.chain[:LEVELS]]
    parts = [here, *levels, *around(near), np.broadcast_to(whole, (count, len(whole)))]
    return np.concatenate(parts, axis=1, dtype=np.float32, casting="unsafe")


def second_features(page: Page, first: Matrix, chance: Matrix) -> Matrix:
    """Returns the features of the second pass: the first's, and what the first thought of all that is around."""
    weight = page.size * chance
    mass = page.sums(weight)
    total = max(1.0, float(mass[0]))
    share, mean = mass / total, mass / np.maximum(1, page.sums(page.size))
    places = np.column_stack([share, mean])
    here = np.column_stack([chance, (np.cumsum(weight) - weight) / total, page.distance(share)])
    whole = np.array([np.log1p(total) / 8, mean[0]])
    levels = [places[level] for level in page.chain[:LEVELS]]
    parts = [first, here, *levels, *around(chance[:, None]), np.broadcast_to(whole, (len(chance), len(whole)))]
    return np.concatenate(parts, axis=1, dtype=np.float32, casting="unsafe")
