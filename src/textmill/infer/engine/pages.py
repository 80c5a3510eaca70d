"""Who holds which page of keys and values, and which pages can be used again by a text that begins alike.

A full page is remembered under a key: the hash of its tokens and of the page before it (so equal keys mean equal
beginnings), with the adapter through which they were read. A page that nobody holds keeps what it knows until it is
needed; the one unused for longest goes first, of one text the last page before the first.
"""

import hashlib
from array import array
from collections import OrderedDict
from collections.abc import Iterable, Sequence


def first_key(adapter: str) -> bytes:
    """Returns the key that stands before a text's first page."""
    return hashlib.blake2b(adapter.encode(), digest_size=16).digest()


def next_key(before: bytes, ids: Sequence[int]) -> bytes:
    """Returns the key of the page with the tokens `ids` behind the page with the key `before`."""
    return hashlib.blake2b(before + array("q", ids).tobytes(), digest_size=16).digest()


class PagePool:
    """`count` pages, each free, held by one text or several, or idle: held by none, still known."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._free = list(range(count - 1, -1, -1))
        self._holders = [0] * count
        self._key: list[bytes | None] = [None] * count
        self._page: dict[bytes, int] = {}
        self._idle: OrderedDict[int, None] = OrderedDict()

    @property
    def available(self) -> int:
        """How many pages can be taken now."""
        return len(self._free) + len(self._idle)

    @property
    def held(self) -> int:
        """How many pages some text holds."""
        return self.count - self.available

    def take(self) -> int | None:
        """Returns a page for new content, or None when all are held."""
        if self._free:
            page = self._free.pop()
        elif self._idle:
            page, _ = self._idle.popitem(last=False)
            self._forget(page)
        else:
            return None
        self._holders[page] = 1
        return page

    def find(self, key: bytes) -> int | None:
        """Returns the page with this key, now held once more, or None."""
        page = self._page.get(key)
        if page is None:
            return None
        self._idle.pop(page, None)
        self._holders[page] += 1
        return page

    def share(self, page: int) -> int:
        """Returns a held page, held once more."""
        self._holders[page] += 1
        return page

    def remember(self, page: int, key: bytes) -> None:
        """Notes what a full page holds; the first page of a key stays the one that is found."""
        if self._key[page] is None and key not in self._page:
            self._key[page], self._page[key] = key, page

    def release(self, pages: Iterable[int]) -> None:
        """Lets go of a text's pages, given in the text's order."""
        for page in reversed(list(pages)):
            self._holders[page] -= 1
            if self._holders[page] < 0:
                raise AssertionError(f"page {page} released more often than taken")
            if self._holders[page]:
                continue
            if self._key[page] is None:
                self._free.append(page)
            else:
                self._idle[page] = None

    def clear(self) -> None:
        """Forgets what idle pages hold, for weights that have changed."""
        for page in self._idle:
            self._forget(page)
            self._free.append(page)
        self._idle.clear()

    def _forget(self, page: int) -> None:
        key, self._key[page] = self._key[page], None
        if key is not None:
            del self._page[key]
