"""The spider: what is asked of Scrapy, and what is made of its answers. Imported only by a crawl, for it needs Scrapy.

One request at a time to a host, its robots.txt first. Redirects are followed by the frontier, not by Scrapy: so loops
end by themselves, every target is held to robots.txt and to the crawl's bounds, and it is known where a page came from.
"""

import ipaddress
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from scrapy import Request, Spider, signals
from scrapy.exceptions import CloseSpider, DontCloseSpider, IgnoreRequest, StopDownload
from scrapy.resolver import CachingThreadedResolver

from textmill.data.crawl.addresses import is_public
from textmill.data.crawl.crawl import Crawl
from textmill.data.crawl.frontier import Page

PRIVATE_ALLOWED = "TEXTMILL_PRIVATE_ALLOWED"
"""Scrapy's setting of ours that says whether addresses that are not public may be asked."""


class PublicResolver(CachingThreadedResolver):
    """Resolves names, and refuses what leads to an address that is not public, at the moment of connecting."""

    private_allowed = False

    @classmethod
    def from_crawler(cls, crawler: Any, reactor: Any) -> "PublicResolver":
        """Makes the resolver that Scrapy asks for."""
        resolver = super().from_crawler(crawler, reactor)
        resolver.private_allowed = crawler.settings.getbool(PRIVATE_ALLOWED)
        return resolver

    def getHostByName(self, name: str, timeout: Any = ()) -> Any:
        """Returns a Deferred of the address."""
        return super().getHostByName(name, timeout).addCallback(self.check)

    def check(self, address: str) -> str:
        """Returns the address, or raises OSError."""
        if not self.private_allowed and not is_public(address):
            raise OSError(f"not a public address: {address}")
        return address


class NoPrivateAddress:
    """Refuses requests to numeric addresses that are not public: such a host is not resolved, so nobody else looks."""

    def __init__(self, private_allowed: bool) -> None:
        self.private_allowed = private_allowed

    @classmethod
    def from_crawler(cls, crawler: Any) -> "NoPrivateAddress":
        """Makes the middleware that Scrapy asks for."""
        return cls(crawler.settings.getbool(PRIVATE_ALLOWED))

    def process_request(self, request: Any) -> None:
        """Raises IgnoreRequest for a request that must not be made."""
        from urllib.parse import urlsplit

        host = urlsplit(request.url).hostname or ""
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return
        if not self.private_allowed and not is_public(host):
            raise IgnoreRequest(f"not a public address: {host}")


class PageSpider(Spider):
    """Hands the frontier's pages to Scrapy and the answers to the crawl."""

    name = "textmill"

    def __init__(self, crawl: Crawl, **more: Any) -> None:
        super().__init__(**more)
        self.crawl = crawl

    @classmethod
    def from_crawler(cls, crawler: Any, *words: Any, **more: Any) -> "PageSpider":
        """Makes the spider and listens for what Scrapy tells."""
        spider = super().from_crawler(crawler, *words, **more)
        crawler.signals.connect(spider.when_idle, signal=signals.spider_idle)
        crawler.signals.connect(spider.when_headers, signal=signals.headers_received)
        return spider

    async def start(self) -> AsyncIterator[Any]:
        """Yields the first requests."""
        for request in self.requests():
            yield request

    def requests(self) -> Iterator[Request]:
        """Yields what may be asked now."""
        for host, page in self.crawl.next_pages():
            slot = {"download_slot": host, "handle_httpstatus_all": True}
            if page is None:
                address = self.crawl.robots_address(host)
                yield Request(
                    address, self.on_robots, errback=self.on_no_robots, dont_filter=True, meta=slot | {"host": host}
                )
            else:
                self.pause(host)
                yield Request(
                    page.address, self.on_page, errback=self.on_failure, dont_filter=True, meta=slot | {"page": page}
                )

    def pause(self, host: str) -> None:
        """Tells Scrapy how long to wait between two requests to a host."""
        downloader = self.crawler.engine.downloader
        seconds = self.crawl.delay(host)
        downloader.per_slot_settings[host] = {"delay": seconds, "concurrency": 1}
        if host in downloader.slots:
            downloader.slots[host].delay = seconds

    def go_on(self, work: Callable[[], None]) -> None:
        """Does what an answer asks for, then hands on what may be asked next; what goes wrong here ends the crawl."""
        try:
            work()
            for request in self.requests():
                self.crawler.engine.crawl(request)
        except Exception as error:
            self.crawl.error = error
            raise CloseSpider("error") from error

    def when_idle(self) -> None:
        """Keeps Scrapy going while there is something to ask."""
        found = list(self.requests())
        for request in found:
            self.crawler.engine.crawl(request)
        if found:
            raise DontCloseSpider

    def when_headers(self, headers: Any, request: Any) -> None:
        """Ends a download whose headers say that it is no text: pictures and films are large."""
        kind = (headers.get("Content-Type") or b"").decode("latin-1")
        page = request.meta.get("page")
        if page is not None and not page.sitemap and not self.crawl.is_wanted_type(kind):
            raise StopDownload(fail=False)

    def on_page(self, response: Any) -> None:
        """Takes in a page, a sitemap or a redirect."""
        page: Page = response.meta["page"]
        headers = [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, values in response.headers.items()
            for value in values
        ]
        ip = str(response.ip_address or "")
        self.go_on(lambda: self.crawl.took(page, response.status, headers, response.body, ip))

    def on_failure(self, failure: Any) -> None:
        """Notes why a page could not be had."""
        page: Page = failure.request.meta["page"]
        detail = f"{failure.type.__name__}: {failure.getErrorMessage()}"
        self.go_on(lambda: self.crawl.failed(page, detail))

    def on_robots(self, response: Any) -> None:
        """Takes in a robots.txt."""
        location = (response.headers.get("Location") or b"").decode("latin-1")
        host = response.meta["host"]
        self.go_on(lambda: self.crawl.took_robots(host, response.url, response.status, location, response.body))

    def on_no_robots(self, failure: Any) -> None:
        """Leaves a host alone whose robots.txt cannot be had."""
        host = failure.request.meta["host"]
        self.go_on(lambda: self.crawl.no_robots(host))
