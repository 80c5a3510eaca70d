"""What a block looks like in numbers: its own text, what its containers are called, and what stands around it.

Numbers are the same for English and Chinese: a text is measured in bytes of UTF-8, so that a Chinese character counts
as three Latin letters, about what it says; full stops of both are full stops. Containers are numbered in the order of
the page, so all that lie in one follow it without a gap, and a sum over an element is the difference of two running
sums. One pass over the blocks is Python, everything else numpy: a page has 2 milliseconds in all.
"""

from functools import cache

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
BLANK, COMMA, STOP, SEPARATOR, DOT, KINDS = 1, 2, 3, 4, 5, 6
SIGNS = {BLANK: " ", COMMA: ",，、", STOP: "。！？", SEPARATOR: "|»·", DOT: ".?"}  # text data
"""A dot or question mark is a stop only before a blank: it stands in numbers and addresses too."""
BLANK_CODE = ord(" ")
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
        self.size: Matrix
        self.own: Matrix
        self.size, self.own = own_texts(blocks, texts, title)
        characters = np.array([len(text) for text in texts], dtype=np.float32)
        links = np.array([block.linked for block in blocks], dtype=np.float32)
        self.linked: Matrix = np.minimum(1, links / characters)
        self.hints = container_hints(page, vocabulary)
        self.lexical = label_words(texts, vocabulary)
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
    """Returns for each container: what its names say, the sum, least and most of those around it, and its depth.

    Those without a text in them, about a third, stay at 0: nothing asks for them.
    """
    rows = [(0.0, 0.0, 0.0, 0.0, 0.0)] * len(page.tags)
    of_tag, of_attributes = vocabulary.of_tag, vocabulary.of_attributes
    tags, all_attributes, parents = page.tags, page.attributes, page.parents
    for number in page.with_text():
        value = of_tag(tags[number], 0.0)
        if attributes := all_attributes[number]:
            value += of_attributes(attributes)
        _, total, least, most, depth = rows[parents[number]]
        rows[number] = (
            value, total + value, value if value < least else least, value if value > most else most, depth + 1
        )  # fmt: skip
    numbers = np.array(rows, dtype=np.float32)
    return (np.clip(numbers, -8, 8) / 2).astype(np.float32)


def own_texts(blocks: list[Block], texts: list[str], title: str) -> tuple[Matrix, Matrix]:
    """Returns of each text its bytes, and ten numbers, scaled: blanks, commas, stops, how it ends (two), separators,
    links, line breaks, capitals, the title.

    All texts are looked at as one row of code points, in which each sign has a kind.
    """
    lengths = np.array([len(text) for text in texts])
    codes, after = code_points("\n".join(texts) + "\n"), np.cumsum(lengths + 1)
    kinds = np.take(sign_kinds(), codes)
    kinds[:-1][(kinds[:-1] == DOT) & (codes[1:] == BLANK_CODE)] = STOP
    signs = np.flatnonzero(kinds)
    place = np.searchsorted(after, signs, side="right") * KINDS + kinds[signs]
    counts = np.bincount(place, minlength=len(texts) * KINDS).reshape(-1, KINDS)
    last = np.take(ending_kinds(), codes[after - 2])
    own = np.empty((len(texts), 10), dtype=np.float32)
    own[:, :3] = counts[:, [BLANK, COMMA, STOP]]
    own[:, 3], own[:, 4], own[:, 5] = last == 1, last == 2, counts[:, SEPARATOR]
    own[:, 6:] = [
        (block.links, block.breaks, text.isupper(), len(text) > 8 and text in title)
        for block, text in zip(blocks, texts, strict=True)
    ]
    return utf8_sizes(codes, after, lengths), (np.minimum(own, OWN_LIMITS) / OWN_SCALES).astype(np.float32)


def code_points(text: str) -> NDArray[np.integer]:
    """Returns the code points, as bytes where all are ASCII."""
    if text.isascii():
        return np.frombuffer(text.encode("ascii"), dtype=np.uint8)
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


def utf8_sizes(codes: NDArray[np.integer], after: Numbers, lengths: Numbers) -> Matrix:
    """Returns of each text how many bytes of UTF-8 it has; a lone surrogate, which has none, counts as one."""
    sizes = lengths.astype(np.float32)
    if codes.dtype != np.uint8:
        more = (codes >= 0x80).astype(np.int8) + (codes >= 0x800) + (codes >= 0x10000)
        more[(codes >= 0xD800) & (codes < 0xE000)] = 0
        sizes += np.add.reduceat(more, after - lengths - 1, dtype=np.int64)
    return sizes


@cache
def sign_kinds() -> NDArray[np.uint8]:
    """Returns the kind of each code point: 0 but for blanks, commas, stops and separators of both languages."""
    kinds = np.zeros(0x110000, dtype=np.uint8)
    for kind, signs in SIGNS.items():
        kinds[[ord(sign) for sign in signs]] = kind
    return kinds


@cache
def ending_kinds() -> NDArray[np.uint8]:
    """Returns for each code point 1 if a sentence ends with it, 2 for a colon, else 0."""
    kinds = np.zeros(0x110000, dtype=np.uint8)
    kinds[[ord(sign) for sign in '.。!！?？”"…;；']] = 1  # text data
    kinds[[ord(sign) for sign in ":："]] = 2  # text data
    return kinds


def label_words(texts: list[str], vocabulary: Vocabulary) -> Matrix:
    """Returns what the words of each short text say: sum, least and most of their weights; longer texts say nothing."""
    found = np.zeros((len(texts), 3), dtype=np.float32)
    short = [number for number, text in enumerate(texts) if len(text) <= SHORT]
    if short:
        found[short] = vocabulary.of_texts([texts[number] for number in short])
    return found


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


def side_by_side(count: int, *parts: NDArray[np.generic] | float) -> Matrix:
    """Returns columns, matrices and single numbers as one matrix of so many rows; np.column_stack takes longer."""
    widths = [part.shape[1] if isinstance(part, np.ndarray) and part.ndim == 2 else 1 for part in parts]
    whole = np.empty((count, sum(widths)), dtype=np.float32)
    place = 0
    for part, width in zip(parts, widths, strict=True):
        if isinstance(part, np.ndarray) and part.ndim == 2:
            whole[:, place : place + width] = part
        else:
            whole[:, place] = part
        place += width
    return whole


def first_features(page: Page) -> Matrix:
    """Returns the features of the first pass, one row a block."""
    size, linked = page.size, page.linked
    count, containers = len(size), len(page.parent)
    paragraph = np.where((size > LONG) & (linked < FEW_LINKS), size * (1 - linked), 0)
    sums, links, words = page.sums(paragraph), page.sums(size * linked), page.sums(size)
    share = sums / max(1.0, float(sums[0]))
    density = links / np.maximum(1, words)
    inside = page.sums(np.ones(count, dtype=np.float32))
    places = side_by_side(containers, page.hints, share, density, np.log1p(words) / 5, np.log1p(inside) / 3)
    log = np.log1p(size) / 5
    tags = page.tag[:, None] == np.arange(len(TAGS))
    order = np.arange(count)
    h1 = np.flatnonzero(tags[:, TAG_NUMBER["h1"]])
    before = (np.cumsum(paragraph) - paragraph) / max(1.0, float(sums[0]))
    near = side_by_side(
        count, log, linked, page.hints[page.container, 1], page.lexical[:, 0] / 2, tags[:, 0],
        np.minimum(paragraph, 1500) / 500,
    )  # fmt: skip
    return side_by_side(
        count, log, linked, np.minimum(size, 1500) / 500, order / max(1, count),
        np.clip((order - (h1[0] if len(h1) else 0)) / 20, -2, 2), before, page.stated, page.distance(share),
        page.lexical, page.own, tags, *(places[level] for level in page.chain[:LEVELS]), *around(near),
        float(np.log1p(sums[0])) / 8, float(density[0]), float(np.log1p(count)) / 5, float(len(h1) > 0),
    )  # fmt: skip


def second_features(page: Page, first: Matrix, chance: Matrix) -> Matrix:
    """Returns the features of the second pass: the first's, and what the first thought of all that is around."""
    weight = page.size * chance
    mass = page.sums(weight)
    total = max(1.0, float(mass[0]))
    share, mean = mass / total, mass / np.maximum(1, page.sums(page.size))
    places = side_by_side(len(mass), share, mean)
    return side_by_side(
        len(chance), first, chance, (np.cumsum(weight) - weight) / total, page.distance(share),
        *(places[level] for level in page.chain[:LEVELS]), *around(chance[:, None]),
        float(np.log1p(total)) / 8, float(mean[0]),
    )  # fmt: skip
