"""How much memory a large build takes, and how its speed grows with the workers.

The input is made here: sentences of Little World (other towns with other seeds, English and Chinese) put together anew
in documents of some 3 KB, so that hardly any two are alike; six tenths as JSONL, two as text files of 50 MB, which are
cut into documents, two as web pages in WARC. --data DIR takes the files of a folder instead.

memory    2 GB of input (TEXTMILL_BENCHMARK_MEGABYTES asks for another size), all cores, near-duplicates and all: the
          largest sum of the proportional set sizes of all processes of the build (shared pages counted once), sampled
          five times a second; and the largest of the building process alone, of its children together, and of one
workers   48 MB with 1, 2, 4 … workers up to the number of cores: MB and documents a second
"""

import json
import os
import random
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import common
from textmill.config import CorpusSettings, Settings
from textmill.data.build import build_corpus
from textmill.data.corpus import Corpus
from textmill.data.pool import available_workers

MEGABYTE = 1 << 20
SEEDS = 2
MEMORY_MEGABYTES, WORKERS_MEGABYTES = int(os.environ.get("TEXTMILL_BENCHMARK_MEGABYTES", "2048")), 48
FILE_BYTES, DOCUMENT_CHARACTERS = 50 * MEGABYTE, 2500
PAGE = "<html><head><title>{title}</title></head><body><h1>{title}</h1><article>{body}</article></body></html>"
SAMPLED_EVERY = 0.2


def sentences(folder: Path) -> list[str]:
    """Returns the lines of Little World's documents of some seeds."""
    from textmill.data.little_world import make_little_world

    found: list[str] = []
    for seed in range(SEEDS):
        make_little_world(folder / f"world{seed}", seed=seed, megabytes=8)
        corpus = build_corpus([folder / f"world{seed}"], folder / f"corpus{seed}", Settings())
        for document in corpus.documents(columns=("text",)):
            found += [line for line in document.text.split("\n") if len(line) > 20]
    return found


def texts(lines: list[str], seed: int) -> Iterator[str]:
    """Yields documents without end, each of lines drawn anew."""
    chance = random.Random(seed)
    while True:
        parts: list[str] = []
        size = 0
        while size < DOCUMENT_CHARACTERS:
            parts.append(lines[chance.randrange(len(lines))])
            size += len(parts[-1])
        yield "\n\n".join(parts)


def warc_record(number: int, text: str) -> str:
    """Returns a page as a WARC response."""
    title, *body = text.split("\n\n")
    page = PAGE.format(title=title, body="".join(f"<p>{part}</p>" for part in body))
    http = f"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{page}"
    head = f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://town{number % 97}.example/{number}\r\n"
    return f"{head}Content-Type: application/http\r\nContent-Length: {len(http.encode())}\r\n\r\n{http}\r\n\r\n"


def make_input(folder: Path, lines: list[str], megabytes: int) -> None:
    """Writes so much input: JSONL, text, WARC in turn."""
    folder.mkdir()
    left, number = megabytes * MEGABYTE, 0
    while left > 0:
        kind = ("jsonl", "jsonl", "txt", "jsonl", "warc")[number % 5]
        size = 0
        with open(folder / f"{number:03}.{kind}", "w", encoding="utf-8", newline="") as file:
            for count, text in enumerate(texts(lines, number)):
                written = {
                    "jsonl": lambda text=text: json.dumps({"text": text}, ensure_ascii=False) + "\n",
                    "txt": lambda text=text: f"{text}\n\n",
                    "warc": lambda text=text, count=count: warc_record(count, text),
                }[kind]()
                file.write(written)
                size += len(written.encode())
                if size >= min(left, FILE_BYTES):
                    break
        left, number = left - size, number + 1


class Peak:
    """Measures, while it is entered, how much memory this process and its children take together."""

    def __init__(self) -> None:
        self.largest = dict.fromkeys(("", "_parent", "_workers", "_one_worker"), 0)
        """Bytes: of all together, of this process, of its children together, of the largest child."""
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)

    def __enter__(self) -> "Peak":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()

    def watch(self) -> None:
        """Samples until it is over."""
        while not self.over.wait(SAMPLED_EVERY):
            own, *others = self.now()
            seen = {
                "": own + sum(others),
                "_parent": own,
                "_workers": sum(others),
                "_one_worker": max(others, default=0),
            }
            self.largest = {who: max(size, seen[who]) for who, size in self.largest.items()}

    @staticmethod
    def now() -> list[int]:
        """Returns the bytes of this process and of each child at this moment; one that ends meanwhile counts 0."""
        import psutil

        own = psutil.Process()
        sizes = []
        for process in (own, *own.children(recursive=True)):
            try:
                sizes.append(getattr(process.memory_full_info(), "pss", process.memory_info().rss))
            except psutil.Error:
                sizes.append(0)
        return sizes


def built(source: Path, target: Path, workers: int) -> tuple[Corpus, float]:
    """Returns the corpus of a folder and the seconds that its build took."""
    began = time.perf_counter()
    corpus = build_corpus([source], target, Settings(corpus=CorpusSettings(workers=workers)))
    return corpus, time.perf_counter() - began


def memory(data: Path | None) -> list[common.Row]:
    """Returns the peak memory of a large build."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        source = data or folder / "in"
        if data is None:
            make_input(source, sentences(folder), MEMORY_MEGABYTES)
        with Peak() as peak:
            corpus, seconds = built(source, folder / "out", 0)
        case, read, count = "memory", corpus.manifest["read"]["bytes"], corpus.count()
        return [
            common.row(case, "input_bytes", read, n=count),
            *(
                common.row(case, f"peak_bytes{who}", size, n=count, seconds=seconds)
                for who, size in peak.largest.items()
            ),
            common.row(case, "megabytes_per_second", read / 1e6 / seconds, n=count, seconds=seconds),
        ]


def workers(data: Path | None) -> list[common.Row]:
    """Returns the throughput with one worker, two, four … up to the number of cores."""
    rows: list[common.Row] = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        source = data or folder / "in"
        if data is None:
            make_input(source, sentences(folder), WORKERS_MEGABYTES)
        most = available_workers()
        counts = sorted({1 << power for power in range(most.bit_length())} | {most})
        hashes = set()
        for count in counts:
            corpus, seconds = built(source, folder / "out", count)
            hashes.add(corpus.content_hash)
            read = corpus.manifest["read"]
            rows.append(common.row(f"workers/{count}", "megabytes_per_second", read["bytes"] / 1e6 / seconds, n=1))
            rows.append(common.row(f"workers/{count}", "documents_per_second", read["records"] / seconds, n=1))
            rows[-1]["seconds"] = rows[-2]["seconds"] = round(seconds, 3)
        if len(hashes) != 1:
            raise SystemExit("workers: the corpora differ")
    alone = rows[:2]
    return alone + [
        common.beside(row, one, "one worker") for pair in zip(rows[2::2], rows[3::2], strict=True)
        for row, one in zip(pair, alone, strict=True)
    ]  # fmt: skip
