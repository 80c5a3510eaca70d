"""Reports in a real browser: a phone's width is enough, both colour schemes show, nothing is asked of the network."""

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from corpus_helpers import build

from textmill.data.corpus_report.gather import gather
from textmill.data.corpus_report.page import corpus_page
from textmill.i18n import set_language

pytestmark = pytest.mark.browser
MEASURE = """
<!doctype html><body><iframe id="frame" src="PAGE" style="border:0;width:WIDTHpx;height:900px"></iframe>
<pre id="told"></pre>
<script>
frame.onload = () => {
  const page = frame.contentDocument, style = frame.contentWindow.getComputedStyle(page.body);
  told.textContent = JSON.stringify({
    width: page.documentElement.scrollWidth,
    paper: style.backgroundColor,
    ink: style.color,
    bars: [...page.querySelectorAll("svg.histogram rect")].map(bar => bar.getBoundingClientRect().height > 0),
    loaded: frame.contentWindow.performance.getEntriesByType("resource").length,
    scripts: page.scripts.length,
    lang: page.documentElement.lang,
  });
};
</script>
"""


def chromium() -> str:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    return found


def measured(page: Path, width: int, *, dark: bool) -> dict[str, Any]:
    """Opens a page in a frame of that width and returns what it looks like."""
    frame = page.parent / "frame.html"
    frame.write_text(MEASURE.replace("PAGE", page.as_uri()).replace("WIDTH", str(width)), encoding="utf-8")
    scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
    words = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--allow-file-access-from-files",
        "--virtual-time-budget=5000",
    ]
    place = f"--user-data-dir={page.parent / 'profile'}"
    done = subprocess.run(
        [chromium(), *words, place, scheme, "--dump-dom", frame.as_uri()], capture_output=True, text=True
    )
    told = re.search(r'<pre id="told">(.*?)</pre>', done.stdout, re.S)
    assert told and told[1], done.stderr[-2000:]
    return json.loads(unescape(told[1]))


def brightness(colour: str) -> float:
    return sum(int(part) for part in re.findall(r"\d+", colour)[:3]) / 3


@pytest.mark.parametrize(("language", "width", "dark"), [("en", 1280, False), ("zh", 390, True), ("en", 390, False)])
def test_the_corpus_report_fits_and_shows(tmp_path: Path, language: str, width: int, dark: bool) -> None:
    files: dict[str, str | bytes] = {f"{'long-name' * 9}-{n}.txt": f"Text {n} " + "wörter " * 3**n for n in range(6)}
    set_language(language)
    page = tmp_path / "report.html"
    page.write_text(
        corpus_page(gather(build(tmp_path, files | {"x.txt": "short"}, minimum_characters=9))), encoding="utf-8"
    )
    seen = measured(page, width, dark=dark)
    assert seen["width"] <= width
    assert (brightness(seen["paper"]) < brightness(seen["ink"])) == dark
    assert abs(brightness(seen["paper"]) - brightness(seen["ink"])) > 120
    assert len(seen["bars"]) >= 4 and all(seen["bars"])
    assert (seen["loaded"], seen["scripts"]) == (0, 0)
    assert seen["lang"].startswith(language)
