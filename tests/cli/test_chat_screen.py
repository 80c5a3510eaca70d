"""Answers on the screen: blocks of Markdown found as they come, drawn for good, harmless."""

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from textmill.cli.chat_screen import Plain, Rendered, block_end

BLOCKS = [
    "A paragraph\nof two lines.\n\n",
    "- one\n- two\n\n  more of two\n\n- three\n\n",
    "```python\na = 1\n\nb = 2\n```\n",
    "1. first\n\n2. second\n\n",
    "~~~\n```\n\nstill inside\n~~~\n\n\n",
    "# A heading\n\n",
    "| a | b |\n|---|---|\n| 1 | 2 |\n\n",
    "最后一段",
]


def split(text: str) -> list[str]:
    """The blocks that are known to be whole, and the rest."""
    found: list[str] = []
    while (end := block_end(text)) is not None:
        found.append(text[:end])
        text = text[end:]
    return [*found, text]


def test_blocks_end_where_the_next_begins() -> None:
    assert split("".join(BLOCKS)) == BLOCKS
    assert split("a\n\n") == ["a\n\n"]
    assert split("- a\n\n1") == ["- a\n\n1"]  # could become a list's next item
    assert split("- a\n\n1x") == ["- a\n\n", "1x"]
    assert split("```\na\n\nb") == ["```\na\n\nb"]


@given(st.lists(st.sampled_from([*BLOCKS, "\n", "x\n", "```\n", "- ", "  y\n"])))
def test_more_text_changes_no_block_that_was_whole(pieces: list[str]) -> None:
    before: list[str] = []
    text = ""
    for character in "".join(pieces):
        text += character
        now = split(text)
        assert "".join(now) == text
        assert now[: len(before)] == before
        before = now[:-1]


def console(width: int = 40, height: int = 12) -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=width, height=height, color_system="standard")


def screen_of(output: str, width: int = 40) -> list[str]:
    """What a terminal shows after `output`, with the lines that scrolled away; knows the few codes that rich uses."""
    lines, row, column = [""], 0, 0
    for part in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]", output):
        if part == "\n":
            row, column = row + 1, 0
            lines += [""] * (row + 1 - len(lines))
        elif part == "\r":
            column = 0
        elif part.endswith("A"):
            row -= int(part[2:-1] or 1)
        elif part == "\x1b[2K":
            lines[row] = ""
        elif not part.startswith("\x1b"):
            lines[row] = lines[row][:column].ljust(column) + part + lines[row][column + 1 :]
            column += 1
        assert row >= 0
    return [line.rstrip() for line in lines]


def shown(text: str, step: int = 3, **sizes: int) -> str:
    made = console(**sizes)
    with Rendered(made) as answer:
        for at in range(0, len(text), step):
            answer.drawn = 0.0  # a frame for every piece
            answer.show(text[at : at + step])
    return made.file.getvalue()  # type: ignore[attr-defined]


def test_rendered_blocks_stand_below_one_another_once() -> None:
    text = "\n\nSome **bold** words\nand a line.\n\n- one\n- two\n\n```\ncode  here\n```\n\nThe end."
    lines = screen_of(shown(text))
    assert [line.strip() for line in lines if line.strip()] == [
        "Some bold words",
        "and a line.",
        "• one",
        "• two",
        "code  here",
        "The end.",
    ]
    assert "\x1b[1m" in shown(text)


def test_a_block_higher_than_the_screen_is_there_in_full_at_the_end() -> None:
    text = "\n".join(f"line {number}" for number in range(40))
    lines = [line for line in screen_of(shown(text, step=7, height=10)) if line]
    assert lines[-40:] == text.split("\n")


def test_what_a_model_writes_steers_no_terminal_and_vanishes_nowhere() -> None:
    evil = (
        "a\x1b]0;title\x07\x9b31m <think>x</think> [here](javascript:x) <b>\n\n<div>\nhidden?\n</div>\n\n[red]no[/red]"
    )
    output = shown(evil, width=100)
    codes = set(re.findall(r"\x1b[^a-zA-Z]*[a-zA-Z]", output))
    assert all(code.startswith("\x1b[") for code in codes)
    assert "\x9b" not in output
    text = "\n".join(screen_of(output, 100))
    for part in ("\\x1b]0;title\\x07", "<think>x</think>", "javascript:x", "<b>", "<div>", "hidden?", "[red]no[/red]"):
        assert part in text, part


@pytest.mark.parametrize(("safe", "end"), [(True, "a\\x1bb\n"), (False, "a\x1bb\n")])
def test_plain(safe: bool, end: str) -> None:
    file = io.StringIO()
    with Plain(file, safe=safe) as answer:
        answer.show("\n")
        answer.show("a\x1bb")
    assert file.getvalue() == end
