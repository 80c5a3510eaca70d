"""Stop strings over pieces, against a rule written down letter by letter."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textmill.infer.stop import StopFilter


def by_letter(text: str, stops: list[str]) -> tuple[str, str]:
    """The rule: read letter by letter; the first moment at which a stop string is complete ends the text before it."""
    for end in range(1, len(text) + 1):
        complete = [stop for stop in stops if text[:end].endswith(stop)]
        if complete:
            longest = max(complete, key=len)
            return text[: end - len(longest)], longest
    return text, ""


def cut(text: str, places: list[int]) -> list[str]:
    ends = sorted({min(place, len(text)) for place in places} | {len(text)})
    return [text[start:end] for start, end in zip([0, *ends], ends, strict=False)]


@given(
    text=st.text(alphabet="ab。猫", max_size=40),
    stops=st.lists(st.text(alphabet="ab。猫", min_size=1, max_size=5), max_size=4),
    places=st.lists(st.integers(0, 40), max_size=20),
)
def test_any_pieces_give_the_letter_by_letter_result(text: str, stops: list[str], places: list[int]) -> None:
    expected, stop = by_letter(text, stops)
    stop_filter = StopFilter(stops)
    printed = ""
    for piece in cut(text, places):
        printed += stop_filter.feed(piece)
        assert expected.startswith(printed), "nothing is printed that must be taken back"
    printed += stop_filter.finish()
    assert (printed, stop_filter.stopped) == (expected, stop)


@given(
    text=st.text(alphabet="ab", max_size=30),
    stops=st.lists(st.text(alphabet="ab", min_size=1, max_size=4), min_size=1, max_size=3),
)
def test_no_more_is_held_than_could_be_a_stop_string(text: str, stops: list[str]) -> None:
    stop_filter = StopFilter(stops)
    printed = ""
    for index, letter in enumerate(text):
        printed += stop_filter.feed(letter)
        if stop_filter.stopped:
            return
        held = text[len(printed) : index + 1]
        assert held == "" or any(stop.startswith(held) for stop in stops)


@pytest.mark.parametrize(
    ("pieces", "stops", "printed", "stopped"),
    [
        (["Hel", "lo\n", "\nUser"], ["\n\n"], "Hello", "\n\n"),
        (["a", "ab", "aab", "c"], ["aabc"], "aaba"[:3], "aabc"),
        (["stop here"], ["stop here"], "", "stop here"),
        (["EN", "D of", " story"], ["END."], "END of story", ""),
        (["abc"], ["b", "abc"], "a", "b"),
        (["abc"], ["bc", "abc"], "", "abc"),
        (["plain"], [], "plain", ""),
    ],
)
def test_examples(pieces: list[str], stops: list[str], printed: str, stopped: str) -> None:
    stop_filter = StopFilter(stops)
    got = "".join(stop_filter.feed(piece) for piece in pieces) + stop_filter.finish()
    assert (got, stop_filter.stopped) == (printed, stopped)
    assert not stopped or stop_filter.feed("more") == ""
