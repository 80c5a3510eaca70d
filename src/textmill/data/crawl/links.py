"""Links out of pages and sitemaps."""

import re
import zlib
from collections.abc import Iterator
from html import unescape

from textmill.data import charset
from textmill.data.crawl.addresses import normal_address
from textmill.data.safe_xml import XMLProblem, tree

NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9]*")
ATTRIBUTE = re.compile(r"""([^\s=>"'/]+)\s*=\s*("[^"]*"|'[^']*'|[^\s>"']+)""")
LEADING = frozenset(("a", "area", "link", "base", "meta"))
RAW = frozenset(("script", "style", "textarea"))
"""Nothing in these is a tag but their own end."""
LONGEST_TAG = 8000
MOST_LINKS = 2000
"""Of one page; a page with more is a list made by a machine."""
MOST_ENTRIES = 50_000
"""What the sitemap protocol allows in one file."""
LARGEST_SITEMAP = 50 << 20


def links_of(body: bytes, address: str) -> tuple[list[str], bool]:
    """Returns the addresses that a page links to, in order and each once, and whether its text may be kept.

    Honours <base>, rel=nofollow and <meta name="robots">. No tree is built: a parser's takes minutes for a page of
    200,000 elements in one another, and a link is a link wherever it stands.
    """
    decoded = charset.decode(body)
    if decoded is None:
        return [], True
    found: dict[str, None] = {}
    words: set[str] = set()
    origin = ""
    for name, attributes in tags(decoded.text):
        if name == "meta":
            if attributes.get("name", "").lower() == "robots":
                words |= {word.strip() for word in attributes.get("content", "").lower().split(",")}
        elif name == "base":
            origin = origin or normal_address(attributes.get("href", ""), address)
        elif is_followed(name, attributes) and len(found) < MOST_LINKS:
            target = normal_address(attributes["href"], origin or address)
            if target:
                found[target] = None
    follow = not words & {"nofollow", "none"}
    return list(found) if follow else [], not words & {"noindex", "none", "noarchive"}


def is_followed(name: str, attributes: dict[str, str]) -> bool:
    """True for a tag that leads to another page."""
    relation = attributes.get("rel", "").lower().split()
    return (
        "href" in attributes and "nofollow" not in relation and (name != "link" or bool({"next", "prev"} & {*relation}))
    )


def tags(markup: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yields (name, attributes) of the tags that lead anywhere, in time that is linear in the page."""
    until = ""
    for piece in markup.split("<")[1:]:
        if until:
            ended = until in piece if until == "-->" else piece[: len(until)].lower() == until
            until = "" if ended else until
            continue
        if piece.startswith("!--"):
            until = "" if "-->" in piece else "-->"
            continue
        head = NAME.match(piece)
        name = head[0].lower() if head else ""
        if name in RAW:
            until = f"/{name}"
        elif name in LEADING:
            inside = ATTRIBUTE.findall(piece[len(name) : LONGEST_TAG])
            yield name, {key.lower(): unescape(value.strip("\"'")) for key, value in reversed(inside)}


def sitemap_entries(body: bytes, address: str) -> tuple[list[str], list[str]]:
    """Returns (pages, further sitemaps) of a sitemap: XML or lines of text, also in gzip; what is broken holds none."""
    pages, maps = [], []
    for kind, place in entries(unpacked(body)):
        target = normal_address(place, address)
        if target:
            (maps if kind == "sitemap" else pages).append(target)
    return pages[:MOST_ENTRIES], maps[:MOST_ENTRIES]


def entries(body: bytes) -> Iterator[tuple[str, str]]:
    """Yields (kind, address) of a sitemap's entries."""
    if not body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        for line in body[:LARGEST_SITEMAP].decode("utf-8", "replace").splitlines():
            if line.strip().startswith(("http://", "https://")):
                yield "url", line.strip()
        return
    try:
        root = tree(body)
    except XMLProblem:
        return
    for entry in root:
        for child in entry:
            if child.tag == "loc" and child.text and entry.tag in ("url", "sitemap"):
                yield entry.tag, child.text.strip()


def unpacked(body: bytes) -> bytes:
    """Returns a sitemap out of its gzip, as far as its size may go; b"" for a damaged one."""
    if not body.startswith(b"\x1f\x8b"):
        return body
    try:
        return zlib.decompressobj(wbits=31).decompress(body, LARGEST_SITEMAP)
    except zlib.error:
        return b""
