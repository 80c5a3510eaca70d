"""The frontier: which pages are waiting, which are done, and how far the WARC files are good. A small SQLite database.

Everything that belongs to one page (its end, its links, the end of the WARC file) is one transaction, so that a crawl
can be killed at any moment and goes on without a page lost or fetched twice.
"""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from textmill.data.crawl.addresses import host_of, pattern_of

SCHEMA = """
create table if not exists pages (
    number integer primary key, address text unique not null, host text not null, depth integer not null,
    hops integer not null, sitemap integer not null, state text not null, detail text not null default ''
);
create index if not exists waiting on pages (host, sitemap desc, depth, number) where state = 'waiting';
create table if not exists patterns (pattern text primary key, pages integer not null);
create table if not exists bodies (digest blob primary key);
create table if not exists robots (host text primary key, text text, allowed integer not null);
create table if not exists facts (name text primary key, value text not null);
"""
WAITING, DONE = "waiting", "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page to fetch: how many links it is from a start, how many redirects led to it, whether it is a sitemap."""

    address: str
    depth: int = 0
    hops: int = 0
    sitemap: bool = False


class Frontier:
    """The pages of a crawl; `pages_per_pattern` bounds how many of one making are taken in."""

    def __init__(self, path: Path, pages_per_pattern: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.database = sqlite3.connect(path, isolation_level=None)
        self.database.execute("pragma journal_mode = wal")
        # The WARC file is synced before each commit, so the database is never ahead of it; where a power cut takes the
        # last commits, their pages are cut off the file and fetched again. Two syncs a page are saved by that.
        self.database.execute("pragma synchronous = normal")
        self.database.executescript(SCHEMA)
        self.pages_per_pattern = pages_per_pattern
        self.taken: set[str] = set()
        rows = self.database.execute(
            "select host from pages where state = 'waiting' group by host order by min(number)"
        )
        self.open_hosts: dict[str, None] = {host: None for (host,) in rows}
        """Hosts that pages may be waiting for, in the order in which they were met; asked for after every page."""

    def close(self) -> None:
        """Closes the database."""
        self.database.close()

    def add(self, pages: Iterable[Page]) -> None:
        """Takes in pages that are not known yet; begins a transaction that the next `finish` or `commit` ends."""
        if not self.database.in_transaction:
            self.database.execute("begin immediate")
        for page in pages:
            if self.database.execute("select 1 from pages where address = ?", (page.address,)).fetchone():
                continue
            pattern = pattern_of(page.address)
            found = self.database.execute("select pages from patterns where pattern = ?", (pattern,)).fetchone()
            full = found is not None and found[0] >= self.pages_per_pattern
            if not full:
                self.database.execute(
                    "insert into patterns values (?, 1) on conflict (pattern) do update set pages = pages + 1",
                    (pattern,),
                )
            state = "too_many_alike" if full else WAITING
            values = (page.address, host_of(page.address), page.depth, page.hops, int(page.sitemap), state)
            if state == WAITING:
                self.open_hosts[host_of(page.address)] = None
            self.database.execute(
                "insert into pages (address, host, depth, hops, sitemap, state) values (?, ?, ?, ?, ?, ?)", values
            )

    def take(self, host: str) -> Page | None:
        """Returns the next page of a host that is not being fetched: sitemaps first, then those near the start."""
        rows = self.database.execute(
            "select address, depth, hops, sitemap from pages where state = 'waiting' and host = ? "
            "order by sitemap desc, depth, number limit ?",
            (host, len(self.taken) + 1),
        )
        found = rows.fetchall()
        if not found:
            self.open_hosts.pop(host, None)
        for address, depth, hops, sitemap in found:
            if address not in self.taken:
                self.taken.add(address)
                return Page(address=address, depth=depth, hops=hops, sitemap=bool(sitemap))
        return None

    def finish(self, page: Page, state: str, detail: str = "", facts: dict[str, object] | None = None) -> None:
        """Marks a page as done (or as why it is not), together with what was added and noted since the last time."""
        if not self.database.in_transaction:
            self.database.execute("begin immediate")
        self.database.execute(
            "update pages set state = ?, detail = ? where address = ?", (state, detail[:300], page.address)
        )
        for name, value in (facts or {}).items():
            self.database.execute("insert or replace into facts values (?, ?)", (name, json.dumps(value)))
        self.commit()
        self.taken.discard(page.address)

    def commit(self) -> None:
        """Ends the transaction, if there is one."""
        if self.database.in_transaction:
            self.database.execute("commit")

    def fact(self, name: str, default: object = None) -> object:
        """Returns what was noted under a name."""
        row = self.database.execute("select value from facts where name = ?", (name,)).fetchone()
        return default if row is None else json.loads(row[0])

    def is_new_body(self, digest: bytes) -> bool:
        """True the first time that a page with this content comes; notes it within the transaction of the page."""
        if not self.database.in_transaction:
            self.database.execute("begin immediate")
        return self.database.execute("insert or ignore into bodies values (?)", (digest,)).rowcount == 1

    def robots(self, host: str) -> tuple[str | None, bool] | None:
        """Returns (text of robots.txt, whether the host may be asked at all), or None while it is not known."""
        row = self.database.execute("select text, allowed from robots where host = ?", (host,)).fetchone()
        return None if row is None else (row[0], bool(row[1]))

    def note_robots(self, host: str, text: str | None, *, allowed: bool) -> None:
        """Notes a host's robots.txt."""
        self.database.execute("insert or replace into robots values (?, ?, ?)", (host, text, int(allowed)))

    def forget_refusals(self) -> None:
        """Forgets hosts whose robots.txt could not be had: when a crawl goes on, they are asked again."""
        self.database.execute("delete from robots where not allowed")

    def count(self, state: str) -> int:
        """Returns how many pages are in a state."""
        return self.database.execute("select count(*) from pages where state = ?", (state,)).fetchone()[0]

    def states(self) -> dict[str, int]:
        """Returns {state: pages}."""
        rows = self.database.execute("select state, count(*) from pages group by state order by 2 desc, 1")
        return dict(rows.fetchall())
