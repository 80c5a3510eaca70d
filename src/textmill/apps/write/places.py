"""What may stand behind `--sources`: files, folders, addresses, lists of addresses, and graphs.

    URL, LIST of URLs ──the crawler, one page each──▶ WARC ─┐
    file, folder ───────────────────────────────────────────┼─▶ Source [1], [2], …
    graph ──facts───────────────────────────────────────────┘

Nothing is fetched but the very addresses that are given, by the crawler's rules: robots.txt, limits of size and time,
no address inside a network.
"""

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from textmill.apps.write.sources import Source, read_sources
from textmill.config import CrawlSettings
from textmill.errors import InputError
from textmill.progress import Progress, silent

ADDRESS = re.compile(r"https?://\S+")
LISTS = (".txt", ".urls", ".list")
LONGEST_LIST = 1 << 20
"""Bytes."""
MOST_ADDRESSES = 200
GRAPH = "graph"
MINUTES = 10.0
"""For all addresses together, where the user sets no limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """What was named, by what it is."""

    addresses: list[str] = field(default_factory=list)
    paths: list[Path] = field(default_factory=list)
    graphs: list[Path] = field(default_factory=list)


def sort_places(given: Sequence[str], project_graph: Path | None) -> Places:
    """Returns the places by kind; InputError for a list that is too long."""
    found = Places()
    for each in given:
        path = Path(each).expanduser()
        if ADDRESS.fullmatch(each):
            found.addresses.append(each)
        elif is_graph(path):
            found.graphs.append(path)
        elif each == GRAPH and project_graph is not None:
            found.graphs.append(project_graph)
        elif listed := addresses_in(path):
            found.addresses.extend(listed)
        else:
            found.paths.append(path)
    if len(found.addresses) > MOST_ADDRESSES:
        raise InputError("write.many_addresses", most=MOST_ADDRESSES, got=len(found.addresses))
    return found


def is_graph(path: Path) -> bool:
    """True for the folder of an embedded graph."""
    return (path / "store").is_dir() and (path / "names.sqlite").is_file()


def addresses_in(path: Path) -> list[str]:
    """Returns the addresses of a file that holds nothing else (an address a line, # comments); [] for any other."""
    if path.suffix.lower() not in LISTS or not path.is_file() or path.stat().st_size > LONGEST_LIST:
        return []
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    lines = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    return lines if all(ADDRESS.fullmatch(line) for line in lines) else []


def fetch(addresses: Sequence[str], folder: Path, settings: CrawlSettings, progress: Progress = silent) -> Path:
    """Fetches the pages of the addresses into `folder`, or goes on with that; returns it.

    Raises InputError where there is no page to be had.
    """
    from textmill.data.crawl.run import crawl

    own = dataclasses.replace(
        settings, depth=0, pages=len(addresses), sitemaps=False, minutes=settings.minutes or MINUTES
    )
    crawled = crawl(list(addresses), folder, own, progress)
    if crawled.ended == "interrupted":
        raise KeyboardInterrupt
    if not crawled.pages:
        raise InputError("write.no_pages", addresses=", ".join(addresses), problem=crawled.first_problem or "–")
    return folder


def all_sources(places: Places, topic: str, language: str, fetched: Path | None) -> tuple[list[Source], list[str]]:
    """Returns every source, numbered through, and the places of those in another language."""
    paths = [*places.paths, *([fetched] if fetched is not None else [])]
    found, other = read_sources(paths, language) if paths else ([], [])
    for folder in places.graphs:
        from textmill.apps.graph.store import EmbeddedGraph
        from textmill.apps.write.facts import graph_sources

        graph = EmbeddedGraph(folder)
        try:
            found += graph_sources(graph, topic, language, first=len(found) + 1)
        finally:
            graph.close()
    return found, other
