"""Made-up names: no name of the town, one cast a tale, and nothing of the real people in it."""

import random
import re

from textmill.data.little_world import build_world
from textmill.data.little_world.casts import made_up_names, with_made_up_names
from textmill.data.little_world.documents import make_telling, tell_story


def test_made_up_names_are_many_and_never_the_towns():
    world, names = build_world(0), made_up_names()
    assert all(len(found) > 1000 for found in names.values())
    for place in (0, 1):
        made_up = [name[place] for found in names.values() for name in found]
        assert len(made_up) == len(set(made_up))
        real = {(person.english, person.chinese)[place] for person in world.people.values()}
        assert not [name for name in made_up if any(one in name or name in one for one in real)]


def test_nobody_keeps_a_name_and_all_else_stays():
    world = build_world(0)
    cast = with_made_up_names(world, random.Random(1))
    for key in list(world.people)[:40]:
        one, other = world.people[key], cast.people[key]
        assert one.english != other.english and one.chinese != other.chinese
        assert (one.female, one.age, one.job, one.friends) == (other.female, other.age, other.job, other.friends)
        assert cast.people[key] is other
    given = [cast.people[key].chinese for key in list(world.people)[:40]]
    assert not [(a, b) for a in given for b in given if a is not b and a in b]


def test_a_tale_names_only_its_cast():
    world = build_world(0)
    real = {language: [getattr(p, name) for p in world.people.values()] for language, name in
            (("en", "english"), ("zh", "chinese"))}  # fmt: skip
    for number in range(0, 400, 23):
        event = world.events[number]
        for language in ("en", "zh"):
            cast = with_made_up_names(world, random.Random(number))
            telling = make_telling(cast, event, language, random.Random(number), held_out=world.is_held_out(event))
            text = tell_story(telling).text
            hero = cast.people[event.hero]
            assert (hero.english if language == "en" else hero.chinese) in text
            if language == "en":
                assert not [name for name in real["en"] if re.search(rf"\b{name}\b", text)], text
            else:
                assert not [name for name in real["zh"] if name in text], text
