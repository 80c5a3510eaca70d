"""Large files read a bit at a time: lines, JSON values and pieces of text, none longer than a limit.

A line of a gigabyte is passed over while never more than the limit of it is in memory; the records after it are read.
"""

import codecs
import io
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from textmill.data import charset
from textmill.data.formats_in.archives import read_fully, rejoined

BLOCK_BYTES = 1 << 20
DECODER = json.JSONDecoder()
BETWEEN_VALUES = re.compile("[\ufeff \t\r\n,\\[\\]]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record of a file: its position, its content (bytes, text, a dict or an Arrow batch), or its problem."""

    position: int
    value: Any = None
    size: int = 0
    problem: str = ""


def json_lines(stream: BinaryIO, limit: int) -> Iterator[Record]:
    """Yields the lines of a JSONL file, counted from 1, as bytes; blank lines are counted and passed over."""
    head, stream = peeked(stream, BLOCK_BYTES >> 4)
    encoding = charset.detect_encoding(head)
    if encoding and encoding.startswith(("utf-16", "utf-32")):
        yield from wide_lines(stream, encoding, limit)
        return
    number = 0
    while line := stream.readline(limit + 1):
        number += 1
        if len(line) > limit and not line.endswith(b"\n"):
            yield Record(position=number, problem="too_large", size=len(line) + skip_line(stream))
        elif line.strip(b"\xef\xbb\xbf \t\r\n"):
            yield Record(position=number, value=line.rstrip(b"\r\n"), size=len(line))


def peeked(stream: BinaryIO, size: int) -> tuple[bytes, BinaryIO]:
    """Returns the first bytes of a stream, and a stream that begins with them."""
    head = read_fully(stream, size)
    if stream.seekable():  # a file: it was at its beginning
        stream.seek(0)
        return head, stream
    return head, rejoined(head, stream)


def skip_line(stream: BinaryIO) -> int:
    """Reads on to the end of the line and returns how many bytes that was."""
    size = 0
    while part := stream.readline(BLOCK_BYTES):
        size += len(part)
        if part.endswith(b"\n"):
            break
    return size


def wide_lines(stream: BinaryIO, encoding: str, limit: int) -> Iterator[Record]:
    """Yields the lines of a UTF-16 or UTF-32 file as UTF-8, the limit taken in characters."""
    text = io.TextIOWrapper(stream, encoding=encoding, errors="replace", newline="\n")
    number = 0
    try:
        while line := text.readline(limit):
            number += 1
            if len(line) >= limit and not line.endswith("\n"):
                size = len(line)
                while part := text.readline(BLOCK_BYTES):
                    size += len(part)
                    if part.endswith("\n"):
                        break
                yield Record(position=number, problem="too_large", size=size)
            elif line.strip("\ufeff \t\r\n"):
                data = line.strip("\ufeff\r\n").encode("utf-8", "replace")
                yield Record(position=number, value=data, size=len(data))
    finally:
        text.detach()


def text_blocks(stream: BinaryIO) -> Iterator[str | None]:
    """Yields the text of a stream block by block, line ends as newlines; None ends it where it is not text.

    The encoding is decided by the first block that is not plain ASCII.
    """
    plain, decoder = newline_decoder("ascii"), None
    while block := stream.read(BLOCK_BYTES):
        if decoder is None and block.isascii() and b"\0" not in block:
            yield plain.decode(block)
            continue
        if decoder is None:
            encoding = charset.detect_encoding(block)
            if encoding is None:
                yield None
                return
            yield plain.decode(b"", final=True)
            decoder = newline_decoder(encoding)
        yield decoder.decode(block)
    yield (decoder or plain).decode(b"", final=True)


def newline_decoder(encoding: str) -> Any:
    """Returns an incremental decoder that replaces what is broken and turns every line end into a newline."""
    return io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)("replace"), translate=True)


def text_pieces(stream: BinaryIO, target: int, limit: int) -> Iterator[Record]:
    """Yields a large text as pieces of about `target` characters, cut where split_text cuts."""
    for position, piece in enumerate(split_text(text_blocks(stream), target, limit)):
        if isinstance(piece, str):
            yield Record(position=position, value=piece, size=len(piece))
        else:
            yield Record(position=position, problem="too_large" if piece else "undecodable", size=piece)


def split_text(blocks: Iterable[str | None], target: int, limit: int) -> Iterator[str | int]:
    """Yields pieces that together are the text, cut after blank lines where there are any, else after lines.

    Instead of a line longer than `limit` characters its length is yielded; 0 stands for what could not be decoded.
    """
    held: list[str] = []  # what is to be cut; joined only when the line in it may be at its end, however long it is
    size = skipped = 0
    within_line = False
    for block in blocks:
        if block is None:
            yield 0
            return
        if skipped:
            end = block.find("\n")
            skipped += len(block) if end < 0 else end
            if end < 0:
                continue
            yield skipped
            block, skipped = block[end + 1 :], 0
        held.append(block)
        size += len(block)
        if within_line and size <= limit and "\n" not in block:
            continue
        buffer, start = "".join(held), 0
        while len(buffer) - start > target and (cut := cut_place(buffer, start, target)):
            yield buffer[start:cut]
            start = cut
        buffer = buffer[start:]
        held, size, within_line = [buffer], len(buffer), len(buffer) > target
        if size > limit and "\n" not in buffer:
            held, size, skipped, within_line = [], 0, size, False
    if skipped or size:
        yield skipped or "".join(held)


def cut_place(buffer: str, start: int, target: int) -> int:
    """Returns where to end the piece that begins at `start`, or 0 when its line is not at its end yet."""
    stop = start + target
    blank = buffer.rfind("\n\n", start + target // 2, stop)
    if blank >= 0:
        return blank + 2
    line = buffer.rfind("\n", start, stop)
    return line + 1 if line >= 0 else buffer.find("\n", stop) + 1


def json_values(stream: BinaryIO, limit: int) -> Iterator[Record]:
    """Yields the objects of a JSON list, or those that stand one after another, counted from 1, as dicts.

    What follows a broken value cannot be told apart from it, so the file ends there.
    """
    blocks = text_blocks(stream)
    buffer, start, position = "", 0, 1
    while True:
        start = BETWEEN_VALUES.match(buffer, start).end()  # type: ignore[union-attr]
        try:
            value, end = DECODER.raw_decode(buffer, start)
            yield Record(position=position, value=value, size=end - start)
            start, position = end, position + 1
            continue
        except RecursionError:
            yield Record(position=position, problem="bad_json", value="nested too deeply")
            return
        except ValueError as error:
            problem = str(error)
        buffer, start = buffer[start:], 0
        if len(buffer) > limit:
            yield Record(position=position, problem="too_large", size=len(buffer))
            return
        more = next_blocks(blocks, len(buffer))
        if not more:
            break
        buffer += more
    if buffer:
        yield Record(position=position, problem="bad_json", value=problem[:200])


def next_blocks(blocks: Iterator[str | None], wanted: int) -> str:
    """Returns at least as many more characters as wanted, so that a long value is parsed anew seldom; "" at the end."""
    parts: list[str] = []
    while wanted >= 0 and (block := next(blocks, None)) is not None:
        parts.append(block)
        if block:  # an empty one is no end: it stands where plain ASCII turns into another encoding
            wanted -= len(block)
    return "".join(parts)
