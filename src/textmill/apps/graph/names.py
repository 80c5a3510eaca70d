"""By which names an entity is known, and which entities a name may mean: SQLite's full-text index and edit distance.

    entity(id, iri)                    every IRI that is a subject or an object
    name(id, entity, text, folded, spaced, language, kind)
    words      FTS5 over `spaced`      words; Chinese by characters
    trigrams   FTS5 over `folded`      candidates for names with slips

The full-text indexes take in new names in one go, by `complete`, up to the id that `state` calls "indexed": row by row
it costs more (docs/log.md).

Kept in step with the store: the names of a batch, how far its file has come and the mark that both are one are a single
transaction here. The mark `pending` is set before a batch goes into the store and taken off after; where it is found
set, a process died in between, and the names are made anew from the store.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textmill.apps.graph import folding
from textmill.apps.graph.terms import LABEL, LOCAL, local_name
from textmill.errors import InputError

VERSION = 1
SCHEMA = f"""
CREATE TABLE IF NOT EXISTS entity(id INTEGER PRIMARY KEY, iri TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS name(id INTEGER PRIMARY KEY, entity INTEGER NOT NULL, text TEXT NOT NULL,
  folded TEXT NOT NULL, spaced TEXT NOT NULL, language TEXT NOT NULL, kind INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS name_entity ON name(entity);
CREATE INDEX IF NOT EXISTS name_folded ON name(folded);
CREATE TABLE IF NOT EXISTS state(key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(spaced, content='name', content_rowid='id',
  tokenize='unicode61 remove_diacritics 2', detail='none');
CREATE VIRTUAL TABLE IF NOT EXISTS trigrams USING fts5(folded, content='name', content_rowid='id',
  tokenize='trigram', detail='none');
CREATE VIRTUAL TABLE IF NOT EXISTS frequency USING fts5vocab(trigrams, row);
CREATE VIRTUAL TABLE IF NOT EXISTS word_frequency USING fts5vocab(words, row);
PRAGMA user_version = {VERSION};
"""
INDEXES = {"words": "spaced", "trigrams": "folded"}
INDEXED = "indexed"
OF_ENTITY = "SELECT name.id FROM name JOIN entity ON entity.id = name.entity WHERE iri = ?"
EXACT, WORDS, TYPO = "exact", "words", "typo"
CANDIDATES = 2000
"""Names that share words or trigrams and are looked at."""
BROKEN = 4
"""Trigrams that one slip can break: two letters that change places stand in four."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """One name of an entity."""

    iri: str
    text: str
    language: str = ""
    kind: int = LABEL


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """An entity that a text may mean."""

    iri: str
    name: str
    """The name that was found."""
    language: str
    how: str
    """exact, words or typo."""
    score: float
    """1 for the very name, less for what is further away."""


class Names:
    """The names of one graph."""

    def __init__(self, path: Path, *, writing: bool = False) -> None:
        self.path = path
        place = path if writing else f"file:{_quoted(path)}?mode=ro"
        try:
            self.base = sqlite3.connect(place, uri=not writing, timeout=30, isolation_level=None)
            if writing:
                self.base.executescript(
                    "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -131072;"
                )
                self.base.executescript(SCHEMA)
            version = self.base.execute("PRAGMA user_version").fetchone()[0]
        except sqlite3.Error as error:
            raise InputError("graph.names_unreadable", path=path, detail=error) from error
        if version != VERSION:
            self.base.close()
            raise InputError("graph.names_version", path=path, expected=VERSION, got=version)

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

    def state(self, key: str) -> Any:
        """Returns what is remembered under a key, None for nothing."""
        row = self.base.execute("SELECT value FROM state WHERE key = ?", (key,)).fetchone()
        return json.loads(row[0]) if row else None

    def states(self, start: str) -> dict[str, Any]:
        """Returns what is remembered under the keys that begin with `start`."""
        rows = self.base.execute("SELECT key, value FROM state WHERE substr(key, 1, ?) = ?", (len(start), start))
        return {key: json.loads(value) for key, value in rows}

    def remember(self, key: str, value: Any) -> None:
        """Remembers a value; None forgets it."""
        if value is None:
            self.base.execute("DELETE FROM state WHERE key = ?", (key,))
        else:
            self.base.execute("INSERT OR REPLACE INTO state VALUES(?, ?)", (key, json.dumps(value)))

    def add(self, names: Iterable[Name], entities: Iterable[str] = ()) -> None:
        """Takes in names, and entities that may have none."""
        names = list(names)
        iris = dict.fromkeys([*entities, *(name.iri for name in names)])
        self.base.executemany("INSERT OR IGNORE INTO entity(iri) VALUES(?)", ((iri,) for iri in iris))
        self.base.executemany(
            "INSERT INTO name(entity, text, folded, spaced, language, kind)"
            " SELECT id, ?1, ?2, ?3, ?4, ?5 FROM entity WHERE iri = ?6 AND NOT EXISTS"
            " (SELECT 1 FROM name WHERE name.entity = entity.id AND text = ?1 AND language = ?4 AND kind = ?5)",
            (_row(name) for name in names),
        )

    def complete(self) -> None:
        """Gives what has no name the end of its IRI, takes that from what has got one, and indexes what is new."""
        better = "SELECT 1 FROM name AS other WHERE other.entity = name.entity AND other.kind != ?"
        local = f"SELECT id FROM name WHERE kind = ? AND EXISTS ({better})"
        self._delete(local, (LOCAL, LOCAL))
        bare = self.base.execute(
            "SELECT iri FROM entity WHERE NOT EXISTS (SELECT 1 FROM name WHERE name.entity = entity.id)"
        )
        self.add(Name(iri=iri, text=local_name(iri), kind=LOCAL) for (iri,) in bare.fetchall())
        indexed = self.state(INDEXED) or 0
        for table, column in INDEXES.items():
            new = f"INSERT INTO {table}(rowid, {column}) SELECT id, {column} FROM name WHERE id > ? ORDER BY id"
            self.base.execute(new, (indexed,))
        self.remember(INDEXED, self.base.execute("SELECT COALESCE(MAX(id), 0) FROM name").fetchone()[0])

    def remove(self, names: Iterable[Name], entities: Iterable[str] = ()) -> None:
        """Takes out names, and entities of which the graph has nothing left, with all their names."""
        for name in names:
            one = f"{OF_ENTITY} AND text = ? AND language = ? AND kind = ?"
            self._delete(one, (name.iri, name.text[: folding.LONGEST], name.language, name.kind))
        for iri in entities:
            self._delete(OF_ENTITY, (iri,))
            self.base.execute("DELETE FROM entity WHERE iri = ?", (iri,))

    def _delete(self, chosen: str, values: Sequence[Any]) -> None:
        """Takes out the names whose ids a query gives, also from the indexes as far as they are there."""
        indexed = self.state(INDEXED) or 0
        for (id,) in self.base.execute(chosen, values).fetchall():
            for table, column in INDEXES.items() if id <= indexed else ():
                gone = f"INSERT INTO {table}({table}, rowid, {column}) SELECT 'delete', id, {column} FROM name"
                self.base.execute(f"{gone} WHERE id = ?", (id,))
            self.base.execute("DELETE FROM name WHERE id = ?", (id,))
        last = self.base.execute("SELECT COALESCE(MAX(id), 0) FROM name").fetchone()[0]
        if last < indexed:  # SQLite gives the last ids again, and who gets one then is not in the indexes
            self.remember(INDEXED, last)

    def clear(self) -> None:
        """Takes out all names and entities; what is remembered stays."""
        for table in INDEXES:
            self.base.execute(f"INSERT INTO {table}({table}) VALUES('delete-all')")
        self.base.execute("DELETE FROM name")
        self.base.execute("DELETE FROM entity")
        self.remember(INDEXED, None)

    def counts(self) -> dict[str, int]:
        """Returns how many entities and names there are."""
        one = "SELECT (SELECT COUNT(*) FROM entity), (SELECT COUNT(*) FROM name WHERE kind != ?)"
        entities, names = self.base.execute(one, (LOCAL,)).fetchone()
        return {"entities": entities, "names": names}

    def has(self, iri: str) -> bool:
        """True when the graph has an entity of this IRI."""
        return self.base.execute("SELECT 1 FROM entity WHERE iri = ?", (iri,)).fetchone() is not None

    def of(self, iri: str) -> list[Name]:
        """Returns an entity's names, labels first."""
        rows = self.base.execute(
            "SELECT text, language, kind FROM name JOIN entity ON entity.id = name.entity WHERE iri = ?"
            " ORDER BY kind, language, text",
            (iri,),
        )
        return [Name(iri=iri, text=text, language=language, kind=kind) for text, language, kind in rows]

    def find(self, text: str, *, most: int = 10, typos: bool = True) -> list[Match]:
        """Returns the entities that a text may mean, the likeliest first, each once."""
        folded = folding.fold(text)
        if not folded or most < 1:
            return []
        found: dict[str, Match] = {}
        for step in (self._exact, self._holding, self._slipped):
            if step == self._slipped and (not typos or any(match.how == EXACT for match in found.values())):
                break
            for match in step(folded):
                if match.iri not in found or found[match.iri].score < match.score:
                    found[match.iri] = match
        return sorted(found.values(), key=lambda match: (-match.score, match.iri))[:most]

    def exactly(self, folded: str) -> list[Match]:
        """Returns the entities of which a folded text is a name."""
        return self._exact(folded)

    def _exact(self, folded: str) -> list[Match]:
        rows = self._matches("WHERE folded = ?", (folded,))
        return [_match(row, EXACT, 1.0 - 0.02 * row[4]) for row in rows]

    def _holding(self, folded: str) -> list[Match]:
        """Returns the entities whose name holds all the words; the more else it holds, the further away."""
        parts = [part for word in folding.words(folded) for part in word.split("_") if part]
        if not parts:
            return []
        query = " ".join(f'"{part}"' for part in parts)
        condition = "WHERE name.id IN (SELECT rowid FROM words WHERE words MATCH ? LIMIT ?)"
        try:
            rows = self._matches(condition, (query, CANDIDATES))
        except sqlite3.OperationalError:
            return []  # letters newer than the index's Unicode part a word there, and it keeps no places of parts
        return [_match(row, WORDS, 0.9 * len(folded) / max(len(folded), len(row[2])) - 0.02 * row[4]) for row in rows]

    def _slipped(self, folded: str) -> list[Match]:
        """Returns the entities whose name is the text but for a slip or two.

        A slip breaks at most four trigrams (or one Chinese character), so of any 4 k + 1 at least one is in the name
        with k slips: the rarest of them are looked up, which finds the same and reads least.
        """
        most = folding.allowed_typos(folded)
        wide = folding.IDEOGRAPH.search(folded) is not None
        table, parts = ("words", folding.words(folded)) if wide else ("trigrams", folding.trigrams(folded))
        for slips in range(1, most + 1):
            broken = slips if wide else BROKEN * slips
            rare = self._rarest(table, list(dict.fromkeys(parts)))[: broken + 1]
            quoted = " OR ".join('"' + part.replace('"', '""') + '"' for part in rare)
            condition = f"WHERE name.id IN (SELECT rowid FROM {table} WHERE {table} MATCH ? LIMIT ?)"
            rows = self._matches(condition, (quoted, CANDIDATES)) if rare else []
            near = [row for row in rows if folding.distance(folded, row[2], slips) <= slips]
            if near:
                return [_match(row, TYPO, 0.9 - 0.1 * slips - 0.02 * row[4]) for row in near]
        return []

    def _rarest(self, table: str, parts: list[str]) -> list[str]:
        """Returns the words or trigrams of an index, the rarest first; what is nowhere in it is left out."""
        vocabulary = "frequency" if table == "trigrams" else "word_frequency"
        counts = {}
        for part in parts:
            row = self.base.execute(f"SELECT doc FROM {vocabulary} WHERE term = ?", (part,)).fetchone()
            if row is not None:
                counts[part] = row[0]
        return sorted(counts, key=counts.__getitem__)

    def _matches(self, condition: str, values: Sequence[Any]) -> list[Any]:
        columns = "SELECT iri, text, folded, language, kind FROM name JOIN entity ON entity.id = name.entity "
        return self.base.execute(columns + condition, values).fetchall()


def _quoted(path: Path) -> str:
    from urllib.parse import quote

    return quote(str(path.absolute()))


def _row(name: Name) -> tuple[Any, ...]:
    folded = folding.fold(name.text)
    text = name.text[: folding.LONGEST]
    return text, folded, folding.spaced(folded), name.language, name.kind, name.iri


def _match(row: Any, how: str, score: float) -> Match:
    return Match(iri=row[0], name=row[1], language=row[3], how=how, score=round(score, 4))
