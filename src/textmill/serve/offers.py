"""What a server offers besides the model itself: each is a route that is only there where this is."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textmill.apps.translate.card import Card

if TYPE_CHECKING:
    from textmill.serve.sentiment import JudgeOnOffer


@dataclass(frozen=True, slots=True, kw_only=True)
class Offers:
    """The applications on offer."""

    judge: "JudgeOnOffer | None" = None
    """Judges texts."""
    card: Card | None = None
    """What the model knows of translation."""
