"""Queries are written and read back alike; other forms are not read."""

from dataclasses import replace

import pytest

from textmill.apps.ask.query import ANSWER, ASK, COUNT, EXTRA, VALUE, Pattern, Query, Step, path
from textmill.apps.ask.query_reading import read_query
from textmill.apps.graph.sparql import check_query

PLAIN = path("<http://x/e>", (Step(predicate="http://x/p", forward=True), Step(predicate="http://x/q", forward=False)))
VALUED = replace(PLAIN, patterns=(*PLAIN.patterns, Pattern(subject=ANSWER, predicate="http://x/v", object=VALUE)))


@pytest.mark.parametrize(
    "query",
    [
        PLAIN,
        replace(PLAIN, form=COUNT),
        replace(VALUED, operator=">", bound="200"),
        replace(VALUED, form=COUNT, operator="<=", bound='"1999-01-01"^^<http://www.w3.org/2001/XMLSchema#date>'),
        replace(VALUED, order="DESC"),
        replace(PLAIN, optional=Pattern(subject=ANSWER, predicate="http://x/v", object=EXTRA)),
        Query(form=ASK, patterns=(Pattern(subject="<http://x/e>", predicate="http://x/p", object="<http://x/f>"),)),
        path("<http://x/e>", (Step(predicate="http://x/p", forward=False),) * 3),
    ],
)
def test_a_query_is_read_as_it_was_written(query: Query) -> None:
    assert read_query(query.sparql()) == query
    assert check_query(query.sparql()) in ("SELECT", "ASK") and check_query(query.evidence()) == "CONSTRUCT"
    entities = query.entities()
    assert query.shape(entities).filled(entities, query.bound) == query


def test_other_names_of_variables_and_prefixes_are_the_same_query() -> None:
    other = """PREFIX x: <http://x/> SELECT DISTINCT ?uri WHERE { x:e x:p ?middle . ?uri x:q ?middle .
               FILTER(?uri != x:e) }"""
    assert read_query(other) == PLAIN
    counted = read_query("SELECT DISTINCT COUNT(?uri) WHERE {?uri <http://x/p> <http://x/e> . }")
    assert counted is not None and counted.form == COUNT and counted.slots() == 0
    assert read_query("ASK { ?a a rdfs:Class }") is not None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SELECT",
        "DESCRIBE <http://x/e>",
        "SELECT ?a WHERE { ?a <http://x/p>/<http://x/q> ?b }",
        "SELECT ?a WHERE { { ?a <http://x/p> ?b } UNION { ?a <http://x/q> ?b } }",
        "SELECT ?a WHERE { SERVICE <http://x/> { ?a ?b ?c } }",
        "SELECT ?a WHERE { ?b <http://x/p> ?c }",
        "SELECT ?a WHERE { ?a <http://x/p> ?b . FILTER(?b > ?a) }",
        "SELECT ?a WHERE { ?a <http://x/p> ?b } trailing",
        "SELECT ?a WHERE { ?a <no scheme> ?b }",
        "DELETE WHERE { ?a ?b ?c }",
    ],
)
def test_other_forms_are_not_read(text: str) -> None:
    assert read_query(text) is None
