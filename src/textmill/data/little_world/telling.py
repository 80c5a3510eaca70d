"""One telling of one event: who tells it, in which language, what has been said, and which words that asks for.

Both languages share this file; what differs (pronouns, introductions, articles) is in ``english.py`` and
``chinese.py``.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Iterable

from .grammar import Template, bank
from .people import Person
from .weather import season_of
from .world import Event, World

PAST_WINDOW = 25
"""How many days back an earlier event is still on people's minds."""


LEADING = ("problem", "help", "turn", "outcome", "after", "feel", "lesson")
"""The sections before whose sentences a time or a circumstance may stand."""
TRAILING = ("opening", "intro", "problem", "help", "turn", "outcome", "after", "feel")
"""The sections after whose sentences something may be said of what goes on around."""


class Telling(ABC):
    """The state of one document while it is written."""

    language: str
    used: set[tuple[str, int]]

    def __init__(
        self, world: World, event: Event, generator: random.Random, *, held_out: bool = False, narrator: str = ""
    ) -> None:
        self.world = world
        self.event = event
        self.generator = generator
        self.random = generator.random
        self.held_out = held_out
        self.narrator = narrator
        self.feeling = "calm"
        self.introduced: set[str] = {narrator} if narrator else set()
        self.recent: dict[bool, str] = {}
        self.streak: dict[str, int] = {}
        self.used = set()
        self.said: set[str] = set()
        self.cause_told = False
        self.clause = ""
        self.steps = 0
        self.quiet_left = 3
        self._pools: dict[str, list[tuple[str, Template]]] = {}
        self.people = {
            role: world.people[key]
            for role, key in (("hero", event.hero), ("other", event.other), ("third", event.third))
            if key
        }
        self.cause = self._related(event.cause)
        self.previous = self._previous()
        hero = self.people["hero"]
        self.tags = [
            event.variant,
            event.outcome,
            season_of(event.day),
            event.weather,
            "child" if hero.is_child else "adult",
            "first" if narrator else "third",
            "caused" if self.cause else "uncaused",
        ]
        if "other" in self.people:
            self.tags.append("with_" + (world.relation_words(event.hero, event.other) or "stranger"))
        self.words = self.make_words(event)

    def _related(self, number: int) -> Event | None:
        if number < 0:
            return None
        event = self.world.events[number]
        return event if self.held_out or not self.world.is_held_out(event) else None

    def _previous(self) -> Event | None:
        event = self._related(self.event.previous)
        if event and self.event.day - event.day <= PAST_WINDOW and event.number != self.event.cause:
            return event
        return None

    @abstractmethod
    def make_words(self, event: Event) -> dict[str, str]:
        """The plain words (no people) that templates of this event may ask for, by ``name`` or ``name.form``."""

    @abstractmethod
    def person_word(self, person: Person, form: str, *, role: str) -> str:
        """A person in one form: subject, object, possessive, pronoun, plain name."""

    @abstractmethod
    def tidy(self, text: str) -> str:
        """Put right what joining parts can leave wrong: capitals, articles, doubled stops."""

    def slot(self, who: str, form: str) -> str:
        """The word for ``{who.form}``."""
        person = self.people.get(who)
        if person is not None:
            return self.person_word(person, form, role=who)
        if who in ("cause", "previous"):
            return self._clause(who)
        return self.words[f"{who}.{form}" if form and form != "n" else who]

    def _clause(self, who: str) -> str:
        """Why this happened, or what happened to the hero before, as a clause told from the other event."""
        if who == "cause" and self.cause is None:
            if not self.clause:
                pool = self.pool(f"cause.{self.event.variant}") or self.pool("cause")
                self.clause = pool[self.event.number % len(pool)][1].render(self)
            return self.clause
        event = self.cause if who == "cause" else self.previous
        assert event is not None
        inner = self.__class__(self.world, event, self.generator, held_out=self.held_out, narrator=self.narrator)
        inner.introduced = {person.key for person in (*self.people.values(), *inner.people.values())}
        inner.recent = {}
        return inner.phrase("because")

    def pool(self, section: str) -> list[tuple[str, Template]]:
        """The templates of a section that fit the tags of this telling, from the event's bank and the common one."""
        pool = self._pools.get(section)
        if pool is None:
            own, common = bank(self.language, self.event.kind), bank(self.language, "common")
            names = [section] + [f"{section}.{tag}" for tag in self.tags]
            pool = [("own", template) for name in names for template in own.get(name, ())]
            if not pool:
                pool = [("common", template) for name in names for template in common.get(name, ())]
            self._pools[section] = pool
        return pool

    def phrase(self, section: str) -> str:
        """Any phrase of a section; repetition is allowed."""
        pool = self.pool(section)
        if not pool:
            return ""
        return pool[int(self.random() * len(pool))][1].render(self)

    def tell(self, section: str, feeling: str = "") -> str:
        """A sentence of a section that this document has not used yet; empty if the section is."""
        if feeling:
            self.feeling = feeling
        pool = self.pool(section)
        fresh = [
            entry
            for entry in pool
            if (section + entry[0], entry[1].identity) not in self.used
            and not (self.cause_told and entry[1].tells_cause)
        ]
        if section == "problem" and self.random() < 0.8:
            fresh = [entry for entry in fresh if entry[1].tells_cause] or fresh
        if not fresh:
            return ""
        source, template = fresh[int(self.random() * len(fresh))]
        self.used.add((section + source, template.identity))
        self.cause_told = self.cause_told or template.tells_cause
        return self.tidy(self._adorn(section.split(".")[0], template))

    def _adorn(self, section: str, template: Template) -> str:
        """A sentence, sometimes with a time or circumstance before it and something that goes on around it after it."""
        before = after = ""
        if template.opens_with_person and section in LEADING and self.random() < 0.5:
            before = self._once(f"lead_{section}")
        text = template.render(self)
        if template.ends_plainly and section in TRAILING:
            after = self.tail()
        return before + (text[:-1] + after + text[-1] if after else text)

    def tell_all(self, plan: Iterable[tuple[str, str]]) -> list[str]:
        """Sentences for a plan of (section, feeling), without the empty ones."""
        return [sentence for section, feeling in plan if (sentence := self.tell(section, feeling))]

    def lead(self) -> str:
        """Sometimes an adverb that links a sentence to the one before."""
        self.steps += 1
        section = "lead_first" if self.steps == 1 else "lead"
        return self._once(section) if self.random() < 0.55 else ""

    def _once(self, section: str) -> str:
        """A phrase of a section unless this document has said the same already."""
        phrase = self.phrase(section)
        if phrase[-7:] in self.said:
            return ""
        self.said.add(phrase[-7:])
        return phrase

    def tail(self) -> str:
        """Sometimes a phrase of manner or weather at the end of a sentence."""
        chance = self.random()
        if self.feeling == "none":
            return ""
        if chance < 0.22 and self.feeling != "calm":
            return self._once(f"tail.{self.feeling}")
        if chance < 0.4 and self.quiet_left and self.event.weather != "storm":
            self.quiet_left -= 1
            return self._once("tail.life")
        return self._once("tail.sky") if chance < 0.5 else ""

    def title(self) -> str:
        """A title; nobody counts as introduced by it."""
        text = self.tidy(self.phrase("title")).rstrip(".。")
        self.introduced = {self.narrator} if self.narrator else set()
        self.clause = ""
        self.new_paragraph()
        return text

    def new_paragraph(self) -> None:
        """Names come back at the start of a paragraph."""
        self.recent = {}
        self.streak = {}

    def says_pronoun(self, person: Person) -> bool:
        """Whether a pronoun is clear here; keeps track of who was spoken of last."""
        clear = self.recent.get(person.female) == person.key and self.streak.get(person.key, 0) < 3
        self.recent[person.female] = person.key
        if clear and self.random() < 0.72:
            self.streak[person.key] = self.streak.get(person.key, 0) + 1
            return True
        self.streak[person.key] = 0
        return False
