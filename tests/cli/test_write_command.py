"""textmill write: variants beside one another, a key and its detection, forbidden words from files."""

from collections.abc import Callable
from typing import Any

import pytest
from command_runs import write_run

from textmill.project import Project

Run = Callable[..., Any]
OUTLINE = "# Boats\n\n## Old boats\n- wood\n"


@pytest.fixture
def ready(project: Project) -> Project:
    pytest.importorskip("llguidance")
    write_run(project, "main", 10, context=512)
    (project.root / "outline.md").write_text(OUTLINE, encoding="utf-8")
    return project


def test_variants_with_a_mark_that_its_key_finds(ready: Project, run_textmill: Run) -> None:
    wanted = ("--outline", "outline.md", "--words", 24, "--candidates", 1, "--level", "simple")
    words = ("write", "--topic", "Boats", *wanted)
    (ready.root / "my.key").write_text("a key of the tests\n", encoding="utf-8")
    more = ("--variants", 2, "--watermark", "my.key", "--out", "a.md", "--json")
    told = run_textmill(*words, *more, cwd=ready.root).ok().document
    texts = [each["text"] for each in told["variants"]]
    assert len(set(texts)) == 2 and told["text"] == texts[0] and 0 < told["same"][0] < 1
    assert [(ready.root / name).read_text(encoding="utf-8") for name in ("a.md", "a-2.md")] == texts
    page = (ready.root / "a.changes.html").read_text(encoding="utf-8")
    assert "<ins>" in page and "<script" not in page
    assert [each["check"]["right"] for each in told["variants"]] == [True, True], [
        each["check"] for each in told["variants"]
    ]
    key = (ready.root / "my.key").read_text(encoding="utf-8").strip()
    assert told["watermark"] and key not in (ready.root / "a.md.textmill.json").read_text(encoding="utf-8")

    (ready.root / "human.txt").write_text("It was a plain day and nobody had marked a word of it. " * 3)
    found = run_textmill("write", "detect", "a.md", "human.txt", "--watermark", "my.key", "--json", cwd=ready.root)
    marked, human = found.ok().document["texts"]
    assert marked["green"] > marked["expected"] and marked["p_value"] < 0.001 and marked["found"]
    assert not human["found"] and found.document["key"] == told["watermark"]
    shown = run_textmill("write", "detect", "a.md", "--watermark", "my.key", "--ui-language", "zh", cwd=ready.root)
    assert "有水印" in shown.ok().out

    again = run_textmill(*words, "--out", "a.md", "--json", cwd=ready.root)  # without the key it is another article
    assert again.document["error"]["code"] == "write.other_piece"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--variants", 0), "write.variants"),
        (("--variants", 2, "--section", 1), "usage.together"),
        (("--blocklist", "blocked.txt"), "write.topic_forbidden"),
        (("--blocklist", "nowhere.txt"), "usage.no_file"),
        (("--watermark", "blocked.txt"), "infer.watermark_key"),
        (("--sources", "nowhere"), "write.no_source"),
    ],
)
def test_bad_options_are_named(project: Project, run_textmill: Run, words: tuple[object, ...], code: str) -> None:
    (project.root / "blocked.txt").write_text("# mine\nboats\ncheap\n", encoding="utf-8")
    result = run_textmill("write", "--topic", "Boats", "--json", *words, cwd=project.root)
    assert (result.code, result.document["error"]["code"]) == (2, code)


def test_detection_needs_a_key_and_a_text(ready: Project, run_textmill: Run) -> None:
    for words, code in (
        (("a.md", "--watermark", "nowhere.key"), "usage.no_file"),
        (("nowhere.md", "--watermark", "my.key"), "write.no_source"),
        (("nowhere.md", "--watermark", "my.key", "--below", "2"), "write.below"),
    ):
        (ready.root / "my.key").write_text("a key of the tests\n", encoding="utf-8")
        result = run_textmill("write", "detect", *words, "--json", cwd=ready.root)
        assert (result.code, result.document["error"]["code"]) == (2, code)
