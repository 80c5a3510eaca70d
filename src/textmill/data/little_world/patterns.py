"""The patterns by which statements are found in English and in Chinese text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from . import chinese, english
from .simulation import build_world
from .tables import PETS
from .world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One statement: what is said of whom. ``extra`` is the kind of a relation or of an animal."""

    relation: str
    subject: str
    value: str
    quote: str
    extra: str = ""
    gender: str = ""


@dataclass(frozen=True, slots=True)
class _Pattern:
    relation: str
    expression: re.Pattern[str]


_RELATION_KEYS = {
    word: (relation, gender)
    for relation, pair in english.RELATIONS.items()
    for word, gender in zip(pair, ("", "") if pair[0] == pair[1] else ("m", "f"), strict=True)
}
_CHINESE_RELATIONS = {
    "丈夫": ("spouse", "m"), "妻子": ("spouse", "f"), "儿子": ("child", "m"), "女儿": ("child", "f"),
    "爸爸": ("parent", "m"), "妈妈": ("parent", "f"), "哥哥": ("sibling", "m"), "弟弟": ("sibling", "m"),
    "姐姐": ("sibling", "f"), "妹妹": ("sibling", "f"), "朋友": ("friend", ""), "邻居": ("neighbour", ""),
    "同事": ("colleague", ""),
}  # fmt: skip
_ANIMALS = {name: key for key, names in PETS.items() for name in names} | {"猫": "cat", "狗": "dog"}


def _either(words: list[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


def _numbers(language: str) -> dict[str, str]:
    module = english if language == "en" else chinese
    return {module.number_word(number): str(number) for number in range(1, 100)}


@lru_cache(maxsize=1)
def _jobs() -> dict[str, dict[str, str]]:
    jobs: dict[str, dict[str, str]] = {"en": {}, "zh": {}}
    for language, table in (("en", english.JOB_NAMES), ("zh", chinese.JOB_NAMES)):
        for key, name in table.items():
            if key != "retired":
                jobs[language][name] = key
    return jobs


@lru_cache(maxsize=8)
def _english(seed: int) -> tuple[_Pattern, ...]:
    world = build_world(seed)
    name = r"(?P<s>(?!(?:Now|Then|Update|Even|Only|Soon|When|While|And|But|From|With|On|In|At)\b)[A-Z][a-z]+)"
    street = f"(?P<v>{_either([item.english for item in world.streets.values()])})"
    shop = f"(?P<s>{_either([item.english for item in world.shops.values()])})"
    places = [item.english for item in (*world.shops.values(), *world.places.values())]
    job = f"(?P<v>{_either(list(_jobs()['en']))})"
    animal = f"(?P<x>{_either([names[0] for names in PETS.values()])})"
    number = f"(?P<v>{_either(list(_numbers('en')))})"
    relation = f"(?P<x>{_either(list(_RELATION_KEYS))})"
    value = r"(?P<v>[A-Z][a-z]+)"
    table = [
        ("job", rf"{name}, the {job}(?=[,.])|\b(?P<s2>[A-Z][a-z]+) the (?P<v2>{_either(list(_jobs()['en']))})\b"),
        ("job", rf"{name} (?:is|was) an? {job}\b"),
        ("work", rf"{name}(?:,? who| is an? [a-zé ]+ and)? work(?:s|ed) (?:at|in|on|by) (?P<v>{_either(places)})"),
        ("home", rf"{name}(?:, who|,? the [a-zé ]+?,?| is [a-z-]+ years old and|, [a-z-]+,|,(?: a [a-z ]+ who)?)?"
                 rf"(?: still)? live[sd] on {street}"),
        ("home", rf"{name} from {street}"),
        ("home", rf"On {street} lived an? [a-z ]+ (?:of [a-z-]+ )?named {name}"),
        ("home", rf"Everybody on {street} knew {name}"),
        ("age", rf"{name} (?:is|was) {number} years old"),
        ("age", rf"{name}, an? [a-z]+ (?:boy|girl|man|woman) of {number}\b"),
        ("age", rf"At {number} {name}(?: still)? lived"),
        ("shop street", rf"{shop} (?:is |stood )?on {street}"),
        ("pet", rf"{name}(?:, who had|’s| has| had) an? {animal} called {value}"),
        ("pet", rf"{name}’s {animal} {value}"),
        ("animal", rf"\b{name} the (?P<v>{_either([names[0] for names in PETS.values()])})\b"),
        ("relation", rf"{name}’s {relation} {value}"),
        ("relation", rf"\b(?P<p>[Hh]is|[Hh]er) {relation} {value}"),
    ]  # fmt: skip
    return tuple(_Pattern(relation_name, re.compile(text)) for relation_name, text in table)


@lru_cache(maxsize=8)
def _chinese(seed: int) -> tuple[_Pattern, ...]:
    world = build_world(seed)
    people = _either([item.chinese for item in world.people.values()])
    name, pets = f"(?P<s>{people})", _either([item.chinese for item in world.pets.values()])
    street = f"(?P<v>{_either([item.chinese for item in world.streets.values()])})"
    shop = f"(?P<s>{_either([item.chinese for item in world.shops.values()])})"
    places = [item.chinese for item in (*world.shops.values(), *world.places.values())]
    place = f"(?P<v>{_either(places)})(?:里|上|边)?"
    job = f"(?P<v>{_either(list(_jobs()['zh']))})"
    animal = f"(?P<x>{_either([names[1] for names in PETS.values()] + ['猫', '狗'])})"
    number = f"(?P<v>{_either(list(_numbers('zh')))})"
    relation = f"(?P<x>{_either(list(_CHINESE_RELATIONS))})"
    table = [
        ("job", rf"{job}{name}"),
        ("job", rf"{name}是(?:一名|一位)?{job}"),
        ("work", rf"在{place}工作的{name}"),
        ("work", rf"{name}(?:是[^，。]{{2,6}}，)?在{place}工作"),
        ("home", rf"住在{street}的{name}"),
        ("home", rf"{name}(?:今年[零一二三四五六七八九十]+岁，)?住在{street}"),
        ("home", rf"{street}上(?:住着一个|有个)[^，。]+，名叫{name}"),
        ("age", rf"{name}今年{number}岁"),
        ("shop street", rf"{street}上?的{shop}"),
        ("shop street", rf"{shop}(?:开)?在{street}"),
        ("pet", rf"养着{animal}(?P<v>{pets})的{name}"),
        ("pet", rf"{name}(?:家的|养的){animal}(?P<v>{pets})"),
        ("pet", rf"{name}有一.{animal}，叫(?P<v>{pets})"),
        ("relation", rf"(?P<s>{people})的{relation}(?P<v>{people})"),
        ("relation", rf"(?P<p>她|他)的{relation}(?P<v>{people})"),
    ]
    return tuple(_Pattern(relation_name, re.compile(text)) for relation_name, text in table)


@lru_cache(maxsize=8)
def _person_pattern(seed: int, language: str) -> re.Pattern[str]:
    world = build_world(seed)
    names = [item.english if language == "en" else item.chinese for item in world.people.values()]
    return re.compile(rf"\b(?:{_either(names)})\b" if language == "en" else _either(names))


def _before(text: str, position: int, pronoun: str, world: World, language: str) -> str:
    """The people before a pronoun whom it may stand for, by its gender."""
    genders = {
        person.english if language == "en" else person.chinese: person.female for person in world.people.values()
    }
    wanted = pronoun.lower() in ("her", "她")
    found = [match[0] for match in _person_pattern(world.seed, language).finditer(text, 0, position)]
    fitting = [name for name in found if genders[name] == wanted]
    return "|".join(dict.fromkeys(reversed(fitting)))


def claims(text: str, world: World, language: str) -> Iterator[Claim]:
    """Every statement in a paragraph. A pronoun without anyone before it in the paragraph is passed over."""
    patterns = _english(world.seed) if language == "en" else _chinese(world.seed)
    numbers, jobs = _numbers(language), _jobs()[language]
    relations = _RELATION_KEYS if language == "en" else _CHINESE_RELATIONS
    for pattern in patterns:
        for match in pattern.expression.finditer(text):
            groups = match.groupdict()
            subject, value = groups.get("s") or groups.get("s2") or "", groups.get("v") or groups.get("v2") or ""
            extra, gender = groups.get("x") or "", ""
            if groups.get("p"):
                subject = _before(text, match.start(), groups["p"] or "", world, language)
                if not subject:
                    continue
            if pattern.relation == "job":
                value = jobs[value]
            elif pattern.relation == "age":
                value = numbers[value]
            elif pattern.relation == "animal":
                value = _ANIMALS[value]
            elif pattern.relation == "pet":
                extra = _ANIMALS[extra]
            elif pattern.relation == "relation":
                extra, gender = relations[extra]
            yield Claim(
                relation=pattern.relation, subject=subject, value=value, quote=match[0], extra=extra, gender=gender
            )
