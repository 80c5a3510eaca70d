import io

import pytest
from rich.console import Console

from textmill.cli import progress
from textmill.cli.progress import amount, duration, progress_line, short
from textmill.i18n import set_language


def test_plain_lines_at_most_every_few_seconds_and_one_at_the_end(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    out = io.StringIO()
    with progress_line(Console(file=out), "Reading [b]", "files") as report:
        for done in range(1, 13):
            now[0] += 1
            report(done, 20, "last.txt")
    lines = out.getvalue().splitlines()
    assert lines == [
        "Reading [b]: 5/20 files (25%), 1/s, 15.0s left  last.txt",
        "Reading [b]: 10/20 files (50%), 1/s, 10.0s left  last.txt",
        "Reading [b]: done, 12 files in 12.0s",
    ]


def test_chinese(monkeypatch):
    set_language("zh")
    out = io.StringIO()
    with progress_line(Console(file=out), "读取", "个文件") as report:
        report(3)
    assert out.getvalue().startswith("读取：完成，3 个文件，用时 ")


def test_bar_on_a_terminal():
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=100)
    with progress_line(console, "Reading [b]", "files") as report:
        report(1, 2)
        report(2, 2, "note")
    assert "Reading [b]: done, 2 files in" in out.getvalue()


def test_an_error_inside_passes_and_nothing_claims_to_be_done():
    out = io.StringIO()
    with pytest.raises(ValueError), progress_line(Console(file=out), "Reading") as report:
        report(1)
        raise ValueError
    assert out.getvalue() == ""


def test_numbers():
    assert [short(number) for number in (0, 0.5, 950, 9999, 12_300, 3_400_000, 34e6, 2e9)] == [
        *("0", "0.5", "950", "9999", "12k", "3.4M", "34M", "2.0G")
    ]
    assert [duration(seconds) for seconds in (4.21, 185, 7620)] == ["4.2s", "3m 05s", "2h 07m"]
    assert amount(5, None, "") == "5"
