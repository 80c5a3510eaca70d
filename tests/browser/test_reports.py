"""Reports in a real browser: a phone's width is enough, both colour schemes show, nothing is asked of the network."""

from pathlib import Path

import pytest
from corpus_helpers import build
from evaluation_results import write_results
from page_measure import check_look, measured

from textmill.data.corpus_report.gather import gather
from textmill.data.corpus_report.page import corpus_page
from textmill.evaluate.evaluation_report.gather import gather as gather_evaluations
from textmill.evaluate.evaluation_report.page import evaluation_page
from textmill.i18n import set_language

pytestmark = pytest.mark.browser
VIEWS = pytest.mark.parametrize(
    ("language", "width", "dark"), [("en", 1280, False), ("zh", 390, True), ("en", 390, False)]
)


@VIEWS
def test_the_corpus_report_fits_and_shows(tmp_path: Path, language: str, width: int, dark: bool) -> None:
    files: dict[str, str | bytes] = {f"{'long-name' * 9}-{n}.txt": f"Text {n} " + "wörter " * 3**n for n in range(6)}
    set_language(language)
    page = tmp_path / "report.html"
    page.write_text(
        corpus_page(gather(build(tmp_path, files | {"x.txt": "short"}, minimum_characters=9))), encoding="utf-8"
    )
    check_look(measured(page, width, dark=dark), language=language, width=width, dark=dark)


@VIEWS
def test_the_evaluation_report_fits_and_opens(tmp_path: Path, language: str, width: int, dark: bool) -> None:
    names = ("good", "poor", "a-model-with-a-name-that-goes-on-and-on-and-on@12000")
    shares = (28, 12, 20)
    folders = [
        write_results(tmp_path, name, [(-1.0, -2.0)] * right + [(-2.0, -1.0)] * (30 - right))
        for name, right in zip(names, shares, strict=True)
    ]
    set_language(language)
    page = tmp_path / "report.html"
    page.write_text(evaluation_page(gather_evaluations(folders)), encoding="utf-8")
    seen = measured(page, width, dark=dark)
    check_look(seen, language=language, width=width, dark=dark)
    assert seen["folded"] and not any(seen["folded"]) and all(seen["shown"])
    assert "93.3%" in seen["text"] and "<script>alert(1)</script>" in seen["text"]
