"""A document that takes too long, too much memory or the process with it costs itself, and nothing else."""

import signal
import time
from pathlib import Path

import pytest
from corpus_helpers import build, by_source, dropped, dropped_rows
from limit_helpers import work, work_all

from textmill.data import limits
from textmill.data.pool import Task, ordered_map

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
