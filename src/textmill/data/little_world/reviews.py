"""Customer reviews (stub until the banks are written)."""

from __future__ import annotations

import random
from collections.abc import Iterator

from .world import World


def review_rows(world: World, language: str, generator: random.Random) -> Iterator[tuple[bool, dict[str, object]]]:
    """Nothing yet."""
    yield from ()
