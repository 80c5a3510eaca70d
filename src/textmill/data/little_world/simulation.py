"""The year: day by day, weather first, then what was due from before, then what the day itself brings."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import lru_cache

from . import joys, troubles
from .people import Person, check_names, make_people
from .places import make_places, make_shops, make_streets
from .town import Town
from .weather import YEAR_DAYS, make_weather
from .world import World

EVENTS_A_DAY = 4

_DAILY: tuple[tuple[Callable[[Town], None], int], ...] = (
    (troubles.lost_thing, 7),
    (troubles.lost_pet, 5),
    (troubles.quarrel, 6),
    (troubles.mistake, 5),
    (troubles.price_change, 4),
    (troubles.late_delivery, 2),
    (joys.new_product, 4),
    (joys.gift, 3),
    (joys.competition, 6),
    (joys.repair, 6),
    (joys.learning, 6),
    (joys.mystery, 5),
    (joys.rescue, 5),
    (joys.saving, 5),
    (joys.meeting, 5),
    (troubles.fear, 4),
    (troubles.illness, 2),
)


def _weather_brings(town: Town) -> None:
    """What comes from today's sky."""
    chance = town.generator.random
    if town.sky == "storm":
        for _ in range(3):
            troubles.storm_damage(town)
        troubles.lost_pet(town)
        troubles.fear(town)
    if town.sky in ("rain", "snow", "frost") and chance() < 0.5:
        troubles.illness(town)
    if town.sky in ("snow", "fog") and chance() < 0.5:
        troubles.late_delivery(town)
    if town.season != "winter" and chance() < 0.35:
        joys.garden(town)


def _run_day(town: Town, feasts: dict[int, str]) -> None:
    for happening, roles in town.due():
        happening(town, **roles)
    _weather_brings(town)
    if town.day in feasts:
        for _ in range(16):
            joys.festival(town, variant=feasts[town.day])
    happenings = [happening for happening, _ in _DAILY]
    weights = [weight for _, weight in _DAILY]
    for happening in town.generator.choices(happenings, weights, k=EVENTS_A_DAY - 1):
        happening(town)
    if town.day % 10 == 0:
        for key, mood in town.moods.items():
            town.moods[key] = mood - (mood > 0) + (mood < 0)


@lru_cache(maxsize=4)
def build_world(seed: int = 0) -> World:
    """The town of one seed, lived through for one year."""
    check_names()
    people, pets = make_people(random.Random(f"{seed}:people"))
    weather = make_weather(random.Random(f"{seed}:weather"))
    shops = make_shops(_shop_owners(people), random.Random(f"{seed}:shops"))
    places = make_places()
    town = Town(
        people=people,
        pets=pets,
        places=places,
        shops=shops,
        weather=weather,
        generator=random.Random(f"{seed}:events"),
    )
    town.day = 1
    for shop in shops.values():
        for product in shop.products:
            town.set_price(shop.key, product.key, product.price)
    feasts = joys.festival_days()
    for day in range(1, YEAR_DAYS + 1):
        town.day = day
        _run_day(town, feasts)
    return World(
        seed=seed,
        people=people,
        pets=pets,
        streets=make_streets(),
        places=places,
        shops=shops,
        weather=weather,
        events=tuple(town.events),
        prices={key: tuple(log) for key, log in town.price_log.items()},
        train_people=tuple(key for key, person in people.items() if not person.held_out),
    )


def _shop_owners(people: dict[str, Person]) -> dict[str, str]:
    """The first person whose trade is that shop keeps it."""
    owners: dict[str, str] = {}
    for person in people.values():
        if person.workplace and person.job not in ("waiter", "shopassistant"):
            owners.setdefault(person.workplace, person.key)
    return owners
