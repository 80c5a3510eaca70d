"""From a row of a table or a JSON object to the fields of a document.

The text is in the column that `corpus.text_field` names; a list of strings there is joined by line ends.
`corpus.title_field` and the like name other columns; well-known names need no setting. All other columns become the
document's meta. Forum threads and parallel sentences have a rule each, at the end.
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from textmill.config import CorpusSettings

KNOWN = ("url", "title", "date", "licence", "language")
TEXT = "text"
TEXT_NAMES = ("content", "raw_content", "body", "document", "article", "page_content", "markdown", "passage", "story",
              "paragraphs", "正文", "内容")  # fmt: skip  # text data
"""The text's column by default, and what it is called elsewhere: looked for where there is no column of that name."""
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


def map_row(row: dict[str, Any], settings: CorpusSettings) -> Fields | None:
    """Returns the row's fields, or None when it holds no text."""
    text, used, language = row_text(row, settings.text_field)
    if text is None:
        return None
    known: dict[str, str] = {"language": language} if language else {}
    meta: dict[str, Any] = thread_meta(row) if "posts" in used else {}
    chosen = {getattr(settings, f"{name}_field"): name for name in KNOWN if getattr(settings, f"{name}_field")}
    for name, value in row.items():
        target = chosen.get(name) or ("" if name in chosen.values() else ALIASES.get(name, name))
        if name in used or value is None:
            continue
        if target in KNOWN and target not in known and is_plain(value):
            known[target] = str(value)
        elif name == "meta" and isinstance(value, dict):
            meta |= value
        elif name != "split":
            meta[name] = value
    split = row.get("split")
    held_out = split.lower() in VALIDATION_SPLITS if isinstance(split, str) else None
    return Fields(text=text, held_out=held_out, meta=meta, **known)


def is_plain(value: Any) -> bool:
    """True for what can stand in a field of text: text, a number, a date."""
    return isinstance(value, str | int | float) or hasattr(value, "isoformat")


def row_text(row: dict[str, Any], text_field: str) -> tuple[str | None, tuple[str, ...], str]:
    """Returns the row's text, the columns that it was made of, and its language where these tell."""
    name = text_column(row, text_field)
    value = row.get(name)
    if isinstance(value, str):
        return value, (name,), ""
    if isinstance(value, list) and value and all(isinstance(part, str) for part in value):
        return "\n".join(value), (name,), ""
    return thread_text(row) if isinstance(row.get("posts"), list) else parallel_text(row)


def text_column(names: Collection[str], text_field: str) -> str:
    """Returns the column that holds the text: the one that the setting names, else by default one of TEXT_NAMES."""
    if text_field in names or text_field != TEXT or "posts" in names:
        return text_field
    return next((name for name in TEXT_NAMES if name in names), text_field)


def thread_text(row: dict[str, Any]) -> tuple[str | None, tuple[str, ...], str]:
    """Returns a forum thread as its title and then "author: text" a post; the posts themselves are not kept twice."""
    posts = posts_with_text(row)
    lines = [f"{post['author']}: {post['text']}" if post.get("author") else post["text"] for post in posts]
    title = row.get("title")
    head = [title] if isinstance(title, str) and title else []
    return ("\n\n".join(head + lines), ("posts",), "") if lines else (None, (), "")


def posts_with_text(row: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns the posts of a thread that have text."""
    return [post for post in row["posts"] if isinstance(post, dict) and isinstance(post.get("text"), str)]


def thread_meta(row: dict[str, Any]) -> dict[str, Any]:
    """Returns what a thread's meta keeps of its posts, where all of them say who wrote them: all but their texts."""
    posts = posts_with_text(row)
    if not all(isinstance(post.get("author"), str) and post["author"] for post in posts):
        return {}
    return {"posts": [{name: value for name, value in post.items() if name != "text"} for post in posts]}


def parallel_text(row: dict[str, Any]) -> tuple[str | None, tuple[str, ...], str]:
    """Returns both sides of a pair of sentences, English first for one half of the pairs and Chinese for the other."""
    english, chinese = row.get("en"), row.get("zh")
    if not (isinstance(english, str) and isinstance(chinese, str)):
        return None, (), ""
    pair = (english, chinese)
    if hashlib.sha256("\n".join(pair).encode("utf-8", "replace")).digest()[0] % 2:
        pair = (chinese, english)
    return "\n".join(pair), ("en", "zh"), "mul"
