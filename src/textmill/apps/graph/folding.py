"""Names made comparable: width, case and blanks do not count; Chinese is taken character by character.

fold("ＮＥＷ  York")    "new york"
spaced("鲁迅全集")       "鲁 迅 全 集"      (each is a word to the full-text index)
distance("titanik", "titanic", 2)   1
"""

import re
import unicodedata

LONGEST = 300
"""Characters of a name that are indexed; a hostile label may be a megabyte."""
IDEOGRAPH = re.compile("([\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])")
WORD = re.compile(r"\w+")


def fold(name: str) -> str:
    """Returns a name as it is compared."""
    text = unicodedata.normalize("NFKC", name[:LONGEST].replace("\0", " ")).casefold()
    return " ".join(text.split())


def spaced(folded: str) -> str:
    """Returns folded text with a blank around each Chinese or Japanese character."""
    return " ".join(IDEOGRAPH.sub(r" \1 ", folded).split())


def words(folded: str) -> list[str]:
    """Returns the words of folded text; each ideograph is one."""
    return WORD.findall(spaced(folded))


def trigrams(folded: str) -> list[str]:
    """Returns the runs of three characters, each once, in order."""
    return list(dict.fromkeys(folded[start : start + 3] for start in range(len(folded) - 2)))


def allowed_typos(folded: str) -> int:
    """Returns how many slips a name of this length may have: in a short one, one slip makes another name."""
    length = len(folded)
    if IDEOGRAPH.search(folded):
        return 0 if length < 3 else 1 + length // 8
    return 0 if length < 4 else 1 if length < 8 else 2 + length // 16


def distance(first: str, second: str, most: int) -> int:
    """Returns how many letters to put in, take out, change or swap with the next; more than `most` is `most` + 1."""
    if abs(len(first) - len(second)) > most:
        return most + 1
    if len(set(first) ^ set(second)) > 2 * most:  # a slip brings in one letter and takes out one, at most
        return most + 1
    above: list[int] = []
    row = list(range(len(second) + 1))
    for i, letter in enumerate(first, 1):
        below = [i]
        for j, other in enumerate(second, 1):
            cost = min(row[j] + 1, below[j - 1] + 1, row[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == second[j - 2] and first[i - 2] == other:
                cost = min(cost, above[j - 2] + 1)
            below.append(cost)
        if min(below) > most:
            return most + 1
        above, row = row, below
    return min(row[-1], most + 1)
