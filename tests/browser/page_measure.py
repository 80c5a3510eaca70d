"""What a page looks like in a real browser: opened in a frame of some width, measured by a script beside it."""

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pytest

MEASURE = """
<!doctype html><body><iframe id="frame" src="PAGE" style="border:0;width:WIDTHpx;height:900px"></iframe>
<pre id="told"></pre>
<script>
frame.onload = () => {
  const page = frame.contentDocument, style = frame.contentWindow.getComputedStyle(page.body);
  const tall = mark => mark.getBoundingClientRect().height > 0;
  const visible = mark => mark.checkVisibility() && tall(mark);
  const folded = [...page.querySelectorAll("details")];
  const hidden = folded.map(part => [...part.querySelectorAll("table, article")].some(visible));
  folded.forEach(part => part.open = true);
  told.textContent = JSON.stringify({
    width: page.documentElement.scrollWidth,
    paper: style.backgroundColor,
    ink: style.color,
    bars: [...page.querySelectorAll("svg rect")].map(tall),
    folded: hidden,
    shown: folded.map(part => [...part.querySelectorAll("table, article")].some(visible)),
    loaded: frame.contentWindow.performance.getEntriesByType("resource").length,
    scripts: page.scripts.length,
    lang: page.documentElement.lang,
    text: page.body.innerText,
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
    """Opens a page in a frame of that width and returns what it looks like, everything folded away opened."""
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


def check_look(seen: dict[str, Any], *, language: str, width: int, dark: bool) -> None:
    """Holds what every page must be: as wide as its window, legible in its scheme, alone, in its language."""
    assert seen["width"] <= width
    assert (brightness(seen["paper"]) < brightness(seen["ink"])) == dark
    assert abs(brightness(seen["paper"]) - brightness(seen["ink"])) > 120
    assert len(seen["bars"]) >= 4 and all(seen["bars"])
    assert (seen["loaded"], seen["scripts"]) == (0, 0)
    assert seen["lang"].startswith(language)
