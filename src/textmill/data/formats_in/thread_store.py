"""Posts gathered into threads, however many there are: in a temporary database on disk, which SQLite makes and removes.

The posts of a thread may lie anywhere in a file, or in two. Threads come out in the order of their first posts.
"""

import errno
import json
import sqlite3
from collections.abc import Iterator
from typing import Any

from textmill.data.streams import Record

BATCH = 5_000
SECOND_FILE = 1 << 40
"""Added to the numbers of records of a file that is read along with another one."""


class ThreadStore:
    """Takes posts with the thread that they belong to, or with the post that they belong to; gives threads."""

    def __init__(self) -> None:
        self.database = sqlite3.connect("", isolation_level=None)  # "": on disk, without a name
        self.database.execute("PRAGMA journal_mode = OFF")
        self.database.execute("PRAGMA synchronous = OFF")
        self.database.execute("CREATE TABLE posts (number INTEGER, thread TEXT, item TEXT, under TEXT, value TEXT)")
        self.database.execute("CREATE TABLE names (id TEXT PRIMARY KEY, name TEXT) WITHOUT ROWID")
        self.database.execute("BEGIN")
        self.waiting: list[tuple[int, str | None, str, str | None, str]] = []

    def add(
        self, value: dict[str, Any], number: int, *, item: str, thread: str | None = None, under: str | None = None
    ) -> None:
        """Adds record `number`, the post `item`: of a thread, or of the thread that the post `under` belongs to."""
        self.waiting.append((number, thread, item, under, json.dumps(value)))
        if len(self.waiting) >= BATCH:
            self.flush()

    def name(self, id: str, name: str) -> None:
        """Notes an author's name."""
        self.database.execute("INSERT OR REPLACE INTO names VALUES (?, ?)", (id, name))

    def name_of(self, id: str) -> str:
        """Returns the name noted for an author, or ""."""
        found = self.database.execute("SELECT name FROM names WHERE id = ?", (id,)).fetchone()
        return found[0] if found else ""

    def flush(self) -> None:
        """Writes what waits."""
        try:
            self.database.executemany("INSERT INTO posts VALUES (?, ?, ?, ?, ?)", self.waiting)
        except sqlite3.OperationalError as error:
            raise OSError(errno.ENOSPC, str(error)) from error
        self.waiting.clear()

    def threads(self, limit: int) -> Iterator[Record]:
        """Yields each thread's posts as a record, at its first post's position; one larger than `limit` is refused."""
        self.flush()
        run = self.database.execute
        run("CREATE INDEX by_item ON posts (item)")
        run(
            "UPDATE posts SET thread = (SELECT above.thread FROM posts above WHERE above.item = posts.under "
            "AND above.thread IS NOT NULL LIMIT 1) WHERE thread IS NULL"
        )
        run("CREATE INDEX by_thread ON posts (thread, number)")
        run(
            "CREATE TABLE firsts AS SELECT thread, MIN(number) AS first FROM posts "
            "WHERE thread IS NOT NULL GROUP BY thread"
        )
        for thread, first in run("SELECT thread, first FROM firsts ORDER BY first"):
            values, size = [], 0
            for (value,) in run("SELECT value FROM posts WHERE thread = ? ORDER BY number", (thread,)):
                size += len(value)
                if size > limit:
                    break
                values.append(json.loads(value))
            if size > limit:
                yield Record(position=first, problem="too_large", size=size)
            else:
                yield Record(position=first, value={"posts": values}, size=size)
        self.database.close()
