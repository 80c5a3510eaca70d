"""The index of documents: passages under SQLite's full-text search, brought up to date by what changed.

    origin(id, name, stamp)        a file or a corpus, as it was when it was read
    document(id, origin, …, text)  what was read from it
    passage(id, document, spans)   sentences as places in the document's text
    words                          FTS5: a passage's terms, and those of its heading and title; BM25 ranks them

A refresh reads what is new or changed and takes out what is gone; each origin is a transaction, so that one that was
stopped goes on.
"""

import json
import math
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from textmill.apps.documents import reading
from textmill.apps.documents.passages import Span, passages
from textmill.apps.documents.words import indexed
from textmill.errors import InputError
from textmill.files import disk_errors

VERSION = 1
SCHEMA = """
CREATE TABLE IF NOT EXISTS origin(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, stamp TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS document(id INTEGER PRIMARY KEY, origin INTEGER NOT NULL, name TEXT NOT NULL,
  title TEXT NOT NULL, place TEXT NOT NULL, date TEXT NOT NULL, text TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS document_origin ON document(origin);
CREATE TABLE IF NOT EXISTS passage(id INTEGER PRIMARY KEY, document INTEGER NOT NULL, heading TEXT NOT NULL,
  spans TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS passage_document ON passage(document);
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(terms, around, tokenize='unicode61 remove_diacritics 0');
CREATE VIRTUAL TABLE IF NOT EXISTS frequency USING fts5vocab(words, row);
"""
WEIGHTS = (1.0, 0.5)
"""Of a term in the passage, and in its heading and the document's title."""
Tell = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A document as an answer names it."""

    id: str
    title: str
    place: str
    """Its file or its address."""
    date: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A passage that holds some of the terms."""

    source: Source
    heading: str
    sentences: tuple[Span, ...]
    score: float
    """BM25; the higher, the better."""


class DocumentIndex:
    """Passages of documents; in memory where there is no path."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        if path is not None:
            with disk_errors(path):
                path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self.base = sqlite3.connect(path or ":memory:", timeout=30, isolation_level=None)
            self.base.execute("PRAGMA journal_mode = WAL")
            version = self.base.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, VERSION):
                raise sqlite3.DatabaseError(f"version {version}")
            self.base.executescript(f"PRAGMA synchronous = NORMAL; {SCHEMA} PRAGMA user_version = {VERSION};")
        except sqlite3.Error as error:
            raise InputError("documents.index_unreadable", path=path, detail=error) from error

    def close(self) -> None:
        """Closes the file."""
        self.base.close()

    def refresh(self, places: Sequence[Path], tell: Tell = lambda *_: None) -> int:
        """Reads what changed below some places, forgets what is gone; returns how many origins were read."""
        wanted = reading.origins(places)
        known = dict(self.base.execute("SELECT name, stamp FROM origin"))
        names = {origin.name for origin in wanted}
        for name in known.keys() - names:
            self._write(name, None)
        changed = [origin for origin in wanted if known.get(origin.name) != origin.stamp]
        for number, origin in enumerate(changed, start=1):
            self._write(origin.name, origin)
            tell(number, len(changed))
        return len(changed)

    def _write(self, name: str, origin: reading.Origin | None) -> None:
        """Puts an origin's documents in the place of what it had before; None: nothing in its place."""
        self.base.execute("BEGIN IMMEDIATE")
        try:
            row = self.base.execute("SELECT id FROM origin WHERE name = ?", (name,)).fetchone()
            if row is not None:
                inside = "SELECT id FROM document WHERE origin = ?"
                self.base.execute(
                    f"DELETE FROM words WHERE rowid IN (SELECT id FROM passage WHERE document IN ({inside}))", row
                )
                self.base.execute(f"DELETE FROM passage WHERE document IN ({inside})", row)
                self.base.execute("DELETE FROM document WHERE origin = ?", row)
                self.base.execute("DELETE FROM origin WHERE id = ?", row)
            if origin is not None:
                self._add(origin)
        except BaseException:
            self.base.execute("ROLLBACK")
            raise
        self.base.execute("COMMIT")

    def _add(self, origin: reading.Origin) -> None:
        added = self.base.execute("INSERT INTO origin(name, stamp) VALUES(?, ?)", (origin.name, origin.stamp))
        for document in reading.documents(origin):
            title = reading.title_of(document)
            values = (added.lastrowid, document.id, title, document.url or document.source,
                      document.date or origin.date, document.text)  # fmt: skip
            row = self.base.execute(
                "INSERT INTO document(origin, name, title, place, date, text) VALUES(?, ?, ?, ?, ?, ?)", values
            )
            for passage in passages(document.text):
                spans = json.dumps(passage.sentences)
                kept = self.base.execute(
                    "INSERT INTO passage(document, heading, spans) VALUES(?, ?, ?)",
                    (row.lastrowid, passage.heading, spans),
                )
                terms = indexed(document.text[passage.start : passage.end])
                around = indexed(f"{title} {passage.heading}")
                self.base.execute(
                    "INSERT INTO words(rowid, terms, around) VALUES(?, ?, ?)", (kept.lastrowid, terms, around)
                )

    def best(self, terms: Iterable[str], most: int) -> list[Found]:
        """Returns the passages that fit the terms best, by BM25; the earlier first where two fit equally well."""
        query = " OR ".join('"' + term.replace('"', '""') + '"' for term in terms)
        if not query:
            return []
        rows = self.base.execute(
            "SELECT name, title, place, date, text, heading, spans, found.score FROM (SELECT rowid AS id,"
            f" bm25(words, {WEIGHTS[0]}, {WEIGHTS[1]}) AS score FROM words WHERE words MATCH ? ORDER BY score, rowid"
            " LIMIT ?) AS found JOIN passage ON passage.id = found.id JOIN document ON document.id = passage.document"
            " ORDER BY found.score, passage.id",
            (query, most),
        )
        return [
            Found(
                source=Source(id=name, title=title, place=place, date=date, text=text),
                heading=heading,
                sentences=tuple((start, end) for start, end in json.loads(spans)),
                score=-score,
            )
            for name, title, place, date, text, heading, spans, score in rows
        ]

    def rarity(self, terms: Iterable[str]) -> dict[str, float]:
        """Returns how much each term tells: log(1 + (n − c + ½) / (c + ½)) for c of n passages; most for none."""
        n = self.counts()["passages"]
        found = {}
        for term in terms:
            row = self.base.execute("SELECT doc FROM frequency WHERE term = ?", (term,)).fetchone()
            count = row[0] if row else 0
            found[term] = math.log(1 + (n - count + 0.5) / (count + 0.5))
        return found

    def has(self, term: str) -> bool:
        """True where any passage holds a term."""
        return self.base.execute("SELECT 1 FROM frequency WHERE term = ?", (term,)).fetchone() is not None

    def counts(self) -> dict[str, int]:
        """Returns how many documents and passages there are."""
        row = self.base.execute("SELECT (SELECT COUNT(*) FROM document), (SELECT COUNT(*) FROM passage)").fetchone()
        return {"documents": row[0], "passages": row[1]}
