"""How well and how fast the article of a web page is found, beside trafilatura, resiliparse and readability.

DIR has the form of article-extraction-benchmark: ``ground-truth.json``, {key: {"articleBody": …}}, and ``html/`` with
``KEY.html.gz``. The measure is that benchmark's own (its evaluate.py): runs of four words, precision and recall a page,
their means over the pages, F1 of the means; the interval is plus and minus 1.96 standard deviations over 1,000 draws of
the pages. An articleBody has no headline, so ours is measured without the heading that our text begins with; the peers
are measured as they come, as that benchmark does.

extraction   F1, precision, recall, and pages a second on one core: by processor time (pages_per_second), which other
             work on the machine disturbs least, and by the clock (pages_per_second_by_the_clock). Ours includes title,
             author, date, language and licence; the peers are asked for the text only.
"""

import gzip
import json
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from re import UNICODE, compile
from typing import Any

import common
from textmill.data import charset
from textmill.data.extract.model import load
from textmill.data.html import read_page

GRAM, RESAMPLES = 4, 1000
WORD = compile(r"\w+", UNICODE)
ROUNDS = 5
PEER = "trafilatura-precision"
Extract = Callable[[str], str]
Shares = tuple[float, float, float]


def runs_of_words(text: str) -> Counter[tuple[str, ...]]:
    """Returns how often each run of four words stands in the text; a shorter text is one run."""
    words = WORD.findall(text or "")
    runs = (tuple(words[start : start + GRAM]) for start in range(max(1, len(words) - GRAM + 1)))
    return Counter(run for run in runs if run)


def compare(true: str, found: str) -> Shares:
    """Returns the shares of runs that are in both, only found, only true; they add up to one on every page."""
    right, ours = runs_of_words(true), runs_of_words(found)
    both = sum((right & ours).values())
    parts = (both, sum(ours.values()) - both, sum(right.values()) - both)
    total = sum(parts)
    return (parts[0] / total, parts[1] / total, parts[2] / total) if total else (0.0, 0.0, 0.0)


def scores(pages: list[Shares]) -> tuple[float, float, float]:
    """Returns F1, precision and recall over pages."""
    precision = statistics.fmean(share(both, extra, missed) for both, extra, missed in pages if both + extra)
    recall = statistics.fmean(share(both, missed, extra) for both, extra, missed in pages if both + missed)
    return 2 * precision * recall / ((precision + recall) or 1), precision, recall


def share(both: float, wrong: float, other: float) -> float:
    """Returns both / (both + wrong), as the benchmark has it where nothing is wrong or nothing was found."""
    if wrong == other == 0:
        return 1.0
    return both / (both + wrong) if both + wrong else 0.0


def rows_of(name: str, pages: list[Shares], seconds: list[float], by_the_clock: list[float]) -> list[common.Row]:
    """Returns the rows of one extractor."""
    draw = random.Random(0)
    drawn = [scores([pages[draw.randrange(len(pages))] for _ in pages]) for _ in range(RESAMPLES)]
    case, count, rows = f"extraction/{name}", len(pages), []
    for number, (metric, value) in enumerate(zip(("f1", "precision", "recall"), scores(pages), strict=True)):
        reach = 1.96 * statistics.stdev(sample[number] for sample in drawn)
        rows.append(common.row(case, metric, value, value - reach, min(1.0, value + reach), count))
    for metric, times in (("pages_per_second", seconds), ("pages_per_second_by_the_clock", by_the_clock)):
        rates = [count / each for each in times]
        rows.append(common.row(case, metric, statistics.median(rates), min(rates), max(rates), count, sum(times)))
    return rows


def ours(mode: str) -> Extract:
    """Returns our extraction in one mode, as the body of an article: without its heading."""

    def extract(markup: str) -> str:
        page = read_page(markup, mode)
        return page.text.removeprefix(page.heading).lstrip()

    return extract


def peers() -> dict[str, Extract]:
    """Returns the peers that are installed."""
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.html import HTMLTree

    found: dict[str, Extract] = {
        "resiliparse": lambda markup: extract_plain_text(HTMLTree.parse(markup), main_content=True)
    }
    try:
        import trafilatura

        found["trafilatura-precision"] = lambda markup: trafilatura.extract(markup, favor_precision=True) or ""
        found["trafilatura"] = lambda markup: trafilatura.extract(markup) or ""
    except ImportError:
        pass
    try:
        import lxml.html
        import readability  # pyright: ignore[reportMissingImports]

        def readable(markup: str) -> str:
            return lxml.html.fromstring(readability.Document(markup).summary()).text_content()

        found["readability-lxml"] = readable
    except ImportError:
        pass
    return found


def measure(name: str, extract: Extract, pages: list[tuple[str, str]], rounds: int) -> list[common.Row]:
    """Returns the rows of one extractor; the pages are decoded beforehand, its first page warms it up."""
    attempt(extract, pages[0][0])
    seconds, by_the_clock = [], []
    texts: list[str] = []
    for _ in range(rounds):
        load().vocabulary.known.clear()  # each round reads pages that it has not seen
        began, clock = time.process_time(), time.perf_counter()
        texts = [attempt(extract, markup) for markup, _ in pages]
        seconds.append(time.process_time() - began)
        by_the_clock.append(time.perf_counter() - clock)
    compared = [compare(true, text) for (_, true), text in zip(pages, texts, strict=True)]
    return rows_of(name, compared, seconds, by_the_clock)


def attempt(extract: Extract, markup: str) -> str:
    """Returns an extractor's text; a page on which it fails has none."""
    try:
        return extract(markup)
    except Exception as error:
        print(f"failed: {type(error).__name__}: {error}"[:200])
        return ""


def gold(folder: Path) -> list[tuple[str, str]]:
    """Returns the pages of a folder in the benchmark's form, each (markup, article body)."""
    truth: dict[str, Any] = json.loads((folder / "ground-truth.json").read_text(encoding="utf-8"))
    pages = []
    for key, stated in truth.items():
        decoded = charset.decode(gzip.decompress((folder / "html" / f"{key}.html.gz").read_bytes()))
        pages.append((decoded.text if decoded else "", stated.get("articleBody", "")))
    return pages


def extraction(data: Path | None) -> list[common.Row]:
    """Returns the rows of the peers, then ours beside trafilatura that favours precision."""
    if data is None:
        raise SystemExit("extraction: --data DIR is needed: a folder with ground-truth.json and html/")
    pages = gold(data)
    theirs = {
        name: measure(name, extract, pages, ROUNDS if name == "resiliparse" else 1) for name, extract in peers().items()
    }
    rows = [row for found in theirs.values() for row in found]
    for mode in ("fast", "quality", "union"):
        if mode != "fast" and PEER not in theirs:
            continue  # they need trafilatura
        own = measure(f"textmill-{mode}", ours(mode), pages, ROUNDS if mode == "fast" else 1)
        beside = theirs.get(PEER)
        rows += [common.beside(mine, other, PEER) for mine, other in zip(own, beside, strict=True)] if beside else own
    return rows
