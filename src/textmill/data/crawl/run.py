"""Runs a crawl: folder, frontier, WARC file and Scrapy put together, and what came of it."""

import logging
import os
import warnings
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import textmill
from textmill.config import CrawlSettings
from textmill.data.crawl.addresses import leads_inside, normal_address
from textmill.data.crawl.crawl import Crawl
from textmill.data.crawl.frontier import DONE, Frontier
from textmill.data.crawl.warc_file import WarcFile
from textmill.errors import InputError, MissingExtraError
from textmill.files import disk_errors, hold
from textmill.progress import Progress, silent

STATE = Path(".crawl/frontier.sqlite")
AGENT = "textmill"
"""Under this name robots.txt speaks to us."""
NEEDED = ("scrapy", "warcio")
MEGABYTE = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Crawled:
    """What a crawl did: pages in this run and in all, why it ended, and what became of all addresses."""

    folder: Path
    new: int
    pages: int
    bytes: int
    seconds: float
    ended: str
    states: dict[str, int] = field(default_factory=dict)
    first_problem: str = ""


def crawl(starts: list[str], folder: Path, settings: CrawlSettings, progress: Progress = silent) -> Crawled:
    """Fetches pages from `starts` on into WARC files in `folder`, or goes on with the crawl that is there.

    Must be the process's only crawl: Scrapy's reactor cannot be started twice. Raises InputError for addresses that are
    none, a folder of something else, a crawl that is running; MissingExtraError without the extra.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise MissingExtraError("crawl.missing_extra", package=", ".join(missing))
    addresses = [checked_start(start) for start in starts]
    with disk_errors(folder):
        held = claimed(folder)
        frontier = Frontier(folder / STATE, settings.pages_per_pattern)
        try:
            frontier.forget_refusals()
            warc = WarcFile(folder, frontier, about(settings))
            work = Crawl(frontier, warc, settings, AGENT, progress)
            work.begin(addresses)
            private = any(leads_inside(address) for address in addresses)
            ended = run_engine(work, settings, private=private)
            warc.close()
            if work.error is not None:
                raise work.error
            return outcome(folder, work, ended)
        finally:
            frontier.close()
            if held is not None:
                os.close(held)


def checked_start(start: str) -> str:
    """Returns a start in its normal form; https where it has no scheme."""
    address = normal_address(start if "://" in start else f"https://{start}")
    if not address:
        raise InputError("crawl.address", value=start)
    return address


def claimed(folder: Path) -> int | None:
    """Makes the folder, or takes the one of an earlier crawl; returns the lock on it."""
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not (folder / STATE).is_file())):
        raise InputError("crawl.target_taken", folder=folder)
    (folder / STATE).parent.mkdir(parents=True, exist_ok=True)
    held = hold(folder)
    if held is None and os.name == "posix":
        raise InputError("crawl.running", folder=folder)
    return held


def about(settings: CrawlSettings) -> dict[str, str]:
    """Returns what the WARC file says of its making."""
    told = {"software": f"textmill/{textmill.__version__}", "format": "WARC File Format 1.1", "robots": "obey"}
    return told | ({"operator": settings.contact} if settings.contact else {})


def user_agent(settings: CrawlSettings) -> str:
    """Returns how we present ourselves: what we are, and whom to write to."""
    contact = " ".join(settings.contact.split())
    return f"{AGENT}/{textmill.__version__}" + (f" (+{contact})" if contact else "")


def run_engine(work: Crawl, settings: CrawlSettings, *, private: bool) -> str:
    """Runs Scrapy until nothing is left to ask, a limit is reached or Ctrl-C; returns which."""
    warnings.filterwarnings("ignore", module=r"(?:scrapy|twisted)\b.*")
    from scrapy.crawler import CrawlerProcess

    from textmill.data.crawl.spider import PageSpider

    process = CrawlerProcess(engine_settings(settings, private=private), install_root_handler=False)
    for name in ("scrapy", "twisted", "asyncio", "py.warnings"):  # after the process, which sets up logging anew
        logging.getLogger(name).addHandler(logging.NullHandler())
        logging.getLogger(name).propagate = False
    crawler = process.create_crawler(PageSpider)
    process.crawl(crawler, crawl=work)
    process.start()
    reason = crawler.stats.get_value("finish_reason") if crawler.stats else ""
    if reason == "shutdown":
        return "interrupted"
    return work.stopped_by or ("done" if reason == "finished" else str(reason or "interrupted"))


def engine_settings(settings: CrawlSettings, *, private: bool) -> dict[str, Any]:
    """Returns Scrapy's settings."""
    page_bytes = int(settings.page_megabytes * MEGABYTE)
    return {
        "USER_AGENT": user_agent(settings),
        "ROBOTSTXT_OBEY": False,  # the crawl obeys it itself, with Crawl-delay, which Scrapy leaves out
        "REDIRECT_ENABLED": False,
        "METAREFRESH_ENABLED": False,
        "COOKIES_ENABLED": False,
        "HTTPPROXY_ENABLED": False,  # a proxy would resolve names in our stead, and its answers cannot be checked
        "TELNETCONSOLE_ENABLED": False,
        "LOG_ENABLED": False,
        "CONCURRENT_REQUESTS": settings.connections,
        "CONCURRENT_REQUESTS_PER_DOMAIN": 1,
        "DOWNLOAD_DELAY": settings.delay_seconds,
        "DOWNLOAD_DELAY_JITTER": 0,
        "DOWNLOAD_TIMEOUT": settings.timeout_seconds,
        "DOWNLOAD_MAXSIZE": page_bytes,
        "DOWNLOAD_WARNSIZE": 0,
        "RETRY_TIMES": 1,
        "RETRY_EXCEPTIONS": [],  # what was too slow once is so again; 429, 503 and the like are tried again
        "TWISTED_DNS_RESOLVER": "textmill.data.crawl.spider.PublicResolver",
        "TEXTMILL_PRIVATE_ALLOWED": private,
        "DOWNLOADER_MIDDLEWARES": {"textmill.data.crawl.spider.NoPrivateAddress": 1},
        "DEFAULT_REQUEST_HEADERS": {
            "Accept": "text/html,application/xhtml+xml,text/plain,application/pdf;q=0.8,*/*;q=0.1",
            "Accept-Language": "*",
        },
        "CLOSESPIDER_TIMEOUT": settings.minutes * 60,
    }


def outcome(folder: Path, work: Crawl, ended: str) -> Crawled:
    """Returns what came of it; the first problem is told where there is nothing else to tell."""
    import time

    frontier = work.frontier
    row = frontier.database.execute(
        "select address, state, detail from pages where state not in (?, 'waiting', 'sitemap', 'redirect') limit 1",
        (DONE,),
    ).fetchone()
    return Crawled(
        folder=folder,
        new=work.new,
        pages=work.pages,
        bytes=work.bytes,
        seconds=time.monotonic() - work.started,
        ended="time" if ended == "closespider_timeout" else ended,
        states=frontier.states(),
        first_problem=" ".join(part for part in row if part) if row else "",
    )
