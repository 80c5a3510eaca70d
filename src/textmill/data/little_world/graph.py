"""The facts as RDF: N-Triples with IRIs under https://textmill.example/little-world/ and labels in both languages."""

from __future__ import annotations

from collections.abc import Iterator

from .chinese import JOB_NAMES as CHINESE_JOBS
from .english import JOB_NAMES as ENGLISH_JOBS
from .tables import PETS, rows
from .world import Event, Fact, World

BASE = "https://textmill.example/little-world/"
LABEL = "<http://www.w3.org/2000/01/rdf-schema#label>"
TYPE = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"
INTEGER = "<http://www.w3.org/2001/XMLSchema#integer>"
DATE = "<http://www.w3.org/2001/XMLSchema#date>"


def _iri(path: str) -> str:
    return f"<{BASE}{path}>"


def _text(value: str, language: str = "") -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"' + (f"@{language}" if language else "")


def entity_iri(world: World, key: str) -> str:
    """The IRI of anything that has a key."""
    if key.startswith("event-"):
        return _iri(f"event/{key[6:]}")
    if key.endswith(".street"):
        return _iri(f"street/{key[:-7]}")
    if "." in key:
        return _iri("product/" + key.replace(".", "-"))
    for folder, table in (
        ("person", world.people),
        ("pet", world.pets),
        ("shop", world.shops),
        ("place", world.places),
    ):
        if key in table:
            return _iri(f"{folder}/{key}")
    raise KeyError(f"no entity has the key {key!r}")


def _entity(iri: str, kind: str, english: str, chinese: str) -> Iterator[str]:
    yield f"{iri} {TYPE} {_iri('type/' + kind)} ."
    yield f"{iri} {LABEL} {_text(english, 'en')} ."
    yield f"{iri} {LABEL} {_text(chinese, 'zh')} ."


def _labels(world: World) -> Iterator[str]:
    for person in world.people.values():
        yield from _entity(entity_iri(world, person.key), "Person", person.english, person.chinese)
    for pet in world.pets.values():
        yield from _entity(entity_iri(world, pet.key), "Pet", pet.english, pet.chinese)
    for street in world.streets.values():
        yield from _entity(entity_iri(world, f"{street.key}.street"), "Street", street.english, street.chinese)
    for place in world.places.values():
        yield from _entity(entity_iri(world, place.key), "Place", place.english, place.chinese)
    for shop in world.shops.values():
        yield from _entity(entity_iri(world, shop.key), "Shop", shop.english, shop.chinese)
        for product in shop.products:
            iri = entity_iri(world, f"{shop.key}.{product.key}")
            yield from _entity(iri, "Product", product.english_many, product.chinese)
    for key, english in ENGLISH_JOBS.items():
        yield from _entity(_iri(f"job/{key}"), "Job", english, CHINESE_JOBS[key])
    for key, (english, chinese) in PETS.items():
        yield from _entity(_iri(f"animal/{key}"), "Animal", english, chinese)
    for key, (english, chinese) in RELATION_NAMES.items():
        yield f"{_iri('relation/' + key)} {LABEL} {_text(english, 'en')} ."
        yield f"{_iri('relation/' + key)} {LABEL} {_text(chinese, 'zh')} ."
    for event in world.events:
        english, chinese = event_label(event, world)
        yield from _entity(entity_iri(world, f"event-{event.number}"), "Event", english, chinese)


RELATION_NAMES = {row[0]: (row[1], row[2]) for row in rows("relations")}
EVENT_NAMES = {row[0]: (row[1], row[2]) for row in rows("kinds")}


def event_label(event: Event, world: World) -> tuple[str, str]:
    """A short name for an event in both languages."""
    english, chinese = EVENT_NAMES[event.kind]
    hero = world.people[event.hero]
    return f"{english}: {hero.english}, day {event.day}", f"{chinese}：{hero.chinese}，第{event.day}天"


def _object(world: World, fact: Fact) -> str:
    if not fact.literal:
        return entity_iri(world, fact.object)
    if fact.relation == "job":
        return _iri(f"job/{fact.object}")
    if fact.relation == "animal":
        return _iri(f"animal/{fact.object}")
    if fact.relation in ("age", "price", "newPrice"):
        return f"{_text(fact.object)}^^{INTEGER}"
    if fact.relation == "date":
        return f"{_text(fact.object)}^^{DATE}"
    return _text(fact.object)


def triples(world: World) -> Iterator[str]:
    """Every line of ``graph/world.nt``."""
    yield from _labels(world)
    for fact in world.facts():
        yield f"{entity_iri(world, fact.subject)} {_iri('relation/' + fact.relation)} {_object(world, fact)} ."
