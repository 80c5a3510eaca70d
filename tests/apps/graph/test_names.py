"""Looking entities up, and names that keep step with what is stored."""

from pathlib import Path

import pytest
from graphs import EX, town_graph
from hypothesis import given, settings
from hypothesis import strategies as st

from textmill.apps.graph import folding
from textmill.apps.graph.names import EXACT, TYPO, WORDS, Name, Names
from textmill.apps.graph.store import EmbeddedGraph, GraphWriter
from textmill.apps.graph.terms import RDFS, library


def names_of(tmp_path: Path, *texts: str) -> Names:
    names = Names(tmp_path / "names.sqlite", writing=True)
    with names.transaction():
        names.add([Name(iri=f"{EX}{number}", text=text) for number, text in enumerate(texts)])
        names.complete()
    return names


@pytest.mark.parametrize(
    ("asked", "found", "how"),
    [
        ("The Hobbit", "The Hobbit", EXACT),
        ("ＴＨＥ  hobbit", "The Hobbit", EXACT),
        ("hobbit", "The Hobbit", WORDS),
        ("teh hobbit", "The Hobbit", TYPO),
        ("The Hobit", "The Hobbit", TYPO),
        ("the hobbbit", "The Hobbit", TYPO),
        ("鲁迅全集", "鲁迅全集", EXACT),
        ("全集", "鲁迅全集", WORDS),
        ("鲁讯全集", "鲁迅全集", TYPO),
        ("Café", "café", EXACT),
    ],
)
def test_names_are_found_by_word_character_and_slip(tmp_path: Path, asked: str, found: str, how: str) -> None:
    names = names_of(tmp_path, "The Hobbit", "鲁迅全集", "café", "Robbie", "Rabbit Hole", "巴金全传")
    first = names.find(asked)[0]
    assert (first.name, first.how) == (found, how)
    assert names.find("xylophone") == names.find("") == names.find("!?") == []
    names.close()


@pytest.mark.parametrize(
    "label", ['" OR 1=1 --', "NEAR(a b", "x*", "a:b AND", "'; DROP TABLE name;", "\0\x1b[2J", "^x"]
)
def test_a_hostile_label_is_a_label(tmp_path: Path, label: str) -> None:
    names = names_of(tmp_path, label + " lamp", "lamp")
    assert names.find("lamp")[0].name == "lamp"
    assert names.find(label + " lamp")[0].iri == EX + "0"
    names.find(label)
    names.close()


@settings(deadline=None, max_examples=200)
@given(st.text(alphabet="abcd e", max_size=9), st.text(alphabet="abcd e", max_size=9))
def test_distance_is_the_plain_one(first: str, second: str) -> None:
    def plain(a: str, b: str) -> int:
        table = [[i + j if not i * j else 0 for j in range(len(b) + 1)] for i in range(len(a) + 1)]
        for i in range(1, len(a) + 1):
            for j in range(1, len(b) + 1):
                table[i][j] = min(
                    table[i - 1][j] + 1, table[i][j - 1] + 1, table[i - 1][j - 1] + (a[i - 1] != b[j - 1])
                )
                if i > 1 and j > 1 and a[i - 1] == b[j - 2] and a[i - 2] == b[j - 1]:
                    table[i][j] = min(table[i][j], table[i - 2][j - 2] + 1)
        return table[-1][-1]

    for most in range(4):
        assert folding.distance(first, second, most) == min(plain(first, second), most + 1)


def found(graph: EmbeddedGraph, text: str) -> list[str]:
    return [match.iri for match in graph.find(text)]


def test_names_come_and_go_with_their_statements(tmp_path: Path) -> None:
    graph, kinds = town_graph(tmp_path), library()
    assert found(graph, "灯街") == [EX + "lamp"]
    assert found(graph, "nameless") == [EX + "nameless"], "what has no name is found by the end of its IRI"
    graph.close()
    lamp, label = kinds.NamedNode(EX + "lamp"), kinds.NamedNode(RDFS + "label")
    with GraphWriter(tmp_path / "graph") as writer:
        writer.remove(list(writer.store.quads_for_pattern(lamp, None, None)))
        writer.add([kinds.Quad(kinds.NamedNode(EX + "nameless"), label, kinds.Literal("Named now"))])
    graph = EmbeddedGraph(tmp_path / "graph")
    assert found(graph, "灯街") == found(graph, "Lamp Stret") == found(graph, "nameless") == []
    assert found(graph, "named now") == [EX + "nameless"]
    assert not graph.index.has(EX + "lamp") and graph.index.has(EX + "town")
    graph.close()


def test_a_name_that_another_graph_gives_too_stays(tmp_path: Path) -> None:
    kinds = library()
    node, label = kinds.NamedNode(EX + "a"), kinds.NamedNode(RDFS + "label")
    quads = [kinds.Quad(node, label, kinds.Literal("Both"), kinds.NamedNode(EX + graph)) for graph in ("g1", "g2")]
    with GraphWriter(tmp_path / "graph") as writer:
        writer.add(quads)
        writer.remove(quads[:1])
        assert [match.iri for match in writer.index.find("both")] == [EX + "a"]
        writer.remove(quads[1:])
        assert writer.index.counts() == {"entities": 0, "names": 0}


def test_names_are_made_anew_where_a_process_died_between_store_and_names(tmp_path: Path) -> None:
    kinds = library()
    town_graph(tmp_path).close()
    writer = GraphWriter(tmp_path / "graph")
    writer._mark()
    quad = kinds.Quad(kinds.NamedNode(EX + "late"), kinds.NamedNode(RDFS + "label"), kinds.Literal("Late one"))
    writer.store.extend([quad])
    writer.store.flush()
    writer.index.close()
    del writer.store  # as a kill would leave it: in the store, not among the names
    with GraphWriter(tmp_path / "graph"):
        pass
    graph = EmbeddedGraph(tmp_path / "graph")
    assert found(graph, "late one") == [EX + "late"]
    assert found(graph, "灯街") == [EX + "lamp"]
    graph.close()


def test_an_id_that_is_given_again_is_indexed_again(tmp_path: Path) -> None:
    index = Names(tmp_path / "names.sqlite", writing=True)
    index.add([Name(iri="urn:a", text="Riverton"), Name(iri="urn:b", text="Hilltop")])
    index.complete()
    index.remove([Name(iri="urn:b", text="Hilltop")], ["urn:b"])
    index.add([Name(iri="urn:c", text="Milltown Lane")])
    index.complete()
    assert [match.iri for match in index.find("lane")] == ["urn:c"]
    index.remove([Name(iri="urn:c", text="Milltown Lane")], ["urn:c"])  # a row that is in no index cannot be taken out
    assert index.find("lane") == [] and index.find("Riverton")[0].iri == "urn:a"
    for table in ("words", "trigrams"):
        index.base.execute(f"INSERT INTO {table}({table}, rank) VALUES('integrity-check', 1)")
    index.close()


def test_words_that_the_index_cuts_in_parts_are_no_error(tmp_path: Path) -> None:
    names = names_of(tmp_path, "directed_by hand", "Lamp Street")
    assert [match.iri for match in names.find("hand directed_by")] == [f"{EX}0"]
    for odd in ("street_", "_", "p\U0001e900q", "a\U00010d04b", "\x16", "£b\U000a6504H"):
        assert all(match.name for match in names.find(odd))
    names.close()
