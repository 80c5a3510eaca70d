"""The Chinese realiser: names, pronouns, what stands before a name, numbers and dates."""

from __future__ import annotations

import re

from .people import Person
from .tables import FESTIVALS, HOBBIES, PETS, TRAITS, event_words, rows
from .telling import Telling
from .weather import month_and_day, season_of
from .world import Event

DIGITS = "零一二三四五六七八九"
WEEKDAYS = "一二三四五六日"
JOB_NAMES = {row[0]: row[2] for row in rows("jobs")} | {"pupil": "小学生", "retired": "老邻居"}
THING_NAMES = {row[0]: (row[2], row[3]) for row in rows("things")}
SKIES = {
    "sunny": "晴天", "cloudy": "阴天", "rain": "雨天", "storm": "暴风雨天", "wind": "大风天", "fog": "大雾天",
    "snow": "雪天", "frost": "霜天", "hot": "大热天",
}  # fmt: skip
SEASON_NAMES = {"spring": "春天", "summer": "夏天", "autumn": "秋天", "winter": "冬天"}
PET_MEASURES = {"cat": "只", "dog": "条", "rabbit": "只", "parrot": "只", "duck": "只", "goat": "头"}


def number_word(number: int, *, counting: bool = True) -> str:
    """A number in Chinese; ``counting`` says 两 for two before a measure word."""
    if number < 10:
        return "两" if number == 2 and counting else DIGITS[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return ("" if tens == 1 else DIGITS[tens]) + "十" + (DIGITS[ones] if ones else "")
    if number < 1000:
        hundreds, rest = divmod(number, 100)
        if not rest:
            return f"{DIGITS[hundreds]}百"
        middle = "零" if rest < 10 else "一" if rest < 20 else ""
        return f"{DIGITS[hundreds]}百{middle}{number_word(rest, counting=False)}"
    return str(number)


def coins(number: int) -> str:
    """A price in words."""
    return f"{number_word(number)}块钱"


def date_words(day: int) -> str:
    """A date as in a newspaper."""
    month, date = month_and_day(day)
    return f"{number_word(month, counting=False)}月{number_word(date, counting=False)}日"


def relation_word(relation: str, hero: Person, person: Person) -> str:
    """What the hero calls the other: the elder and the younger brother differ."""
    if relation == "sibling":
        elder = person.age > hero.age
        return ("姐姐" if elder else "妹妹") if person.female else ("哥哥" if elder else "弟弟")
    pairs = {
        "spouse": ("丈夫", "妻子"),
        "child": ("儿子", "女儿"),
        "parent": ("爸爸", "妈妈"),
        "friend": ("朋友", "朋友"),
        "neighbour": ("邻居", "邻居"),
        "colleague": ("同事", "同事"),
    }
    return pairs[relation][person.female]


class Chinese(Telling):
    """A Chinese telling."""

    language = "zh"

    def make_words(self, event: Event) -> dict[str, str]:
        """See Telling."""
        world = self.world
        month, _ = month_and_day(event.day)
        pair = [self.people["hero"], self.people.get("other", self.people["hero"])]
        together = "她们" if all(person.female for person in pair) else "他们"
        words = {
            "they": "我们" if self.narrator == event.hero else together,
            "month": f"{number_word(month, counting=False)}月",
            "date": date_words(event.day),
            "weekday": f"星期{WEEKDAYS[(event.day + 1) % 7]}",
            "weather": SKIES[event.weather],
            "season.word": SEASON_NAMES[season_of(event.day)],
        }
        for name, key in (("place", event.place), ("place2", event.second_place)):
            if key:
                place = world.places[key]
                words |= {name: place.chinese, f"{name}.at": place.chinese_at, f"{name}.to": f"到{place.chinese}"}
                words[f"{name}.in"] = place.chinese_at.removeprefix("在")
                if place.street:
                    words[f"{name}.street"] = world.streets[place.street].chinese
        if event.thing:
            thing, measure = THING_NAMES[event.thing]
            words |= {"thing": thing, "thing.a": f"一{measure}{thing}", "thing.that": f"那{measure}{thing}"}
            words["thing.m"] = measure
        if event.shop:
            self._shop_words(event, words)
        if event.pet:
            pet = world.pets[event.pet]
            words |= {"pet": pet.chinese, "pet.kind": PETS[pet.kind][1], "pet.m": PET_MEASURES[pet.kind]}
        if event.kind == "festival":
            words["feast"] = next(row[3] for row in FESTIVALS if row[0] == event.variant)
        for name, (_, chinese) in event_words(event.kind, event.variant, event.outcome).items():
            words[name] = chinese
        return words

    def _shop_words(self, event: Event, words: dict[str, str]) -> None:
        shop = self.world.shops[event.shop]
        words |= {
            "shop": shop.chinese,
            "shop.at": shop.chinese_at,
            "shop.kind": shop.chinese_kind,
            "shop.street": self.world.streets[shop.street].chinese,
            "owner": self.world.people[shop.owner].chinese,
        }
        if event.product:
            product = next(item for item in shop.products if item.key == event.product)
            measure = product.chinese_measure
            words |= {
                "product": product.chinese,
                "product.one": f"一{measure}{product.chinese}",
                "product.that": f"那{measure}{product.chinese}",
                "product.m": measure,
            }
        price = event.price or self.world.price_on(event.shop, event.product, event.day)
        words |= {"price": coins(price), "price.old": coins(event.price_before)}

    def person_word(self, person: Person, form: str, *, role: str) -> str:
        """See Telling."""
        if person.key == self.narrator:
            told = {"": "我", "n": "我", "he": "我", "o": "我", "p": "我的", "self": "自己"}
            if form in told:
                return told[form]
        if form in ("", "o", "p", "n"):
            suffix = "的" if form == "p" else ""
            if person.key in self.introduced:
                pronoun = "她" if person.female else "他"
                return (pronoun if self.says_pronoun(person) else person.chinese) + suffix
            return self._first_mention(person) + suffix
        if form == "name":
            self._note(person)
            return person.chinese
        if form == "he":
            return "她" if person.female else "他"
        if form == "self":
            return "自己"
        return self._fact(person, form)

    def _note(self, person: Person) -> None:
        self.introduced.add(person.key)
        self.recent[person.female] = person.key
        self.streak[person.key] = 0

    def _fact(self, person: Person, form: str) -> str:
        if form == "job":
            return JOB_NAMES[person.job]
        if form == "age":
            return number_word(person.age)
        if form == "street":
            return self.world.streets[person.street].chinese
        if form == "work":
            place = self.world.shops.get(person.workplace) or self.world.places.get(person.workplace)
            return place.chinese_at if place else "在镇上各处"
        if form == "trait":
            return TRAITS[person.trait][1]
        if form == "hobby":
            return HOBBIES[person.hobby][1]
        if form in ("child", "woman"):
            if person.is_child:
                return "女孩" if person.female else "男孩"
            return "女人" if person.female else "男人"
        if form == "relation":
            relation = self.world.relation_words(self.event.hero, person.key)
            return relation_word(relation, self.people["hero"], person) if relation else "邻居"
        raise KeyError(f"no form {form!r} for a person")

    def _first_mention(self, person: Person) -> str:
        hero = self.people["hero"]
        name = person.chinese
        relation = self.world.relation_words(hero.key, person.key) if person.key != hero.key else ""
        clear = self.recent.get(hero.female) == hero.key
        self._note(person)
        if relation and not (relation in ("neighbour", "colleague") and self.random() < 0.6):
            word = relation_word(relation, hero, person)
            if hero.key == self.narrator:
                return f"我的{word}{name}"
            return f"{('她' if hero.female else '他') if clear else hero.chinese}的{word}{name}"
        choices = [f"住在{self._fact(person, 'street')}的{name}"]
        if person.job not in ("pupil", "retired"):
            choices += [f"{JOB_NAMES[person.job]}{name}"] * 2
            if person.workplace:
                choices.append(f"{self._fact(person, 'work')}工作的{name}")
        if person.pet:
            pet = self.world.pets[person.pet]
            choices.append(f"养着{PETS[pet.kind][1]}{pet.chinese}的{name}")
        return choices[int(self.random() * len(choices))]

    def tidy(self, text: str) -> str:
        """See Telling."""
        return re.sub(r"，(?=[，。！？])", "", text).replace("我的自己", "自己").strip()
