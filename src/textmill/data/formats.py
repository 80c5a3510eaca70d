"""What form a file is in, by its first bytes rather than by its name.

The name decides only what the bytes cannot: Markdown from plain text, a table from plain text, and whether a file with
an ending that we do not know is to be read at all (a style sheet is text too, but nobody wants it in a corpus).
"""

import json
import re
from pathlib import PurePath

TEXT, MARKDOWN, HTML, JSONL, JSON, PARQUET = "text", "markdown", "html", "jsonl", "json", "parquet"
TABLE, ARROW, ARROW_STREAM, WARC, MAILBOX, FEED = "table", "arrow", "arrow_stream", "warc", "mailbox", "feed"
PDF, ZIP, TAR, WORD, OPEN_DOCUMENT, EPUB = "pdf", "zip", "tar", "docx", "odt", "epub"
MEDIAWIKI, STACK_EXCHANGE, COMPANION, REDDIT = "mediawiki", "stackexchange", "companion", "reddit"
GZIP, BZIP2, XZ, ZSTD, LZ4 = "gzip", "bz2", "xz", "zstd", "lz4"
BINARY, UNSUPPORTED, ENCRYPTED = "binary", "unsupported", "encrypted"
HEAD_BYTES = 8192
COMPRESSED = frozenset((GZIP, BZIP2, XZ, ZSTD, LZ4))
WHOLE = frozenset((HTML, PDF, WORD, OPEN_DOCUMENT, EPUB, FEED))
"""What is read by whoever digests it, and in one piece."""
BATCHES = frozenset((PARQUET, ARROW, ARROW_STREAM))
"""What is handed on as Arrow record batches."""
KINDS = {ARROW_STREAM: ARROW}
"""What a form is called in the corpus, where it is not its own name."""

ENDINGS = {
    **dict.fromkeys((".txt", ".text", ".raw", ".rst", ""), TEXT),
    **dict.fromkeys((".md", ".markdown", ".mdown"), MARKDOWN),
    **dict.fromkeys((".html", ".htm", ".xhtml", ".shtml"), HTML),
    **dict.fromkeys((".jsonl", ".ndjson", ".jsonlines"), JSONL),
    **dict.fromkeys((".csv", ".tsv", ".tab"), TABLE),
    ".json": JSON,
    ".parquet": PARQUET,
}
COMPRESSION_ENDINGS = re.compile(r"(?:\.(?:gz|gzip|bz2|xz|zst|zstd|lz4))+$", re.I)
OLE = b"\xd0\xcf\x11\xe0"
FORMS = (
    (b"PAR1", PARQUET), (b"ARROW1\0\0", ARROW), (b"PK\x03\x04", ZIP), (b"PK\x05\x06", ZIP), (b"\x1f\x8b", GZIP),
    (b"\xfd7zXZ\0", XZ), (b"\x28\xb5\x2f\xfd", ZSTD), (b"\x04\x22\x4d\x18", LZ4), (b"WARC/", WARC),
)  # fmt: skip
"""How files of the binary formats that are read begin."""
BZIP2_START = re.compile(rb"BZh[1-9](?:1AY&SY|\x17\x72\x45\x38\x50\x90)")
ARROW_START = re.compile(rb"\xff\xff\xff\xff[\0-\xff]{3}\0")
MAGIC = (
    b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07", b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"\x7fELF", OLE,
    b"SQLite format 3\0", b"OggS", b"ID3", b"\0asm", b"wOF2", b"wOFF", b"Obj\x01", b"{\\rtf",
)  # fmt: skip
"""How files of other well-known formats begin."""
PDF_WITHIN = 1024
"""Readers of PDF take files with something before the mark, and so there are such files."""

HTML_START = re.compile(
    r"\s*(?:<\?xml[^>]*\?>\s*)?(?>(?:<!--.*?-->\s*)*)<(?:!doctype\s+html|html|head|body)\b", re.I | re.S
)
HTML_TAG = re.compile(
    r"</?(?:html|head|body|div|p|span|a|br|table|tr|td|ul|ol|li|h[1-6]|article|section|main)\b[^<]*>", re.I
)
XML_ROOT = re.compile(
    r"(?>(?:\s*(?:<\?[^>]{0,1000}\?>|<!--.{0,4000}?-->|<!DOCTYPE[^>\[]{0,1000}>))*)"
    r"\s*<(?:[\w.-]{1,99}:)?([\w.-]{1,99})([^>]*)>\s*(<row\s)?",
    re.S,
)
"""Comments stand in atomic groups: else a thousand of them can be parted in 2^1000 ways, and all would be tried."""
XML_FORMS = {"mediawiki": MEDIAWIKI, "rss": FEED, "feed": FEED, "RDF": FEED}
DUMP_COMPANIONS = frozenset(("comments", "users", "votes", "tags", "badges", "posthistory", "postlinks"))
MAILBOX_START = re.compile(r"From [^\n]{1,300}\d{4}[^\n]{0,40}\r?\n(?:>?[A-Za-z][\w-]{0,60}:|[ \t])[^\n]*\n")


def file_format(name: str, head: bytes, *, named_by_user: bool = False) -> str:
    """Returns the format of the file `name` that begins with `head`.

    A file that the user named is read whatever its ending; one found in a folder needs an ending that we know, unless
    its bytes say beyond doubt what it is.
    """
    ending = PurePath(COMPRESSION_ENDINGS.sub("", name)).suffix.lower()
    named = ENDINGS.get(ending)
    form = binary_form(head, ending)
    if form:
        return form
    if head.startswith(MAGIC):
        return other_form(head, ending, named)
    text = head_text(head)
    if HTML_START.match(text) and named not in (JSONL, MARKDOWN):
        return HTML
    form = xml_form(text) or (MAILBOX if MAILBOX_START.match(text) else "")
    if form and named != MARKDOWN:
        return form
    if named is None and not named_by_user:
        return UNSUPPORTED
    return text_format(text, named or TEXT)


def binary_form(head: bytes, ending: str) -> str:
    """Returns the form that the first bytes prove, or ""."""
    form = next((form for start, form in FORMS if head.startswith(start)), "")
    if form:
        return form
    if BZIP2_START.match(head):
        return BZIP2
    if head[257:262] == b"ustar" or (ending == ".tar" and head[156:157] in b"05\0" and head[:1].isalnum()):
        return TAR
    if ARROW_START.match(head):
        return ARROW_STREAM
    return PDF if b"%PDF-" in head[:PDF_WITHIN] and (head.startswith(b"%PDF-") or ending == ".pdf") else ""


def other_form(head: bytes, ending: str, named: str | None) -> str:
    """Returns the form of a well-known binary format that is not read."""
    if head.startswith(OLE) and ending in (".docx", ".odt"):
        return ENCRYPTED  # Word keeps a document with a password in the container of its old format
    return UNSUPPORTED if named is None else BINARY


def xml_form(text: str) -> str:
    """Returns the form that an XML document's root tells, or ""."""
    root = XML_ROOT.match(text.lstrip("\ufeff"))
    if not root:
        return ""
    name, attributes, has_rows = root.groups()
    if has_rows:
        return STACK_EXCHANGE if name == "posts" else COMPANION if name in DUMP_COMPANIONS else ""
    if name == "feed" and "Atom" not in attributes:
        return ""
    return XML_FORMS.get(name, "")


def text_format(text: str, named: str) -> str:
    """Returns the format of a text file from its first characters and the format that its name stands for."""
    if named in (JSONL, JSON):
        return reddit_or(json_format(text, named), text)
    if named == HTML and not HTML_TAG.search(text):
        return TEXT
    if named == PARQUET:
        return BINARY
    return reddit_or(JSONL, text) if named == TEXT and holds_records(text) else named


def reddit_or(form: str, text: str) -> str:
    """Returns REDDIT for lines that are its submissions or comments, else the form that they are in."""
    line = text.lstrip("\ufeff \t\r\n").partition("\n")[0]
    if form != JSONL or '"subreddit' not in line:
        return form
    comment = '"link_id"' in line and '"body"' in line
    return REDDIT if comment or ('"selftext"' in line and '"title"' in line) else form


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
