"""The people of the town: households with names in two languages, ages, jobs, homes, friends, animals and tempers."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from .tables import HOBBIES, PETS, TRAITS, rows

HELD_OUT_SHARE = 0.04
"""The share of people whom no training document mentions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pet:
    """An animal that lives with one person."""

    key: str
    english: str
    chinese: str
    kind: str
    owner: str
    female: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One inhabitant. Other people, shops and places are named by their keys."""

    key: str
    english: str
    chinese: str
    female: bool
    age: int
    job: str
    workplace: str
    street: str
    house: int
    household: int
    trait: str
    hobby: str
    spouse: str = ""
    parents: tuple[str, ...] = ()
    children: tuple[str, ...] = ()
    friends: tuple[str, ...] = ()
    pet: str = ""
    held_out: bool = False

    @property
    def is_child(self) -> bool:
        """Children go to school and are told about as children."""
        return self.age < 17


def check_names() -> None:
    """No Chinese name may lie inside another one, or text search would find the wrong person."""
    chinese = [row[2] for row in rows("names")] + [row[1] for row in rows("pets")]
    english = [row[1] for row in rows("names")] + [row[0] for row in rows("pets")]
    inside = [(a, b) for a in chinese for b in chinese if a != b and a in b]
    if inside or len(set(chinese)) < len(chinese) or len(set(english)) < len(english):
        raise ValueError(f"names that hide in other names, or stand twice: {inside}")


class _Names:
    """Hands out each name once."""

    def __init__(self, generator: random.Random) -> None:
        self.by_sex = {sex: [row for row in rows("names") if row[0] == sex] for sex in "fm"}
        for names in self.by_sex.values():
            generator.shuffle(names)

    def take(self, female: bool) -> tuple[str, str]:
        _, english, chinese = self.by_sex["f" if female else "m"].pop()
        return english, chinese

    def left(self) -> int:
        return min(len(names) for names in self.by_sex.values())


def make_people(generator: random.Random) -> tuple[dict[str, Person], dict[str, Pet]]:
    """All people and animals of the town, from one generator."""
    names = _Names(generator)
    people: dict[str, Person] = {}
    household = 0
    while names.left() > 6:
        household += 1
        for person in _make_household(names, household, generator):
            people[person.key] = person
    people = _give_jobs(people, generator)
    people = _hold_out(people, generator)
    people = _make_friends(people, generator)
    return _give_pets(people, generator)


def _make_household(names: _Names, number: int, generator: random.Random) -> list[Person]:
    street, house = generator.choice(rows("streets"))[0], generator.randint(1, 40)

    def make(female: bool, age: int) -> Person:
        english, chinese = names.take(female)
        return Person(
            key=english.lower(),
            english=english,
            chinese=chinese,
            female=female,
            age=age,
            job="",
            workplace="",
            street=street,
            house=house,
            household=number,
            trait=generator.choice(list(TRAITS)),
            hobby=generator.choice(list(HOBBIES)),
        )

    form = generator.choices(("family", "couple", "single", "old", "lone"), (55, 12, 12, 11, 10))[0]
    age = generator.randint(67, 84) if form == "old" else generator.randint(24, 60)
    if form in ("family", "lone"):
        age = generator.randint(28, 46)
    first = make(generator.random() < 0.5, age)
    grown = [first]
    if form in ("family", "couple", "old"):
        second = make(not first.female, max(22, age + generator.randint(-4, 4)))
        grown = [replace(first, spouse=second.key), replace(second, spouse=first.key)]
    if form not in ("family", "lone"):
        return grown
    oldest = min(16, age - 22)
    ages = sorted(generator.sample(range(6, oldest + 1), min(oldest - 5, generator.choice((1, 1, 2, 2, 3)))))
    young = [make(generator.random() < 0.5, child_age) for child_age in ages]
    young = [replace(child, parents=tuple(parent.key for parent in grown)) for child in young]
    return [replace(parent, children=tuple(child.key for child in young)) for parent in grown] + young


def _give_jobs(people: dict[str, Person], generator: random.Random) -> dict[str, Person]:
    """Shops get their owners first, then the other work is shared out; children are pupils, old people have retired."""
    shops: dict[str, list[str]] = {}
    for row in rows("shops"):
        shops.setdefault(row[1], []).append(row[0])
    open_jobs: list[tuple[str, str, int]] = []
    for key, _, _, where, count, _ in rows("jobs"):
        for index in range(int(count)):
            places = shops.get(where, ["" if where == "-" else where])
            open_jobs.append((key, places[index % len(places)], index))
    owners = {row[0] for row in rows("jobs") if row[5] == "owner"}
    open_jobs.sort(key=lambda job: (job[0] not in owners, job[2]))
    adults = [person for person in people.values() if 17 <= person.age < 67]
    generator.shuffle(adults)
    given: dict[str, Person] = {}
    for position, person in enumerate(adults):
        job, workplace, _ = open_jobs[position] if position < len(open_jobs) else ("builder", "", 0)
        given[person.key] = replace(person, job=job, workplace=workplace)
    for person in people.values():
        if person.is_child:
            given[person.key] = replace(person, job="pupil", workplace="school")
        elif person.age >= 67:
            given[person.key] = replace(person, job="retired", workplace="")
    return {key: given[key] for key in people}


def _hold_out(people: dict[str, Person], generator: random.Random) -> dict[str, Person]:
    """Whole households are held out, none with a shop of its own, so that train documents never need their names."""
    owners = {row[0] for row in rows("jobs") if row[5] == "owner"}
    households: dict[int, list[Person]] = {}
    for person in people.values():
        households.setdefault(person.household, []).append(person)
    free = [members for members in households.values() if not any(member.job in owners for member in members)]
    generator.shuffle(free)
    wanted = max(6, round(HELD_OUT_SHARE * len(people)))
    chosen: set[str] = set()
    for members in free:
        if len(chosen) + len(members) <= wanted + 1:
            chosen.update(member.key for member in members)
    return {key: replace(person, held_out=key in chosen) for key, person in people.items()}


def _make_friends(people: dict[str, Person], generator: random.Random) -> dict[str, Person]:
    """Friends are of like age; held-out people mostly know each other and need few others."""
    ties: dict[str, list[str]] = {key: [] for key in people}
    everyone = list(people.values())
    for person in everyone:
        fitting = [
            other
            for other in everyone
            if other.household != person.household
            and (abs(other.age - person.age) <= 2 if person.is_child else not other.is_child)
            and other.is_child == person.is_child
            and other.key not in ties[person.key]
            and len(ties[other.key]) < 5
        ]
        for other in generator.sample(fitting, min(len(fitting), max(0, 3 - len(ties[person.key])))):
            ties[person.key].append(other.key)
            ties[other.key].append(person.key)
    return {key: replace(person, friends=tuple(ties[key])) for key, person in people.items()}


def _give_pets(people: dict[str, Person], generator: random.Random) -> tuple[dict[str, Person], dict[str, Pet]]:
    names = list(rows("pets"))
    generator.shuffle(names)
    owners = generator.sample(list(people.values()), len(names))
    pets: dict[str, Pet] = {}
    for (english, chinese), owner in zip(names, owners, strict=True):
        key = english.lower()
        kind = generator.choices(list(PETS), (5, 5, 2, 2, 1, 1))[0]
        female = generator.random() < 0.5
        pets[key] = Pet(key=key, english=english, chinese=chinese, kind=kind, owner=owner.key, female=female)
        people[owner.key] = replace(people[owner.key], pet=key)
    return people, pets
