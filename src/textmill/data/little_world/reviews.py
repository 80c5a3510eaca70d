"""Customer reviews: what someone bought, where, and how it was, with a rating that the text bears out.

The rating comes from the world (the shop's quality, the price of the day against the usual one, goods that were short),
and the sentences are chosen to fit it: five stars praise only, three weigh one thing against another.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from .documents import make_telling
from .places import Shop
from .telling import Telling
from .weather import month_and_day
from .world import Event, World

GROUP = 20
ASPECTS = ("price", "staff", "wait", "place")
RELATIVES = (("mother", "妈妈"), ("uncle", "叔叔"), ("son", "儿子"), ("daughter", "女儿"), ("aunt", "姑姑"))
CLOSING = {1: "awful", 2: "bad", 3: "middle", 4: "good", 5: "great"}
LABELS = {1: "negative", 2: "negative", 3: "neutral", 4: "positive", 5: "positive"}


def _rating(world: World, shop: Shop, product: str, day: int, generator: random.Random) -> int:
    usual = next(item.price for item in shop.products if item.key == product)
    dear = world.price_on(shop.key, product, day) / usual
    feeling = shop.quality + generator.gauss(-0.4, 1.5) - (dear - 1)
    return max(1, min(5, round(feeling)))


def _plan(shop: Shop, rating: int, generator: random.Random) -> list[str]:
    """The sections of one review, in order."""
    others = generator.sample(ASPECTS, 2)
    main = shop.category
    if rating in (1, 5):
        end = "good" if rating == 5 else "bad"
        plan = [f"{main}.{end}", f"{others[0]}.{end}"] + ([f"{others[1]}.{end}"] if generator.random() < 0.5 else [])
    elif rating in (2, 4):
        end, spot = ("good", "bad") if rating == 4 else ("bad", "good")
        plan = [f"{main}.{end}", f"{others[0]}.{end}"]
        if generator.random() < 0.5:
            plan.append(f"{others[1]}.{spot}")
    else:
        ends = ["good", "bad"]
        generator.shuffle(ends)
        plan = [f"{main}.{ends[0]}", f"{others[0]}.{ends[1]}"]
    return ["open_service" if main == "service" else "open", *plan, f"close.{CLOSING[rating]}"]


def _text(telling: Telling, plan: list[str]) -> str:
    opened = plan if telling.random() < 0.85 else plan[1:]
    return (" " if telling.language == "en" else "").join(telling.tell_all([(section, "none") for section in opened]))


def review_rows(world: World, language: str, generator: random.Random) -> Iterator[tuple[bool, dict[str, object]]]:
    """A group of reviews; the flag says whether the buyer is held out."""
    people = list(world.people.values())
    shops = list(world.shops.values())
    for _ in range(GROUP):
        buyer, shop = generator.choice(people), generator.choice(shops)
        product = generator.choice(shop.products)
        day = generator.randint(1, 365)
        rating = _rating(world, shop, product.key, day, generator)
        event = Event(
            number=0,
            kind="reviews",
            day=day,
            hero=buyer.key,
            other="",
            third="",
            place="",
            second_place="",
            variant="review",
            outcome=LABELS[rating],
            weather=world.weather[day],
            shop=shop.key,
            product=product.key,
        )
        telling = make_telling(world, event, language, generator, held_out=buyer.held_out, narrator=buyer.key)
        telling.words["relative"] = generator.choice(RELATIVES)[0 if language == "en" else 1]
        month, date = month_and_day(day)
        yield (
            buyer.held_out,
            {
                "text": _text(telling, _plan(shop, rating, generator)),
                "language": language,
                "shop": shop.english if language == "en" else shop.chinese,
                "product": product.english_one if language == "en" else product.chinese,
                "rating": rating,
                "label": LABELS[rating],
                "date": f"2031-{month:02d}-{date:02d}",
            },
        )
