"""Documents into the graph, and out of it again: what changed is taken out, then read, then put in.

    places ─▶ gone and changed origins ─▶ their statements leave the graph (no model)
           ─▶ changed origins ─▶ parts ─▶ those that are not in the ledger yet ─▶ model ─▶ ledger
           ─▶ documents whose parts are all read ─▶ statements ─▶ the graph

A part of a text that stays as it was is not asked about again, wherever it stands. After a kill the same command goes
on at the part that it was at.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from textmill.apps.documents import reading
from textmill.apps.documents.passages import passages
from textmill.apps.extract.ledger import GONE, READY, STORED, WAITING, Ledger, Read
from textmill.apps.extract.proposing import Proposer
from textmill.apps.extract.schema import Schema
from textmill.apps.extract.statements import DOCUMENT, SCHEMA_GRAPH, Maker, resolver, schema_quads
from textmill.apps.graph.store import GraphWriter

AHEAD = 16
"""Parts that a model is given at a time: an engine works on several side by side."""
Tell = Callable[[int, int], None]


@dataclass(slots=True, kw_only=True)
class Done:
    """What came of an extraction."""

    read: int = 0
    """Files (and corpora) that are new or changed."""
    gone: int = 0
    """Files that are no longer there."""
    asked: int = 0
    """Parts that the model was asked about."""
    known: int = 0
    """Parts that it had been asked about before."""
    stored: int = 0
    """Documents whose statements were put in."""
    statements: int = 0
    """Of these documents, without what is said about statements."""
    left_out: int = 0
    """Proposals that the schema or the shapes forbid, or that are less certain than was asked for."""


class Builder:
    """One graph with its ledger and the schema of what may be said in it."""

    def __init__(self, writer: GraphWriter, ledger: Ledger, schema: Schema, *, least: float = 0.0) -> None:
        self.writer, self.ledger, self.schema, self.least = writer, ledger, schema, least
        self.done = Done()

    def extract(self, places: Sequence[Path], make: Callable[[], Proposer], tell: Tell = lambda *_: None) -> Done:
        """Brings the graph after the documents; `make` opens the model, and is called only if it is needed."""
        self._settings()
        wanted = {path_of(origin): origin for place in places for origin in reading.origins([place])}
        known = self.ledger.origins()
        inside = [path for path in known if any(lies_in(path, place) for place in places)]
        gone = [path for path in inside if path not in wanted]
        changed = [path for path, origin in wanted.items() if known.get(path) != origin.stamp]
        self.take_out([*gone, *(path for path in changed if path in known)])
        self.done.gone, self.done.read = len(gone), len(changed)
        if changed or self.ledger.ids(WAITING):
            proposer = make()
            self._plan_again(proposer.name)
            for path in changed:
                origin = wanted[path]
                documents = [self._read(path, origin, each, proposer.name) for each in reading.documents(origin)]
                self.ledger.replace(path, origin.stamp, documents)
            self._read_parts(proposer, tell)
        self.settle()
        self.ledger.forget_parts()
        return self.done

    def take_out(self, paths: Sequence[str]) -> None:
        """Takes the statements of some origins out of the graph; no model is asked."""
        for path in paths:
            self.ledger.replace(path, None, ())
        self.settle()

    def settle(self) -> None:
        """Brings the store after the ledger: takes out what is gone or waits, puts in what is ready."""
        for id in self.ledger.ids(GONE):
            self.writer.remove_graph(DOCUMENT + id)
            self.ledger.set_state(id, GONE)
        for id in self.ledger.ids(WAITING):
            self.writer.remove_graph(DOCUMENT + id)
        self.settle_ready()

    def made(self, document: Read, resolve: Callable[[str], str]) -> Maker:
        """Returns the statements of a document whose parts are all read."""
        maker = Maker(document, self.schema, resolve)
        for start, _, key in document.parts:
            proposals = self.ledger.proposals(key) or []
            sure = [one for one in proposals if one.confidence >= self.least]
            maker.left_out += len(proposals) - len(sure)
            maker.add(start, sure)
        self.done.stored += 1
        self.done.statements += maker.statements
        self.done.left_out += maker.left_out
        return maker

    def _settings(self) -> None:
        """Notes schema and certainty; where they have changed, all documents are made anew."""
        told = {"schema": self.schema.digest, "least": self.least}
        before = self.ledger.noted("settings")
        if before is not None and before != told:
            self.ledger.again(WAITING if before["schema"] != self.schema.digest else READY)
        if before != told:
            self.writer.remove_graph(SCHEMA_GRAPH)
            self.writer.add(schema_quads(self.schema))
            self.ledger.note("schema", self.schema.as_dict())
            self.ledger.note("settings", told)

    def _plan_again(self, model: str) -> None:
        """Gives documents that wait their parts anew: the schema may be another than when they were read."""
        for id in self.ledger.ids(WAITING):
            one = self.ledger.document(id)
            self.ledger.plan(id, self._parts(one.text, model), model)

    def _read(self, path: str, origin: reading.Origin, document: reading.Document, model: str) -> Read:
        return Read(
            id=hashlib.sha256(f"{path}\n{document.id}".encode("utf-8", "surrogateescape")).hexdigest()[:32],
            origin=path,
            place=document.url or document.source,
            title=reading.title_of(document),
            date=document.date or origin.date,
            text=document.text,
            parts=self._parts(document.text, model),
            model=model,
        )

    def _parts(self, text: str, model: str) -> tuple[tuple[int, int, str], ...]:
        def key(part: str) -> str:
            return hashlib.sha256(f"{self.schema.digest}\n{model}\n{part}".encode()).hexdigest()[:32]

        return tuple((one.start, one.end, key(text[one.start : one.end])) for one in passages(text))

    def _read_parts(self, proposer: Proposer, tell: Tell) -> None:
        """Asks about each part that is not in the ledger, and stores a document as soon as its last one is."""
        waiting = self.ledger.ids(WAITING)
        total = sum(len(self.ledger.document(id).parts) for id in waiting)
        at = 0
        for id in waiting:
            one = self.ledger.document(id)
            missing = {key: one.text[start:end] for start, end, key in one.parts if self.ledger.proposals(key) is None}
            self.done.known += len(one.parts) - len(missing)
            at += len(one.parts) - len(missing)
            for keys in batches(list(missing), AHEAD):
                parts = [missing[key] for key in keys]
                for key, proposals in zip(keys, proposer.propose(parts, self.schema), strict=True):
                    self.ledger.keep(key, proposals)
                    self.done.asked += 1
                    at += 1
                    tell(at, total)
            self.ledger.set_state(id, READY)
            self.settle_ready()

    def settle_ready(self) -> None:
        """Puts in the documents that are ready."""
        resolve = resolver(self.ledger.merges())
        for id in self.ledger.ids(READY):
            maker = self.made(self.ledger.document(id), resolve)
            self.writer.remove_graph(DOCUMENT + id)
            if maker.quads:
                self.writer.add(list(maker.quads))
            self.ledger.set_state(id, STORED, maker.mentions)


def path_of(origin: reading.Origin) -> str:
    """Returns what an origin is called in the ledger: its real path, so that two ways to it are one."""
    return str(Path(origin.file.place if origin.file else origin.name).resolve())


def lies_in(path: str, place: Path) -> bool:
    """True where a file is a place or lies below it."""
    root = str(place.resolve())
    return path == root or path.startswith(root.rstrip("/") + "/")


def batches(items: list[str], size: int) -> Iterator[list[str]]:
    """Yields the items, some at a time."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
