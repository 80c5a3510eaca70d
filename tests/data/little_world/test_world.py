"""The simulation: causes come before effects, prices are kept, people are whole."""

from __future__ import annotations

from textmill.data.little_world import World
from textmill.data.little_world.people import check_names


def test_names_do_not_hide_in_each_other() -> None:
    check_names()


def test_causes_come_before_effects(world: World) -> None:
    caused = [event for event in world.events if event.cause >= 0]
    assert len(caused) > 200
    assert all(world.events[event.cause].day <= event.day for event in caused)
    assert all(world.events[event.previous].day <= event.day for event in world.events if event.previous >= 0)


def test_a_year_of_many_kinds(world: World) -> None:
    assert len({event.kind for event in world.events}) == 22
    assert {event.day for event in world.events} == set(range(1, 366))


def test_people_are_whole(world: World) -> None:
    assert 150 <= len(world.people) <= 250
    for person in world.people.values():
        assert all(person.key in world.people[friend].friends for friend in person.friends)
        assert not person.spouse or world.people[person.spouse].spouse == person.key
        assert not person.pet or world.pets[person.pet].owner == person.key
    for shop in world.shops.values():
        assert world.people[shop.owner].workplace == shop.key
        assert not world.people[shop.owner].held_out


def test_prices_change_by_events(world: World) -> None:
    changes = [event for event in world.events if event.kind == "price_change"]
    assert changes
    for event in changes:
        known = [price for _, price in world.prices[event.shop, event.product]]
        assert {event.price, event.price_before} <= set(known)


def test_roles_are_different_people(world: World) -> None:
    for event in world.events:
        roles = [key for key in (event.hero, event.other, event.third) if key]
        assert len(set(roles)) == len(roles), event


def test_facts_name_known_things(world: World) -> None:
    relations = {fact.relation for fact in world.facts()}
    assert {
        "worksAt",
        "livesOn",
        "friendOf",
        "marriedTo",
        "ownerOf",
        "petOf",
        "locatedIn",
        "sells",
        "price",
    } <= relations
    assert {"eventType", "date", "causedBy", "participant"} <= relations
