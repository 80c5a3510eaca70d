"""What form a file is in, by its first bytes rather than by its name.

The name decides only what the bytes cannot: Markdown from plain text, and whether a file with an ending that we do not
know is to be read at all (a style sheet is text too, but nobody wants it in a corpus).
"""

import json
import re
from pathlib import PurePath

TEXT, MARKDOWN, HTML, JSONL, JSON, PARQUET = "text", "markdown", "html", "jsonl", "json", "parquet"
BINARY, UNSUPPORTED = "binary", "unsupported"
HEAD_BYTES = 8192

ENDINGS = {
    **dict.fromkeys((".txt", ".text", ".raw", ".rst", ""), TEXT),
    **dict.fromkeys((".md", ".markdown", ".mdown"), MARKDOWN),
    **dict.fromkeys((".html", ".htm", ".xhtml", ".shtml"), HTML),
    **dict.fromkeys((".jsonl", ".ndjson", ".jsonlines"), JSONL),
    ".json": JSON,
    ".parquet": PARQUET,
}
MAGIC = (
    b"%PDF-", b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07",
    b"\x28\xb5\x2f\xfd", b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"\x7fELF", b"\xd0\xcf\x11\xe0",
    b"SQLite format 3\0", b"OggS", b"ID3", b"\0asm", b"wOF2", b"wOFF", b"ARROW1", b"Obj\x01",
)  # fmt: skip
"""How files of well-known binary formats begin."""

HTML_START = re.compile(
    r"\s*(?:<\?xml[^>]*\?>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.I | re.S
)
HTML_TAG = re.compile(
    r"</?(?:html|head|body|div|p|span|a|br|table|tr|td|ul|ol|li|h[1-6]|article|section|main)\b[^<]*>", re.I
)


def file_format(name: str, head: bytes, *, named_by_user: bool = False) -> str:
    """Returns the format of the file `name` that begins with `head`.

    A file that the user named is read whatever its ending; one found in a folder needs an ending that we know, unless
    it is unmistakably a web page or Parquet.
    """
    ending = PurePath(name).suffix.lower()
    named = ENDINGS.get(ending)
    if head.startswith(b"PAR1"):
        return PARQUET
    if head.startswith(MAGIC):
        return UNSUPPORTED if named is None else BINARY
    text = head_text(head)
    if HTML_START.match(text) and named not in (JSONL, MARKDOWN):
        return HTML
    if named is None and not named_by_user:
        return UNSUPPORTED
    return text_format(text, named or TEXT)


def text_format(text: str, named: str) -> str:
    """Returns the format of a text file from its first characters and the format that its name stands for."""
    if named in (JSONL, JSON):
        return json_format(text, named)
    if named == HTML and not HTML_TAG.search(text):
        return TEXT
    if named == PARQUET:
        return BINARY
    return JSONL if named == TEXT and holds_records(text) else named


def json_format(text: str, named: str) -> str:
    """Returns JSONL for one object a line, JSON for a list or one object over many lines."""
    start = text.lstrip("\ufeff \t\r\n")
    if start.startswith("["):
        return JSON if named == JSON or not is_json(start.splitlines()[0]) else JSONL
    lines = [line for line in start.splitlines() if line.strip()]
    if named == JSON and len(lines) > 1 and is_json(lines[0]):
        return JSONL
    if named == JSONL and lines and lines[0].strip() == "{":
        return JSON
    return named


def holds_records(text: str) -> bool:
    """True when every whole line of the beginning is a JSON object: JSONL under a name that says text."""
    lines = [line for line in text.splitlines() if line.strip()]
    whole = lines[:-1] if len(lines) > 1 else lines
    return bool(whole) and all(line.lstrip().startswith("{") and is_json(line) for line in whole[:5])


def is_json(line: str) -> bool:
    """True when the line is one JSON value."""
    try:
        json.loads(line)
        return True
    except (ValueError, RecursionError):
        return False


def head_text(head: bytes) -> str:
    """Returns the beginning of a file as far as ASCII goes, which is all that telling formats needs."""
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if head.startswith(mark):
            return head[2:].decode(encoding, "replace")
    if head[1::2].count(0) > len(head) // 4 and not head[::2].count(0):
        return head.decode("utf-16-le", "replace")
    if head[::2].count(0) > len(head) // 4 and not head[1::2].count(0):
        return head.decode("utf-16-be", "replace")
    return head.removeprefix(b"\xef\xbb\xbf").decode("latin-1")
