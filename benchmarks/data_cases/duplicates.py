"""How fast near-duplicates are found, and how many and how rightly, beside datasketch and rensa.

DIR has texts (`*.txt`, English or Chinese); they are cut into documents of 300 to 3,000 code points, and of each third
one to three copies are made in which words (in Chinese, characters) are changed at a rate between 0.2% and 6%, so that
the true similarity of copies lies on both sides of the threshold of 0.8. All get the texts in memory, the same runs of
five words or characters, 128 orders and one process; the peers as their own pages show it.

documents_per_second   by processor time, from texts to the list of what is dropped
recall                 of the pairs in a family whose exact Jaccard similarity is 0.8 or more, how many do not both stay
recall_above_0.85      of those at 0.85 or more, away from the threshold, where an estimate's error tips no pair
precision              of the pairs (dropped, what it is dropped for), how many have 0.8 or more; and 0.75 or more
"""

import random
import re
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import common
from textmill.config import DuplicatesSettings
from textmill.data.duplicates.clusters import near_duplicates
from textmill.data.duplicates.minhash import signatures

DOCUMENTS, PERMUTATIONS, THRESHOLD, RUN = 12_000, 128, 0.8, 5
UNIT = re.compile(r"[\u3400-\u9fff]|[^\W_\u3400-\u9fff]+")
Pair = tuple[int, int]
Find = Callable[[list[str]], list[Pair]]
"""From texts to pairs (dropped, what it is dropped for)."""


def units(text: str) -> list[str]:
    """Returns words in small letters, and Chinese characters."""
    return UNIT.findall(text.lower())


def runs(text: str) -> set[str]:
    """Returns the runs of five units; a shorter text is one run."""
    found = units(text)
    return {" ".join(found[place : place + RUN]) for place in range(max(1, len(found) - RUN + 1))}


def documents(folder: Path) -> tuple[list[str], list[int]]:
    """Returns texts in a mixed order, and each one's family."""
    chance = random.Random(0)
    originals = []
    for path in sorted(folder.glob("*.txt")):
        text = path.read_text(encoding="utf-8")
        place = 0
        while place < len(text):
            size = int(300 * 10 ** chance.random())
            originals.append(text[place : place + size])
            place += size
    chance.shuffle(originals)
    texts: list[tuple[str, int]] = []
    for family, original in enumerate(originals):
        texts.append((original, family))
        if family % 3 == 0:
            texts += [(edited(original, chance), family) for _ in range(chance.randrange(1, 4))]
        if len(texts) >= DOCUMENTS:
            break
    chance.shuffle(texts)
    return [text for text, _ in texts], [family for _, family in texts]


def edited(text: str, chance: random.Random) -> str:
    """Returns a copy with some words or characters changed."""
    rate = 0.002 * 30 ** chance.random()
    return UNIT.sub(lambda found: "改" + found[0] if chance.random() < rate else found[0], text)


def ours(texts: list[str]) -> list[Pair]:
    """Returns what Textmill drops."""
    settings = DuplicatesSettings(threshold=THRESHOLD, permutations=PERMUTATIONS)
    found, counts = signatures(texts, settings)
    clusters = near_duplicates(found, np.flatnonzero(counts), np.arange(len(texts)), settings)
    return [(number, int(who)) for number, who in enumerate(clusters.survivor) if who != number]


def with_datasketch(texts: list[str]) -> list[Pair]:
    """Returns what datasketch's LSH drops: each text that is like one before it."""
    from datasketch import MinHash, MinHashLSH  # pyright: ignore[reportMissingImports]

    index, pairs = MinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS), []
    for number, text in enumerate(texts):
        sketch = MinHash(num_perm=PERMUTATIONS)
        sketch.update_batch([run.encode() for run in runs(text)])
        like = index.query(sketch)
        pairs += [(number, other) for other in sorted(like)[:1]]
        if not like:
            index.insert(number, sketch)
    return pairs


def with_rensa(texts: list[str]) -> list[Pair]:
    """Returns what rensa's LSH drops: each text that is like one before it."""
    from rensa import RMinHash, RMinHashLSH  # pyright: ignore[reportMissingImports]

    index, pairs = RMinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS, num_bands=16), []
    sketches = RMinHash.from_token_sets([list(runs(text)) for text in texts], PERMUTATIONS, 42)
    for number, sketch in enumerate(sketches):
        like = [other for other in index.query(sketch) if sketch.jaccard(sketches[other]) >= THRESHOLD]
        pairs += [(number, other) for other in sorted(like)[:1]]
        if not like:
            index.insert(number, sketch)
    return pairs


def jaccard(first: set[str], second: set[str]) -> float:
    """Returns the exact similarity."""
    return len(first & second) / len(first | second)


def measure(name: str, find: Find, texts: list[str], families: list[int]) -> list[common.Row]:
    """Returns the rows of one way."""
    find(texts[:200])
    began = time.process_time()
    pairs = find(texts)
    seconds = time.process_time() - began
    dropped = {number for number, _ in pairs}
    members: dict[int, list[int]] = {}
    for number, family in enumerate(families):
        members.setdefault(family, []).append(number)
    true, far = [], []
    for family in members.values():
        sets = {number: runs(texts[number]) for number in family} if len(family) > 1 else {}
        for place, first in enumerate(sets):
            for second in list(sets)[:place]:
                alike, found = jaccard(sets[first], sets[second]), first in dropped or second in dropped
                true += [found] if alike >= THRESHOLD else []
                far += [found] if alike >= 0.85 else []
    right = [jaccard(runs(texts[first]), runs(texts[second])) for first, second in pairs]
    case = f"duplicates/{name}"
    return [
        common.row(case, "documents_per_second", len(texts) / seconds, n=len(texts), seconds=seconds),
        share(case, "recall", true),
        share(case, "recall_above_0.85", far),
        share(case, "precision", [alike >= THRESHOLD for alike in right]),
        share(case, "precision_0.75", [alike >= 0.75 for alike in right]),
    ]


def share(case: str, metric: str, found: list[bool]) -> common.Row:
    """Returns a share with its 95% interval (Wilson)."""
    count, part = len(found), sum(found) / len(found)
    middle, reach = part + 1.92 / count, 1.96 * (part * (1 - part) / count + 0.96 / count**2) ** 0.5
    scale = 1 + 3.84 / count
    return common.row(case, metric, part, (middle - reach) / scale, min(1.0, (middle + reach) / scale), count)


def duplicates(data: Path | None) -> list[common.Row]:
    """Returns the rows of the peers that are installed, then ours beside rensa, or beside datasketch."""
    if data is None or not any(data.glob("*.txt")):
        raise SystemExit("--data DIR is needed: a folder with .txt files")
    texts, families = documents(data)
    theirs: dict[str, list[common.Row]] = {}
    for name, find in (("datasketch", with_datasketch), ("rensa", with_rensa)):
        try:
            theirs[name] = measure(name, find, texts, families)
        except ImportError:
            continue
    rows = [row for found in theirs.values() for row in found]
    own = measure("textmill", ours, texts, families)
    length = sum(map(len, texts)) / len(texts)
    rows.append(common.row("duplicates/texts", "code_points_a_document", length, n=len(texts)))
    for peer in list(theirs)[-1:]:
        own = [common.beside(mine, other, peer) for mine, other in zip(own, theirs[peer], strict=True)]
    return rows + own
