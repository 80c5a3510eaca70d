"""Stack Exchange's dumps: Posts.xml, with Comments.xml and Users.xml where they lie beside it.

A question with its answers is one document: the question, then the accepted answer, then the others by score, comments
after their posts. Posts of other types (wikis of tags, moderators' nominations) are no threads and are left out.
"""

import os
from collections.abc import Iterator
from typing import Any, BinaryIO

from textmill.config import CorpusSettings
from textmill.data import safe_xml
from textmill.data.drops import limit_bytes
from textmill.data.formats_in.fragments import fragment_text
from textmill.data.formats_in.problem import Unreadable
from textmill.data.formats_in.thread_store import SECOND_FILE, ThreadStore
from textmill.data.formats_in.threads import Post, Thread, best_first, number, thread_fields, under_their_posts
from textmill.data.mapping import Fields
from textmill.data.sources import SourceFile
from textmill.data.streams import Record

QUESTION, ANSWER = "1", "2"
KEPT = ("Id", "PostTypeId", "ParentId", "AcceptedAnswerId", "CreationDate", "Score", "Body", "OwnerUserId",
        "OwnerDisplayName", "Title", "Tags", "ContentLicense")  # fmt: skip
KEPT_OF_COMMENTS = ("Id", "PostId", "Score", "Text", "UserId", "UserDisplayName")


def threads(file: SourceFile, stream: BinaryIO, settings: CorpusSettings) -> Iterator[Record]:
    """Yields the threads of a dump; what is read before a fault is kept."""
    store, limit = ThreadStore(), limit_bytes(settings)
    problem = None
    try:
        add_posts(store, stream, limit)
    except safe_xml.XMLProblem as error:
        problem = error
    add_companions(store, file, settings, limit)
    for record in store.threads(limit):
        if settings.authors == "keep" and not record.problem:
            for row in record.value["posts"]:
                row["name"] = store.name_of(row.get("OwnerUserId") or row.get("UserId") or "")
        yield record
    if problem is not None:
        raise Unreadable("bad_xml", problem)


def add_posts(store: ThreadStore, stream: BinaryIO, limit: int) -> None:
    """Takes the questions and answers of Posts.xml in."""
    for place, row in enumerate(safe_xml.rows(stream, limit), start=1):
        id, kind = row.get("Id", ""), row.get("PostTypeId")
        if kind in (QUESTION, ANSWER) and id:
            value = {name: row[name] for name in KEPT if name in row}
            store.add(value, place, item=id, thread=id if kind == QUESTION else row.get("ParentId", ""))


def add_companions(store: ThreadStore, file: SourceFile, settings: CorpusSettings, limit: int) -> None:
    """Takes comments, and users where their names are wanted, from the files beside; a fault in them ends them only."""
    for name, wanted in (("comments.xml", True), ("users.xml", settings.authors == "keep")):
        path = beside(file.place, name) if file.place and wanted else None
        if path is None:
            continue
        try:
            with open(path, "rb") as stream:
                for place, row in enumerate(safe_xml.rows(stream, limit), start=SECOND_FILE):
                    if name == "users.xml":
                        store.name(row.get("Id", ""), row.get("DisplayName", ""))
                    elif row.get("PostId"):
                        value = {key: row[key] for key in KEPT_OF_COMMENTS if key in row}
                        store.add(value, place, item=f"c{row.get('Id', '')}", under=row["PostId"])
        except (OSError, safe_xml.XMLProblem):
            continue


def beside(path: str, name: str) -> str | None:
    """Returns the path of the file of that name, in any case, in the same folder; None when there is none."""
    folder = os.path.dirname(path)
    for entry in sorted(os.listdir(folder)):
        if entry.lower() == name and not os.path.islink(os.path.join(folder, entry)):
            return os.path.join(folder, entry)
    return None


def fields(value: dict[str, Any], file: SourceFile, settings: CorpusSettings) -> Fields:
    """Returns the fields of a thread; Unreadable when its question is not there or nothing has text."""
    rows = value["posts"]
    question = next((row for row in rows if row.get("PostTypeId") == QUESTION), {})
    accepted = question.get("AcceptedAnswerId", "")
    posts = [post_of(row, accepted) for row in rows if "PostTypeId" in row and row is not question]
    comments = [comment_of(row) for row in rows if "PostId" in row]
    first = [post_of(question, "")] if question else []
    tags = question.get("Tags", "").strip("<>|").replace("><", "|")
    licence = question.get("ContentLicense", "")
    thread = Thread(
        title=question.get("Title", ""),
        posts=under_their_posts(first + best_first(posts), comments),
        date=question.get("CreationDate", "")[:10],
        licence=licence,
        meta={"tags": tags.split("|")} if tags else {},
    )
    found = thread_fields(thread, settings.authors, file.scope)
    if found is None:
        raise Unreadable("not_content")
    return found


def post_of(row: dict[str, str], accepted: str) -> Post:
    """Returns a question or an answer."""
    return Post(
        id=row["Id"],
        author=author_of(row, "OwnerUserId", "OwnerDisplayName"),
        text=fragment_text(row.get("Body", "")),
        answers=row.get("ParentId", ""),
        score=number(row.get("Score")),
        accepted=row["Id"] == accepted,
    )


def comment_of(row: dict[str, str]) -> Post:
    """Returns a comment."""
    author = author_of(row, "UserId", "UserDisplayName")
    score = number(row.get("Score"))
    return Post(id=f"c{row.get('Id', '')}", author=author, text=row.get("Text", ""), answers=row["PostId"], score=score)


def author_of(row: dict[str, str], id_name: str, display_name: str) -> str:
    """Returns who wrote a post: the name where it is wanted and known, else the number of the account."""
    return row.get("name") or row.get(id_name) or row.get(display_name, "")
