"""What the corpus stage does, beside its peers: how well, how fast, in how much memory.

    python benchmarks/data.py CASE [--data DIR] [--json]

extraction   the article of a web page beside trafilatura, resiliparse and readability: F1 and pages a second; DIR has
             the form of article-extraction-benchmark
duplicates   near-duplicates beside datasketch and rensa: documents a second, recall and precision; DIR has .txt files
memory       the largest amount of memory that a build of 2 GB takes
workers      megabytes and documents a second with one worker, two, four …
pipeline     from WARC to a clean corpus beside datatrove's recipe of FineWeb: documents a second; DIR has web pages
helps        a small model trained on raw pages, ours and datatrove's: held-out bits per byte; DIR as for extraction

Each case's own file in data_cases says what is measured, and how.
"""

from collections.abc import Callable
from pathlib import Path

import common
from data_cases import duplicates, extraction, helps, pipeline, running

Case = Callable[[Path | None], list[common.Row]]
CASES: dict[str, Case] = {
    "extraction": extraction.extraction,
    "duplicates": duplicates.duplicates,
    "memory": running.memory,
    "workers": running.workers,
    "pipeline": pipeline.pipeline,
    "helps": helps.helps,
}


def main() -> None:
    """Runs the chosen case, or all of them, and prints their rows."""
    words = common.parser(__doc__ or "", list(CASES))
    given = words.parse_args()
    chosen = [given.case] if given.case else list(CASES)
    common.report([result for case in chosen for result in CASES[case](given.data)], given.json)


if __name__ == "__main__":
    main()
