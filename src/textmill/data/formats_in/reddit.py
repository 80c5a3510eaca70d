"""Reddit's dumps as JSON lines: submissions and comments, in one file or in two that lie beside one another.

The comments of ``RS_2011-01.zst`` are looked for in ``RC_2011-01.zst``, those of ``name_submissions.jsonl`` in
``name_comments.jsonl``. A submission and the tree of its comments are one document.
"""

import json
import os
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from textmill.config import CorpusSettings
from textmill.data import formats, streams
from textmill.data.drops import limit_bytes
from textmill.data.formats_in import archives
from textmill.data.formats_in.problem import Budget, Unreadable
from textmill.data.formats_in.thread_store import SECOND_FILE, ThreadStore
from textmill.data.formats_in.threads import Post, Thread, in_tree_order, number, thread_fields
from textmill.data.mapping import Fields
from textmill.data.sources import SourceFile
from textmill.data.streams import Record

GONE = frozenset(("[deleted]", "[removed]", ""))
KEPT = ("id", "author", "title", "selftext", "body", "parent_id", "link_id", "score", "created_utc", "subreddit",
        "permalink", "url", "over_18")  # fmt: skip
SUBMISSIONS = ((re.compile(r"^RC(?=[_-])"), "RS"), (re.compile(r"comments(?=\.|$)"), "submissions"))
COMMENTS = ((re.compile(r"^RS(?=[_-])"), "RC"), (re.compile(r"submissions(?=\.|$)"), "comments"))


def threads(file: SourceFile, stream: BinaryIO, settings: CorpusSettings) -> Iterator[Record]:
    """Yields the threads of a file and of the one that belongs to it; a broken line is its own problem."""
    limit = limit_bytes(settings)
    if file.place and (other := submissions_of(file.place)):
        raise Unreadable("companion", os.path.basename(other))
    store = ThreadStore()
    yield from add_lines(store, stream, limit)
    if file.place and (other := comments_of(file.place)):
        budget = Budget.of(os.path.getsize(other), int(settings.maximum_archive_gigabytes * (1 << 30)))
        with open(other, "rb") as beside:
            yield from add_lines(store, opened(beside, budget), limit, second=True)
    yield from store.threads(limit)


def opened(stream: BinaryIO, budget: Budget) -> BinaryIO:
    """Returns the stream of lines in a file that may be compressed."""
    head, stream = streams.peeked(stream, formats.HEAD_BYTES)
    form = formats.file_format("comments", head, named_by_user=True)
    return archives.counted(archives.decompressed(stream, form, head), budget) if form in formats.COMPRESSED else stream


def add_lines(store: ThreadStore, stream: BinaryIO, limit: int, *, second: bool = False) -> Iterator[Record]:
    """Takes the lines of a file in, and yields those that are broken, unless it is the second file."""
    for record in streams.json_lines(stream, limit):
        row: Any = None
        if not record.problem:
            try:
                row = json.loads(record.value)
            except (ValueError, RecursionError) as error:
                record = Record(position=record.position, problem="bad_json", value=str(error)[:200])
        if isinstance(row, dict) and row.get("id"):
            value = {name: row[name] for name in KEPT if row.get(name) is not None}
            link = str(row.get("link_id") or "").removeprefix("t3_")
            place = record.position + (SECOND_FILE if second else 0)
            store.add(value, place, item=str(row["id"]), thread=link or str(row["id"]))
        elif not second:
            problem = record.problem or "missing_text_field"
            yield Record(
                position=record.position,
                problem=problem,
                value=record.value if record.problem else "",
                size=record.size,
            )


def submissions_of(path: str) -> str | None:
    """Returns the file of submissions beside a file of comments, None when there is none."""
    return partner(path, SUBMISSIONS)


def comments_of(path: str) -> str | None:
    """Returns the file of comments beside a file of submissions, None when there is none."""
    return partner(path, COMMENTS)


def partner(path: str, rules: tuple[tuple[re.Pattern[str], str], ...]) -> str | None:
    """Returns the existing file whose name one of the rules makes of a path's."""
    folder, name = os.path.split(path)
    plain = formats.COMPRESSION_ENDINGS.sub("", name)
    wanted = {pattern.sub(replacement, plain) for pattern, replacement in rules} - {plain}
    for other in sorted(os.listdir(folder)) if wanted else ():
        beside = os.path.join(folder, other)
        if (
            formats.COMPRESSION_ENDINGS.sub("", other) in wanted
            and os.path.isfile(beside)
            and not os.path.islink(beside)
        ):
            return beside
    return None


def fields(value: dict[str, Any], file: SourceFile, settings: CorpusSettings) -> Fields:
    """Returns the fields of a thread; Unreadable when all of it was deleted."""
    rows = value["posts"]
    first = next((row for row in rows if "body" not in row), {})
    posts = [comment_of(row) for row in rows if "body" in row]
    if first:
        text = "" if first.get("selftext") in GONE else str(first.get("selftext", ""))
        link = str(first.get("url", ""))
        text = text or (link if link and "reddit.com" not in link else "") or str(first.get("title", ""))
        score = number(first.get("score"))
        posts.insert(0, Post(id=str(first["id"]), author=author_of(first), text=text, score=score))
    thread = Thread(
        title=str(first.get("title", "")),
        posts=in_tree_order([post for post in posts if post.text not in GONE]),
        url=f"https://www.reddit.com{first['permalink']}" if first.get("permalink") else "",
        date=day(first.get("created_utc") or next((row.get("created_utc") for row in rows), "")),
        meta={"subreddit": str(rows[0]["subreddit"])} if rows and rows[0].get("subreddit") else {},
    )
    found = thread_fields(thread, settings.authors, "reddit")
    if found is None:
        raise Unreadable("not_content", "[deleted]")
    return found


def comment_of(row: dict[str, Any]) -> Post:
    """Returns a comment; what it answers is a comment (t1_) or the submission (t3_)."""
    answers = str(row.get("parent_id", "")).partition("_")[2]
    score = number(row.get("score"))
    return Post(id=str(row["id"]), author=author_of(row), text=str(row["body"]), answers=answers, score=score)


def author_of(row: dict[str, Any]) -> str:
    """Returns who wrote a post, "" when the account is gone."""
    name = str(row.get("author", ""))
    return "" if name in GONE else name


def day(seconds: Any) -> str:
    """Returns the day of a time in seconds since 1970, or ""."""
    from datetime import UTC, datetime

    try:
        return datetime.fromtimestamp(float(seconds), UTC).date().isoformat()
    except (TypeError, ValueError, OverflowError, OSError):
        return ""
