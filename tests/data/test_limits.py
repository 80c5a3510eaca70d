"""A document that takes too long, too much memory or the process with it costs itself, and nothing else."""

import io
import signal
import time
import zipfile
from functools import partial
from pathlib import Path

import pytest
from corpus_helpers import build, by_source, dropped, dropped_rows
from limit_helpers import open_all, work, work_all

from textmill.data import build as building
from textmill.data import limits
from textmill.data.opener import Opener
from textmill.data.pool import Task, ordered_map
from textmill.errors import MissingExtraError

GOOD = {f"{n:02}.txt": f"Text number {n} stays." for n in range(12)}
HOSTILE = "<html><body>" + "<p><b>" * 500_000
"""Takes seconds and hundreds of megabytes to extract; a page of 3 MB."""


def results(items: list[list[str]], workers: int) -> list[list[str]]:
    """Returns what becomes of lists of words."""
    task = Task(
        function=work_all,
        split=lambda item: [[word] for word in item],
        give_up=lambda item, why: [f"{item[0]}: {why}"],
        merge=lambda parts: [word for part in parts for word in part],
        memory_gigabytes=1.0,
    )
    return list(ordered_map(task, items, workers))


@pytest.mark.parametrize("workers", [1, 3])
def test_what_ends_a_process_costs_itself(workers: int):
    items = [["a", "loop", "b"], ["c"], ["crash"], ["d", "eat", "crash", "e"], [], ["wait"], ["f"]]
    assert results(items, workers) == [
        ["A", "loop: timeout", "B"],
        ["C"],
        ["crash: crashed"],
        ["D", "eat: memory", "crash: crashed", "E"],
        [],
        ["wait: timeout"],
        ["F"],
    ]


def test_a_bug_is_raised_here():
    with pytest.raises(KeyError, match="a bug") as raised:
        results([["a"], ["b", "fail"], ["c"]], 2)
    assert "in a worker process" in "".join(raised.value.__notes__)


def test_a_worker_that_cannot_begin_is_no_fault_of_the_documents():
    task = Task(function=work, split=list, give_up=lambda item, why: why, merge=list, memory_gigabytes=None)  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="before it could begin"):
        list(ordered_map(task, ["a"], 1))


def test_the_countdown_is_over_when_the_work_is():
    with limits.countdown(0.01) as restart:
        restart()
    deadline = time.process_time() + 0.05
    while time.process_time() < deadline:
        pass
    assert signal.getitimer(signal.ITIMER_PROF) == signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_page_that_takes_too_long(tmp_path: Path, workers: int):
    corpus = build(tmp_path, GOOD | {"05.html": HOSTILE}, workers=workers, document_seconds=0.2)
    assert dropped(corpus) == {"in/05.html": "timeout"}
    assert len(by_source(corpus)) == len(GOOD)
    row = dropped_rows(corpus)[0]
    assert (row["step"], row["value"], row["threshold"]) == ("extract", "> 0.2", "0.2")


def test_a_page_that_takes_too_much_memory(tmp_path: Path):
    corpus = build(tmp_path, GOOD | {"05.html": HOSTILE}, worker_memory_gigabytes=0.1)
    assert dropped(corpus) == {"in/05.html": "memory"}
    assert len(by_source(corpus)) == len(GOOD)
    row = dropped_rows(corpus)[0]
    assert (row["step"], row["value"], row["threshold"]) == ("extract", "> 0.1", "0.1")


def test_rows_beside_one_that_takes_too_long(tmp_path: Path):
    rows = [f'{{"text": "Row {n}."}}' for n in range(30)]
    rows[20] = '{"text": "' + "&#x3c;" * 200_000 + '", "post_stream": {"posts": [{"post_number": 1, "cooked": "%s"}]}}'
    rows[20] %= "<p><b>" * 300_000
    corpus = build(tmp_path, {"rows.jsonl": "\n".join(rows)}, document_seconds=0.2)
    assert dropped(corpus) == {"in/rows.jsonl:21": "timeout"}
    assert corpus.count() == 29


def zipped(count: int, name: str = "") -> bytes:
    """Returns a zip archive of so many texts."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for number in range(count):
            archive.writestr(f"{number}.txt", f"Member {number} {name}.")
    return stream.getvalue()


@pytest.mark.parametrize(("harm", "reason"), [("loop", "timeout"), ("eat", "memory"), ("crash", "crashed")])
def test_an_archive_that_ends_its_process(tmp_path: Path, monkeypatch, harm: str, reason: str):
    monkeypatch.setattr(building, "Opener", partial(Opener, function=open_all))
    files = {"0.txt": "A text.", f"1{harm}.zip": zipped(6), "2.zip": zipped(4, "of two"), "3.txt": "The last."}
    corpus = build(tmp_path, files, workers=2, document_seconds=0.5, worker_memory_gigabytes=1.0)
    assert dropped(corpus) == {f"in/1{harm}.zip": reason}
    before = [f"in/1{harm}.zip/{n}.txt" for n in range(3)]
    assert list(by_source(corpus)) == ["in/0.txt", *before, *(f"in/2.zip/{n}.txt" for n in range(4)), "in/3.txt"]
    row = dropped_rows(corpus)[0]
    assert (row["step"], row["threshold"]) == ("read", {"timeout": "0.5", "memory": "1.0"}.get(reason, ""))


def test_an_archive_that_takes_long_and_goes_on(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(building, "Opener", partial(Opener, function=open_all))
    corpus = build(tmp_path, {"goes_on.zip": zipped(6)}, document_seconds=0.3)
    assert (dropped(corpus), corpus.count()) == ({}, 6)


def test_an_archive_for_which_a_package_is_missing(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(building, "Opener", partial(Opener, function=open_all))
    with pytest.raises(MissingExtraError, match="zstandard"):
        build(tmp_path, {"needs.zip": zipped(6)})


def test_a_table_that_fills_the_memory(tmp_path: Path):
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    rows = arrow.DictionaryArray.from_arrays([0] * 40, ["x" * (20 << 20)])
    (tmp_path / "in").mkdir()
    parquet.write_table(arrow.table({"text": rows}), tmp_path / "in/b.parquet", compression="zstd", store_schema=False)
    assert (tmp_path / "in/b.parquet").stat().st_size < 100_000
    corpus = build(tmp_path, {"a.txt": "A text.", "c.zip": zipped(1)}, worker_memory_gigabytes=0.3)
    assert dropped(corpus) == {"in/b.parquet": "memory"}
    assert list(by_source(corpus)) == ["in/a.txt", "in/c.zip/0.txt"]
