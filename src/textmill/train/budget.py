"""The one dial: `10m`, `2h`, `1h30m`, `90s`, or `100M tokens`."""

import re
from dataclasses import dataclass

from textmill.errors import UsageError

_NUMBER = r"(\d+(?:\.\d+)?)"
_TIME = re.compile("".join(rf"(?:{_NUMBER}\s*{unit})?\s*" for unit in ("d", "h", "m(?:in)?", "s")))
_TOKENS = re.compile(rf"{_NUMBER}\s*([kmbt]?)\s*tok(?:ens?)?")
_FACTORS = {"": 1, "k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What a run may use: wall seconds or training tokens; the other is 0."""

    seconds: float = 0.0
    tokens: int = 0


def parse_budget(text: str) -> Budget:
    """Reads a budget as a person writes it; raises UsageError when it says nothing."""
    wanted = text.strip().lower()
    if found := _TOKENS.fullmatch(wanted):
        tokens = round(float(found[1]) * _FACTORS[found[2]])
        if tokens > 0:
            return Budget(tokens=tokens)
    elif found := _TIME.fullmatch(wanted):
        parts = [float(part or 0) for part in found.groups()]
        seconds = parts[0] * 86_400 + parts[1] * 3_600 + parts[2] * 60 + parts[3]
        if seconds > 0:
            return Budget(seconds=seconds)
    raise UsageError("train.budget", value=text)
