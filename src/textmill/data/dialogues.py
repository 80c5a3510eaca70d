"""From threads in a corpus to dialogues for tuning: who asked, who answered best, and how the two went on.

    thread ──posts_of──▶ posts ──conversation──▶ user: question, assistant: best answer, user: …, assistant: …

A thread's text holds its posts as "author: text", its meta says who answers whom (formats_in/threads.py). The asker is
the user, whoever gave the best answer the assistant: the accepted answer, else the one with the highest score. The two
go on as long as each answers the other; nobody else's words are put into their mouths.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from textmill.data.corpus import Corpus
from textmill.data.document import Document

NEEDED = ("id", "text", "source", "url", "title", "language", "licence", "meta", "split")
MOST_TURNS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One post of a thread, as the corpus has it: cleaned, its author under the name that stands in the text."""

    id: str
    author: str
    text: str
    answers: str
    score: int | None
    accepted: bool


def dialogues(corpus: Corpus, split: str | None, minimum_score: int) -> Iterator[dict[str, Any] | None]:
    """Yields, for each thread of a split, the row of its dialogue, or None when nobody answered well enough."""
    for document in corpus.documents(split, columns=NEEDED):
        if isinstance(document.meta.get("posts"), list):
            messages = conversation(posts_of(document), document.title, minimum_score)
            yield row_of(document, messages) if messages else None


def row_of(document: Document, messages: list[dict[str, str]]) -> dict[str, Any]:
    """Returns a line of the file: the messages, and where they are from."""
    return {
        "messages": messages,
        "source": document.source,
        "id": document.id,
        "language": document.language,
        "url": document.url,
        "licence": document.licence,
        "split": document.split,
    }


def posts_of(document: Document) -> list[Said]:
    """Returns the posts of a thread with their texts, which are found by their authors' names, in order.

    By name and not by place: what cleans a text changes places, and a post that it took out is left out here too.
    """
    text, place = document.text, 0
    found: list[tuple[dict[str, Any], int, int]] = []
    for post in document.meta["posts"]:
        label = f"{post.get('author')}: " if isinstance(post, dict) else ""
        if not label:
            continue
        start = 0 if not found and text.startswith(label) else text.find(f"\n\n{label}", max(0, place - 2))
        if start >= 0:
            place = text.index(label, start) + len(label)
            found.append((post, start, place))
    ends = [start for _, start, _ in found[1:]] + [len(text)]
    return [said(post, text[begin:end]) for (post, _, begin), end in zip(found, ends, strict=True)]


def said(post: dict[str, Any], text: str) -> Said:
    """Returns a post of the meta with its text."""
    score = post.get("score")
    return Said(
        id=str(post.get("id", "")),
        author=str(post["author"]),
        text=text.strip(),
        answers=str(post.get("answers", "")),
        score=score if isinstance(score, int) else None,
        accepted=post.get("accepted") is True,
    )


def conversation(posts: list[Said], title: str, minimum_score: int) -> list[dict[str, str]]:
    """Returns the messages between the asker and the best answerer, [] when there is no good answer."""
    if not posts or not posts[0].text:
        return []
    asked = posts[0]
    question = asked.text if not title or title in asked.text else f"{title}\n\n{asked.text}"
    messages = [{"role": "user", "content": question}]
    last, partner = asked, ""
    while len(messages) < MOST_TURNS:
        wanted = asked.author if len(messages) % 2 == 0 else partner
        candidates = [post for post in posts if answers(post, last, posts) and fits(post, wanted, asked, minimum_score)]
        if not candidates:
            break
        last = max(candidates, key=lambda post: (post.accepted, post.score or 0))
        partner = partner or last.author
        messages.append({"role": ("user", "assistant")[len(messages) % 2], "content": last.text})
    return messages[: len(messages) // 2 * 2]


def answers(post: Said, other: Said, posts: list[Said]) -> bool:
    """True when a post answers another one; one that does not say what it answers, answers the first."""
    return post is not posts[0] and (post.answers == other.id if post.answers else other is posts[0])


def fits(post: Said, wanted: str, asked: Said, minimum_score: int) -> bool:
    """True when a post may come next: by whose turn it is; a first answer is not the asker's own, and good enough."""
    if not post.text:
        return False
    if wanted:
        return post.author == wanted
    good = post.accepted or post.score is None or post.score >= minimum_score
    return good and post.author != asked.author
