"""What forums, question sites, mailing lists and comment trees have in common: threads of posts.

A thread becomes one document: its title, then "author: text" a post, blank lines between. Its meta says for each post,
in the same order, who wrote it, which post it answers, its score and whether it was accepted:

    {"posts": [{"id": "1", "author": "user-3f2a91"}, {"id": "7", "author": "user-99e0c4", "answers": "1", "score": 5}]}

Authors are pseudonyms: a hash of the name within one source, so that one can follow a person through a forum and not
out of it. `corpus.authors` may number them within each thread instead, or keep their names.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from textmill.data.clean import clean
from textmill.data.mapping import Fields

PSEUDONYM_DIGITS = 6
UNKNOWN = "unknown"


@dataclass(slots=True, kw_only=True)
class Post:
    """One post; `answers` is the id of the post that it answers, "" where nothing says so."""

    id: str
    author: str
    text: str
    answers: str = ""
    score: int | None = None
    accepted: bool = False


@dataclass(slots=True, kw_only=True)
class Thread:
    """A thread: its posts in the order in which one reads them."""

    title: str
    posts: list[Post]
    url: str = ""
    date: str = ""
    licence: str = ""
    language: str = ""
    meta: dict[str, Any] = field(default_factory=dict)


def thread_fields(thread: Thread, authors: str, scope: str) -> Fields | None:
    """Returns the fields of a thread, None when no post has text; `authors` is the setting, `scope` the source."""
    naming = namer(authors, scope)
    title = " ".join(thread.title.split())
    parts, posts = [title] if title else [], []
    for post in thread.posts:
        text = clean(post.text).text.strip()
        if not text:
            continue
        name = naming(post.author)
        parts.append(f"{name}: {text}")
        about = {"id": post.id, "author": name, "answers": post.answers, "score": post.score, "accepted": post.accepted}
        posts.append({key: value for key, value in about.items() if value not in ("", None, False)})
    if not posts:
        return None
    return Fields(
        text="\n\n".join(parts),
        title=title,
        url=thread.url,
        date=thread.date,
        licence=thread.licence,
        language=thread.language,
        meta={**thread.meta, "posts": posts},
    )


def namer(authors: str, scope: str) -> Callable[[str], str]:
    """Returns the function from an author's name to what stands in the corpus."""
    if authors == "keep":
        return lambda name: " ".join(name.split()) or UNKNOWN
    if authors == "pseudonym":
        return lambda name: pseudonym(name, scope)
    numbers: dict[str, int] = {}
    return lambda name: f"user-{numbers.setdefault(name, len(numbers) + 1)}"


def pseudonym(name: str, scope: str) -> str:
    """Returns what an author is called instead of by name: the same within one source, another in each."""
    if not name.strip():
        return UNKNOWN
    digest = hashlib.sha256(f"{scope}\0{name.strip().lower()}".encode("utf-8", "replace")).hexdigest()
    return f"user-{digest[:PSEUDONYM_DIGITS]}"


def number(value: Any) -> int | None:
    """Returns a score as a number, None for what is none."""
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return None


def best_first(posts: list[Post]) -> list[Post]:
    """Returns answers in the order in which one reads them: the accepted one, then by score, then as they came."""
    return sorted(posts, key=lambda post: (not post.accepted, -(post.score or 0)))


def under_their_posts(posts: list[Post], replies: list[Post]) -> list[Post]:
    """Returns posts with each reply after the one that it answers; replies to what is not here come last."""
    after: dict[str, list[Post]] = {}
    for reply in replies:
        after.setdefault(reply.answers, []).append(reply)
    arranged: list[Post] = []
    for post in posts:
        arranged += [post, *after.pop(post.id, ())]
    return arranged + [reply for group in after.values() for reply in group]


def in_tree_order(posts: list[Post]) -> list[Post]:
    """Returns a tree of posts as one reads it: each post, then what answers it; what answers nothing here is a root."""
    known = {post.id for post in posts}
    children: dict[str, list[Post]] = {}
    for post in posts:
        children.setdefault(post.answers if post.answers in known and post.answers != post.id else "", []).append(post)
    arranged: list[Post] = []
    waiting = list(reversed(children.pop("", [])))
    while waiting:
        post = waiting.pop()
        arranged.append(post)
        waiting.extend(reversed(children.pop(post.id, [])))
    return arranged + [post for group in children.values() for post in group]  # circles of answers
