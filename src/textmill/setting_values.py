"""What a setting may be: its type, its bounds, its choices, and what they are called in messages."""

import dataclasses
import math
from dataclasses import Field, field
from typing import Any, get_type_hints

from textmill.errors import SettingsError
from textmill.i18n import t


def setting(
    default: Any,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[str, ...] = (),
) -> Any:
    """Returns a dataclass field with a default and the bounds (inclusive) that its value is held to."""
    return field(default=default, metadata={"minimum": minimum, "maximum": maximum, "choices": choices})


class Section:
    """What the sections share: values are checked when a section is made, so a bad one cannot travel."""

    __slots__ = ()

    def __post_init__(self) -> None:
        kinds = get_type_hints(type(self))
        for item in dataclasses.fields(self):  # type: ignore[arg-type]
            name = f"{section_name(type(self))}.{item.name}"
            check_value(name, item, kinds[item.name], getattr(self, item.name))


def section_name(section: type) -> str:
    """Returns the name under which a section stands in files and on the command line: TrainSettings is train."""
    return section.__name__.removesuffix("Settings").lower()


def check_value(name: str, item: Field, kind: Any, value: Any) -> None:
    """Raises SettingsError unless `value` is of the type `kind` and lies within the setting's bounds."""
    wanted = (int, float) if kind is float else tuple if kind == tuple[str, ...] else kind
    wrong = not isinstance(value, wanted) or (isinstance(value, bool) and kind is not bool)
    if wrong or (isinstance(value, tuple) and not all(isinstance(part, str) for part in value)):
        raise SettingsError("settings_errors.type", name=name, type=type_name(kind), value=repr(value))
    if isinstance(value, float) and not math.isfinite(value):
        raise SettingsError("settings_errors.type", name=name, type=type_name(kind), value=value)
    low, high, choices = item.metadata["minimum"], item.metadata["maximum"], item.metadata["choices"]
    if (low is not None and value < low) or (high is not None and value > high):
        bounds = f"{'-∞' if low is None else low} … {'∞' if high is None else high}"
        raise SettingsError("settings_errors.range", name=name, bounds=bounds, value=value)
    if choices and value not in choices:
        shown = ", ".join(choice or '""' for choice in choices)
        raise SettingsError("settings_errors.choice", name=name, choices=shown, value=repr(value))


def type_name(kind: Any) -> str:
    """Returns what a setting's type is called in messages."""
    known = {
        int: t("settings_errors.integer"),
        float: t("settings_errors.number"),
        str: t("settings_errors.text"),
        bool: "true / false",
    }
    return known.get(kind, t("settings_errors.texts"))
