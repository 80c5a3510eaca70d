"""Graphs that tests are made with."""

from pathlib import Path

from textmill.apps.graph.importing import import_file
from textmill.apps.graph.reading import Reading
from textmill.apps.graph.store import EmbeddedGraph, GraphWriter

EX = "https://example.org/"
TOWN = """\
@prefix ex: <https://example.org/> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
ex:lamp a ex:Street ; rdfs:label "Lamp Street"@en, "灯街"@zh ; ex:length 300 ; ex:in ex:town .
ex:town rdfs:label "Riverton"@en, "河边镇"@zh ; skos:altLabel "River Town"@en ; ex:founded "1820-05-01"^^xsd:date .
ex:town ex:mayor [ rdfs:label "Ann" ] .
ex:in rdfs:label "lies in"@en, "位于"@zh .
ex:nameless ex:in ex:town .
"""


def write_town(folder: Path) -> Path:
    """Writes the town as Turtle."""
    path = folder / "town.ttl"
    path.write_text(TOWN, encoding="utf-8")
    return path


def town_graph(folder: Path) -> EmbeddedGraph:
    """Returns the town as an embedded graph."""
    with GraphWriter(folder / "graph") as writer:
        import_file(writer, write_town(folder), Reading())
    return EmbeddedGraph(folder / "graph")
