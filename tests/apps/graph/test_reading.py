"""Files of every form, broken ones and hostile ones."""

import bz2
import gzip
import json
from pathlib import Path

import pytest
from graphs import TOWN

from textmill.apps.graph.looking import lines_of_file
from textmill.apps.graph.reading import Reading, format_of, open_source, statements
from textmill.apps.graph.tables import read_mapping
from textmill.apps.graph.terms import library
from textmill.errors import InputError, UsageError

RDF_XML = """<?xml version="1.0"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:ex="https://example.org/">
<rdf:Description rdf:about="https://example.org/a"><ex:p>b</ex:p></rdf:Description>
"""
ONE = '<https://example.org/a> <https://example.org/p> "b" .\n'
BOMB = '<!DOCTYPE r [<!ENTITY a "' + "x" * 99 + '"><!ENTITY b "' + "&a;" * 99 + '">]>'


def read(path: Path, **how: object) -> list[str]:
    reading = Reading(**how)  # type: ignore[arg-type]
    source = open_source(path)
    with source.raw:
        return [f"{quad} ." for quad in statements(source, format_of(path, reading), reading)]


def refused(path: Path, **how: object) -> InputError:
    with pytest.raises(InputError) as caught:
        read(path, **how)
    return caught.value


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.nt", ONE),
        ("a.ttl", "@prefix ex: <https://example.org/> . ex:a ex:p 'b' ."),
        ("a.nq", ONE),
        ("a.trig", ONE),
        ("a.rdf", RDF_XML + "</rdf:RDF>"),
        ("a.jsonld", '{"@id": "https://example.org/a", "https://example.org/p": "b"}'),
        ("a.json", '{"@id": "https://example.org/a", "https://example.org/p": "b"}'),
    ],
)
def test_every_form_says_the_same(tmp_path: Path, name: str, content: str) -> None:
    for ending, pack in (("", bytes), (".gz", gzip.compress), (".bz2", bz2.compress)):
        path = tmp_path / (name + ending)
        path.write_bytes(pack(content.encode()))
        assert [line + "\n" for line in read(path)] == [ONE]


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("a.nt", ONE * 3 + "broken\n", 4),
        ("a.ttl", ONE + ONE + "<https://example.org/a> <relative> 1 .\n", 3),
        ("a.rdf", RDF_XML + "<broken", 4),
        ("a.jsonld", '{"@id": "https://example.org/a",\n"x": }', 2),
        ("a.csv", 'a,b\n1,2\n"1,2\n', 4),
        ("a.csv", "a,b\n1,2\n1,2,3\n", 3),
    ],
)
def test_a_fault_names_its_line(tmp_path: Path, name: str, content: str, line: int) -> None:
    path = tmp_path / name
    path.write_text(content)
    (tmp_path / "map.toml").write_text('[[statement]]\nsubject="urn:x:{a}"\npredicate="label"\ntext="{b}"\n')
    how = {"mapping": read_mapping(tmp_path / "map.toml")} if name.endswith("csv") else {}
    error = refused(path, **how)
    if error.key == "graph.bad_file":  # expat tells the line in its own words
        assert f"line {line}" in str(error)
    else:
        assert (error.key, error.values["line"]) == ("graph.bad_line", line)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.rdf", RDF_XML.replace("<rdf:RDF", BOMB + "<rdf:RDF") + "</rdf:RDF>"),
        ("a.rdf", RDF_XML + "<rdf:x>" * 400),
        ("a.jsonld", '{"@context": "http://127.0.0.1:9/context", "@id": "https://example.org/a", "p": "b"}'),
        ("a.ttl", "\udcff"),
        ("a.ttl", "#" * (9 << 20)),
    ],
    ids=["entities", "depth", "remote context", "no UTF-8", "one line"],
)
def test_hostile_files_are_one_clear_error(tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / name
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    assert refused(path).key in ("graph.bad_file", "graph.bad_line")


def test_archives_that_are_cut_short_or_expand_without_end(tmp_path: Path) -> None:
    cut = tmp_path / "cut.nt.gz"
    cut.write_bytes(gzip.compress(ONE.encode() * 5000)[:-60])
    assert refused(cut).key == "graph.bad_archive"
    bomb = tmp_path / "bomb.nt.gz"
    bomb.write_bytes(gzip.compress(b"# nothing\n" * (3 << 20)))
    assert "bomb" in str(refused(bomb))
    assert refused(tmp_path / "none.nt").key == "graph.file_unreadable"
    (tmp_path / "what.xyz").write_text("x")
    assert refused(tmp_path / "what.xyz").key == "graph.unknown_format"


def test_blank_nodes_are_the_same_each_time_and_never_shared(tmp_path: Path) -> None:
    one, two = tmp_path / "one.ttl", tmp_path / "two.ttl"
    one.write_text(TOWN, encoding="utf-8")
    two.write_text(TOWN + "\n", encoding="utf-8")
    assert read(one) == read(one) != read(two)
    assert lines_of_file(one, None) == lines_of_file(two, None), "canonical names compare what is said of them"


def test_statements_about_statements_come_in(tmp_path: Path) -> None:
    path = tmp_path / "about.ttl"
    path.write_text("@prefix ex: <https://example.org/> . ex:a ex:p ex:b {| ex:confidence 0.5 |} .")
    assert len(read(path)) == 3 and any("reifies" in line and "<<(" in line for line in read(path))


def test_triples_go_into_a_named_graph_and_options_are_held_to_iris(tmp_path: Path) -> None:
    path = tmp_path / "a.nq"
    path.write_text(ONE + ONE.replace(" .", " <https://example.org/own> ."))
    ends = [line.split()[-2] for line in read(path, graph="https://example.org/g")]
    assert ends == ["<https://example.org/g>", "<https://example.org/own>"]
    with pytest.raises(UsageError):
        Reading(graph="no iri>")


MAPPING = """
header = ["film", "year", "tags", "director"]
delimiter = "|"
[[statement]]
subject = "https://example.org/film/{film}"
predicate = "label"
text = "{film}"
language = "en"
[[statement]]
subject = "https://example.org/film/{film}"
predicate = "schema:datePublished"
text = "{year}"
datatype = "gYear"
[[statement]]
subject = "https://example.org/film/{film}"
predicate = "https://example.org/tag"
object = "https://example.org/tag/{tags}"
split = ";"
"""


def test_a_table_becomes_statements_by_its_mapping(tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text(MAPPING)
    path = tmp_path / "films.csv"
    path.write_text("A <Film> & more|1999|drama; 诗 意|x\n灯|soon||y\n", encoding="utf-8")
    reading = Reading(mapping=read_mapping(tmp_path / "map.toml"))
    source = open_source(path)
    with source.raw:
        quads = list(statements(source, "csv", reading))
    assert [quad.subject.value.rpartition("/")[2] for quad in quads] == ["A_%3CFilm%3E_&_more"] * 4 + ["灯"]
    assert quads[0].object == library().Literal("A <Film> & more", language="en")
    assert [quad.object.value for quad in quads[2:4]] == [
        "https://example.org/tag/drama",
        "https://example.org/tag/诗_意",
    ]
    assert (source.left_out, source.first_left_out) == (1, "2: soon")


@pytest.mark.parametrize("text", ["", "x = 1", "[[statement]]\nsubject='a'", MAPPING + "what = 1", "[[statement"])
def test_a_mapping_that_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "map.toml").write_text(text)
    with pytest.raises(InputError) as caught:
        read_mapping(tmp_path / "map.toml")
    assert caught.value.key == "graph.mapping_bad"


def claim(value: object, kind: str, rank: str = "normal", snak: str = "value") -> dict:
    return {"rank": rank, "mainsnak": {"snaktype": snak, "datavalue": {"type": kind, "value": value}}}


def time_of(text: str, precision: int) -> dict:
    return claim({"time": text, "precision": precision}, "time")


def test_a_wikidata_dump_in_a_stream(tmp_path: Path) -> None:
    river = {
        "type": "item", "id": "Q7", "labels": {"en": {"value": "River"}, "de": {"value": "Fluss"}},
        "aliases": {"zh": [{"value": "江"}]}, "descriptions": {"en": {"value": "a river"}},
        "claims": {
            "P1": [claim({"id": "Q8"}, "wikibase-entityid"), claim({"id": "Q9"}, "wikibase-entityid", "deprecated")],
            "P2": [claim("old", "string"), claim("new", "string", "preferred"), claim(None, "string", snak="novalue")],
            "P3": [time_of("+1820-05-01T00:00:00Z", 11), time_of("-0044-00-00T00:00:00Z", 9),
                   time_of("+1900-00-00T00:00:00Z", 7)],
            "P4": [claim({"amount": "+12.50"}, "quantity"),
                   claim({"text": "Fluss", "language": "de"}, "monolingualtext")],
        },
    }  # fmt: skip
    named = {"type": "property", "id": "P1", "labels": {"en": {"value": "flows into"}}}
    path = tmp_path / "dump.json.gz"
    lines = ["[", json.dumps(river, separators=(",", ":")) + ",", "{broken,", json.dumps(named), "]"]
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    assert format_of(path, Reading()) == "wikidata"
    source = open_source(path)
    with source.raw:
        quads = list(statements(source, "wikidata", Reading(languages=("en", "zh"))))
    said = {(quad.predicate.value.rpartition("/")[2].rpartition("#")[2], quad.object.value) for quad in quads}
    assert said == {
        ("label", "River"), ("altLabel", "江"), ("description", "a river"),
        ("P1", "http://www.wikidata.org/entity/Q8"), ("P2", "new"), ("P3", "1820-05-01"), ("P3", "-0044"),
        ("P4", "12.50"), ("P4", "Fluss"), ("label", "flows into"),
    }  # fmt: skip
    assert source.left_out == 2, "a century is no point in time; a broken line costs itself"
    assert {quad.subject.value for quad in quads if quad.object.value == "flows into"} == {
        "http://www.wikidata.org/entity/P1",
        "http://www.wikidata.org/prop/direct/P1",
    }
