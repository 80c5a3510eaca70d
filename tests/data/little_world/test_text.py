"""What the text is like: few repeated skeletons, few near-duplicates, small vocabulary, true to the world."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from textmill.data.little_world import World, check_facts
from textmill.data.little_world.measure import documents, measure, near_duplicate_share, sentences, skeleton


@pytest.fixture(scope="module")
def figures(sample: Path) -> dict[str, Any]:
    return dict(measure(sample))


def test_figures_of_a_small_sample(figures: dict[str, Any]) -> None:
    assert figures["vocabulary"]["en_words"] <= 3_500
    assert figures["vocabulary"]["zh_characters"] <= 1_800
    assert figures["near_duplicate_share"] < 0.005
    assert all(share <= 0.02 for share in figures["common_skeleton_share"].values())
    assert 0.8 <= figures["bytes"]["en"] / figures["bytes"]["zh"] <= 1.25


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_mould_is_used_over_and_over(sample: Path, world: World, language: str) -> None:
    """The full size has 32 times as many sentences, so here hardly a skeleton may occur more than a few times."""
    counts: Counter[str] = Counter()
    for _, spoken, text in documents(sample):
        if spoken == language:
            counts.update(skeleton(sentence, world, language) for sentence in sentences(text, language))
    assert sum(count for count in counts.values() if count > 8) / counts.total() <= 0.02


def test_a_skeleton_has_no_names_and_numbers(world: World) -> None:
    one, two = list(world.people.values())[:2]
    made = [skeleton(f"{who.english} paid 3 coins.", world, "en") for who in (one, two)]
    assert made[0] == made[1] == "_ paid _ coins."
    chinese = [skeleton(f"{who.chinese}花了三块钱。", world, "zh") for who in (one, two)]
    assert chinese[0] == chinese[1]


def test_near_duplicates_are_found() -> None:
    text = " ".join(f"word{number}" for number in range(200))
    assert near_duplicate_share([("en", text), ("en", text + " end"), ("en", text[::-1])]) == pytest.approx(1 / 3)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_text_agrees_with_the_world(sample: Path, world: World, language: str) -> None:
    agree = contradict = found = 0
    for number, (_, spoken, text) in enumerate(documents(sample)):
        if spoken != language or number % 3:
            continue
        report = check_facts(text, world, language)
        agree, contradict = agree + report.agree, contradict + report.contradict
        found += len(sentences(text, language))
        assert not report.contradictions, report.contradictions
    assert agree / (agree + contradict) >= 0.98
    assert agree >= found / 10


def test_planted_contradictions_are_found(world: World) -> None:
    baker = next(person for person in world.people.values() if person.job == "baker")
    shop = world.shops[baker.workplace]
    street = next(item for item in world.streets.values() if item.key not in (shop.street, baker.street))
    english = f"{baker.english}, the doctor, lived on {street.english}. {shop.english} on {street.english} was full."
    chinese = f"医生{baker.chinese}住在{street.chinese}。{street.chinese}上的{shop.chinese}很热闹。"
    for language, text in (("en", english), ("zh", chinese)):
        report = check_facts(text, world, language)
        assert report.agree == 0
        assert report.contradict == 3, report


def test_wrong_families_and_animals_are_found(world: World) -> None:
    married = next(person for person in world.people.values() if person.spouse and not person.is_child)
    spouse = world.people[married.spouse]
    word, sign = ("wife", "妻子") if spouse.female else ("husband", "丈夫")
    stranger = next(p for p in world.people.values() if p.female == spouse.female and p.key != spouse.key)
    assert check_facts(f"{married.english}’s {word} {spouse.english} came.", world, "en").agree == 1
    assert check_facts(f"{married.english}’s {word} {stranger.english} came.", world, "en").contradict == 1
    assert check_facts(f"{married.chinese}的{sign}{spouse.chinese}来了。", world, "zh").agree == 1
    assert check_facts(f"{married.chinese}的{sign}{stranger.chinese}来了。", world, "zh").contradict == 1


def test_unknown_people_are_unknown(world: World) -> None:
    assert check_facts("Zorgon, the baker, smiled.", world, "en").unknown == 1
