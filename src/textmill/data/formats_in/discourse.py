"""Topics of Discourse as its API gives them (``/t/ID.json``): one JSON object a topic, alone or one a line."""

import re
from typing import Any

from textmill.config import CorpusSettings
from textmill.data.formats_in.fragments import fragment_text
from textmill.data.formats_in.problem import Unreadable
from textmill.data.formats_in.threads import Post, Thread, number, thread_fields
from textmill.data.mapping import Fields
from textmill.data.sources import SourceFile

REGULAR = 1
LIKE = 2
QUOTE = re.compile(r"<aside[^<>]{0,500}class=\"quote.{0,20000}?</aside>", re.S)
"""The quotation of another post; it says by its ``data-post`` what is answered, and so does reply_to_post_number."""


def fields(value: dict[str, Any], file: SourceFile, settings: CorpusSettings) -> Fields:
    """Returns the fields of a topic; Unreadable when it has no post with text."""
    rows = [row for row in value["post_stream"].get("posts") or [] if isinstance(row, dict)]
    accepted = value.get("accepted_answer")
    solution = accepted.get("post_number") if isinstance(accepted, dict) else None
    posts = [post_of(row, solution) for row in rows if row.get("post_type", REGULAR) == REGULAR]
    tags = [str(tag.get("name", "") if isinstance(tag, dict) else tag) for tag in value.get("tags") or []]
    meta: dict[str, Any] = {"tags": tags} if tags else {}
    thread = Thread(
        title=str(value.get("title") or ""), posts=posts, date=str(value.get("created_at") or "")[:10], meta=meta
    )
    found = thread_fields(thread, settings.authors, file.scope)
    if found is None:
        raise Unreadable("not_content")
    return found


def post_of(row: dict[str, Any], solution: Any) -> Post:
    """Returns a post; one that names no other answers the first."""
    place = row.get("post_number")
    answers = row.get("reply_to_post_number") or (1 if isinstance(place, int) and place > 1 else "")
    raw = row.get("raw")
    return Post(
        id=str(place or row.get("id") or ""),
        author=str(row.get("username") or ""),
        text=raw
        if isinstance(raw, str) and raw.strip()
        else fragment_text(QUOTE.sub("", str(row.get("cooked") or ""))),
        answers=str(answers),
        score=likes(row),
        accepted=bool(row.get("accepted_answer")) or (solution is not None and place == solution),
    )


def likes(row: dict[str, Any]) -> int | None:
    """Returns how many people liked a post."""
    actions = [action for action in row.get("actions_summary") or [] if isinstance(action, dict)]
    return next((number(action.get("count")) for action in actions if action.get("id") == LIKE), None)
