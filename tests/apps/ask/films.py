"""A small graph of films, with questions in words that its predicates are not called by."""

from pathlib import Path

from textmill.apps.ask.lessons import Pair
from textmill.apps.graph.importing import import_file
from textmill.apps.graph.reading import Reading
from textmill.apps.graph.store import EmbeddedGraph, GraphWriter

SPACE = "http://example.org/"
NAMES = ("Ora", "Belt", "Kim", "Dune", "Vale", "Rest", "Tide", "Moss", "Fern", "Gale", "Haze", "Iris", "Jade", "Loam")
FILMS = 28


def film(number: int) -> str:
    """Returns a film's title."""
    return f"{NAMES[number % 14]} {NAMES[(number * 5 + 3) % 14]} {number}"


def person(number: int) -> str:
    """Returns a person's name."""
    return f"{NAMES[number % 14]}a {NAMES[(number * 3 + 1) % 14]}son {number % 9}"


def films_graph(folder: Path) -> EmbeddedGraph:
    """Returns the films as an embedded graph."""
    lines = ["@prefix ex: <http://example.org/> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> ."]
    for number in range(FILMS):
        lines.append(f'ex:f{number} a ex:Film ; rdfs:label "{film(number)}" ; ex:dir ex:d{number % 9} ;'
                     f' ex:act ex:a{number % 7} , ex:a{(number * 2 + 1) % 7} ; ex:yr {1950 + number} .')  # fmt: skip
    lines += [f'ex:d{number} rdfs:label "{person(number)}" .' for number in range(9)]
    lines += [f'ex:a{number} rdfs:label "{person(number + 20)}" .' for number in range(7)]
    (folder / "films.ttl").write_text("\n".join(lines), encoding="utf-8")
    with GraphWriter(folder / "graph") as writer:
        import_file(writer, folder / "films.ttl", Reading())
    return EmbeddedGraph(folder / "graph")


def film_pairs() -> list[Pair]:
    """Returns questions with their answers; of the last films they are held out."""
    pairs = []
    for number in range(FILMS):
        title, late = film(number), number >= FILMS - 6
        actors = tuple(dict.fromkeys(person(each % 7 + 20) for each in (number, number * 2 + 1)))
        for question, answers in (
            (f"who made {title}", (person(number % 9),)),
            (f"{title} was shot by whom", (person(number % 9),)),
            (f"who can be seen in {title}", actors),
            (f"when did {title} come to the cinemas", (str(1950 + number),)),
        ):
            pairs.append(Pair(question=question, answers=answers, held_out=late))
    return pairs
