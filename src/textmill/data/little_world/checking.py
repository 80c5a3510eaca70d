"""Holding text against the world: finds statements about people, shops and animals and says whether they are true.

A statement is an entity's name together with relation words in one sentence ("Mina, the baker", 面包师米娜). Each
pattern names the words it looks for; each judgement asks the world. Names that the world does not know, next to such
words, count as unknown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from .patterns import Claim, claims
from .simulation import build_world
from .world import World

EXAMPLES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class FactReport:
    """How many statements agree with the world, contradict it, or name someone it does not know."""

    agree: int
    contradict: int
    unknown: int
    contradictions: tuple[str, ...] = ()
    unknowns: tuple[str, ...] = ()

    @property
    def statements(self) -> int:
        """All statements found."""
        return self.agree + self.contradict + self.unknown

    @property
    def agreement(self) -> float:
        """The share of the statements about known entities that are true (1 if there are none)."""
        judged = self.agree + self.contradict
        return self.agree / judged if judged else 1.0


@dataclass(slots=True)
class _Names:
    """From names in one language to keys."""

    people: dict[str, str] = field(default_factory=dict)
    pets: dict[str, str] = field(default_factory=dict)
    shops: dict[str, str] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    streets: dict[str, str] = field(default_factory=dict)


@lru_cache(maxsize=8)
def _names(seed: int, language: str) -> _Names:
    world = build_world(seed)
    names = _Names()
    for target, table in (
        (names.people, world.people),
        (names.pets, world.pets),
        (names.shops, world.shops),
        (names.places, world.places),
        (names.streets, world.streets),
    ):
        for key, entity in table.items():
            target[entity.english if language == "en" else entity.chinese] = key
    return names


def _job(world: World, names: _Names, claim: Claim, language: str) -> bool | None:
    person = names.people.get(claim.subject)
    return None if person is None else world.people[person].job in claim.value.split("+")


def _work(world: World, names: _Names, claim: Claim, language: str) -> bool | None:
    person = names.people.get(claim.subject)
    place = names.shops.get(claim.value) or names.places.get(claim.value)
    return None if person is None or place is None else world.people[person].workplace == place


def _home(world: World, names: _Names, claim: Claim, language: str) -> bool | None:
    person, street = names.people.get(claim.subject), names.streets.get(claim.value)
    return None if person is None or street is None else world.people[person].street == street


def _age(world: World, names: _Names, claim: Claim, language: str) -> bool | None:
    person = names.people.get(claim.subject)
    return None if person is None else str(world.people[person].age) == claim.value


def _shop_street(world: World, names: _Names, claim: Claim, language: str) -> bool | None:
    shop, street = names.shops.get(claim.subject), names.streets.get(claim.value)
    return None if shop is None or street is None else world.shops[shop].street == street


def _pet(world: World, names: _Names, claim: Claim, language: str) -> bool | None:
    person, pet = names.people.get(claim.subject), names.pets.get(claim.value)
    if person is None or pet is None:
        return None
    animal = world.pets[pet]
    return animal.owner == person and claim.extra in ("", animal.kind)


def _animal(world: World, names: _Names, claim: Claim, language: str) -> bool | None:
    pet = names.pets.get(claim.subject)
    return None if pet is None else world.pets[pet].kind == claim.value


def true_relations(world: World, one: str, two: str) -> set[str]:
    """Everything that ``two`` is to ``one``."""
    first, second = world.people[one], world.people[two]
    relations = {world.relation_words(one, two)}
    if first.street == second.street:
        relations.add("neighbour")
    if first.workplace and first.workplace == second.workplace:
        relations.add("colleague")
    if two in first.friends:
        relations.add("friend")
    return relations


def _relation(world: World, names: _Names, claim: Claim, language: str) -> bool | None:
    """The subject is a name, or several that a pronoun may stand for: one true reading is enough."""
    other = names.people.get(claim.value)
    subjects = [names.people[name] for name in claim.subject.split("|") if name in names.people]
    if other is None or not subjects:
        return None
    female = world.people[other].female
    wrong_word = (claim.gender == "f" and not female) or (claim.gender == "m" and female)
    related = any(claim.extra in true_relations(world, subject, other) for subject in subjects if subject != other)
    return related and not wrong_word


_JUDGES: dict[str, Callable[[World, _Names, Claim, str], bool | None]] = {
    "job": _job,
    "work": _work,
    "home": _home,
    "age": _age,
    "shop street": _shop_street,
    "pet": _pet,
    "animal": _animal,
    "relation": _relation,
}


def judged_claims(text: str, world: World, language: str) -> Iterator[tuple[Claim, bool | None]]:
    """Every statement found, with true, false, or None for unknown."""
    names = _names(world.seed, language)
    for claim in claims(text, world, language):
        yield claim, _JUDGES[claim.relation](world, names, claim, language)


def check_facts(text: str, world: World, language: str) -> FactReport:
    """Hold a text against the world."""
    agree = contradict = unknown = 0
    wrong: list[str] = []
    strange: list[str] = []
    for paragraph in re.split(r"\n+", text):
        for claim, judgement in judged_claims(paragraph, world, language):
            if judgement:
                agree += 1
            elif judgement is None:
                unknown += 1
                strange.append(f"{claim.relation}: {claim.quote}")
            else:
                contradict += 1
                wrong.append(f"{claim.relation}: {claim.quote}")
    return FactReport(
        agree=agree,
        contradict=contradict,
        unknown=unknown,
        contradictions=tuple(wrong[:EXAMPLES]),
        unknowns=tuple(strange[:EXAMPLES]),
    )
