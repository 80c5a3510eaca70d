"""What was read and proposed: graph/extracted.sqlite, from which the statements in the graph can be made anew.

    origin(path, stamp)                              a file or a corpus, as it was when it was read
    document(id, origin, place, title, date, text, parts, model, state)
                                                     parts: [[start, end, key], …]; state: see below
    part(key, proposals)                             what was proposed; the key is a hash of text, schema and model
    mention(document, iri)                           the entities of a document, before any merge
    merge(id, gone, kept, reason, date)              entities that are one

A document is WAITING until all its parts are read, READY until its statements lie in the store, then STORED; one that
is to go is GONE until they are out of it. Whoever opens the ledger brings the store after it, so that a process may die
anywhere. Parts that no document has are forgotten.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from textmill.apps.extract.proposals import Proposal
from textmill.errors import InputError
from textmill.files import disk_errors

FILE = "extracted.sqlite"
VERSION = 1
WAITING, READY, STORED, GONE = "waiting", "ready", "stored", "gone"
SCHEMA = f"""
CREATE TABLE IF NOT EXISTS origin(path TEXT PRIMARY KEY, stamp TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS document(id TEXT PRIMARY KEY, origin TEXT NOT NULL, place TEXT NOT NULL, title TEXT NOT NULL,
  date TEXT NOT NULL, text TEXT NOT NULL, parts TEXT NOT NULL, model TEXT NOT NULL, state TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS document_origin ON document(origin);
CREATE TABLE IF NOT EXISTS part(key TEXT PRIMARY KEY, proposals TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS used(document TEXT NOT NULL, key TEXT NOT NULL, PRIMARY KEY(document, key));
CREATE INDEX IF NOT EXISTS used_key ON used(key);
CREATE TABLE IF NOT EXISTS mention(document TEXT NOT NULL, iri TEXT NOT NULL, PRIMARY KEY(document, iri));
CREATE INDEX IF NOT EXISTS mention_iri ON mention(iri);
CREATE TABLE IF NOT EXISTS merge(id INTEGER PRIMARY KEY AUTOINCREMENT, gone TEXT NOT NULL UNIQUE, kept TEXT NOT NULL,
  reason TEXT NOT NULL, date TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS state(key TEXT PRIMARY KEY, value TEXT NOT NULL);
PRAGMA user_version = {VERSION};
"""
COLUMNS = "id, origin, place, title, date, text, parts, model, state"


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A document as it was read."""

    id: str
    origin: str
    place: str
    title: str
    date: str
    text: str
    parts: tuple[tuple[int, int, str], ...]
    """(start, end, key) of each part, in code points of the text."""
    model: str
    state: str = WAITING


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """Two entities that are one: what was said of `gone` is said of `kept`."""

    id: int
    gone: str
    kept: str
    reason: str
    date: str


class Ledger:
    """The file; one process at a time writes to it, the one that holds the graph."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        try:
            self.base = sqlite3.connect(self.path, timeout=30, isolation_level=None)
            self.base.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;")
            version = self.base.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, VERSION):
                raise sqlite3.DatabaseError(f"version {version}")
            self.base.executescript(SCHEMA)
        except sqlite3.Error as error:
            raise InputError("extract.ledger_unreadable", path=self.path, detail=error) from error

    def close(self) -> None:
        """Closes the file."""
        self.base.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is written inside happens, or nothing of it."""
        self.base.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.base.execute("ROLLBACK")
            raise
        self.base.execute("COMMIT")

    def origins(self) -> dict[str, str]:
        """Returns the stamp of each origin."""
        return dict(self.base.execute("SELECT path, stamp FROM origin"))

    def replace(self, path: str, stamp: str | None, documents: Iterable[Read]) -> None:
        """Puts what an origin holds now in the place of what it held; no stamp: it is gone."""
        with self.transaction():
            self.base.execute("UPDATE document SET state = ? WHERE origin = ?", (GONE, path))
            self.base.execute("DELETE FROM origin WHERE path = ?", (path,))
            if stamp is not None:
                self.base.execute("INSERT INTO origin VALUES(?, ?)", (path, stamp))
            for one in documents:
                values = (one.id, one.origin, one.place, one.title, one.date, one.text, "[]", one.model, WAITING)
                self.base.execute(
                    f"INSERT OR REPLACE INTO document({COLUMNS}) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)", values
                )
                self._plan(one.id, one.parts, one.model)

    def ids(self, *states: str) -> list[str]:
        """Returns the ids of the documents in some states, in the order of their places."""
        marks = ", ".join("?" * len(states))
        return [id for (id,) in self.base.execute(
            f"SELECT id FROM document WHERE state IN ({marks}) ORDER BY place, id", states)]  # fmt: skip

    def document(self, id: str) -> Read:
        """Returns a document."""
        row = self.base.execute(f"SELECT {COLUMNS} FROM document WHERE id = ?", (id,)).fetchone()
        id, origin, place, title, date, text, parts, model, state = row
        return Read(id=id, origin=origin, place=place, title=title, date=date, text=text, parts=_parts(parts),
                    model=model, state=state)  # fmt: skip

    def again(self, state: str) -> None:
        """Puts all documents that are stored back to a state."""
        self.base.execute("UPDATE document SET state = ? WHERE state IN (?, ?)", (state, STORED, READY))

    def plan(self, id: str, parts: tuple[tuple[int, int, str], ...], model: str) -> None:
        """Gives a document its parts anew."""
        with self.transaction():
            self._plan(id, parts, model)

    def _plan(self, id: str, parts: tuple[tuple[int, int, str], ...], model: str) -> None:
        self.base.execute("UPDATE document SET parts = ?, model = ? WHERE id = ?", (json.dumps(parts), model, id))
        self.base.execute("DELETE FROM used WHERE document = ?", (id,))
        keys = {key for _, _, key in parts}
        self.base.executemany("INSERT INTO used VALUES(?, ?)", ((id, key) for key in keys))

    def set_state(self, id: str, state: str, mentions: Iterable[str] = ()) -> None:
        """Notes how far a document is, and which entities it names; one that is out of the store is forgotten."""
        with self.transaction():
            self.base.execute("DELETE FROM mention WHERE document = ?", (id,))
            if state == GONE:
                self.base.execute("DELETE FROM document WHERE id = ?", (id,))
                self.base.execute("DELETE FROM used WHERE document = ?", (id,))
            else:
                self.base.execute("UPDATE document SET state = ? WHERE id = ?", (state, id))
                self.base.executemany("INSERT OR IGNORE INTO mention VALUES(?, ?)", ((id, iri) for iri in mentions))

    def forget_parts(self) -> None:
        """Forgets what was proposed for texts that no document has any more."""
        with self.transaction():
            self.base.execute("DELETE FROM part WHERE NOT EXISTS (SELECT 1 FROM used WHERE used.key = part.key)")

    def proposals(self, key: str) -> list[Proposal] | None:
        """Returns what was proposed for a part; None for one that was not read yet."""
        row = self.base.execute("SELECT proposals FROM part WHERE key = ?", (key,)).fetchone()
        return [_proposal(item) for item in json.loads(row[0])] if row else None

    def keep(self, key: str, proposals: Iterable[Proposal]) -> None:
        """Keeps what was proposed for a part."""
        told = json.dumps([asdict(one) for one in proposals], ensure_ascii=False)
        with self.transaction():
            self.base.execute("INSERT OR REPLACE INTO part VALUES(?, ?)", (key, told))

    def mentioning(self, iri: str) -> list[str]:
        """Returns the ids of the documents that name an entity, before any merge."""
        return [id for (id,) in self.base.execute("SELECT document FROM mention WHERE iri = ? ORDER BY 1", (iri,))]

    def mentioned(self) -> list[str]:
        """Returns the entities that documents name, before any merge."""
        return [iri for (iri,) in self.base.execute("SELECT DISTINCT iri FROM mention ORDER BY iri")]

    def merges(self) -> list[Merge]:
        """Returns the merges, the first first."""
        rows = self.base.execute("SELECT id, gone, kept, reason, date FROM merge ORDER BY id")
        return [Merge(id=row[0], gone=row[1], kept=row[2], reason=row[3], date=row[4]) for row in rows]

    def add_merge(self, gone: str, kept: str, reason: str, date: str) -> None:
        """Notes that two entities are one; documents that name `gone` are to be stored anew."""
        with self.transaction():
            values = (gone, kept, reason, date)
            self.base.execute("INSERT INTO merge(gone, kept, reason, date) VALUES(?, ?, ?, ?)", values)
            self._again(gone)

    def undo_merge(self, merge: Merge) -> None:
        """Takes a merge back; documents that name `gone` are to be stored anew."""
        with self.transaction():
            self.base.execute("DELETE FROM merge WHERE id = ?", (merge.id,))
            self._again(merge.gone)

    def _again(self, gone: str) -> None:
        """Marks the documents that name an entity, or one that was merged into it."""
        waiting, seen = [gone], set[str]()
        while waiting:
            iri = waiting.pop()
            if iri in seen:
                continue
            seen.add(iri)
            self.base.execute(
                "UPDATE document SET state = ? WHERE state = ? AND id IN (SELECT document FROM mention WHERE iri = ?)",
                (READY, STORED, iri),
            )
            waiting += [row[0] for row in self.base.execute("SELECT gone FROM merge WHERE kept = ?", (iri,))]

    def note(self, key: str, value: Any) -> None:
        """Remembers a value."""
        self.base.execute("INSERT OR REPLACE INTO state VALUES(?, ?)", (key, json.dumps(value)))

    def noted(self, key: str) -> Any:
        """Returns what is remembered under a key, None for nothing."""
        row = self.base.execute("SELECT value FROM state WHERE key = ?", (key,)).fetchone()
        return json.loads(row[0]) if row else None


def _parts(text: str) -> tuple[tuple[int, int, str], ...]:
    return tuple((start, end, key) for start, end, key in json.loads(text))


def _proposal(item: dict[str, Any]) -> Proposal:
    subject, place = tuple(item["subject"]), item["object"]
    return Proposal(**item | {"subject": subject, "object": tuple(place) if place is not None else None})
