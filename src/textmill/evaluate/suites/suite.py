"""A suite: a name, where its items come from, and the rules by which they are asked and scored."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from textmill.evaluate.items import CHOICE, Item

Row = dict[str, Any]
Reader = Callable[[Row], Item]
"""A row to an item without a name; raises KeyError, TypeError, ValueError or IndexError for what is no such item."""
ACCURACY, NORMALISED, EXACT = "accuracy", "accuracy_normalised", "exact_match"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shots:
    """Worked examples before each item.

    `drawn`: "first" takes the first of the group in the examples' file (the same for all items of a group),
    "seeded" draws anew for each item, from the examples' file or, without one, from the other items.
    """

    count: int = 0
    drawn: str = "seeded"
    files: tuple[str, ...] = ()
    """Where the examples lie; (): among the items themselves."""
    hub: str = ""
    """Where that is on a hub."""
    seed: int = 1234


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """One test; see `textmill.evaluate.suites.registry` for those that there are."""

    name: str
    kind: str
    read: Reader
    files: tuple[str, ...]
    """Patterns of its files' names in a folder, the likeliest first."""
    hub: str
    """Where it is on a hub: ``hf:OWNER/NAME…``."""
    metric: str = ACCURACY
    """The figure that is told first."""
    shots: Shots = Shots()
    opening: Callable[[Item], str] | None = None
    """What stands before the examples."""
    language: str = "en"
    stop: tuple[str, ...] = ()
    max_tokens: int = 0
    chance: float | None = None
    """Where it is not one in the number of choices."""
    rule: str = ""
    """The prompt in short, with {fields}, as the report shows it."""
    by_group: bool = False
    """The suite's figure is the mean of its groups' figures, not of its items'."""
    labelled: bool = False
    """The choices are the classes of a classification."""
    part_of: str = ""
    """The collection that it belongs to: scores of all its parts are put together."""

    def few_shot(self, items: Sequence[Item], examples: Sequence[Item]) -> list[Item]:
        """Returns the items behind their worked examples and opening."""
        shots, made = self.shots, []
        pool: dict[str, list[Item]] = {}
        for example in examples:
            pool.setdefault(example.group, []).append(example)
        for place, item in enumerate(items):
            chosen: Sequence[Item] = ()
            if shots.count and shots.drawn == "first":
                chosen = pool.get(item.group, list(examples))[: shots.count]
            elif shots.count:
                chosen = drawn(examples, items, place, shots)
            made.append(item.behind(chosen, self.opening(item) if self.opening else ""))
        return made

    @property
    def shot_rule(self) -> str:
        """The few-shot rule as data: "0", "5 first", "10 seeded 1234"."""
        shots = self.shots
        if not shots.count:
            return "0"
        return f"{shots.count} {shots.drawn}" + (f" {shots.seed}" if shots.drawn == "seeded" else "")

    @property
    def guesses(self) -> bool:
        """True where an answer can be guessed."""
        return self.kind == CHOICE


def drawn(examples: Sequence[Item], items: Sequence[Item], place: int, shots: Shots) -> list[Item]:
    """Returns the examples drawn for an item: of the examples' file, or without one of all other items."""
    count = len(examples) or len(items) - 1
    chosen = random.Random(shots.seed + place).sample(range(count), min(shots.count, count))
    return [examples[at] for at in chosen] if examples else [items[at + (at >= place)] for at in chosen]
