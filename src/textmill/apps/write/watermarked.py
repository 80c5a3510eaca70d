"""Is a text marked? Its prose is cut into tokens as the writer's model cuts them, and the key counts the green ones.

Headings, lists of sources, citations and quotations are left out: they were not drawn under the mark.
"""

import re

from textmill.apps.write.order import CITATION
from textmill.infer.watermark import Detection, detect
from textmill.tokenizer.tokenizer import Tokenizer

NOT_PROSE = re.compile(r"(?:#|- \[\d+\] )")


def prose(text: str) -> str:
    """Returns what was drawn of an article's Markdown, the paragraphs joined as they were written."""
    lines = [line.strip() for line in text.splitlines()]
    kept = [line for line in lines if line and not NOT_PROSE.match(line)]
    return CITATION.sub("", " ".join(kept)).strip()


def detect_text(tokenizer: Tokenizer, key: str, text: str) -> Detection:
    """Returns how much of the key's mark is in a text."""
    return detect(key, tokenizer.encode(prose(text)))
