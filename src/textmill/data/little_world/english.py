"""The English realiser: names and pronouns, articles, numbers and dates."""

from __future__ import annotations

import re

from .people import Person
from .tables import FESTIVALS, HOBBIES, PETS, TRAITS, event_words, rows
from .telling import Telling
from .weather import month_and_day, season_of
from .world import Event

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
WEEKDAYS = (
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
)  # fmt: skip
NUMBERS = (
    "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
TENS = (
    "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
)  # fmt: skip
COLOURS_OF_WEATHER = {
    "sunny": "sunny", "cloudy": "grey", "rain": "rainy", "storm": "stormy", "wind": "windy", "fog": "foggy",
    "snow": "snowy", "frost": "frosty", "hot": "hot",
}  # fmt: skip
JOB_NAMES = {row[0]: row[1] for row in rows("jobs")} | {"pupil": "pupil", "retired": "old neighbour"}
THING_NAMES = {row[0]: row[1] for row in rows("things")}
_ARTICLE = re.compile(r"\b([Aa])n? (?=(hour|honest|one\b|use|uni|[A-Za-z]))")
_SAID_I = re.compile(r"\b(said|asked|cried|called|laughed|whispered|shouted|thought) I\b")
_I_AND = re.compile(r"\bI and ((?:my \w+ )?[A-Z]\w+)")
_AN = (*"aeiouAEIO", "hour", "honest")
_SENTENCE_START = re.compile(r"(^[“]?|(?<=[a-z0-9,)][.!?] )|(?<=\.” )|(?<=!” )“)([a-z])")
RELATIONS = {
    "spouse": ("husband", "wife"),
    "child": ("son", "daughter"),
    "parent": ("father", "mother"),
    "sibling": ("brother", "sister"),
    "friend": ("friend", "friend"),
    "neighbour": ("neighbour", "neighbour"),
    "colleague": ("colleague", "colleague"),
}


def number_word(number: int) -> str:
    """Small numbers in words."""
    if number < 20:
        return NUMBERS[number]
    if number < 100:
        return TENS[number // 10 - 2] + (f"-{NUMBERS[number % 10]}" if number % 10 else "")
    return str(number)


def coins(number: int) -> str:
    """A price in words."""
    return "one coin" if number == 1 else f"{number_word(number)} coins"


def date_words(day: int) -> str:
    """A date as in a newspaper."""
    month, date = month_and_day(day)
    return f"{MONTHS[month - 1]} {date}"


def article(noun: str) -> str:
    """A noun phrase with a or an."""
    return ("an " if noun[0] in "aeiou" else "a ") + noun


def capital(text: str) -> str:
    """The text with a capital at its start."""
    return text[:1].upper() + text[1:]


class English(Telling):
    """An English telling."""

    language = "en"

    def make_words(self, event: Event) -> dict[str, str]:
        """See Telling."""
        world = self.world
        month, _ = month_and_day(event.day)
        told_by_hero = self.narrator == event.hero
        words = {
            "they": "we" if told_by_hero else "they",
            "them": "us" if told_by_hero else "them",
            "month": MONTHS[month - 1],
            "date": date_words(event.day),
            "weekday": WEEKDAYS[(event.day + 1) % 7],
            "weather": COLOURS_OF_WEATHER[event.weather],
            "yesterday": WEEKDAYS[event.day % 7],
            "season.word": season_of(event.day),
        }
        for name, key in (("place", event.place), ("place2", event.second_place)):
            if key:
                place = world.places[key]
                words |= {name: place.english, f"{name}.at": place.english_at, f"{name}.to": f"to {place.english}"}
                if place.street:
                    words[f"{name}.street"] = world.streets[place.street].english
        if event.thing:
            thing = THING_NAMES[event.thing]
            words |= {"thing": thing, "thing.a": article(thing), "thing.bare": thing.split()[-1]}
        if event.shop:
            self._shop_words(event, words)
        if event.pet:
            pet = world.pets[event.pet]
            words |= {"pet": pet.english, "pet.kind": PETS[pet.kind][0]}
            words |= {
                f"pet.{form}": word
                for form, word in zip(
                    ("he", "him", "his"), ("she", "her", "her") if pet.female else ("he", "him", "his"), strict=True
                )
            }
        if event.kind == "festival":
            words["feast"] = next(row[2] for row in FESTIVALS if row[0] == event.variant)
        for name, (english, _) in event_words(event.kind, event.variant, event.outcome).items():
            words |= {name: english, f"{name}.a": article(english)}
        return words

    def _shop_words(self, event: Event, words: dict[str, str]) -> None:
        shop = self.world.shops[event.shop]
        words |= {
            "shop": shop.english,
            "shop.at": shop.english_at,
            "shop.to": f"to {shop.english}",
            "shop.kind": shop.english_kind,
            "shop.street": self.world.streets[shop.street].english,
            "owner": self.world.people[shop.owner].english,
        }
        if event.product:
            product = next(item for item in shop.products if item.key == event.product)
            bare = re.sub(r"^(a|an) ", "", product.english_one)
            words |= {
                "product": product.english_many,
                "product.one": product.english_one,
                "product.the": f"the {bare}",
                "product.bare": bare,
                "product.one.cap": capital(product.english_one),
                "product.the.cap": f"The {bare}",
            }
        price = event.price or self.world.price_on(event.shop, event.product, event.day)
        words |= {"price": coins(price), "price.cap": capital(coins(price)), "price.old": coins(event.price_before)}

    def person_word(self, person: Person, form: str, *, role: str) -> str:
        """See Telling."""
        if person.key == self.narrator:
            told = {"": "I", "he": "I", "n": "I", "o": "me", "him": "me", "p": "my", "his": "my", "self": "myself"}
            if form in told:
                return told[form]
        female = person.female
        if form == "":
            return self._subject(person)
        if form == "n" and person.key in self.introduced:
            self._note(person)
            return person.english
        if form in ("o", "n"):
            if person.key in self.introduced:
                return ("her" if female else "him") if self.says_pronoun(person) else person.english
            return self._first_object(person)
        if form == "p":
            known = person.key in self.introduced
            if known and self.says_pronoun(person):
                return "her" if female else "his"
            self._note(person)
            return f"{person.english}’s"
        if form == "name":
            self._note(person)
            return person.english
        if form in ("he", "him", "his", "self"):
            pair = {"he": ("he", "she"), "him": ("him", "her"), "his": ("his", "her"), "self": ("himself", "herself")}
            return pair[form][female]
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
            return self.world.streets[person.street].english
        if form == "work":
            place = self.world.shops.get(person.workplace) or self.world.places.get(person.workplace)
            return place.english_at if place else "all over the town"
        if form == "trait":
            return TRAITS[person.trait][0]
        if form == "hobby":
            return HOBBIES[person.hobby][0]
        if form in ("child", "woman"):
            young = person.is_child
            return ("girl" if young else "woman") if person.female else ("boy" if young else "man")
        if form == "relation":
            relation = self.world.relation_words(self.event.hero, person.key)
            return RELATIONS[relation][person.female] if relation else "neighbour"
        raise KeyError(f"no form {form!r} for a person")

    def _subject(self, person: Person) -> str:
        if person.key in self.introduced:
            if self.says_pronoun(person):
                return "she" if person.female else "he"
            return person.english
        related = self._relation(person)
        name = person.english
        self._note(person)
        choices = [
            f"{name}, who lived on {self._fact(person, 'street')},",
            f"{name} from {self._fact(person, 'street')}",
        ]
        if person.job not in ("pupil", "retired"):
            choices += [f"{name}, the {JOB_NAMES[person.job]},", f"{name} the {JOB_NAMES[person.job]}"]
            if person.workplace:
                choices.append(f"{name}, who worked {self._fact(person, 'work')},")
        if person.pet and not self.world.people[person.key].held_out:
            pet = self.world.pets[person.pet]
            choices.append(f"{name}, who had a {PETS[pet.kind][0]} called {pet.english},")
        if related and (self.random() < 0.7 or "stranger" not in related):
            return related
        return choices[int(self.random() * len(choices))]

    def _first_object(self, person: Person) -> str:
        related = self._relation(person)
        self._note(person)
        if related:
            return related
        if person.job not in ("pupil", "retired"):
            return f"{person.english} the {JOB_NAMES[person.job]}"
        return f"{person.english} from {self._fact(person, 'street')}"

    def _relation(self, person: Person) -> str:
        """How the hero would call this person: "her friend Tom"; empty where there is nothing to say."""
        hero = self.people["hero"]
        relation = self.world.relation_words(hero.key, person.key) if person.key != hero.key else ""
        if not relation or (relation in ("neighbour", "colleague") and self.random() < 0.6):
            return ""
        word = RELATIONS[relation][person.female]
        if hero.key == self.narrator:
            return f"my {word} {person.english}"
        if self.recent.get(hero.female) == hero.key:
            return f"{'her' if hero.female else 'his'} {word} {person.english}"
        return f"{hero.english}’s {word} {person.english}"

    def tidy(self, text: str) -> str:
        """See Telling."""
        text = text.replace(",,", ",").replace(",.", ".").replace(",?", "?").replace("  ", " ").strip()
        if self.narrator:
            text = _SAID_I.sub(r"I \1", _I_AND.sub(r"\1 and I", text))
        text = _ARTICLE.sub(lambda m: m[1] + "n " if m[2] in _AN else m[1] + " ", text)
        return _SENTENCE_START.sub(lambda m: m[1] + m[2].upper(), text)
