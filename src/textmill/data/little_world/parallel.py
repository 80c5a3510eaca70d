"""Sentence pairs: the same facts and small happenings said in English and in Chinese.

The rows of ``banks/both/parallel.txt`` fill both sides from one choice of people, places, goods and deeds. What a row
says about the world (work, homes, friends, prices …) is true in it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from . import chinese, english
from .people import Person
from .places import Place, Shop
from .tables import HOBBIES, PETS, TRAITS
from .world import World

GROUP = 20
Pair = tuple[str, str]
_CHOICE = re.compile(r"\((\d):([^()]*)\)")
_SLOT = re.compile(r"\{([A-Za-z0-9.]+)\}")


_SKIES: dict[str, Pair] = {
    "sunny": ("the sun shone", "出太阳了"),
    "cloudy": ("it was cloudy", "是阴天"),
    "rain": ("it rained", "下雨了"),
    "storm": ("there was a storm", "来了暴风雨"),
    "wind": ("it was windy", "刮风了"),
    "fog": ("it was foggy", "起雾了"),
    "snow": ("it snowed", "下雪了"),
    "frost": ("there was frost", "下霜了"),
    "hot": ("it was very hot", "天很热"),
}


@cache
def bank(name: str) -> dict[str, tuple[Pair, ...]]:
    """Returns the sections of a bank of both languages; a backslash and n in it stand for a line end."""
    file = files("textmill.data.little_world") / "banks" / "both" / f"{name}.txt"
    text = file.read_text(encoding="utf-8").replace("'", "’")
    sections: dict[str, list[Pair]] = {}
    current: list[Pair] = []
    for line in text.splitlines():
        if line.startswith("== "):
            current = sections.setdefault(line[3:], [])
        elif "|||" in line:
            left, right = line.split("|||")
            current.append((left.strip().replace("\\n", "\n"), right.strip().replace("\\n", "\n")))
    return {name: tuple(rows) for name, rows in sections.items()}


def _capital(pair: Pair) -> Pair:
    return english.capital(pair[0]), pair[1]


def _person_words(world: World, one: Person, two: Person, generator: random.Random) -> dict[str, Pair]:
    street = world.streets[one.street]
    hobbies = [hobby for hobby in HOBBIES if hobby != one.hobby]
    words: dict[str, Pair] = {
        "A": (one.english, one.chinese),
        "B": (two.english, two.chinese),
        "he": ("she", "她") if one.female else ("he", "他"),
        "his": ("her", "她的") if one.female else ("his", "他的"),
        "age": (english.number_word(one.age), chinese.number_word(one.age)),
        "street": (street.english, street.chinese),
        "trait": TRAITS[one.trait],
        "hobby": HOBBIES[one.hobby],
        "hobby2": HOBBIES[generator.choice(hobbies)],
    }
    if one.job != "retired":
        words["job"] = (english.JOB_NAMES[one.job], chinese.JOB_NAMES[one.job])
    place: Shop | Place | None = world.shops.get(one.workplace) or world.places.get(one.workplace)
    if place and not one.is_child:
        words["work"] = (place.english_at, place.chinese_at)
    friends = [world.people[key] for key in one.friends if world.people[key].held_out <= one.held_out]
    if friends:
        friend = generator.choice(friends)
        words |= {"F": (friend.english, friend.chinese), "hobbyF": HOBBIES[friend.hobby]}
    if one.spouse:
        words["S"] = (world.people[one.spouse].english, world.people[one.spouse].chinese)
    if two.age < one.age:
        words["Y"] = words["B"]
    if one.pet:
        pet = world.pets[one.pet]
        words |= {"pet": (pet.english, pet.chinese), "petkind": PETS[pet.kind]}
        words["petm"] = ("", chinese.PET_MEASURES[pet.kind])
    return words


def _place_words(world: World, generator: random.Random) -> dict[str, Pair]:
    places = generator.sample(list(world.places.values()), 2)
    shop = generator.choice(list(world.shops.values()))
    product = generator.choice(shop.products)
    price = world.price_on(shop.key, product.key, 1)
    one = (product.english_one, f"一{product.chinese_measure}{product.chinese}")
    thing = generator.choice(list(english.THING_NAMES))
    chinese_thing, measure = chinese.THING_NAMES[thing]
    day = generator.randint(1, 365)
    owner, street = world.people[shop.owner], world.streets[shop.street]
    cost = (english.coins(price), chinese.coins(price))
    return {
        "place.at": (places[0].english_at, places[0].chinese_at),
        "place2.at": (places[1].english_at, places[1].chinese_at),
        "shop": (shop.english, shop.chinese),
        "shopstreet": (street.english, street.chinese),
        "owner": (owner.english, owner.chinese),
        "one": one,
        "One": _capital(one),
        "many": (product.english_many, product.chinese),
        "product": (product.english_many, product.chinese),
        "price": cost,
        "Price": _capital(cost),
        "thing": (english.article(english.THING_NAMES[thing]), f"一{measure}{chinese_thing}"),
        "sky": _SKIES[world.weather[day]],
        "date": (english.date_words(day), chinese.date_words(day)),
    }


def fill(row: Pair, words: dict[str, Pair]) -> Pair:
    """Returns both sides of a row with their slots filled; a slot without a word is a mistake of the bank."""
    english_side, chinese_side = (
        _SLOT.sub(lambda match, side=side: words[match[1]][side], row[side]) for side in (0, 1)
    )
    return english_side, chinese_side


def _fill(row: Pair, words: dict[str, Pair], generator: random.Random) -> Pair | None:
    picks: dict[str, float] = {number: generator.random() for number in "123"}

    def choose(match: re.Match[str]) -> str:
        options = match[2].split("|")
        return options[int(picks[match[1]] * len(options))]

    sides: list[str] = []
    for side in (0, 1):
        text = _CHOICE.sub(choose, row[side])
        if any(name not in words for name in _SLOT.findall(text)):
            return None
        sides.append(_SLOT.sub(lambda match, side=side: words[match[1]][side], text))
    return english.capital(sides[0]), sides[1]


def parallel_rows(world: World, generator: random.Random) -> Iterator[tuple[bool, dict[str, object]]]:
    """A group of pairs; the flag says whether a held-out person is named."""
    lines = bank("parallel")
    everyone = list(world.people.values())
    made = 0
    while made < GROUP:
        one = generator.choice(everyone)
        two = generator.choice(everyone)
        if one.key == two.key or (two.held_out and not one.held_out):
            continue
        words = _person_words(world, one, two, generator) | _place_words(world, generator)
        act, other_act = generator.sample(lines["acts"], 2)
        when = generator.choice(lines["whens"])
        words |= {"act": act, "act2": other_act, "when": when, "When": _capital(when)}
        words |= {"feeling": generator.choice(lines["feelings"]), "reason": generator.choice(lines["reasons"])}
        row = _fill(generator.choice(lines["rows"]), words, generator)
        if row is None:
            continue
        made += 1
        yield one.held_out, {"en": row[0], "zh": row[1]}
