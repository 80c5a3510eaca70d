"""What a host's robots.txt allows (RFC 9309), read by protego, which Scrapy brings."""

from dataclasses import dataclass
from typing import Any

LARGEST = 512 << 10
"""Of a robots.txt so much is read, as the RFC asks at least."""
LONGEST_DELAY = 60.0
"""A host that asks for longer pauses is not waited for; its pages come one a minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """May a page be fetched, how long to wait between pages, where the sitemaps are."""

    parsed: Any
    agent: str
    allowed: bool = True

    @staticmethod
    def of(text: str | None, agent: str, *, allowed: bool) -> "Rules":
        """Returns the rules of a robots.txt; None is a host that has none."""
        from protego import Protego

        return Rules(parsed=Protego.parse(text or ""), agent=agent, allowed=allowed)

    def may_fetch(self, address: str) -> bool:
        """True where the page may be fetched."""
        return self.allowed and self.parsed.can_fetch(address, self.agent)

    def delay(self, seconds: float) -> float:
        """Returns the pause between two pages: ours or the host's, whichever is longer."""
        told = self.parsed.crawl_delay(self.agent) or 0.0
        rate = self.parsed.request_rate(self.agent)
        if rate is not None and rate.requests > 0:
            told = max(told, rate.seconds / rate.requests)
        return max(seconds, min(float(told), LONGEST_DELAY))

    def sitemaps(self) -> list[str]:
        """Returns the sitemaps that are named."""
        return list(self.parsed.sitemaps)
