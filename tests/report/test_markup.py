"""Pages of reports: nothing that a text holds gets out of its place, charts say what their tables say."""

import re
import xml.etree.ElementTree as tree

import pytest
from hypothesis import given
from hypothesis import strategies as some

from textmill.report.charts import Column, bar, bars, histogram
from textmill.report.markup import Markup, element, escaped, foreign, joined, visible
from textmill.report.numbers import share, short, size
from textmill.report.page import Section, page


@given(some.text(), some.text())
def test_any_text_stays_text(text: str, value: str) -> None:
    parsed = tree.fromstring(element("p", text, title=value))
    assert (parsed.text or "").replace("\r\n", "\n") == visible(text)
    assert list(parsed) == []
    assert set(parsed.attrib) == {"title"}


def test_what_hides_or_reorders_is_shown_by_its_number() -> None:
    assert visible("a\u202eb\u2066c\u200bd\x00e\ud800f\n") == "a⟨U+202E⟩b⟨U+2066⟩c⟨U+200B⟩d⟨U+0000⟩e\ufffdf\n"
    assert foreign('"><script>', language="en").startswith('<bdi dir="auto" lang="en">&quot;&gt;&lt;script&gt;')
    assert 'lang="' not in foreign("x", language='en" onload="y')


def test_markup_is_not_escaped_twice_and_names_are_checked() -> None:
    assert escaped(["<", Markup("<b>"), None, ["&"]]) == "&lt;<b>&amp;"
    assert (
        element("a", "x", class_="c", aria_label="&", hidden=True, href=None)
        == '<a class="c" aria-label="&amp;" hidden>x</a>'
    )
    with pytest.raises(ValueError, match="attribute"):
        element("p", **{"on click": "x"})


def test_bars_are_as_long_as_their_values() -> None:
    drawn = bars("caption", (Column(title="n"), Column(title="v", number=True)), [("a", 10, ("10",)), ("b", 5, ("5",))])
    assert re.findall(r'width="([\d.]+)" height="10"', drawn) == ["100.00", "50.00"]
    two = tree.fromstring(bar((0.75, "kept"), (0.25, "lost")))
    assert [(part.get("x"), part.get("width"), len(part)) for part in two] == [
        ("0.00", "75.00", 0),
        ("75.00", "25.00", 0),
    ]
    assert bars("caption", (Column(title="n"),), [], empty="nothing") == '<p class="empty">nothing</p>'


def test_a_histogram_has_a_bar_for_every_bin_and_a_table() -> None:
    bins = [("1", 4), ("2", 0), ("4", 2)]
    drawn = tree.fromstring(f"<x>{histogram('c', 'in words', bins, 'axis', ('from', 'n'), 'as a table')}</x>")
    heights = [float(part.get("height") or 0) for part in drawn.iter("rect")]
    assert heights == [100, 50]
    assert [[cell.text for cell in row] for row in drawn.iter("tr")][1:] == [["1", "4"], ["2", "0"], ["4", "2"]]


def test_a_page_has_its_parts_and_leaves_out_empty_ones() -> None:
    sections = [
        Section(anchor="one", title="One", content="text"),
        Section(anchor="two", title="Two", content=joined()),
    ]
    text = page("A <title>", None, sections)
    assert text.startswith('<!doctype html>\n<html lang="en">')
    assert "A &lt;title&gt;" in text and 'href="#one"' in text and "Two" not in text
    assert "default-src &#x27;none&#x27;" in text
    assert "http" not in text.replace("http-equiv", "")


def test_numbers_for_people() -> None:
    assert [size(n) for n in (0, 950, 1234, 5_600_000, 10**16)] == ["0 B", "950 B", "1.2 KB", "5.6 MB", "10000.0 TB"]
    assert [share(*pair) for pair in ((0, 9), (1, 9999), (1, 200), (1, 2), (1, 0))] == [
        "0%",
        "<0.1%",
        "0.5%",
        "50%",
        "–",
    ]
    assert [short(n) for n in (0.03125, 950, 1234, 5.6e6)] == ["0.03125", "950", "1.23k", "5.6M"]
