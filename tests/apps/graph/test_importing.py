"""Imports that are stopped, go on, begin anew; a graph as a file again."""

import io
import random
from pathlib import Path

import pytest
from graphs import EX, town_graph

from textmill.apps.graph import importing, looking
from textmill.apps.graph.importing import import_file
from textmill.apps.graph.reading import Reading
from textmill.apps.graph.store import EmbeddedGraph, GraphWriter
from textmill.errors import InputError, ResourceError


def lines(count: int) -> list[str]:
    label = "http://www.w3.org/2000/01/rdf-schema#label"
    return [f'<{EX}e{n}> <{label}> "thing {n}" .\n<{EX}e{n}> <{EX}next> _:b{n % 7} .\n' for n in range(count)]


def exported(folder: Path, form: str = "nquads") -> bytes:
    graph = EmbeddedGraph(folder)
    file = io.BytesIO()
    looking.export(graph, form, file)
    graph.close()
    return file.getvalue()


def test_an_import_goes_on_where_it_was_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "BATCH", 100)
    path = tmp_path / "a.nt"
    path.write_text("".join(lines(250)))

    def stop(read: int, size: int, count: int) -> None:
        if count == 300:
            raise KeyboardInterrupt

    with GraphWriter(tmp_path / "one") as writer, pytest.raises(KeyboardInterrupt):
        import_file(writer, path, Reading(), tell=stop)
    with GraphWriter(tmp_path / "one") as writer:
        rest = import_file(writer, path, Reading())
        assert (rest.done_before, rest.statements) == (300, 500)
        assert import_file(writer, path, Reading()).unchanged
    with GraphWriter(tmp_path / "two") as writer:
        import_file(writer, path, Reading())
    assert exported(tmp_path / "one") == exported(tmp_path / "two")
    graph = EmbeddedGraph(tmp_path / "one")
    assert graph.find("thing 249")[0].iri == EX + "e249"
    assert graph.index.counts() == {"entities": 250, "names": 250}
    graph.close()


def test_a_file_that_changed_is_imported_anew_and_what_was_there_is_there_once(tmp_path: Path) -> None:
    path = tmp_path / "a.nt"
    path.write_text("".join(lines(3)).replace("_:b", f"{EX}b").replace(f"{EX}b", f"<{EX}b").replace(" .", "> ."))
    path.write_text(f'<{EX}a> <{EX}p> "1" .\n')
    with GraphWriter(tmp_path / "graph") as writer:
        import_file(writer, path, Reading())
        path.write_text(f'<{EX}a> <{EX}p> "1" .\n<{EX}a> <{EX}p> "2" .\n')
        assert not import_file(writer, path, Reading()).unchanged
    assert exported(tmp_path / "graph").count(b"\n") == 2


def test_a_broken_file_leaves_the_graph_as_it_was(tmp_path: Path) -> None:
    town_graph(tmp_path).close()
    before = exported(tmp_path / "graph")
    (tmp_path / "bad.nt").write_text("".join(lines(3)) + "broken\n")
    with GraphWriter(tmp_path / "graph") as writer, pytest.raises(InputError):
        import_file(writer, tmp_path / "bad.nt", Reading())
    assert exported(tmp_path / "graph") == before


def test_equal_graphs_are_equal_files_whatever_the_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "SORTED_CHUNK", 50)  # several chunks, merged
    said = [f'<{EX}e{n}> <{EX}p> "{n}" .\n' for n in range(200)]
    files = []
    for name in ("one", "two"):
        random.Random(name).shuffle(said)
        (tmp_path / f"{name}.nt").write_text("".join(said))
        with GraphWriter(tmp_path / name) as writer:
            import_file(writer, tmp_path / f"{name}.nt", Reading())
        files.append(exported(tmp_path / name))
    assert files[0] == files[1] == "".join(sorted(said)).encode()


@pytest.mark.parametrize("form", ["turtle", "trig", "jsonld", "rdfxml", "ntriples"])
def test_what_is_exported_comes_in_again(tmp_path: Path, form: str) -> None:
    town_graph(tmp_path).close()
    path = tmp_path / f"out.{form}"
    path.write_bytes(exported(tmp_path / "graph", form))
    with GraphWriter(tmp_path / "again") as writer:
        import_file(writer, path, Reading(format=form))
    one, two = EmbeddedGraph(tmp_path / "graph"), EmbeddedGraph(tmp_path / "again")
    assert looking.lines_of_file(path, one) == looking.lines_of_file(path, two)
    one.close()
    two.close()


def test_one_writes_at_a_time_and_a_folder_without_a_graph_says_so(tmp_path: Path) -> None:
    with GraphWriter(tmp_path / "graph"), pytest.raises(ResourceError) as caught:
        GraphWriter(tmp_path / "graph")
    assert caught.value.key == "graph.locked"
    with pytest.raises(InputError) as none:
        EmbeddedGraph(tmp_path / "nothing")
    assert none.value.key == "graph.none"
