"""What a query may be: refused by SPARQL's own tokens, not by letters that happen to stand there."""

import pytest

from textmill.apps.graph.sparql import LONGEST, check_query
from textmill.errors import InputError

READS = [
    "SELECT * WHERE { ?s ?p ?o }",
    "select ?service ?from ?load where { ?service ?from ?load }",
    'ASK { ?s ?p "SERVICE <http://x> { } FROM LOAD" }',
    'ASK { ?s ?p """a "SERVICE" b\nFROM <x>""" }',
    "ASK { ?s ?p 'it\\'s FROM <x>' }",
    "# SERVICE <http://x>\nASK { ?s ?p ?o } # FROM <x>",
    "ASK { <http://x/SERVICE> <http://x/FROM#LOAD> ?o }",
    "PREFIX service: <http://x/> SELECT ?s { ?s service:name ?o ; service:from ?load }",
    "PREFIX from: <http://x/> SELECT ?s { ?s from:here ?o }",
    "SELECT ?s { ?s ?p ?o FILTER(?o<5 && ?o>3) }",
    "BASE <http://x/> PREFIX : <http://y/> CONSTRUCT { ?s :p ?o } WHERE { ?s :p/:q*|^:r ?o }",
    "DESCRIBE <http://x>",
    "SELECT (COUNT(*) AS ?n) { ?城市 ?p '灯街'@zh }",
]
REFUSED = {
    "SELECT * { SERVICE <http://x> { ?s ?p ?o } }": "SERVICE",
    "SELECT * { sErViCe SILENT ?x { ?s ?p ?o } }": "SERVICE",
    "SELECT * { SERVICE:g { ?s ?p ?o } }": "SERVICE",
    "SELECT * { FILTER(?a<?b)SERVICE<http://x>{ ?s ?p ?o } }": "SERVICE",
    "SELECT * { S\\u0045RVICE <http://x> { ?s ?p ?o } }": "SERVICE",
    "SELECT * { # harmless\rSERVICE <http://x> { ?s ?p ?o } }": "SERVICE",
    "SELECT * FROM <http://x> { ?s ?p ?o }": "FROM",
    "SELECT*FROM:g{ ?s ?p ?o }": "FROM",
    "SELECT(?a<1AS?c)(1>2AS?d)FROM:g{ ?s ?p ?o }": "FROM",
    "ASK FROM NAMED <http://x> { ?s ?p ?o }": "FROM",
    "LOAD <http://x>": "LOAD",
    "INSERT DATA { <http://a> <http://b> 1 }": "INSERT",
    "PREFIX : <http://x/> DELETE WHERE { ?s ?p ?o }": "DELETE",
    "SELECT * { ?s ?p ?o } ; DROP ALL": "DROP",
    "CLEAR ALL": "CLEAR",
    "WITH <http://g> DELETE { ?s ?p ?o } WHERE { ?s ?p ?o }": "WITH",
}


@pytest.mark.parametrize("query", READS)
def test_what_reads_is_let_through(query: str) -> None:
    assert check_query(query) in ("SELECT", "ASK", "CONSTRUCT", "DESCRIBE")


@pytest.mark.parametrize("query", REFUSED)
def test_what_fetches_or_writes_is_refused(query: str) -> None:
    with pytest.raises(InputError) as caught:
        check_query(query)
    assert (caught.value.key, caught.value.values["word"]) == ("graph.query_refused", REFUSED[query])


@pytest.mark.parametrize(
    ("query", "key"),
    [
        ("", "graph.query_form"),
        ("What is the longest street?", "graph.query_form"),
        ("ASK { " + " " * LONGEST + "}", "graph.query_long"),
        ("ASK " + "{" * 5000, "graph.query_deep"),
    ],
    ids=["empty", "words", "long", "deep"],
)
def test_what_is_no_query(query: str, key: str) -> None:
    with pytest.raises(InputError) as caught:
        check_query(query)
    assert caught.value.key == key
