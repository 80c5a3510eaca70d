"""Tales: stories of the town in which every person has a made-up name.

The town has some two hundred names, and a model could learn them all by heart. Anyone may turn up in real text, so a
part of the stories is told with names that are put together from parts, thousands of them, most of which are seen once
or never in training: the only way to know who is meant is to look back. Tales say nothing about the people of the town.
"""

from __future__ import annotations

import random
from dataclasses import replace
from functools import cache

from .people import Person
from .tables import rows
from .world import World

TALE_SHARE = 0.4
"""The share of the stories (not of the news and diaries) that are tales."""


@cache
def made_up_names() -> dict[str, tuple[tuple[str, str], ...]]:
    """Returns {sex: (English, Chinese) …}; no name hides in one of the town's or has one of the town's in it."""
    town = {cell for table, place in (("names", 1), ("pets", 0)) for row in rows(table) for cell in row[place:]}
    taken: set[str] = {row[0] for row in rows("not_names")}
    names: dict[str, list[tuple[str, str]]] = {"f": [], "m": []}
    for english_start, chinese_start in rows("name_starts"):
        for sex, english_end, chinese_end in rows("name_ends"):
            name = (english_start + english_end, chinese_start + chinese_end)
            if taken.isdisjoint(name) and not any(real in part or part in real for real in town for part in name):
                names[sex].append(name)
                taken.update(name)
    return {sex: tuple(found) for sex, found in names.items()}


class Cast(dict[str, Person]):
    """The people of a world under other names; each gets theirs when first asked for, and none hides in another."""

    def __init__(self, people: dict[str, Person], generator: random.Random) -> None:
        super().__init__()
        self.people = people
        self.generator = generator
        self.given: list[tuple[str, str]] = []

    def __missing__(self, key: str) -> Person:
        person = self.people[key]
        names = made_up_names()["f" if person.female else "m"]
        name = self.generator.choice(names)
        while any(a in b or b in a for other in self.given for a, b in zip(name, other, strict=True)):
            name = self.generator.choice(names)
        self.given.append(name)
        self[key] = replace(person, english=name[0], chinese=name[1])
        return self[key]


def with_made_up_names(world: World, generator: random.Random) -> World:
    """Returns the world in which everybody has another name."""
    return replace(world, people=Cast(world.people, generator))
