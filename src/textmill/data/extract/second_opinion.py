"""What another extractor takes for content, as a witness and not as a judge.

trafilatura (an extra) looks at a page in quite another way: rules over a tree that were refined for years. Where it and
our model agree there is nothing to do; where they differ, a third small network has learned from marked pages whom to
believe, by how sure our model is and what stands around.
"""

import re

import numpy as np

from textmill.data.extract.blocks import Blocks
from textmill.data.extract.choose import Chosen
from textmill.data.extract.choose import choose as choose_alone
from textmill.data.extract.features import Matrix, around
from textmill.data.extract.model import load
from textmill.errors import MissingExtraError

GRAM = 4
WORDS = re.compile(r"[\u3400-\u9fff]|[^\W\u3400-\u9fff]+")
SAID = 0.6
LONG_ENOUGH = 5
"""Words from which a block that only the other found counts for the union: shorter ones are found anywhere."""


def choose(page: Blocks, chance: Matrix, features: Matrix, markup: str, title: str, *, union: bool) -> Chosen:
    """Returns which blocks are the text of the page by both opinions."""
    careful, usual = opinion(markup, careful=True), opinion(markup, careful=False)
    said = np.column_stack([shares(page, careful), shares(page, usual)])
    if union:
        words = np.array([len(WORDS.findall(block.text)) for block in page.blocks])
        return choose_alone(page, chance, title) | ((said[:, 1] > SAID) & (words >= LONG_ENOUGH))
    informed = load().informed(informed_features(features, chance, said))
    return choose_alone(page, informed, title)


def informed_features(features: Matrix, chance: Matrix, said: Matrix) -> Matrix:
    """Returns the features of the network that hears both: ours, our verdict and the other's, here and around."""
    whole = np.broadcast_to((said * chance[:, None]).sum(axis=0) / max(1e-3, float(chance.sum())), said.shape)
    both = np.column_stack([chance, said]).astype(np.float32)
    parts = [features, both, *around(both), whole, np.broadcast_to(said.mean(axis=0), said.shape)]
    return np.concatenate(parts, axis=1, dtype=np.float32, casting="unsafe")


def opinion(markup: str, *, careful: bool) -> str:
    """Returns trafilatura's text of the page, "" where it finds none or fails."""
    try:
        import trafilatura
    except ImportError:
        raise MissingExtraError("extraction.missing_extra", mode="quality, union") from None
    try:
        return trafilatura.extract(markup, favor_precision=careful, include_comments=False) or ""
    except (ValueError, RuntimeError, RecursionError, TypeError, AttributeError, KeyError):
        return ""


def shares(page: Blocks, text: str) -> Matrix:
    """Returns for each block what share of its runs of four words (fewer in a shorter one) stands in the text."""
    words = WORDS.findall(text)
    known = [set(zip(*(words[start:] for start in range(length)), strict=False)) for length in range(1, GRAM + 1)]
    found = []
    for block in page.blocks:
        own = WORDS.findall(block.text)
        length = min(GRAM, len(own))
        grams = list(zip(*(own[start:] for start in range(length)), strict=False))
        found.append(sum(gram in known[length - 1] for gram in grams) / len(grams) if grams else 0.0)
    return np.array(found, dtype=np.float32)
