"""What a model knows of translation: `translation.json` beside its weights, written by every checkpoint of its tuning.

    {"version": 1, "form": "task", "pairs": [{"source": "en", "target": "zh", "ratio": 0.92, "characters": 0.31,
     "examples": 24000}]}

`ratio` is the usual number of target tokens for a source token (the median over the training pairs), `characters` the
same in `cleaning.units`: by the first the length of an output is bounded, by the second what is missing is noticed.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from textmill.apps.translate.languages import ENGLISH_NAMES
from textmill.apps.translate.pairs import Direction
from textmill.errors import InputError, ModelError
from textmill.i18n import t
from textmill.infer.resolve import resolve
from textmill.project import Project
from textmill.tokenizer.special_tokens import TASKS
from textmill.tokenizer.tokenizer import Tokenizer

CARD_FILE = "translation.json"
VERSION = 1
TASK, CHAT = "task", "chat"
FORMS = (TASK, CHAT)
"""How a model is asked: by the tokens that are reserved for it, or in its chat template (see `prompt`)."""
TRANSLATE_TOKEN = TASKS[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A direction that a model was trained for."""

    source: str
    target: str
    ratio: float
    characters: float
    examples: int

    @property
    def direction(self) -> Direction:
        """From where to where."""
        return Direction(self.source, self.target)


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """All that a model knows. `pairs` () means: nothing is known of it, any pair may be asked of it."""

    form: str
    pairs: tuple[Known, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Returns what the file holds."""
        return {"version": VERSION, "form": self.form, "pairs": [asdict(pair) for pair in self.pairs]}

    def known(self, direction: Direction) -> Known:
        """Returns what is known of a direction; ModelError, with what the model does know, where it is none of its."""
        if not self.pairs:
            return Known(source=direction.source, target=direction.target, ratio=1.5, characters=1.0, examples=0)
        for pair in self.pairs:
            if pair.direction == direction:
                return pair
        known = ", ".join(str(pair.direction) for pair in self.pairs)
        raise ModelError("translate.unknown_pair", pair=direction, known=known)

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that it knows, sources first."""
        codes = [pair.source for pair in self.pairs] + [pair.target for pair in self.pairs]
        return tuple(dict.fromkeys(codes)) or tuple(ENGLISH_NAMES)

    def sources(self, target: str) -> tuple[str, ...]:
        """Returns from which languages it goes into `target`."""
        return tuple(pair.source for pair in self.pairs if pair.target == target)


def form_for(tokenizer: Tokenizer) -> str:
    """Returns how a model with this tokenizer is best asked."""
    return TASK if TRANSLATE_TOKEN in tokenizer.special else CHAT


def read_card(folder: Path) -> Card | None:
    """Returns the card in a folder, None where there is none; InputError where it is damaged."""
    file = folder / CARD_FILE
    if not file.is_file():
        return None
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if content["version"] > VERSION:
            raise InputError("translate.newer_card", file=file)
        pairs = tuple(Known(**pair) for pair in content["pairs"])
        if content["form"] not in FORMS:
            raise ValueError(content["form"])
        return Card(form=content["form"], pairs=pairs)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError("translate.broken_card", file=file, detail=error) from error


def card_of(reference: str | None, project: Project | None) -> tuple[Card, list[str]]:
    """Returns the card of MODEL and notes for the user: one of a model that was not trained for it knows nothing."""
    place = resolve(reference, project, verify=False)
    folders: Iterable[Path] = (place.adapter, place.folder) if place.adapter else (place.folder,)
    for folder in folders:
        card = read_card(folder) if folder.is_dir() else None
        if card is not None:
            return card, []
    return Card(form=CHAT), [t("translate.no_card", name=place.name)]
