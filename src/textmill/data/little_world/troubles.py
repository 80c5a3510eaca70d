"""Events that go wrong first: storms, late carts, lost things and animals, quarrels, illness, mistakes, fears.

Each function makes one event from the state of the town, changes that state, and lays out what may follow from it.
"""

from __future__ import annotations

from . import joys
from .people import Person
from .places import Shop
from .tables import rows
from .town import Town

THINGS = tuple(row[0] for row in rows("things"))
SHELF_SHOPS = ("bakery", "grocery", "fish", "dairy", "sweets")
MENDERS = ("carpenter", "builder", "painter")


def storm_damage(town: Town) -> None:
    """A storm breaks something; a broken bridge makes the shops' goods late."""
    kinds = ["roof", "fence", "tree", "window"]
    if town.bridge_closed_until < town.day:
        kinds.append("bridge")
    variant = town.generator.choice(kinds)
    hero = town.worker(("builder", "mayor")) if variant == "bridge" else town.someone(lambda p: not p.is_child)
    third = town.worker(MENDERS, without=(hero.key,))
    other = town.companion(hero, without=(third.key,))
    place = "bridge" if variant == "bridge" else ""
    event = town.record(
        "storm_damage",
        hero,
        other=other.key,
        third=third.key,
        place=place,
        variant=variant,
        outcome="mended",
        feeling=-1,
    )
    if variant == "bridge":
        days = town.generator.randint(5, 9)
        town.bridge_closed_until = town.day + days
        for delay in range(1, 4):
            town.later(delay, late_delivery, cause=event.number, variant="bridge")
    if town.generator.random() < 0.5:
        town.later(2, joys.gift, giver=hero.key, receiver=third.key, variant="thanks", cause=event.number)


def late_delivery(town: Town, *, cause: int = -1, variant: str = "") -> None:
    """Goods do not come; the shop runs short, neighbours may carry them, the price may rise."""
    if not variant:
        variant = "snow" if town.sky == "snow" else "fog" if town.sky == "fog" else "wheel"
    shop = town.generator.choice([s for s in town.shops.values() if s.kind in SHELF_SHOPS])
    hero = town.people[shop.owner]
    product = town.generator.choice(shop.products)
    other = town.companion(hero)
    third = town.someone(lambda p: not p.is_child, without=(hero.key, other.key))
    event = town.record(
        "late_delivery",
        hero,
        other=other.key,
        third=third.key,
        variant=variant,
        shop=shop.key,
        product=product.key,
        outcome="short",
        feeling=-1,
        cause=cause,
    )
    if town.generator.random() < 0.7:
        town.later(1, joys.carry_help, shop=shop, product=product.key, cause=event.number)
    if town.generator.random() < 0.5:
        town.later(2, price_change, shop=shop, product=product.key, variant="late", cause=event.number)


def price_change(
    town: Town, *, shop: Shop | None = None, product: str = "", variant: str = "", cause: int = -1
) -> None:
    """A price goes up or down, and stays there."""
    shop = shop or town.shop_with("food", "thing")
    product = product or town.generator.choice(shop.products).key
    if not variant:
        choices = ["harvest", "sale"] if town.season in ("summer", "autumn") else ["sale", "cold"]
        variant = town.generator.choice(choices)
    if shop.category != "food" and variant in ("harvest", "cold"):
        variant = "sale"
    before = town.prices[shop.key, product]
    rising = variant in ("late", "cold")
    change = max(1, round(before * town.generator.uniform(0.15, 0.4)))
    price = before + change if rising else max(1, before - change)
    if price == before or price > 2 * before + 1:
        return
    town.set_price(shop.key, product, price)
    hero = town.people[shop.owner]
    other = town.someone(without=(hero.key,))
    third = town.someone(lambda p: not p.is_child, without=(hero.key, other.key))
    town.record(
        "price_change",
        hero,
        other=other.key,
        third=third.key,
        variant=variant,
        outcome="up" if rising else "down",
        shop=shop.key,
        product=product,
        price=price,
        price_before=before,
        cause=cause,
    )


def lost_thing(town: Town) -> None:
    """Someone loses a thing and seeks it; sometimes it stays lost, and somebody gives another one."""
    hero = town.someone()
    other = town.companion(hero)
    third = town.someone(without=(hero.key, other.key))
    choices = ["hole", "hurry", "music"] + ["wind"] * (town.sky in ("wind", "storm")) * 3
    choices += ["forgot"] * 4 * (hero.trait == "forgetful")
    outcome = town.generator.choices(("found", "gone"), (4, 1))[0]
    place = town.spot()
    event = town.record(
        "lost_thing",
        hero,
        other=other.key,
        third=third.key,
        place=place,
        second_place=town.spot(without=place),
        thing=town.generator.choice(THINGS),
        variant=town.generator.choice(choices),
        outcome=outcome,
        feeling=1 if outcome == "found" else -1,
    )
    if outcome == "gone":
        town.later(3, joys.gift, giver=other.key, receiver=hero.key, variant="comfort", cause=event.number)
    elif town.generator.random() < 0.3:
        town.later(2, joys.gift, giver=hero.key, receiver=third.key, variant="thanks", cause=event.number)


def lost_pet(town: Town, *, cause: int = -1) -> None:
    """An animal runs away and is found again."""
    owners = [p.key for p in town.people.values() if p.pet]
    hero = town.people[town.generator.choice(owners)]
    other = town.companion(hero)
    third = town.someone(without=(hero.key, other.key))
    variant = "thunder" if town.sky == "storm" else town.generator.choice(("gate", "smell", "bird"))
    place = town.spot()
    town.record(
        "lost_pet",
        hero,
        other=other.key,
        third=third.key,
        place=place,
        second_place=town.spot(without=place),
        pet=hero.pet,
        variant=variant,
        outcome="found",
        feeling=1,
        cause=cause,
    )


def quarrel(town: Town) -> None:
    """Two friends fall out; some days later they make up."""
    hero = town.someone(lambda p: bool(p.friends))
    other = town.friend(hero)
    pair = frozenset((hero.key, other.key))
    if pair in town.quarrelling:
        return
    third = town.companion(hero, without=(other.key,))
    town.quarrelling.add(pair)
    event = town.record(
        "quarrel",
        hero,
        other=other.key,
        third=third.key,
        place=town.spot(),
        thing=town.generator.choice(("umbrella", "notebook", "basket", "ball", "cap", "lamp", "scarf")),
        variant=town.generator.choice(("broken", "late", "secret", "joke", "game")),
        outcome="apart",
        feeling=-2,
    )
    town.later(town.generator.randint(2, 9), joys.make_up, hero=hero.key, other=other.key, cause=event.number)


def illness(town: Town, *, hero: Person | None = None, cause: int = -1) -> None:
    """Someone falls ill because of something, is cared for, and gets well."""
    hero = hero or town.someone()
    if town.sky in ("rain", "storm"):
        variant = "rain"
    elif town.season == "winter":
        variant = "cold"
    else:
        variant = town.generator.choice(("sweets", "tired"))
    other = town.companion(hero, grown=True)
    third = town.worker(("doctor", "nurse"), without=(hero.key, other.key))
    event = town.record(
        "illness",
        hero,
        other=other.key,
        third=third.key,
        place="clinic",
        variant=variant,
        outcome="well",
        cause=cause,
    )
    if town.generator.random() < 0.4:
        town.later(6, joys.gift, giver=hero.key, receiver=other.key, variant="thanks", cause=event.number)


def mistake(town: Town) -> None:
    """A shop makes a mistake and puts it right."""
    variant, kinds = town.generator.choice(
        (
            ("salt", ("bakery",)),
            ("salt", ("cafe",)),
            ("parcel", ("books", "toys", "paper", "clocks", "pottery")),
            ("size", ("clothes", "shoes")),
            ("change", ("grocery", "dairy", "sweets", "fish", "flowers")),
        )
    )
    shop = town.generator.choice([s for s in town.shops.values() if s.kind in kinds])
    products = shop.products
    if variant == "salt":
        sweet = ("applepie", "honeycake", "bun", "cocoa", "cheesecake", "lemonade")
        products = tuple(product for product in products if product.key in sweet)
    hero = town.people[shop.owner]
    other = town.someone(without=(hero.key,))
    third = town.companion(hero, without=(other.key,))
    town.record(
        "mistake",
        hero,
        other=other.key,
        third=third.key,
        shop=shop.key,
        product=town.generator.choice(products).key,
        variant=variant,
        outcome="forgiven",
    )


def fear(town: Town, *, cause: int = -1) -> None:
    """A child is afraid of something and grows braver with help."""
    variant = "thunder" if town.sky == "storm" else town.generator.choice(("dark", "dog", "stage", "water"))
    hero = town.someone(lambda p: p.is_child)
    other = town.companion(hero, grown=True)
    third = town.friend(hero, without=(other.key,))
    place = {"dark": "wood", "dog": "park", "stage": "school", "water": "river", "thunder": "mill"}[variant]
    town.record(
        "fear",
        hero,
        other=other.key,
        third=third.key,
        place=place,
        variant=variant,
        outcome="braver",
        feeling=1,
        cause=cause,
    )
