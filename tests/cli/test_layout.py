from hypothesis import given
from hypothesis import strategies as st

from textmill.cli.layout import CLOSING, indented, pad, table, two_columns, width, wrap


def test_chinese_takes_two_columns():
    assert (width("ab中文"), width("e\u0301")) == (6, 1)
    assert pad("中", 4) == "中  "


def test_wraps_between_chinese_characters_but_not_before_punctuation():
    assert wrap("一二三四五六", 6) == ["一二三", "四五六"]
    assert wrap("一二三，四五六", 6) == ["一二三，", "四五六"]
    assert wrap("一二（三）四", 6) == ["一二", "（三）", "四"]
    assert wrap("one two three", 8) == ["one two", "three"]


def test_source_lines_run_on():
    assert wrap("one\ntwo\n\nthree\n  - four", 80) == ["one two", "", "three", "- four"]
    assert wrap("一二\n三", 80) == ["一二三"]


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Zl", "Zp"))), st.integers(4, 40))
def test_wrapping_keeps_every_character_and_the_width(text, columns):
    lines = wrap(text, columns)
    assert "".join("".join(lines).split()) == "".join(text.split())
    for line in lines:
        inside = line.split()
        assert width(line) <= columns or len(inside) == 1 or any(mark in CLOSING for mark in line)


def test_columns_line_up():
    assert two_columns([("a", "x"), ("长", "y")], 40) == "  a   x\n  长  y"
    assert two_columns([("a" * 40, "x"), ("b", "y")], 60).splitlines()[1].strip() == "x"
    assert table([("a", "中"), ("bbb", "c")]) == "a    中\nbbb  c"
    assert indented("one two", 2, 6) == "  one\n  two"
