"""SHACL's core and the rules that a graph states itself; what is not understood is never passed over."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from textmill.apps.graph.chains import cycle
from textmill.apps.graph.checking import Checker
from textmill.apps.graph.reading import Reading, open_source, statements
from textmill.apps.graph.shapes import read_shapes
from textmill.apps.graph.terms import library
from textmill.errors import InputError

HEAD = """\
@prefix ex: <https://example.org/> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix sh: <http://www.w3.org/ns/shacl#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
"""
DATA = """\
ex:Town rdfs:subClassOf ex:Place .
ex:a a ex:Town ; ex:name "A"@en, "甲"@zh ; ex:founded 1820 ; ex:burnt 1900 ; ex:mayor ex:ann ; ex:code "AB-1" .
ex:b a ex:Town ; ex:name "B"@en, "Bee"@en ; ex:founded 2500 ; ex:burnt 1700 ;
    ex:mayor "nobody", ex:bo, ex:ann ; ex:code "x" .
ex:ann a ex:Person ; ex:of ex:a . ex:bo a ex:Dog .
"""


def found(folder: Path, shapes: str, data: str = DATA) -> list[tuple[str, str, str]]:
    """Returns (rule, focus, value) of all findings."""
    (folder / "shapes.ttl").write_text(HEAD + shapes, encoding="utf-8")
    (folder / "data.ttl").write_text(HEAD + data, encoding="utf-8")
    source = open_source(folder / "data.ttl")
    store = library().Store()
    with source.raw:
        store.extend(statements(source, "turtle", Reading()))
    checker = Checker(store)
    made = checker.check(read_shapes([folder / "shapes.ttl"])) if shapes else checker.rules()
    short = "https://example.org/"
    return [(one.rule, one.focus.removeprefix(short), one.value.removeprefix(short)) for one in made]


PROPERTY = "ex:S a sh:NodeShape ; sh:targetClass ex:Place ; sh:property [ sh:path {} ] ."


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("ex:mayor ; sh:maxCount 2", [("sh:maxCount", "b")]),
        ("ex:mayor ; sh:minCount 2", [("sh:minCount", "a")]),
        ("ex:mayor ; sh:class ex:Person", [("sh:class", "b"), ("sh:class", "b")]),
        ("ex:mayor ; sh:nodeKind sh:IRI", [("sh:nodeKind", "b")]),
        ("ex:founded ; sh:datatype xsd:integer ; sh:maxInclusive 2100", [("sh:maxInclusive", "b")]),
        ("ex:founded ; sh:minExclusive 1820", [("sh:minExclusive", "a")]),
        ("ex:founded ; sh:minInclusive 1820 ; sh:maxExclusive 2501", []),
        ("ex:founded ; sh:datatype xsd:date", [("sh:datatype", "a"), ("sh:datatype", "b")]),
        ('ex:code ; sh:pattern "^[A-Z]+-[0-9]$"', [("sh:pattern", "b")]),
        ('ex:code ; sh:pattern "^X" ; sh:flags "i" ; sh:maxLength 1', [("sh:maxLength", "a"), ("sh:pattern", "a")]),
        ('ex:code ; sh:in ( "AB-1" "AB-2" )', [("sh:in", "b")]),
        ('ex:code ; sh:hasValue "x"', [("sh:hasValue", "a")]),
        ("ex:name ; sh:uniqueLang true", [("sh:uniqueLang", "b")]),
        ('ex:name ; sh:languageIn ( "en" )', [("sh:languageIn", "a")]),
        ("ex:founded ; sh:lessThan ex:burnt", [("sh:lessThan", "b")]),
        ("[ sh:inversePath ex:of ] ; sh:minCount 1", [("sh:minCount", "b")]),
        ("( ex:mayor ex:of ) ; sh:maxCount 0", [("sh:maxCount", "a"), ("sh:maxCount", "b")]),
        ("[ sh:alternativePath ( ex:code ex:founded ) ] ; sh:maxCount 1", [("sh:maxCount", "a"), ("sh:maxCount", "b")]),
        ("ex:mayor ; sh:node [ sh:class ex:Person ]", [("sh:node", "b"), ("sh:node", "b")]),
        ("ex:mayor ; sh:or ( [ sh:class ex:Person ] [ sh:class ex:Dog ] )", [("sh:or", "b")]),
        ("ex:mayor ; sh:not [ sh:class ex:Dog ]", [("sh:not", "b")]),
    ],
)
def test_what_a_shape_asks_for(tmp_path: Path, asked: str, expected: list[tuple[str, str]]) -> None:
    assert sorted((rule, focus) for rule, focus, _ in found(tmp_path, PROPERTY.format(asked))) == expected


def test_closed_shapes_and_other_targets(tmp_path: Path) -> None:
    closed = (
        "ex:S a sh:NodeShape ; sh:targetObjectsOf ex:of ; sh:closed true ; sh:property [ sh:path ex:name ] ; "
        "sh:ignoredProperties ( <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> ex:founded ex:burnt ex:mayor ) ."
    )
    assert found(tmp_path, closed) == [("sh:closed", "a", '"AB-1"')]
    assert found(tmp_path, "ex:S sh:targetNode ex:gone ; sh:property [ sh:path ex:p ; sh:minCount 1 ] .") == [
        ("sh:minCount", "gone", "")
    ]


@pytest.mark.parametrize("asked", [
    "ex:p ; sh:qualifiedMinCount 1", 'ex:p ; sh:sparql [ sh:select "SELECT" ]', "[ sh:zeroOrMorePath ex:p ]",
    'ex:p ; sh:pattern "("', 'ex:p ; sh:minCount "many"', "ex:p ; sh:in [ ex:x 1 ]",
])  # fmt: skip
def test_what_is_not_understood_is_named(tmp_path: Path, asked: str) -> None:
    with pytest.raises(InputError) as caught:
        found(tmp_path, PROPERTY.format(asked))
    assert caught.value.key == "graph.shapes_unknown"
    with pytest.raises(InputError):
        found(tmp_path, "ex:S ex:p ex:o .")


def test_a_shape_within_itself_ends(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        found(tmp_path, "ex:S a sh:NodeShape ; sh:targetClass ex:Town ; sh:node ex:S .")


def test_rules_that_the_graph_states_itself(tmp_path: Path) -> None:
    data = """ex:A rdfs:subClassOf ex:B . ex:B rdfs:subClassOf ex:A . ex:C rdfs:subClassOf ex:A .
        ex:Cat owl:disjointWith ex:Dog . ex:x a ex:Cat, ex:Dog . ex:y a ex:Cat .
        ex:born a owl:FunctionalProperty . ex:x ex:born 1, 2 . ex:y ex:born 1 ."""
    assert [(rule, focus) for rule, focus, _ in found(tmp_path, "", data)] == [
        ("subclass_cycle", "A"), ("disjoint", "x"), ("functional", "x"),
    ]  # fmt: skip
    assert found(tmp_path, "") == []
    assert cycle({"a": ["b"], "b": ["c"], "c": ["b"], "d": []}) == ["b", "c", "b"]


def test_graph_check_from_the_command_line(tmp_path: Path, run_textmill: Callable[..., Any]) -> None:
    (tmp_path / "shapes.ttl").write_text(HEAD + PROPERTY.format("ex:mayor ; sh:maxCount 2 ; sh:message 'one mayor'"))
    (tmp_path / "town.ttl").write_text(HEAD + DATA, encoding="utf-8")
    bad = run_textmill("graph", "check", "town.ttl", "--shapes", "shapes.ttl", "--json")
    assert bad.code == 2 and bad.document["counts"] == {"sh:maxCount": 1}
    assert bad.document["findings"][0]["message"] == "one mayor"
    refused = run_textmill("graph", "import", "town.ttl", "--graph", "graph", "--shapes", "shapes.ttl")
    assert refused.code == 2 and "sh:maxCount" in refused.err and not (tmp_path / "graph").exists()
    run_textmill("graph", "import", "town.ttl", "--graph", "graph").ok()
    zh = run_textmill("graph", "check", "--graph", "graph", "--ui-language", "zh").ok().out
    assert "没有发现问题" in zh
    assert run_textmill("graph", "check", "--graph", "graph", "--shapes", "shapes.ttl").code == 2
    assert run_textmill("graph", "check", "--graph", "nowhere").code == 2
