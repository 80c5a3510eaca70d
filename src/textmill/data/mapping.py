"""From a row of a JSONL or Parquet file to the fields of a document.

The text is in the column that `corpus.text_field` names; a list of strings there is joined by line ends. Well-known
columns become the document's own fields, all others its meta. Forum threads and parallel sentences have a rule each,
at the end.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Any

KNOWN = ("url", "title", "date", "licence", "language")
ALIASES = {"license": "licence", "lang": "language"}
VALIDATION_SPLITS = frozenset(("validation", "valid", "val", "dev", "held_out", "heldout", "test"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """What a row holds; `held_out` is None where the row does not say its split."""

    text: str
    url: str = ""
    title: str = ""
    date: str = ""
    licence: str = ""
    language: str = ""
    held_out: bool | None = None
    meta: dict[str, Any] = field(default_factory=dict)


def map_row(row: dict[str, Any], text_field: str) -> Fields | None:
    """Returns the row's fields, or None when it holds no text."""
    text, used, language = row_text(row, text_field)
    if text is None:
        return None
    known: dict[str, str] = {"language": language} if language else {}
    meta: dict[str, Any] = {}
    for name, value in row.items():
        target = ALIASES.get(name, name)
        if name in used or value is None:
            continue
        if target in KNOWN and target not in known and isinstance(value, str | int | float):
            known[target] = str(value)
        elif name == "meta" and isinstance(value, dict):
            meta |= value
        elif name != "split":
            meta[name] = value
    split = row.get("split")
    held_out = split.lower() in VALIDATION_SPLITS if isinstance(split, str) else None
    return Fields(text=text, held_out=held_out, meta=meta, **known)


def row_text(row: dict[str, Any], text_field: str) -> tuple[str | None, tuple[str, ...], str]:
    """Returns the row's text, the columns that it was made of, and its language where these tell."""
    value = row.get(text_field)
    if isinstance(value, str):
        return value, (text_field,), ""
    if isinstance(value, list) and value and all(isinstance(part, str) for part in value):
        return "\n".join(value), (text_field,), ""
    return thread_text(row) if isinstance(row.get("posts"), list) else parallel_text(row)


def thread_text(row: dict[str, Any]) -> tuple[str | None, tuple[str, ...], str]:
    """Returns a forum thread as its title and then "author: text" a post; the posts themselves are not kept twice."""
    posts = [post for post in row["posts"] if isinstance(post, dict) and isinstance(post.get("text"), str)]
    lines = [f"{post['author']}: {post['text']}" if post.get("author") else post["text"] for post in posts]
    title = row.get("title")
    head = [title] if isinstance(title, str) and title else []
    return ("\n\n".join(head + lines), ("posts",), "") if lines else (None, (), "")


def parallel_text(row: dict[str, Any]) -> tuple[str | None, tuple[str, ...], str]:
    """Returns both sides of a pair of sentences, English first for one half of the pairs and Chinese for the other."""
    english, chinese = row.get("en"), row.get("zh")
    if not (isinstance(english, str) and isinstance(chinese, str)):
        return None, (), ""
    pair = (english, chinese)
    if hashlib.sha256("\n".join(pair).encode("utf-8", "replace")).digest()[0] % 2:
        pair = (chinese, english)
    return "\n".join(pair), ("en", "zh"), "mul"
