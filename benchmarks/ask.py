"""The knowledge graph: statements imported a second, milliseconds a look-up, questions answered.

    python ask.py [CASE] [--data DIR] [--statements N] [--learn N] [--limit N] [--json]

    import     N statements, every second one a name, from N-Triples into store and names, beside pyoxigraph's own bulk
               loader, which makes no names
    look-up    in that graph: one-hop queries through the query process, names as they are, names with a slip
    metaqa-1, metaqa-2, metaqa-3, pathquestion-2, pathquestion-3, nlpcc, lcquad
               learned from a part of the questions and asked of the rest, beside words alone, which learn nothing:
               first answers, sets, queries that run, refusals where what is needed was taken away (`ask_quality.py`
               says how each is divided). LC-QuAD has gold entities and a graph in which each gold query has one answer.

DIR holds `metaqa/kb.txt`, `metaqa/1-hop/dev.txt`, `pathquestion/2H-kb.txt`, `nlpcc2016/training-data.txt` and so on.
"""

import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import ask_quality
import common

CASES = ("import", "look-up", *ask_quality.CASES)
SPACE = "http://example.org/"
LABEL = "http://www.w3.org/2000/01/rdf-schema#label"
LOOK_UPS = 200


def write_statements(path: Path, count: int) -> None:
    """Writes N-Triples: entities with a name and an edge each."""
    half = count // 2
    with open(path, "w", encoding="utf-8") as file:
        for number in range(half):
            file.write(f'<{SPACE}e{number}> <{LABEL}> "entity {number} name"@en .\n')
            file.write(f"<{SPACE}e{number}> <{SPACE}p{number % 20}> <{SPACE}e{number * 7919 % half}> .\n")


def import_ours(path: Path, graph: Path) -> float:
    """Returns the seconds that our import takes, all of it on disk."""
    from textmill.apps.graph.importing import import_file
    from textmill.apps.graph.reading import Reading
    from textmill.apps.graph.store import GraphWriter

    began = time.perf_counter()
    with GraphWriter(graph) as writer:
        import_file(writer, path, Reading())
    return time.perf_counter() - began


def importing(folder: Path, count: int) -> list[common.Row]:
    """Returns statements a second, ours and the bulk loader's."""
    from pyoxigraph import RdfFormat, Store

    path = folder / "statements.nt"
    write_statements(path, count)
    seconds = import_ours(path, folder / "graph")
    began = time.perf_counter()
    store = Store(str(folder / "bulk"))
    store.bulk_load(path=str(path), format=RdfFormat.N_TRIPLES)
    theirs = time.perf_counter() - began
    name = "pyoxigraph bulk_load"
    peer = common.row("import", f"{name}: statements a second", count / theirs, n=count, seconds=theirs)
    ours = common.row("import", "textmill: statements a second", count / seconds, n=count, seconds=seconds)
    return [common.beside(ours, peer, name), peer]


def looking_up(folder: Path, count: int) -> list[common.Row]:
    """Returns milliseconds a look-up, each of another entity."""
    from textmill.apps.graph.store import EmbeddedGraph

    if not (folder / "graph").exists():
        write_statements(folder / "statements.nt", count)
        import_ours(folder / "statements.nt", folder / "graph")
    graph = EmbeddedGraph(folder / "graph")
    graph.query("ASK { ?s ?p ?o }")  # the process starts
    kinds: dict[str, Any] = {
        "one-hop query": lambda number: graph.query(f"SELECT ?p ?o WHERE {{ <{SPACE}e{number}> ?p ?o }}"),
        "a name": lambda number: graph.find(f"entity {number} name"),
        "a name with a slip": lambda number: graph.find(f"entiyt {number} name"),
    }
    rows = []
    for name, look in kinds.items():
        times = []
        for place in range(LOOK_UPS):
            (seconds,) = common.timed(partial(look, place * 997 % (count // 2)), repeats=1, warm=0)
            times.append(1000 * seconds)
        middle, low, high = common.median(times)
        rows.append(common.row("look-up", f"{name}: ms", middle, low, high, len(times), sum(times) / 1000))
    graph.close()
    return rows


def main() -> None:
    """Runs the cases."""
    words = common.parser(__doc__ or "", CASES)
    words.add_argument("--statements", type=int, default=500_000)
    words.add_argument("--learn", type=int, default=4000, help="questions learned from; 0: all")
    words.add_argument("--limit", type=int, default=1000, help="questions asked; 0: all")
    given = words.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        runs: dict[str, Any] = {
            "import": lambda: importing(folder, given.statements),
            "look-up": lambda: looking_up(folder, given.statements),
        }
        if given.data is not None:
            for case in ask_quality.CASES:
                runs[case] = partial(ask_quality.quality, case, given.data, folder, given.learn, given.limit)
        chosen = [given.case] if given.case else list(runs)
        if given.case and given.case not in runs:
            words.error("--data DIR")
        common.report([row for case in chosen for row in runs[case]()], given.json)


if __name__ == "__main__":
    main()
