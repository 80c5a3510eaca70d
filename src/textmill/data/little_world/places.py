"""Where things happen: streets, places, shops and what the shops sell."""

from __future__ import annotations

import random
from dataclasses import dataclass

from .tables import rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Street:
    """A street of the town."""

    key: str
    english: str
    chinese: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A place that belongs to everyone; ``english_at`` and ``chinese_at`` say how one is there."""

    key: str
    english: str
    chinese: str
    street: str
    english_at: str
    chinese_at: str
    indoors: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One kind of goods; ``price`` is what it usually costs, in coins."""

    key: str
    english_one: str
    english_many: str
    chinese: str
    chinese_measure: str
    price: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """A shop with its street, its owner, its goods with this town's prices, and how good it is (1 to 5)."""

    key: str
    kind: str
    english: str
    chinese: str
    category: str
    english_kind: str
    chinese_kind: str
    street: str
    owner: str
    quality: int
    products: tuple[Product, ...]

    @property
    def english_at(self) -> str:
        """How one is in the shop, in English."""
        return f"at {self.english}"

    @property
    def chinese_at(self) -> str:
        """How one is in the shop, in Chinese."""
        return f"在{self.chinese}"


def make_streets() -> dict[str, Street]:
    """The streets are the same for every seed."""
    return {key: Street(key=key, english=english, chinese=chinese) for key, english, chinese in rows("streets")}


def make_places() -> dict[str, Place]:
    """The places are the same for every seed."""
    return {
        key: Place(
            key=key,
            english=english,
            chinese=chinese,
            street="" if street == "-" else street,
            english_at=english_at,
            chinese_at=chinese_at,
            indoors=side == "in",
        )
        for key, english, chinese, street, english_at, chinese_at, side in rows("places")
    }


def make_shops(owners: dict[str, str], generator: random.Random) -> dict[str, Shop]:
    """Shops get a street, a quality and prices from the seed; ``owners`` maps a shop to the person who keeps it."""
    shops: dict[str, Shop] = {}
    streets = [row[0] for row in rows("streets")] * 2
    generator.shuffle(streets)
    for position, (key, kind, english, chinese, category, english_kind, chinese_kind) in enumerate(rows("shops")):
        products = tuple(
            Product(
                key=row[1],
                english_one=row[2],
                english_many=row[3],
                chinese=row[4],
                chinese_measure=row[5],
                price=max(1, round(int(row[6]) * generator.uniform(0.8, 1.25))),
            )
            for row in rows("products")
            if row[0] == kind
        )
        shops[key] = Shop(
            key=key,
            kind=kind,
            english=english,
            chinese=chinese,
            category=category,
            english_kind=english_kind,
            chinese_kind=chinese_kind,
            street=streets[position],
            owner=owners[key],
            quality=generator.choices((2, 3, 4, 5), (2, 3, 4, 3))[0],
            products=products,
        )
    return shops
