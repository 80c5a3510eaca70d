"""WARC and WET: archives of what a crawler fetched, one record after another.

    WARC/1.0 ⏎ headers ⏎⏎ block (Content-Length bytes) ⏎⏎ …      the block of a response: HTTP head ⏎⏎ body

A record whose length is wrong costs itself: the next one is looked for, also inside of what a length that is too large
took with it.
"""

import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from textmill.data.formats_in.archives import DAMAGE, read_fully
from textmill.data.formats_in.problem import Unreadable

VERSION = b"WARC/"
NEXT_RECORD = re.compile(rb"\r?\n\r?\n?(?=WARC/[01]\.\d+\r?\n)")
MOST_HEADERS = 1 << 17
BLOCK_BYTES = 1 << 16
CONTENT = frozenset(("response", "resource", "conversion"))
"""Record types that hold what was fetched; the others say how."""


@dataclass(slots=True, kw_only=True)
class Fetched:
    """One record: its number (from 1, of all types), and what was fetched from where, or what is wrong."""

    number: int
    url: str = ""
    date: str = ""
    content_type: str = ""
    body: bytes = b""
    problem: Unreadable | None = None
    headers: dict[str, str] = field(default_factory=dict)


class Pushback:
    """A stream into which bytes can be put back."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream, self.front = stream, io.BytesIO()

    def readline(self) -> bytes:
        """Returns the next line, no more than a limit of it."""
        line = self.front.readline(BLOCK_BYTES)
        return line if line.endswith(b"\n") else line + self.stream.readline(BLOCK_BYTES)

    def read(self, size: int) -> bytes:
        """Returns `size` bytes, fewer only at the end."""
        data = self.front.read(size)
        return data + read_fully(self.stream, size - len(data))

    def put_back(self, data: bytes) -> None:
        """Makes `data` what comes next."""
        self.front = io.BytesIO(data + self.front.read())


def fetched(stream: BinaryIO, limit: int) -> Iterator[Fetched]:
    """Yields the records that hold something that was fetched, and those that are damaged."""
    source, number = Pushback(stream), 0
    while line := source.readline():
        if not line.strip():
            continue
        number += 1
        if not line.startswith(VERSION):
            yield Fetched(number=number, problem=Unreadable("bad_warc", line[:40]))
            find_next(source)
            continue
        headers = read_headers(source)
        if headers.get("warc-type", "") in CONTENT or not headers.get("content-length", "").isdigit():
            yield content_record(number, headers, source, limit)
        elif not read_block(source, int(headers["content-length"]), limit)[1]:
            yield Fetched(number=number, problem=Unreadable("bad_warc", headers["content-length"]), headers=headers)


def read_headers(source: Pushback) -> dict[str, str]:
    """Returns the header fields up to the blank line, names in lower case."""
    headers: dict[str, str] = {}
    size = 0
    while (line := source.readline()).strip() and size < MOST_HEADERS:
        size += len(line)
        name, _, value = line.decode("utf-8", "replace").partition(":")
        headers[name.strip().lower()] = value.strip()
    return headers


def find_next(source: Pushback) -> None:
    """Reads on to the beginning of the next record."""
    while line := source.readline():
        if line.startswith(VERSION):
            source.put_back(line)
            return


def read_block(source: Pushback, length: int, limit: int) -> tuple[bytes, bool]:
    """Returns a record's block ("" when it is larger than `limit`), and whether the record ends where it says."""
    if length > limit:
        find_next(source)
        return b"", True
    block = source.read(length)
    if len(block) == length:
        between = source.readline()
        if not between.strip():
            return block, True
        source.put_back(between)
        if between.startswith(VERSION):
            return block, True
    inner = NEXT_RECORD.search(block)
    if inner:
        source.put_back(block[inner.end() :])
    else:
        find_next(source)
    return block, False


def content_record(number: int, headers: dict[str, str], source: Pushback, limit: int) -> Fetched:
    """Returns a record with what was fetched, or why it cannot be had."""
    found = Fetched(
        number=number,
        url=headers.get("warc-target-uri", "").strip("<>"),
        date=headers.get("warc-date", ""),
        content_type=headers.get("content-type", ""),
        headers=headers,
    )
    stated = headers.get("content-length", "")
    if not stated.isdigit():
        find_next(source)
        found.problem = Unreadable("bad_warc", stated or "Content-Length")
        return found
    block, whole = read_block(source, int(stated), limit)
    if not whole:
        found.problem = Unreadable("bad_warc", stated, len(block))
    elif int(stated) > limit:
        found.problem = Unreadable("too_large", f"{int(stated) / (1 << 20):.3f}", f"{limit / (1 << 20):g}")
    elif found.content_type.startswith("application/http"):
        read_http(found, block, limit)
    else:
        found.body = block
    return found


def read_http(found: Fetched, block: bytes, limit: int) -> None:
    """Fills in body and content type of an HTTP response, or the problem with it."""
    head, between, body = block.partition(b"\r\n\r\n")
    if not between or (b"\n\n" in head):
        head, _, body = block.partition(b"\n\n")
    first, *lines = head.decode("latin-1").splitlines() or [""]
    fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    status = first.split(" ")[1] if first.count(" ") else ""
    found.content_type = fields.get("content-type", "").partition(";")[0].strip().lower()
    if status != "200":
        found.problem = Unreadable("not_content", f"HTTP {status}")
        return
    if fields.get("transfer-encoding", "").lower() == "chunked":
        body = unchunked(body)
    try:
        found.body = unencoded(body, fields.get("content-encoding", "").lower(), limit)
    except Unreadable as problem:
        found.problem = problem


def unchunked(body: bytes) -> bytes:
    """Returns a chunked body as one; crawlers often took the chunks out already, and then it is as it is."""
    parts, place = [], 0
    while match := re.compile(rb"([0-9a-fA-F]{1,8})[^\r\n]{0,100}\r?\n").match(body, place):
        size, start = int(match[1], 16), match.end()
        if size == 0:
            return b"".join(parts)
        parts.append(body[start : start + size])
        place = start + size
        place += 2 if body.startswith(b"\r\n", place) else 1
    return b"".join(parts) if len(parts) > 1 or (parts and place >= len(body)) else body


def unencoded(body: bytes, encoding: str, limit: int) -> bytes:
    """Returns a body without its Content-Encoding, never more than `limit`; one that was decoded already is left."""
    wanted = {"gzip": b"\x1f\x8b", "x-gzip": b"\x1f\x8b", "zstd": b"\x28\xb5\x2f\xfd"}
    if encoding in wanted and not body.startswith(wanted[encoding]):
        return body
    try:
        if encoding in ("gzip", "x-gzip", "deflate"):
            engine = zlib.decompressobj(47 if encoding != "deflate" or body[:1] == b"\x78" else -15)
            data = engine.decompress(body, limit + 1)
        elif encoding in ("br", "zstd"):
            import pyarrow as arrow

            kind = {"br": "brotli"}.get(encoding, encoding)
            data = arrow.CompressedInputStream(arrow.BufferReader(body), kind).read(limit + 1)
        else:
            return body
    except DAMAGE as error:
        if body.lstrip()[:1] == b"<":  # decoded already
            return body
        raise Unreadable("bad_archive", f"{encoding}: {error}") from error
    if len(data) > limit:
        raise Unreadable("too_large", f"> {limit / (1 << 20):g}", f"{limit / (1 << 20):g}")
    return data
