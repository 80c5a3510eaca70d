"""Events that are mostly glad: help, gifts, feasts, learning, contests, repairs, riddles, new friends."""

from __future__ import annotations

from .places import Shop
from .tables import FESTIVALS
from .town import Town

GIFT_SHOPS = ("books", "flowers", "toys", "clothes", "tea", "music", "paper", "pottery", "sweets", "lamps", "clocks")
MAKING_SHOPS = ("bakery", "cafe", "noodles", "tea", "sweets", "dairy", "toys", "pottery", "clothes", "lamps", "shoes")
FESTIVAL_PLACES = {
    "newyear": "hall",
    "spring": "orchard",
    "river": "river",
    "lantern": "bridge",
    "harvest": "square",
    "snow": "park",
}


def carry_help(town: Town, *, shop: Shop, product: str, cause: int) -> None:
    """Neighbours carry goods to a shop that runs short."""
    owner = town.people[shop.owner]
    hero = town.companion(owner)
    third = town.someone(without=(hero.key, owner.key))
    event = town.record(
        "carry_help",
        hero,
        other=owner.key,
        third=third.key,
        place="bridge" if town.bridge_closed_until >= town.day else "station",
        shop=shop.key,
        product=product,
        variant=town.generator.choice(("boat", "backs", "barrow")),
        outcome="done",
        feeling=1,
        cause=cause,
    )
    if town.generator.random() < 0.5:
        town.later(2, gift, giver=owner.key, receiver=hero.key, variant="thanks", cause=event.number)


def make_up(town: Town, *, hero: str, other: str, cause: int) -> None:
    """Two friends who fell out find together again."""
    town.quarrelling.discard(frozenset((hero, other)))
    first = town.people[hero]
    third = town.companion(first, without=(other,))
    town.record(
        "make_up",
        first,
        other=other,
        third=third.key,
        place=town.spot(),
        variant=town.generator.choice(("letter", "cake", "work", "third")),
        outcome="friends",
        feeling=2,
        cause=cause,
    )


def gift(town: Town, *, giver: str = "", receiver: str = "", variant: str = "birthday", cause: int = -1) -> None:
    """Someone looks for a gift for another person: a birthday, thanks, or comfort."""
    hero = town.people[giver] if giver else town.someone()
    other = town.people[receiver] if receiver else town.companion(hero)
    shop = town.generator.choice([s for s in town.shops.values() if s.kind in GIFT_SHOPS and s.owner != hero.key])
    products = [p for p in shop.products if town.prices[shop.key, p.key] < 50 and p.key != "cards"]
    product = town.generator.choice(products).key
    town.record(
        "gift",
        hero,
        other=other.key,
        third=shop.owner if shop.owner != other.key else town.companion(hero, without=(other.key,)).key,
        shop=shop.key,
        product=product,
        variant=variant,
        outcome="glad",
        price=town.prices[shop.key, product],
        feeling=1,
        cause=cause,
    )


def new_product(town: Town) -> None:
    """A shop brings out something of its own, because of an idea, a wish or a find."""
    shop = town.generator.choice([s for s in town.shops.values() if s.kind in MAKING_SHOPS])
    product = town.generator.choice(shop.products).key
    hero = town.people[shop.owner]
    other = town.someone(without=(hero.key,))
    third = town.companion(hero, without=(other.key,))
    town.record(
        "new_product",
        hero,
        other=other.key,
        third=third.key,
        shop=shop.key,
        product=product,
        variant=town.generator.choice(("idea", "wish", "grandmother")),
        outcome="liked",
        price=town.prices[shop.key, product],
        feeling=1,
    )


def competition(town: Town) -> None:
    """A contest with a winner and someone who does not win."""
    choices = {
        "winter": ("chess", "baking", "singing"),
        "spring": ("kites", "running", "singing"),
        "summer": ("boats", "running", "singing"),
        "autumn": ("kites", "baking", "chess"),
    }[town.season]
    variant = town.generator.choice(choices)
    place = {
        "chess": "library",
        "baking": "square",
        "singing": "school",
        "kites": "starhill",
        "running": "park",
        "boats": "river",
    }[variant]
    hero = town.someone()
    other = town.companion(hero)
    third = town.companion(hero, without=(other.key,))
    outcome = town.generator.choice(("won", "lost"))
    town.record(
        "competition",
        hero,
        other=other.key,
        third=third.key,
        place=place,
        variant=variant,
        outcome=outcome,
        feeling=1,
    )


def festival(town: Town, *, variant: str) -> None:
    """One person's evening at one of the feasts of the year."""
    hero = town.someone()
    other = town.companion(hero)
    third = town.someone(without=(hero.key, other.key))
    town.record(
        "festival",
        hero,
        other=other.key,
        third=third.key,
        place=FESTIVAL_PLACES[variant],
        variant=variant,
        outcome="glad",
        feeling=1,
    )


def festival_days() -> dict[int, str]:
    """Which feast falls on which day of the year."""
    return {day: key for key, day, _, _ in FESTIVALS}


def repair(town: Town) -> None:
    """Something is broken, and someone who knows how mends it."""
    menders = {
        "bicycle": ("bicyclemender",),
        "clock": ("clockmaker",),
        "chair": ("carpenter",),
        "lamp": ("lampmaker", "electrician"),
        "shoes": ("shoemaker",),
        "flute": ("instrumentmaker",),
    }
    variant = town.generator.choice(list(menders))
    hero = town.someone(lambda p: p.job not in menders[variant])
    mender = town.worker(menders[variant], without=(hero.key,))
    third = town.companion(hero, without=(mender.key,))
    event = town.record("repair", hero, other=mender.key, third=third.key, variant=variant, outcome="mended", feeling=1)
    if town.generator.random() < 0.3:
        town.later(3, gift, giver=hero.key, receiver=mender.key, variant="thanks", cause=event.number)


def garden(town: Town) -> None:
    """Something grows, is in danger, is saved, and is shared."""
    variant = {"spring": ("snails", "frost"), "summer": ("dry", "birds", "snails"), "autumn": ("birds", "frost")}[
        town.season
    ]
    hero = town.someone()
    other = town.companion(hero)
    third = town.worker(("gardener", "farmer", "fruitgrower"), without=(hero.key, other.key))
    town.record(
        "garden",
        hero,
        other=other.key,
        third=third.key,
        variant=town.generator.choice(variant),
        outcome=town.generator.choice(("pumpkins", "beans", "strawberries", "carrots")),
        feeling=1,
    )


def learning(town: Town) -> None:
    """Someone learns a thing that is hard at first."""
    seasonal = {"summer": ("swim", "fish"), "winter": ("knit", "bake")}.get(town.season, ("fish", "knit"))
    variant = town.generator.choice((*seasonal, "bicycle", "flute", "bake"))
    hero = town.someone(lambda p: p.is_child or town.generator.random() < 0.3)
    other = town.companion(hero, grown=True)
    third = town.companion(hero, without=(other.key,))
    place = {"swim": "river", "fish": "landing", "bicycle": "square", "flute": "park"}.get(variant, "")
    town.record(
        "learning",
        hero,
        other=other.key,
        third=third.key,
        place=place,
        variant=variant,
        outcome="learned",
        feeling=1,
    )


def mystery(town: Town) -> None:
    """Something strange turns out to have a harmless cause."""
    variants = {"cakes": "hall", "noise": "library", "light": "mill", "letters": "post"}
    if town.season == "winter":
        variants = {"footprints": "park", "noise": "library", "light": "mill"}
    variant = town.generator.choice(list(variants))
    hero = town.someone()
    other = town.companion(hero)
    third = town.someone(without=(hero.key, other.key))
    town.record(
        "mystery",
        hero,
        other=other.key,
        third=third.key,
        place=variants[variant],
        variant=variant,
        outcome="solved",
        feeling=1,
    )


def rescue(town: Town) -> None:
    """An animal or a child is in danger and is brought back."""
    variants = {"tree": "park", "lamb": "farm", "boat": "river"}
    if town.season == "winter":
        variants = {"tree": "park", "ice": "river"}
    variant = town.generator.choice(list(variants))
    hero = town.someone(lambda p: p.age > 11)
    other = town.companion(hero)
    third = town.worker(("firefighter", "boatman", "farmer"), without=(hero.key, other.key))
    town.record(
        "rescue",
        hero,
        other=other.key,
        third=third.key,
        place=variants[variant],
        variant=variant,
        outcome="safe",
        feeling=1,
    )


def saving(town: Town) -> None:
    """A child saves for something dear, coin by coin."""
    hero = town.someone(lambda p: p.is_child)
    wishes = [
        (s.key, p.key)
        for s in town.shops.values()
        if s.kind in ("toys", "bicycles", "music", "clocks", "paper", "books")
        for p in s.products
        if town.prices[s.key, p.key] >= 10
    ]
    shop, product = town.generator.choice(wishes)
    other = town.companion(hero, grown=True)
    third = town.people[town.shops[shop].owner]
    if third.key == other.key:
        third = town.friend(hero)
    town.record(
        "saving",
        hero,
        other=other.key,
        third=third.key,
        shop=shop,
        product=product,
        variant=town.generator.choice(("errands", "garden", "lemonade")),
        outcome="bought",
        price=town.prices[shop, product],
        feeling=1,
    )


def meeting(town: Town) -> None:
    """Two people who hardly knew each other become friends."""
    hero = town.someone()
    other = town.someone(
        lambda p: (
            p.key not in hero.friends
            and p.household != hero.household
            and p.is_child == hero.is_child
            and abs(p.age - hero.age) < 15
        ),
        without=(hero.key,),
    )
    third = town.companion(hero, without=(other.key,))
    variant = "rain" if town.sky in ("rain", "storm") else town.generator.choice(("book", "bags", "bench"))
    place = {"rain": "station", "book": "library", "bags": "square", "bench": "park"}[variant]
    pair = "+".join(sorted((hero.key, other.key)))
    town.record(
        "meeting",
        hero,
        other=other.key,
        third=third.key,
        place=place,
        variant=variant,
        outcome="friends",
        feeling=1,
        effects=(("tie", pair, 1),),
    )
