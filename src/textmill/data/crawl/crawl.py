"""What a crawl decides: which page next, what is kept of an answer, when it is enough. Knows nothing of the network."""

import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256

from textmill.config import CrawlSettings
from textmill.data.crawl.addresses import host_of, is_text, is_trap, normal_address
from textmill.data.crawl.frontier import DONE, Frontier, Page
from textmill.data.crawl.links import links_of, sitemap_entries
from textmill.data.crawl.rules import LARGEST, Rules
from textmill.data.crawl.warc_file import WarcFile
from textmill.progress import Progress

AHEAD = 2
"""So many requests a host are handed to the engine, which waits between them."""
MOST_REDIRECTS = 5
DEEPEST_SITEMAP = 3
MEGABYTE = 1 << 20
KEPT_TYPES = ("text/", "application/xhtml", "application/xml", "application/pdf", "application/rss", "application/atom")


class Crawl:
    """A crawl: its frontier, its WARC file, its bounds."""

    def __init__(
        self, frontier: Frontier, warc: WarcFile, settings: CrawlSettings, agent: str, progress: Progress
    ) -> None:
        self.frontier, self.warc, self.settings = frontier, warc, settings
        self.agent, self.progress = agent, progress
        self.hosts = {str(host) for host in list_of(frontier.fact("hosts", []))}
        self.known: dict[str, Rules] = {}
        self.robots_from: dict[str, tuple[str, int]] = {}
        """Hosts whose robots.txt is being fetched: from where, after how many redirects."""
        self.redirected_robots: list[str] = []
        self.ahead: Counter[str] = Counter()
        self.started = time.monotonic()
        self.pages = frontier.count(DONE)
        self.new = 0
        self.bytes = int(str(frontier.fact("bytes", 0)))
        self.stopped_by = ""
        self.error: Exception | None = None

    def begin(self, starts: list[str]) -> None:
        """Takes in the addresses to start from; their hosts are the crawl's."""
        self.hosts |= {host_of(start) for start in starts}
        self.frontier.add(Page(address=start) for start in starts)
        self.frontier.commit()

    def enough(self) -> bool:
        """True when a limit is reached; `stopped_by` says which."""
        limits = {
            "pages": self.pages + sum(self.ahead.values()) >= self.settings.pages,
            "size": self.bytes >= self.settings.total_megabytes * MEGABYTE,
            "time": bool(self.settings.minutes) and time.monotonic() - self.started >= self.settings.minutes * 60,
        }
        if any(limits.values()):
            self.stopped_by = next(name for name, reached in limits.items() if reached)
            return True
        self.stopped_by = ""
        return False

    def next_pages(self) -> Iterator[tuple[str, Page | None]]:
        """Yields what to ask now as (host, page); None stands for the host's robots.txt."""
        while self.redirected_robots:
            yield self.redirected_robots.pop(), None
        for host in list(self.frontier.open_hosts):
            if self.enough():
                return
            if host in self.robots_from:
                continue
            rules = self.rules(host)
            if rules is None:
                self.robots_from[host] = (self.robots_start(host), 0)
                yield host, None
                continue
            while self.ahead[host] < AHEAD and not self.enough():
                page = self.frontier.take(host)
                if page is None:
                    break
                if not rules.may_fetch(page.address):
                    self.frontier.finish(page, "robots" if rules.allowed else "no_robots")
                    continue
                self.ahead[host] += 1
                yield host, page

    def rules(self, host: str) -> Rules | None:
        """Returns a host's rules, or None while they are not known."""
        if host not in self.known:
            noted = self.frontier.robots(host)
            if noted is None:
                return None
            self.known[host] = Rules.of(noted[0], self.agent, allowed=noted[1])
        return self.known[host]

    def delay(self, host: str) -> float:
        """Returns the seconds between two pages of a host."""
        rules = self.rules(host)
        return rules.delay(self.settings.delay_seconds) if rules else self.settings.delay_seconds

    def robots_start(self, host: str) -> str:
        """Returns where a host's robots.txt is: beside the page that is waiting."""
        page = self.frontier.take(host)
        scheme = page.address.partition(":")[0] if page else "https"
        if page:
            self.frontier.taken.discard(page.address)
        return f"{scheme}://{host}/robots.txt"

    def robots_address(self, host: str) -> str:
        """Returns where a host's robots.txt is fetched from now."""
        return self.robots_from[host][0]

    def took_robots(self, host: str, address: str, status: int, location: str, body: bytes) -> None:
        """Takes in the answer for a robots.txt: redirects are followed, none is no rules, an error is a no."""
        hops = self.robots_from.pop(host)[1]
        target = normal_address(location, address) if 300 <= status < 400 else ""
        if target and hops < MOST_REDIRECTS and not self.frontier.robots(host_of(target)):
            self.robots_from[host] = (target, hops + 1)
            self.redirected_robots.append(host)
            return
        text = body[:LARGEST].decode("utf-8", "replace") if status == 200 else None
        self.frontier.note_robots(host, text, allowed=status < 500)
        rules = self.rules(host)
        if rules and rules.allowed and self.settings.sitemaps and host in self.hosts and self.settings.depth > 0:
            scheme = address.partition(":")[0]
            named = [normal_address(place, address) for place in rules.sitemaps()] or [f"{scheme}://{host}/sitemap.xml"]
            self.frontier.add(Page(address=place, sitemap=True) for place in named if host_of(place) in self.hosts)
            self.frontier.commit()

    def no_robots(self, host: str) -> None:
        """Notes that a host's robots.txt could not be had: it is left alone."""
        self.robots_from.pop(host, None)
        self.frontier.note_robots(host, None, allowed=False)

    def took(self, page: Page, status: int, headers: list[tuple[str, str]], body: bytes, ip: str) -> None:
        """Takes in the answer for a page and marks it as done."""
        self.ahead[host_of(page.address)] -= 1
        told = {name.lower(): value for name, value in headers}
        if 300 <= status < 400 and "location" in told:
            self.redirected(page, told["location"])
        elif status != 200:
            self.frontier.finish(page, "error", str(status))
        elif page.sitemap:
            self.took_sitemap(page, body)
        elif not self.is_wanted_type(told.get("content-type", "")):
            self.frontier.finish(page, "not_text", told.get("content-type", ""))
        elif not self.frontier.is_new_body(sha256(body).digest()[:16]):
            self.frontier.finish(page, "same_content")
        else:
            self.keep(page, status, headers, body, ip)

    def keep(self, page: Page, status: int, headers: list[tuple[str, str]], body: bytes, ip: str) -> None:
        """Takes in a page's links and writes it to the WARC file, unless it asks not to be kept."""
        links, keep = found_links(body, page.address)
        told = ",".join(value for name, value in headers if name.lower() == "x-robots-tag").lower()
        if "nofollow" not in told and "none" not in told:
            self.add_links(links, page.depth + 1)
        if not keep or "noindex" in told or "none" in told or "noarchive" in told:
            self.frontier.finish(page, "noindex")
            return
        date = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.warc.add(page.address, status, headers, body, date, ip)
        self.pages, self.new, self.bytes = self.pages + 1, self.new + 1, self.bytes + len(body)
        self.frontier.finish(page, DONE, facts={**self.warc.facts(), "bytes": self.bytes, "hosts": sorted(self.hosts)})
        self.progress(self.new, None, host_of(page.address))

    def add_links(self, links: list[str], depth: int) -> None:
        """Takes in the links of a page that are within the crawl's bounds."""
        if depth <= self.settings.depth:
            self.frontier.add(Page(address=link, depth=depth) for link in links if self.is_wanted(link))

    def is_wanted(self, address: str) -> bool:
        """True for an address of the crawl's hosts that may hold text and is no trap."""
        known = self.settings.other_hosts or host_of(address) in self.hosts
        return known and is_text(address) and not is_trap(address)

    def is_wanted_type(self, content_type: str) -> bool:
        """True for a content type that the corpus reads; one that is not told may be anything."""
        return not content_type or content_type.strip().lower().startswith(KEPT_TYPES)

    def redirected(self, page: Page, location: str) -> None:
        """Takes in where a page is instead; where a start leads to another host, that host is the crawl's too."""
        target = normal_address(location, page.address)
        if not target or page.hops >= MOST_REDIRECTS:
            self.frontier.finish(page, "too_many_redirects" if target else "error", location)
            return
        if page.depth == 0 and not page.sitemap:
            self.hosts.add(host_of(target))
        if self.is_wanted(target) or page.sitemap:
            onward = Page(address=target, depth=page.depth, hops=page.hops + 1, sitemap=page.sitemap)
            self.frontier.add([onward] if host_of(target) in self.hosts or self.settings.other_hosts else [])
        self.frontier.finish(page, "redirect", target, {"hosts": sorted(self.hosts)})

    def took_sitemap(self, page: Page, body: bytes) -> None:
        """Takes in what a sitemap lists of the crawl's hosts."""
        pages, maps = sitemap_entries(body, page.address)
        self.add_links(pages, 1)
        if page.depth < DEEPEST_SITEMAP:
            further = (place for place in maps if host_of(place) in self.hosts)
            self.frontier.add(Page(address=place, depth=page.depth + 1, sitemap=True) for place in further)
        self.frontier.finish(page, "sitemap", f"{len(pages)}")

    def failed(self, page: Page, detail: str) -> None:
        """Notes why a page could not be had."""
        self.ahead[host_of(page.address)] -= 1
        self.frontier.finish(page, "failed", detail)


def found_links(body: bytes, address: str) -> tuple[list[str], bool]:
    """Returns a page's links and whether it may be kept; a PDF and what no parser gets through have none."""
    if body.startswith(b"%PDF-"):
        return [], True
    try:
        return links_of(body, address)
    except (ValueError, RuntimeError, MemoryError):
        return [], True


def list_of(value: object) -> list[object]:
    """Returns a noted list."""
    return list(value) if isinstance(value, list) else []
