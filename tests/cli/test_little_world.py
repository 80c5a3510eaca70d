import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import pytest


@dataclass(frozen=True)
class Summary:
    counts: dict[str, int] = field(default_factory=lambda: {"pages": 12, "threads": 3456})
    text_bytes: int = 1_234_567
    seconds: float = 1.25


@pytest.fixture
def asked(monkeypatch):
    """Stands in for the generator, which has tests of its own; returns what it was asked for."""
    calls = []

    def make_little_world(out: Path, **chosen):
        progress = chosen.pop("progress")
        for stage in ("people", "pages"):
            progress(stage, 1, 2)
            progress(stage, 2, 2)
        calls.append((out, chosen))
        return Summary()

    fake = ModuleType("textmill.data.little_world")
    fake.make_little_world = make_little_world  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "textmill.data.little_world", fake)
    return calls


def test_passes_on_only_what_was_given(run_textmill, asked):
    run_textmill("little-world", "raw").ok()
    run_textmill("little-world", "raw", "--seed", "7", "--megabytes=2.5").ok()
    assert asked == [
        (Path("raw"), {"workers": None}),
        (Path("raw"), {"workers": None, "seed": 7, "megabytes": 2.5}),
    ]


def test_says_what_it_made(run_textmill, asked, tmp_path):
    result = run_textmill("little-world", "raw").ok()
    assert "counts threads  3,456" in result.out
    assert "textmill corpus build raw" in result.out
    assert "people: done, 2 in" in result.err and "pages: done, 2 in" in result.err
    document = run_textmill("little-world", "raw", "--json").ok().document
    assert document == {
        "out": str(tmp_path / "raw"),
        "counts": {"pages": 12, "threads": 3456},
        "text_bytes": 1_234_567,
        "seconds": 1.25,
    }
