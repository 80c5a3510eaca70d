"""Several articles of one order, and where they differ: word by word in English, character by character in Chinese.

changes(one, other) ──▶ [(KEPT | GONE | NEW, text), …];   its KEPT and GONE joined are `one`, its KEPT and NEW `other`
"""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from pathlib import Path

from textmill.apps.write.order import CHARACTER
from textmill.report.markup import Markup, element

KEPT, GONE, NEW = "kept", "gone", "new"
PIECE = re.compile(rf"{CHARACTER.pattern}|[^\W\u2e80-\u9fff\uf900-\ufaff]+(?:['’-]\w+)*|\s+|.", re.DOTALL)
STYLE = (
    "body{max-width:46rem;margin:2rem auto;padding:0 1rem;font:1rem/1.6 system-ui,sans-serif}"
    "body{color:#1a1a1a;background:#fff}"
    "pre{white-space:pre-wrap;font:inherit}del{background:#fbe3e0;color:#8a1c10}"
    "ins{background:#dcefdc;color:#14501a;text-decoration:none;border-bottom:2px solid #2e7d32}"
    "@media(prefers-color-scheme:dark){body{color:#e6e6e6;background:#161616}del{background:#4a1f1a;color:#ffc9c0}"
    "ins{background:#173a1b;color:#c8f0cb}}"
)
Change = tuple[str, str]


def changes(one: str, other: str) -> list[Change]:
    """Returns how the second text comes out of the first."""
    first, second = PIECE.findall(one), PIECE.findall(other)
    found: list[Change] = []
    for kind, a, b, c, d in SequenceMatcher(None, first, second, autojunk=False).get_opcodes():
        if kind == "equal":
            found.append((KEPT, "".join(first[a:b])))
            continue
        found += [(name, "".join(part)) for name, part in ((GONE, first[a:b]), (NEW, second[c:d])) if part]
    return found


def variant_file(out: Path, number: int) -> Path:
    """Returns where variant `number` goes; the first is the article itself."""
    return out if number == 1 else out.with_name(f"{out.stem}-{number}{out.suffix}")


def shared(found: Sequence[Change]) -> float:
    """Returns how much of both texts is the same, 0 … 1, by characters."""
    kept = 2 * sum(len(text) for kind, text in found if kind == KEPT)
    whole = kept + sum(len(text) for kind, text in found if kind != KEPT)
    return kept / whole if whole else 1.0


def changes_page(title: str, language: str, compared: Sequence[tuple[str, list[Change]]]) -> str:
    """Returns a page that loads and runs nothing: under each heading what is new and what is gone."""
    tags = {GONE: "del", NEW: "ins"}
    body: list[Markup] = [element("h1", title)]
    for heading, found in compared:
        parts = [element(tags[kind], text) if kind in tags else text for kind, text in found]
        body += [element("h2", heading), element("pre", parts)]
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width"),
        element("title", title),
        element("style", Markup(STYLE)),
    )
    return f"<!doctype html>\n{element('html', head, element('body', body), lang=language)}\n"
