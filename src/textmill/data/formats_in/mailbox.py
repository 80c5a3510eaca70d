"""Mailboxes (mbox): messages gathered into threads by References and In-Reply-To, quotations left out.

Message by message is read here and not by Python's `mailbox`, which wants a file by name and reads it twice.
"""

import email
import email.message
import email.utils
import hashlib
import re
from collections.abc import Iterator
from email.header import decode_header, make_header
from typing import Any, BinaryIO

from textmill.config import CorpusSettings
from textmill.data import charset
from textmill.data.drops import limit_bytes
from textmill.data.formats_in.fragments import fragment_text
from textmill.data.formats_in.problem import Unreadable
from textmill.data.formats_in.thread_store import ThreadStore
from textmill.data.formats_in.threads import Post, Thread, in_tree_order, thread_fields
from textmill.data.mapping import Fields
from textmill.data.sources import SourceFile
from textmill.data.streams import Record

LINE_BYTES = 1 << 20
MESSAGE_ID = re.compile(rb"<([^<>\s]{1,500})>")
HEADER = rb"(?im)^%s:((?:.*(?:\r?\n[ \t].*)*))"
ID_HEADER, ANSWER_HEADER, REFERENCES_HEADER = (
    re.compile(HEADER % name) for name in (rb"Message-ID", rb"In-Reply-To", rb"References")
)
REPLY_MARK = re.compile(r"^\s*(?:(?:re|fwd?|aw|sv|antw|回复|答复|转发)\s*(?:\[\d+\])?\s*[:：]\s*)+", re.I)  # text data
QUOTED = re.compile(r"^\s{0,3}>.*$")
ATTRIBUTION = re.compile(r"(?:wrote|writes|写道|said|schrieb|a écrit)\s*[:：]?\s*$", re.I)  # text data
SIGNATURE = re.compile(r"\n-- ?\n.*\Z", re.S)
FORWARDED = re.compile(r"^>+From ", re.M)


def threads(file: SourceFile, stream: BinaryIO, settings: CorpusSettings) -> Iterator[Record]:
    """Yields the threads of a mailbox."""
    limit = limit_bytes(settings)
    store, roots = ThreadStore(), dict[int, int]()
    for place, message in enumerate(messages(stream, limit), start=1):
        if message is None:
            yield Record(position=place, problem="too_large", size=limit + 1)
            continue
        own, above = references(message)
        own = own or f"{place}@{file.name}".encode("utf-8", "replace")
        first = short(above[0]) if above else short(own)
        root = roots.setdefault(short(own), roots.get(first, first))
        value = {
            "message": message.decode("latin-1"),
            "id": own.decode("latin-1"),
            "answers": above[-1].decode("latin-1") if above else "",
        }
        store.add(value, place, item=own.decode("latin-1"), thread=str(root))
    yield from store.threads(limit)


def short(id: bytes) -> int:
    """Returns a number that stands for a message's id."""
    return int.from_bytes(hashlib.blake2b(id, digest_size=8).digest(), "big")


def messages(stream: BinaryIO, limit: int) -> Iterator[bytes | None]:
    """Yields the messages of a mailbox, None for one larger than `limit`."""
    parts: list[bytes] = []
    size, blank, begun = 0, True, False
    while line := stream.readline(LINE_BYTES):
        if blank and line.startswith(b"From "):
            if begun:
                yield b"".join(parts) if size <= limit else None
            parts, size, begun = [], 0, True
        else:
            size += len(line)
            if size <= limit:
                parts.append(line)
        blank = line in (b"\n", b"\r\n")
    if begun:
        yield b"".join(parts) if size <= limit else None


def references(message: bytes) -> tuple[bytes, list[bytes]]:
    """Returns a message's id and the ids of those that it follows, the first of the thread first."""
    head = re.split(rb"\r?\n\r?\n", message, maxsplit=1)[0]
    own = ID_HEADER.search(head)
    found = MESSAGE_ID.findall(own[1]) if own else []
    above: list[bytes] = []
    for header in (REFERENCES_HEADER, ANSWER_HEADER):
        if match := header.search(head):
            above += [id for id in MESSAGE_ID.findall(match[1]) if id not in above]
    return (found[0] if found else b""), [id for id in above if id not in found[:1]]


def fields(value: dict[str, Any], file: SourceFile, settings: CorpusSettings) -> Fields:
    """Returns the fields of a thread of messages; Unreadable when none has text."""
    posts, title, date = [], "", ""
    for row in value["posts"]:
        message = email.message_from_bytes(row["message"].encode("latin-1"))
        name, address = email.utils.parseaddr(header(message, "From"))
        title = title or REPLY_MARK.sub("", header(message, "Subject"))
        date = date or day(header(message, "Date"))
        author = (name or address) if settings.authors == "keep" else (address or name)
        posts.append(Post(id=row["id"], author=author, text=own_words(body(message)), answers=row["answers"]))
    thread = Thread(title=title, posts=in_tree_order(posts), date=date)
    found = thread_fields(thread, settings.authors, file.name)
    if found is None:
        raise Unreadable("not_content")
    return found


def header(message: email.message.Message, name: str) -> str:
    """Returns a header as text on one line, as far as it can be decoded."""
    value = message.get(name, "")
    try:
        text = str(make_header(decode_header(value)))
    except (LookupError, ValueError):
        text = str(value)
    return " ".join(text.encode("utf-8", "replace").decode("utf-8").split())


def day(text: str) -> str:
    """Returns the day of a message's date, or ""."""
    try:
        return email.utils.parsedate_to_datetime(text).date().isoformat()
    except (ValueError, TypeError, IndexError, OverflowError):
        return ""


def body(message: email.message.Message) -> str:
    """Returns a message's text: its plain part, else its HTML; attachments are left alone."""
    parts = [
        part
        for part in message.walk()
        if not part.is_multipart() and "attachment" not in str(part.get("Content-Disposition", "")).lower()
    ]
    for kind in ("text/plain", "text/html"):
        texts = [part_text(part) for part in parts if part.get_content_type() == kind]
        if any(text.strip() for text in texts):
            whole = "\n\n".join(text for text in texts if text.strip())
            return fragment_text(whole) if kind == "text/html" else whole
    return ""


def part_text(part: email.message.Message) -> str:
    """Returns the text of a part, by the charset that it names when that can be true, else by what it looks like."""
    data = part.get_payload(decode=True)
    if not isinstance(data, bytes):
        return ""
    try:
        text = data.decode(part.get_content_charset() or "utf-8")
    except (LookupError, UnicodeError):
        decoded = charset.decode(data)
        text = decoded.text if decoded is not None else ""
    text = text.replace("\r\n", "\n")
    flowed = str(part.get_param("format", "")).lower() == "flowed"
    return re.sub(r"(?<!\n--) \n(?![>\s])", " ", text) if flowed else text


def own_words(text: str) -> str:
    """Returns a message without signature, quotations and what announces them; all of it if nothing is left."""
    kept: list[str] = []
    for line in SIGNATURE.sub("", text).split("\n"):
        if not QUOTED.match(line) or FORWARDED.match(line):
            kept.append(line)
            continue
        while kept and not kept[-1].strip():
            kept.pop()
        if kept and ATTRIBUTION.search(kept[-1]):
            kept.pop()
            if kept and re.match(r"\s*On\b.{0,200}$", kept[-1]):  # an announcement of two lines
                kept.pop()
    own = re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip()
    return FORWARDED.sub(lambda found: found[0][1:], own) or text.strip()
