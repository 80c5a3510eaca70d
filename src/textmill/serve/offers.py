"""What a server offers besides the model itself: each is a route that is only there where this is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from textmill.apps.translate.card import Card
from textmill.apps.write.kinds import Kind, kind_names, load_kind

if TYPE_CHECKING:
    from textmill.serve.asking import GraphOnOffer
    from textmill.serve.sentiment import JudgeOnOffer


def own_kinds() -> dict[str, Kind]:
    """Returns the kinds of articles that come with Textmill."""
    return {name: load_kind(name) for name in kind_names()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Offers:
    """The applications on offer."""

    judge: "JudgeOnOffer | None" = None
    """Judges texts."""
    card: Card | None = None
    """What the model knows of translation."""
    kinds: Mapping[str, Kind] = field(default_factory=own_kinds)
    """The kinds of articles that are written."""
    graph: "GraphOnOffer | None" = None
    """What questions are answered from."""
