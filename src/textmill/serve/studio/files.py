"""The page's own files, and its words: what is in the package, nothing else, under names that are known beforehand."""

import hashlib
from functools import cache
from importlib import resources

from textmill.errors import UsageError
from textmill.i18n import LANGUAGES, catalog
from textmill.serve.refusal import Refused

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
AREAS = ("studio_page", "studio_steps")
"""The catalogues whose texts the page shows."""


@cache
def static_files() -> dict[str, tuple[bytes, str, str]]:
    """Returns {path: (content, type, tag)} of everything under static/."""
    root = resources.files(__package__ or __name__).joinpath("static")
    found: dict[str, tuple[bytes, str, str]] = {}
    folders = [("", root)]
    while folders:
        prefix, folder = folders.pop()
        for entry in folder.iterdir():
            name = prefix + entry.name
            if entry.is_dir():
                folders.append((name + "/", entry))
            elif "." in name and "." + name.rpartition(".")[2] in TYPES:
                data = entry.read_bytes()
                tag = '"' + hashlib.sha256(data).hexdigest()[:32] + '"'
                found[name] = (data, TYPES["." + name.rpartition(".")[2]], tag)
    return found


def static_file(name: str) -> tuple[bytes, str, str]:
    """Returns (content, type, tag) of a file of the page."""
    if name not in static_files():
        raise Refused(UsageError("serve.no_route", path=name[:200]), status=404, code="not_found")
    return static_files()[name]


def words(language: str) -> dict[str, str]:
    """Returns the page's words in a language, by name."""
    chosen = language if language in LANGUAGES else LANGUAGES[0]
    return {name: texts[chosen] for area in AREAS for name, texts in catalog(area).items()}
