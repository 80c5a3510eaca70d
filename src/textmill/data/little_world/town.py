"""The town while the year runs: the state that events read and change."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .people import Person, Pet
from .places import Place, Shop
from .weather import season_of
from .world import Event


@dataclass(slots=True, kw_only=True)
class Town:
    """Mutable state of the simulation: moods, ties, prices, the bridge, and what is still to come."""

    people: dict[str, Person]
    pets: dict[str, Pet]
    places: dict[str, Place]
    shops: dict[str, Shop]
    weather: tuple[str, ...]
    generator: random.Random
    day: int = 0
    bridge_closed_until: int = 0
    moods: dict[str, int] = field(default_factory=dict)
    busy_until: dict[str, int] = field(default_factory=dict)
    last_event: dict[str, int] = field(default_factory=dict)
    quarrelling: set[frozenset[str]] = field(default_factory=set)
    prices: dict[tuple[str, str], int] = field(default_factory=dict)
    price_log: dict[tuple[str, str], list[tuple[int, int]]] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    pending: list[tuple[int, int, Callable[..., Any], dict[str, Any]]] = field(default_factory=list)
    order: int = 0

    @property
    def sky(self) -> str:
        """Today's weather."""
        return self.weather[self.day]

    @property
    def season(self) -> str:
        """Today's season."""
        return season_of(self.day)

    def later(self, days: int, happening: Callable[..., Any], **roles: Any) -> None:
        """Let a consequence come after some days."""
        self.order += 1
        heapq.heappush(self.pending, (self.day + days, self.order, happening, roles))

    def due(self) -> list[tuple[Callable[..., Any], dict[str, Any]]]:
        """The consequences whose day has come."""
        ready: list[tuple[Callable[..., Any], dict[str, Any]]] = []
        while self.pending and self.pending[0][0] <= self.day:
            _, _, happening, roles = heapq.heappop(self.pending)
            ready.append((happening, roles))
        return ready

    def someone(self, fits: Callable[[Person], bool] | None = None, *, without: tuple[str, ...] = ()) -> Person:
        """A person who fits, rather one to whom nothing happened lately."""
        others = [person for person in self.people.values() if person.key not in without]
        fitting = [person for person in others if fits is None or fits(person)] or others
        rested = [p for p in fitting if self.busy_until.get(p.key, 0) < self.day]
        return self.generator.choice(rested or fitting)

    def companion(self, person: Person, *, without: tuple[str, ...] = (), grown: bool = False) -> Person:
        """Someone near a person: family first by chance, then friends and neighbours."""
        near: list[str] = []
        family = [person.spouse, *person.parents, *person.children] + [
            other.key for other in self.people.values() if person.parents and other.parents == person.parents
        ]
        near += [key for key in family if key]
        near += list(person.friends) * 3
        near += [other.key for other in self.people.values() if other.street == person.street]
        fitting = [
            key
            for key in near
            if key != person.key
            and key not in without
            and frozenset((person.key, key)) not in self.quarrelling
            and not (grown and self.people[key].is_child)
        ]
        if not fitting:
            return self.someone(lambda p: not p.is_child, without=(person.key, *without))
        return self.people[self.generator.choice(fitting)]

    def friend(self, person: Person, *, without: tuple[str, ...] = ()) -> Person:
        """A friend of the person."""
        fitting = [key for key in person.friends if key not in without]
        return self.people[self.generator.choice(fitting)] if fitting else self.companion(person, without=without)

    def worker(self, jobs: tuple[str, ...], *, without: tuple[str, ...] = ()) -> Person:
        """Someone who has one of these jobs."""
        return self.someone(lambda p: p.job in jobs, without=without)

    def spot(self, *, indoors: bool | None = None, without: str = "") -> str:
        """A public place; work places that visitors do not walk through are left out."""
        fitting = [
            place.key
            for place in self.places.values()
            if place.key not in ("hall", "news", "clinic", without) and indoors in (None, place.indoors)
        ]
        return self.generator.choice(fitting)

    def shop_with(self, *categories: str) -> Shop:
        """A shop that sells one of these sorts of goods."""
        return self.generator.choice([s for s in self.shops.values() if not categories or s.category in categories])

    def set_price(self, shop: str, product: str, price: int) -> None:
        """Change a price from today on."""
        self.prices[shop, product] = price
        self.price_log.setdefault((shop, product), []).append((self.day, price))

    def record(self, kind: str, hero: Person, **roles: Any) -> Event:
        """Write down an event, with the mood before it, the last thing that happened to its hero, and its effects."""
        others = [roles.get(name, "") for name in ("other", "third")]
        before = {key: self.moods.get(key, 0) for key in (hero.key, *others) if key}
        feeling = roles.pop("feeling", 0)
        for key in before:
            self.moods[key] = max(-3, min(3, before[key] + feeling))
            self.busy_until[key] = self.day + 2
        effects = tuple(("mood", key, self.moods[key]) for key in before if self.moods[key] != before[key])
        event = Event(
            number=len(self.events),
            kind=kind,
            day=self.day,
            hero=hero.key,
            other=roles.pop("other", ""),
            third=roles.pop("third", ""),
            place=roles.pop("place", ""),
            second_place=roles.pop("second_place", ""),
            variant=roles.pop("variant"),
            outcome=roles.pop("outcome", "done"),
            weather=self.sky,
            previous=self.last_event.get(hero.key, -1),
            mood=before[hero.key],
            effects=effects + tuple(roles.pop("effects", ())),
            **roles,
        )
        self.events.append(event)
        self.last_event[hero.key] = event.number
        return event
