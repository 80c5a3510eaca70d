r"""The answer at the end of a worked solution, and whether two answers are the same.

    \boxed{…}, the last  ▸  behind the last ####  ▸  behind the last "answer is" or "答案是"  ▸  the last number  ▸  all

Numbers are equal as numbers, however they are written: 1,000 and 1000.0, 50% and 50 %, $18 and 18, 1/2 and 0.5, full
width and half width. Other answers are equal as words: case, spaces, quotation marks and a full stop at the end do not
count.
"""

import re
import unicodedata
from fractions import Fraction

NUMBER = re.compile(
    r"(?:(?<![\w)])[-−+])?[$€£¥\uffe5]?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?(?:/\d+(?![\d.]))?(?:[eE][-+]?\d{1,3})?|\.\d+"
)
"""A sign behind a word or a number is a hyphen or a minus between two."""
SAID = re.compile(r"(?:answers?\s+(?:is|are)|答案(?:是|为|：|:)|所以(?:是|等于))[\s:：]*", re.IGNORECASE)  # text data
SAME_WORDS = re.compile(r"[\s\"'“”‘’「」`*]+")  # text data
LONGEST_NUMBER = 100
"""Characters: more digits than that are no answer, and take long to turn into a number."""


def final_answer(text: str) -> str:
    """Returns the answer in `text`, as it is written there."""
    boxed = last_boxed(text)
    if boxed is not None:
        return boxed.strip()
    _, mark, behind = text.rpartition("####")
    if mark:
        return first_line(behind)
    said = list(SAID.finditer(text))
    if said:
        line = first_line(text[said[-1].end() :])
        number = NUMBER.search(line)
        return number.group() if number else line
    numbers = NUMBER.findall(text)
    return numbers[-1].strip() if numbers else text.strip()


def last_boxed(text: str) -> str | None:
    r"""Returns what stands in the last \boxed{…}, braces within balanced; None without one that ends."""
    start = text.rfind("\\boxed{")
    if start < 0:
        return None
    depth, begin = 1, start + len("\\boxed{")
    for place in range(begin, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return text[begin:place]
    return None


def first_line(text: str) -> str:
    """Returns the first line that is not empty, without blanks around it."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def as_number(text: str) -> Fraction | None:
    r"""Returns the number that the whole of `text` is, None where it is none. \frac{a}{b} is one."""
    text = unicodedata.normalize("NFKC", text).strip().rstrip(".。")  # text data
    text = re.sub(r"\\d?frac\{([^{}]*)\}\{([^{}]*)\}", r"\1/\2", text)
    text = re.sub(r"[\s$€£¥,%\\]|\\text\{[^{}]*\}", "", text).replace("−", "-")
    if not text or len(text) > LONGEST_NUMBER or not re.fullmatch(r"[-+]?[\d.]+(?:[eE][-+]?\d{1,3})?(?:/\d+)?", text):
        return None
    try:
        upper, _, lower = text.partition("/")
        return Fraction(upper) / Fraction(lower or "1")
    except (ValueError, ZeroDivisionError):
        return None


def as_words(text: str) -> str:
    """Returns `text` without what does not count when words are compared."""
    text = unicodedata.normalize("NFKC", text).casefold()
    return SAME_WORDS.sub(" ", text).strip().rstrip(".。!?,;").strip()  # text data


def same_answer(text: str, expected: str) -> bool:
    """True when the answer in `text` is the one in `expected`, which may be a worked solution too."""
    wanted = final_answer(expected)
    found = final_answer(text)
    number = as_number(wanted)
    if number is not None:
        return as_number(found) == number
    return as_words(found) == as_words(wanted) or as_words(text) == as_words(wanted)
