"""The world as a whole: what one seed made, and every fact of it as a triple that text can be held against."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from .people import Person, Pet
from .places import Place, Shop, Street
from .weather import month_and_day, season_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened on one day: who, where, with what, why, and how it ended.

    ``variant`` is the kind of cause or of course, ``cause`` the number of the event that led to this one (or -1).
    ``price`` and ``price_before`` are in coins. ``effects`` lists what changed: (what, whose, new value).
    """

    number: int
    kind: str
    day: int
    hero: str
    other: str
    third: str
    place: str
    second_place: str
    variant: str
    outcome: str
    weather: str
    thing: str = ""
    shop: str = ""
    product: str = ""
    pet: str = ""
    price: int = 0
    price_before: int = 0
    cause: int = -1
    previous: int = -1
    mood: int = 0
    effects: tuple[tuple[str, str, int], ...] = ()

    @property
    def participants(self) -> tuple[str, ...]:
        """The keys of the people who take part, the main one first."""
        return tuple(dict.fromkeys(key for key in (self.hero, self.other, self.third) if key))


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One statement: ``object`` is an entity key, or a plain value where ``literal`` is set."""

    subject: str
    relation: str
    object: str
    literal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Everything that one seed made. Keys name things: ``people["mina"]``, ``shops["sunrise"]``."""

    seed: int
    people: dict[str, Person]
    pets: dict[str, Pet]
    streets: dict[str, Street]
    places: dict[str, Place]
    shops: dict[str, Shop]
    weather: tuple[str, ...]
    events: tuple[Event, ...]
    prices: dict[tuple[str, str], tuple[tuple[int, int], ...]]
    train_people: tuple[str, ...] = field(default=())

    def is_held_out(self, event: Event) -> bool:
        """An event is held out when a held-out person takes part in it."""
        return any(self.people[key].held_out for key in event.participants)

    def price_on(self, shop: str, product: str, day: int) -> int:
        """What a product cost in a shop on a day."""
        price = 0
        for since, value in self.prices[shop, product]:
            if since <= day:
                price = value
        return price

    def relation_words(self, one: str, two: str) -> str:
        """What ``two`` is to ``one``: spouse, child, parent, sibling, friend, neighbour, colleague or nothing."""
        first, second = self.people[one], self.people[two]
        if first.spouse == two:
            return "spouse"
        if two in first.children:
            return "child"
        if two in first.parents:
            return "parent"
        if first.parents and first.parents == second.parents:
            return "sibling"
        if two in first.friends:
            return "friend"
        if first.street == second.street:
            return "neighbour"
        if first.workplace and first.workplace == second.workplace and not first.is_child and not second.is_child:
            return "colleague"
        return ""

    def facts(self) -> Iterator[Fact]:
        """Every fact of the world, in a fixed order."""
        for person in self.people.values():
            yield from _person_facts(person)
        for pet in self.pets.values():
            yield Fact(subject=pet.key, relation="petOf", object=pet.owner)
            yield Fact(subject=pet.key, relation="animal", object=pet.kind, literal=True)
        for place in self.places.values():
            if place.street:
                yield Fact(subject=place.key, relation="locatedIn", object=f"{place.street}.street")
        for shop in self.shops.values():
            yield Fact(subject=shop.key, relation="locatedIn", object=f"{shop.street}.street")
            yield Fact(subject=shop.owner, relation="ownerOf", object=shop.key)
            for product in shop.products:
                yield Fact(subject=shop.key, relation="sells", object=f"{shop.key}.{product.key}")
                price = str(self.price_on(shop.key, product.key, 1))
                yield Fact(subject=f"{shop.key}.{product.key}", relation="price", object=price, literal=True)
        for event in self.events:
            yield from _event_facts(event)


def _person_facts(person: Person) -> Iterator[Fact]:
    yield Fact(subject=person.key, relation="age", object=str(person.age), literal=True)
    yield Fact(subject=person.key, relation="gender", object="female" if person.female else "male", literal=True)
    yield Fact(subject=person.key, relation="job", object=person.job, literal=True)
    yield Fact(subject=person.key, relation="livesOn", object=f"{person.street}.street")
    yield Fact(subject=person.key, relation="likes", object=person.hobby, literal=True)
    yield Fact(subject=person.key, relation="character", object=person.trait, literal=True)
    if person.workplace:
        relation = "pupilAt" if person.is_child else "worksAt"
        yield Fact(subject=person.key, relation=relation, object=person.workplace)
    if person.spouse:
        yield Fact(subject=person.key, relation="marriedTo", object=person.spouse)
    for child in person.children:
        yield Fact(subject=person.key, relation="parentOf", object=child)
    for friend in person.friends:
        yield Fact(subject=person.key, relation="friendOf", object=friend)


def _event_facts(event: Event) -> Iterator[Fact]:
    key = f"event-{event.number}"
    month, day = month_and_day(event.day)
    yield Fact(subject=key, relation="eventType", object=event.kind, literal=True)
    yield Fact(subject=key, relation="date", object=f"2031-{month:02d}-{day:02d}", literal=True)
    yield Fact(subject=key, relation="season", object=season_of(event.day), literal=True)
    yield Fact(subject=key, relation="weather", object=event.weather, literal=True)
    yield Fact(subject=key, relation="cause", object=event.variant, literal=True)
    yield Fact(subject=key, relation="outcome", object=event.outcome, literal=True)
    for person in event.participants:
        yield Fact(subject=key, relation="participant", object=person)
    if event.place:
        yield Fact(subject=key, relation="place", object=event.place)
    if event.shop:
        yield Fact(subject=key, relation="shop", object=event.shop)
    if event.product:
        yield Fact(subject=key, relation="product", object=f"{event.shop}.{event.product}")
    if event.price:
        yield Fact(subject=key, relation="newPrice", object=str(event.price), literal=True)
    if event.pet:
        yield Fact(subject=key, relation="animal", object=event.pet)
    if event.cause >= 0:
        yield Fact(subject=key, relation="causedBy", object=f"event-{event.cause}")
