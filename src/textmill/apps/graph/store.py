"""The store: what every graph can do, and the embedded one in the project's ``graph/`` folder.

    graph/store/         pyoxigraph's own files (RocksDB)
    graph/names.sqlite   names of entities, and how far imports have come (see `names`)

One process writes at a time; any number read. A reader opens the store as it lies there, and queries run in a process
of their own (`query_process`), so nothing that is asked can hold up or damage what is stored.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from textmill.apps.graph.answers import Answer, Limits
from textmill.apps.graph.names import Match, Name, Names
from textmill.apps.graph.query_process import QueryProcess
from textmill.apps.graph.terms import NAME_PREDICATES, library
from textmill.errors import InputError, ResourceError
from textmill.files import disk_errors

if TYPE_CHECKING:
    from pyoxigraph import Quad

STORE, NAMES = "store", "names.sqlite"
PENDING = "pending"
DEFAULT_LIMITS = Limits()


class Graph(Protocol):
    """What can be asked of a graph, wherever it lies."""

    def query(self, text: str, limits: Limits = DEFAULT_LIMITS) -> Answer:
        """Returns the answer to a SPARQL query that only reads; errors for any other and past the limits."""
        ...

    def find(self, text: str, *, most: int = 10) -> list[Match]:
        """Returns the entities that a text may mean, the likeliest first."""
        ...

    def names(self, iri: str) -> list[Name]:
        """Returns an entity's names, labels first."""
        ...

    def close(self) -> None:
        """Lets go of files, processes and connections."""
        ...


class EmbeddedGraph:
    """A graph in a folder."""

    def __init__(self, folder: Path) -> None:
        library()
        if not (folder / STORE).is_dir() or not (folder / NAMES).is_file():
            raise InputError("graph.none", folder=folder)
        self.folder = folder
        self.index = Names(folder / NAMES)
        self.processes = QueryProcess(folder / STORE)

    def query(self, text: str, limits: Limits = DEFAULT_LIMITS) -> Answer:
        """Returns the answer to a query."""
        return self.processes.ask(text, limits)

    def find(self, text: str, *, most: int = 10) -> list[Match]:
        """Returns the entities that a text may mean."""
        return self.index.find(text, most=most)

    def names(self, iri: str) -> list[Name]:
        """Returns an entity's names."""
        return self.index.of(iri)

    def statements(self) -> "Iterator[Quad]":
        """Yields all statements, as they lie in the store."""
        store = opened(lambda: library().Store.read_only(str(self.folder / STORE)), self.folder)
        return iter(store.quads_for_pattern(None, None, None, None))

    def close(self) -> None:
        """Ends the query process and closes the names."""
        self.processes.close()
        self.index.close()


def opened(make: Callable[[], Any], folder: Path) -> Any:
    """Returns the store that `make` opens, or raises the error that says why it cannot be."""
    try:
        with disk_errors(folder):
            return make()
    except OSError as error:
        if "lock" in str(error).lower():
            raise ResourceError("graph.locked", folder=folder) from error
        raise InputError("graph.store_unreadable", folder=folder, detail=str(error)[:300]) from error


class GraphWriter:
    """The one who writes to a graph: statements and names go in and out together."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        kinds = library()
        with disk_errors(folder):
            (folder / STORE).mkdir(parents=True, exist_ok=True)
        self.store = opened(lambda: kinds.Store(str(folder / STORE)), folder)
        self.index = Names(folder / NAMES, writing=True)
        if self.index.state(PENDING):
            self.rebuild_names()

    def __enter__(self) -> "GraphWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Makes the last things durable, and lets others write."""
        if self.index.state("open_names"):
            self.complete_names()
        self.store.flush()
        self.index.close()
        del self.store

    def add(self, quads: "list[Quad]", *, remember: dict[str, Any] | None = None) -> None:
        """Puts in statements, their names, and what is to be remembered once they are there."""
        self._mark()
        with disk_errors(self.folder):
            self.store.bulk_extend(quads) if len(quads) > 5_000 else self.store.extend(quads)
        with self.index.transaction():
            self.index.add(names_in(quads), entities_in(quads))
            for key, value in (remember or {}).items():
                self.index.remember(key, value)
            self.index.remember("open_names", True)
            self.index.remember(PENDING, None)

    def remove(self, quads: "Iterable[Quad]", *, graph: Any = None, remember: dict[str, Any] | None = None) -> None:
        """Takes out statements, the names that they gave, and entities of which nothing is left.

        `graph`: they are all that is in this named graph, which is then taken out in one go.
        """
        quads = list(quads)
        self._mark()
        with disk_errors(self.folder):
            if graph is not None:
                self.store.remove_graph(graph)
            for quad in quads if graph is None else ():
                self.store.remove(quad)
        gone = [iri for iri in entities_in(quads) if not self._mentioned(iri)]
        names = [name for name in names_in(quads) if not self._named(name)]
        with self.index.transaction():
            self.index.remove(names, gone)
            for key, value in (remember or {}).items():
                self.index.remember(key, value)
            self.index.remember("open_names", True)
            self.index.remember(PENDING, None)

    def remove_graph(self, name: str) -> int:
        """Takes out a named graph; returns how many statements it had."""
        node = library().NamedNode(name)
        quads = list(self.store.quads_for_pattern(None, None, None, node))
        if quads:
            self.remove(quads, graph=node)
        return len(quads)

    def _mark(self) -> None:
        with self.index.transaction():
            self.index.remember(PENDING, True)

    def _mentioned(self, iri: str) -> bool:
        node = library().NamedNode(iri)
        ways = ((node, None, None), (None, None, node))
        return any(next(iter(self.store.quads_for_pattern(*way)), None) is not None for way in ways)

    def _named(self, name: Name) -> bool:
        """True when another statement (in another graph, by another predicate) gives the same name."""
        kinds = library()
        literal = kinds.Literal(name.text, language=name.language) if name.language else kinds.Literal(name.text)
        quads = self.store.quads_for_pattern(kinds.NamedNode(name.iri), None, literal)
        return any(NAME_PREDICATES.get(quad.predicate.value) == name.kind for quad in quads)

    def complete_names(self) -> None:
        """Names what has no name after its IRI; once, when all statements are in."""
        with self.index.transaction():
            self.index.complete()
            self.index.remember("open_names", None)

    def rebuild_names(self) -> None:
        """Makes the names anew from what is stored."""
        with self.index.transaction():
            self.index.clear()
            quads = iter(self.store.quads_for_pattern(None, None, None, None))
            while batch := list(itertools.islice(quads, 50_000)):
                self.index.add(names_in(batch), entities_in(batch))
            self.index.complete()
            self.index.remember("open_names", None)
            self.index.remember(PENDING, None)


def names_in(quads: Iterable[Any]) -> Iterator[Name]:
    """Yields the names that statements give to entities."""
    kinds = library()
    literal, named = kinds.Literal, kinds.NamedNode
    for quad in quads:
        subject, thing = quad.subject, quad.object
        kind = NAME_PREDICATES.get(quad.predicate.value)
        if kind is not None and isinstance(thing, literal) and isinstance(subject, named) and thing.value.strip():
            yield Name(iri=subject.value, text=thing.value, language=thing.language or "", kind=kind)


def entities_in(quads: Iterable[Any]) -> dict[str, None]:
    """Returns the IRIs that are subjects or objects, in order, each once."""
    named = library().NamedNode
    terms = (term for quad in quads for term in (quad.subject, quad.object) if isinstance(term, named))
    return dict.fromkeys(term.value for term in terms)
