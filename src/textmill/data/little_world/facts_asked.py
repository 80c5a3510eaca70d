"""Questions about the facts of the world, with their answers, in English and Chinese.

A question is a subject and a relation; ``banks/both/questions.txt`` says it in several ways. One question in ten is
held out: how it is answered stands in no row to train on, though stories may tell the fact. Nobody who is held out is
asked about or named in an answer.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from . import chinese, english
from .casts import made_up_names
from .parallel import Pair, bank, fill
from .people import Person
from .places import Shop
from .simulation import build_world
from .tables import HOBBIES, PETS, TRAITS
from .world import World

HELD_OUT_SHARE = 0.1
SPOUSE = (("husband", "丈夫"), ("wife", "妻子"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of whom: sections of the bank, and the words that fill them."""

    subject: str
    relation: str
    answer: str
    words: dict[str, Pair]
    held_out: bool

    def asked(self, language: str, generator: random.Random, *, again: bool = False) -> str:
        """Returns the question in one of its ways; ``again``: of someone who was spoken of."""
        return said(self.relation + (".next" if again else ""), self.words, language, generator)

    def answered(self, language: str, generator: random.Random) -> str:
        """Returns the answer."""
        return said(self.answer, self.words, language, generator)


def said(section: str, words: dict[str, Pair], language: str, generator: random.Random, name: str = "questions") -> str:
    """Returns a line of a section of a bank in a language, with its slots filled."""
    line = generator.choice(bank(name)[section])
    text = fill(line, words)[language == "zh"]
    return english.capital(text) if language == "en" else text


@cache
def questions(seed: int) -> tuple[Question, ...]:
    """Returns all questions of a world."""
    world = build_world(seed)
    found: list[Question] = []
    for person in world.people.values():
        if not person.held_out:
            found += _of_person(world, person)
    for shop in world.shops.values():
        found += _of_shop(world, shop)
    return tuple(found)


def _question(world: World, subject: str, relation: str, words: dict[str, Pair], answer: str = "") -> Question:
    chance = random.Random(f"{world.seed}:asked:{subject}:{relation}").random()
    return Question(
        subject=subject,
        relation=relation,
        answer=f"{answer or relation}.answer",
        words=words,
        held_out=chance < HELD_OUT_SHARE,
    )


def _of_person(world: World, person: Person) -> Iterator[Question]:
    street = world.streets[person.street]
    words: dict[str, Pair] = {
        "A": (person.english, person.chinese),
        "he": ("she", "她") if person.female else ("he", "他"),
        "his": ("her", "她的") if person.female else ("his", "他的"),
        "job": (english.article(english.JOB_NAMES[person.job]), chinese.JOB_NAMES[person.job]),
        "job0": (english.JOB_NAMES[person.job], chinese.JOB_NAMES[person.job]),
        "street": (street.english, street.chinese),
        "hobby": HOBBIES[person.hobby],
        "age": (english.number_word(person.age), chinese.number_word(person.age, counting=False)),
        "trait": TRAITS[person.trait],
    }
    yield _question(world, person.key, "job", words, "retired" if person.job == "retired" else "")
    for relation in ("street", "hobby", "age", "trait"):
        yield _question(world, person.key, relation, words)
    place = world.shops.get(person.workplace) or world.places.get(person.workplace)
    if place is not None and not person.is_child:
        yield _question(world, person.key, "work", words | {"work": (place.english_at, place.chinese_at)})
    yield from _of_ties(world, person, words)


def _of_ties(world: World, person: Person, words: dict[str, Pair]) -> Iterator[Question]:
    if person.spouse and not world.people[person.spouse].held_out:
        other = world.people[person.spouse]
        more = {"B": (other.english, other.chinese), "spouse": SPOUSE[other.female]}
        yield _question(world, person.key, "spouse", words | more)
    friends = [world.people[key] for key in person.friends]
    if friends and not any(friend.held_out for friend in friends):
        names = [friend.english for friend in friends], [friend.chinese for friend in friends]
        yield _question(
            world, person.key, "friends", words | {"friends": (listed(names[0], "en"), listed(names[1], "zh"))}
        )
    if not person.pet:
        yield _question(world, person.key, "pet", words, "nopet")
        return
    pet = world.pets[person.pet]
    more = {
        "P": (pet.english, pet.chinese),
        "petkind": (english.article(PETS[pet.kind][0]), PETS[pet.kind][1]),
        "petkind0": PETS[pet.kind],
        "petm": ("", chinese.PET_MEASURES[pet.kind]),
    }
    yield _question(world, person.key, "pet", words | more)
    yield _question(world, person.key, "owner", words | more | {"petkind": PETS[pet.kind]})


def _of_shop(world: World, shop: Shop) -> Iterator[Question]:
    owner, street = world.people[shop.owner], world.streets[shop.street]
    words: dict[str, Pair] = {
        "S": (shop.english, shop.chinese),
        "A": (owner.english, owner.chinese),
        "street": (street.english, street.chinese),
        "goods": (
            listed([product.english_many for product in shop.products], "en"),
            listed([product.chinese for product in shop.products], "zh"),
        ),
    }
    for relation in ("shopstreet", "keeper", "sells"):
        yield _question(world, shop.key, relation, words)


def listed(parts: list[str], language: str) -> str:
    """Returns parts as a sentence lists them."""
    if len(parts) == 1:
        return parts[0]
    between, last = (", ", " and ") if language == "en" else ("、", "和")
    return between.join(parts[:-1]) + last + parts[-1]


def unknown(language: str, generator: random.Random) -> tuple[str, str]:
    """Returns a question about somebody who does not live in the town, and what there is to say."""
    name = generator.choice(made_up_names()[generator.choice("fm")])
    words = {"A": name}
    return said("unknown", words, language, generator), said("unknown.answer", words, language, generator)
