import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import pytest


@dataclass(frozen=True)
class Summary:
    folder: Path
    seed: int = 0
    documents: dict[str, int] = field(default_factory=lambda: {"pages": 12, "stories": 3456})
    text_bytes: dict[str, int] = field(default_factory=lambda: {"en": 1_234_567, "zh": 2_000_000})
    files: int = 7
    seconds: float = 1.25


@pytest.fixture
def asked(monkeypatch):
    """Stands in for the generator, which has tests of its own; returns what it was asked for."""
    calls = []

    def make_little_world(out: Path, **chosen):
        progress = chosen.pop("progress")
        progress("stories", 1, 2)
        progress("something new", 2, 2)
        calls.append((out, chosen))
        return Summary(out)

    fake = ModuleType("textmill.data.little_world")
    fake.make_little_world = make_little_world  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "textmill.data.little_world", fake)
    return calls


def test_passes_on_only_what_was_given(run_textmill, asked, tmp_path):
    run_textmill("little-world", "raw").ok()
    run_textmill("little-world", "raw", "--seed", "7", "--megabytes=2.5").ok()
    assert asked == [
        (tmp_path / "raw", {"workers": None}),
        (tmp_path / "raw", {"workers": None, "seed": 7, "megabytes": 2.5}),
    ]


def test_says_what_it_made(run_textmill, asked, tmp_path):
    result = run_textmill("little-world", "my raw").ok()
    assert "stories and diaries  3,456" in result.out
    assert "textmill corpus build 'my raw'" in result.out
    assert "Writing Little World: done, 2 parts in" in result.err
    document = run_textmill("little-world", "raw", "--json").ok().document
    assert document["folder"] == str(tmp_path / "raw")
    assert document["documents"] == {"pages": 12, "stories": 3456}
    assert "故事与日记" in run_textmill("little-world", "raw", "--ui-language", "zh").ok().out


def test_files_of_others_are_never_replaced(run_textmill, asked, tmp_path):
    for name in ("mine", "broken", "list"):
        (tmp_path / name).mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    (tmp_path / "broken" / "manifest.json").write_text("{")
    (tmp_path / "list" / "manifest.json").write_text("[]")
    (tmp_path / "file").write_text("")
    for name in ("mine", "broken", "list", "file"):
        result = run_textmill("little-world", name, "--json")
        assert (result.code, result.document["error"]["code"]) == (2, "cli_little_world.taken")
    for name in (".", "..", tmp_path):
        result = run_textmill("little-world", name, "--json", cwd=tmp_path / "mine")
        assert (result.code, result.document["error"]["code"]) == (2, "cli_little_world.working_folder")
    assert asked == []


def test_an_earlier_sample_and_an_empty_folder_are_replaced(run_textmill, asked, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "earlier").mkdir()
    (tmp_path / "earlier" / "manifest.json").write_text(json.dumps({"name": "little-world"}))
    for name in ("empty", "earlier"):
        run_textmill("little-world", name).ok()


@pytest.mark.parametrize("megabytes", ["0", "-1", "nan", "inf", "1e9", "some"])
def test_sizes_that_make_no_sense(run_textmill, asked, megabytes):
    result = run_textmill("little-world", "raw", f"--megabytes={megabytes}", "--json")
    assert (result.code, result.document["error"]["code"]) == (2, "usage.value")
    assert "in megabytes" in result.document["error"]["expected"]


def test_the_real_one(run_textmill, tmp_path):
    document = run_textmill("little-world", "raw", "--megabytes", "0.05", "--json").ok().document
    assert Path(document["folder"]) == tmp_path / "raw"
    assert sum(1 for path in (tmp_path / "raw").rglob("*") if path.is_file()) == document["files"]
    run_textmill("little-world", "raw", "--megabytes", "0.05").ok()
