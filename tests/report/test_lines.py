"""Curves as text and as SVG: every point inside, round numbers on the axes, names that cannot break the markup."""

import itertools
import math
import re
from xml.etree import ElementTree

import pytest

from textmill.report.lines import Chart, Series, as_svg, as_text, thinned, ticks


def chart(**more: object) -> Chart:
    points = [(float(step), 3.0 / step + 1) for step in range(1, 200)]
    values: dict = {"title": "main", "x": "step", "y": "loss", "series": [Series(name="main", points=points)]}
    return Chart(**values | more)


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (1.43, 3.6), (0.0, 400_000.0), (-3.0, 5.0), (0.9999, 1.0001)])
def test_ticks_are_round_and_inside(low: float, high: float) -> None:
    found = ticks(low, high, 5)
    assert 2 <= len(found) <= 11
    assert all(low - 1e-9 <= tick <= high + 1e-9 for tick in found)
    step = found[1] - found[0]
    assert min(abs(step / 10 ** math.floor(math.log10(step) + 1e-9) - wanted) for wanted in (1, 2, 5, 10)) < 1e-6


@pytest.mark.parametrize(("low", "high"), [(1e3, 1e9), (2.0, 3.0), (1.4, 1.6)])
def test_ticks_of_a_logarithmic_axis(low: float, high: float) -> None:
    found = ticks(low, high, 5, logarithmic=True)
    assert len(found) >= 1
    assert all(low <= tick <= high for tick in found)


def test_thinning_keeps_the_mean_and_the_end() -> None:
    points = [(float(x), float(x)) for x in range(1000)]
    thin = thinned(points, 50)
    assert len(thin) == 50
    assert thin[-1] == points[-1]
    assert thin[0][0] == pytest.approx(sum(range(20)) / 20, abs=1)
    assert thinned(points[:5], 50) == points[:5]


def test_text_falls_where_the_curve_falls() -> None:
    text = as_text(chart(), columns=60, rows=10)
    lines = text.splitlines()
    assert lines[0] == "main: loss"
    assert all(len(line) <= 62 for line in lines)
    drawn = [row for row in lines if "│" in row or "┤" in row]
    columns = [min(place for place, sign in enumerate(row) if "\u2800" < sign <= "\u28ff") for row in drawn
               if any("\u2800" < sign <= "\u28ff" for sign in row)]  # fmt: skip
    assert columns == sorted(columns), "from top left to bottom right"


def test_several_curves_carry_their_letters() -> None:
    two = [Series(name=name, points=[(0.0, 0.0), (1.0, end)]) for name, end in (("one", 1.0), ("two", 2.0))]
    text = as_text(chart(series=two))
    assert "A = one" in text and "B = two" in text
    assert text.count("A") == 2 and text.count("B") == 2


def test_a_single_point_and_equal_values_are_drawn() -> None:
    for points in ([(1.0, 2.0)], [(0.0, 2.0), (5.0, 2.0)]):
        one = chart(series=[Series(name="x", points=points, dots=True)])
        assert as_text(one)
        assert "<circle" in as_svg(one)


def test_svg_is_whole_and_holds_what_others_wrote_as_text() -> None:
    evil = "<script>alert(1)</script>"
    band = [(1.0, 0.5, 4.5), (199.0, 0.9, 1.2)]
    two = [Series(name=evil, points=[(1.0, 2.0), (199.0, 1.0)], band=band), Series(name="b", points=[(1.0, 1.5)])]
    for alone in (False, True):
        text = as_svg(chart(series=two, title=evil, marks=[(100.0, "epoch 1")]), alone=alone)
        root = ElementTree.fromstring(text)
        assert "script" not in {element.tag.rpartition("}")[2] for element in root.iter()}
        for found in re.findall(r'points="([^"]+)"', text):
            for pair in found.split():
                x, y = map(float, pair.split(","))
                assert 0 <= x <= 720 and 0 <= y <= 320
        assert "epoch 1" in text


def test_logarithmic_axes() -> None:
    power = chart(
        series=[Series(name="p", points=[(10.0**n, 10.0 ** (-n / 5)) for n in range(6)])], log_x=True, log_y=True
    )
    (line,) = re.findall(r'polyline points="([^"]+)"', as_svg(power))
    places = [tuple(map(float, pair.split(","))) for pair in line.split()]
    slopes = {round((b[1] - a[1]) / (b[0] - a[0]), 2) for a, b in itertools.pairwise(places)}
    assert len(slopes) == 1, "a power law is a straight line"
