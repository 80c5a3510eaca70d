"""Shapes of the values that clients send: each checks a value, naming its place, and says itself as JSON Schema."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from textmill.errors import UsageError
from textmill.serve.refusal import Refused

SHOWN = 80
"""Characters of a wrong value that an error repeats."""


class Shape(Protocol):
    """What a value may be."""

    def check(self, value: Any, path: str) -> Any:
        """Returns the value, defaults filled in; raises Refused with `path` as its param."""
        ...

    def document(self) -> dict[str, Any]:
        """Returns the same as JSON Schema."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A finite number within bounds."""

    low: float
    high: float
    whole: bool = False

    def check(self, value: Any, path: str) -> Any:
        """Returns the number; 3.0 is whole as in JSON Schema."""
        if isinstance(value, float) and self.whole and value.is_integer():
            value = int(value)
        kinds = int if self.whole else (int, float)
        if not isinstance(value, kinds) or isinstance(value, bool):
            raise wrong_type(value, path, "integer" if self.whole else "number")
        if not self.low <= value <= self.high:
            raise out_of_range(path, self.low, self.high, value)
        return value if self.whole else float(value)

    def document(self) -> dict[str, Any]:
        """Returns type and bounds."""
        return {"type": "integer" if self.whole else "number", "minimum": self.low, "maximum": self.high}


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A string, of some length or one of `choices`."""

    longest: int = 1 << 30
    shortest: int = 0
    choices: tuple[str, ...] = ()

    def check(self, value: Any, path: str) -> Any:
        """Returns the string."""
        if not isinstance(value, str):
            raise wrong_type(value, path, "string")
        if self.choices and value not in self.choices:
            shown = ", ".join(self.choices)
            error = UsageError("serve.not_one_of", name=path, choices=shown, value=shortened(value))
            raise Refused(error, param=path)
        if not self.shortest <= len(value) <= self.longest:
            error = UsageError("serve.length", name=path, low=self.shortest, high=self.longest, value=len(value))
            raise Refused(error, param=path, code="string_length")
        return value

    def document(self) -> dict[str, Any]:
        """Returns choices or lengths."""
        if self.choices:
            return {"type": "string", "enum": list(self.choices)}
        limits = {"minLength": self.shortest} if self.shortest else {}
        return {"type": "string", **limits} | ({"maxLength": self.longest} if self.longest < 1 << 30 else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """true or false."""

    def check(self, value: Any, path: str) -> Any:
        """Returns the bool."""
        if not isinstance(value, bool):
            raise wrong_type(value, path, "boolean")
        return value

    def document(self) -> dict[str, Any]:
        """Returns the type."""
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Never:
    """A flag that may only be false."""

    def check(self, value: Any, path: str) -> Any:
        """Returns false."""
        if Flag().check(value, path):
            raise unsupported(path)
        return False

    def document(self) -> dict[str, Any]:
        """Returns the one value."""
        return {"type": "boolean", "const": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Many:
    """A list of `of`."""

    of: Shape
    most: int
    least: int = 0

    def check(self, value: Any, path: str) -> Any:
        """Returns the list, each item checked."""
        if not isinstance(value, list):
            raise wrong_type(value, path, "array")
        if not self.least <= len(value) <= self.most:
            error = UsageError("serve.count", name=path, low=self.least, high=self.most, value=len(value))
            raise Refused(error, param=path, code="array_length")
        return [self.of.check(item, f"{path}.{index}") for index, item in enumerate(value)]

    def document(self) -> dict[str, Any]:
        """Returns item and counts."""
        return {"type": "array", "items": self.of.document(), "minItems": self.least, "maxItems": self.most}


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """An object with any names and values of one shape."""

    of: Shape
    most: int
    longest_name: int = 64
    whole_names: bool = False
    """Names must be whole numbers (token ids)."""

    def check(self, value: Any, path: str) -> Any:
        """Returns the object, each value checked."""
        if not isinstance(value, dict):
            raise wrong_type(value, path, "object")
        if len(value) > self.most:
            error = UsageError("serve.count", name=path, low=0, high=self.most, value=len(value))
            raise Refused(error, param=path, code="object_size")
        for name in value:
            whole = name.isascii() and name.isdigit() and len(name) <= 10
            if len(name) > self.longest_name or (self.whole_names and not whole):
                wanted = "0 … 9999999999" if self.whole_names else f"≤ {self.longest_name}"
                raise Refused(UsageError("serve.name", name=path, wanted=wanted, value=shortened(name)), param=path)
        return {name: self.of.check(item, f"{path}.{name}") for name, item in value.items()}

    def document(self) -> dict[str, Any]:
        """Returns the values' shape and the names' form."""
        names = {"pattern": "^[0-9]{1,10}$"} if self.whole_names else {"maxLength": self.longest_name}
        form = {"propertyNames": names, "additionalProperties": self.of.document(), "maxProperties": self.most}
        return {"type": "object", **form}


@dataclass(frozen=True, slots=True, kw_only=True)
class Anything:
    """An object that somebody else reads (a JSON schema): within `longest` characters of JSON."""

    longest: int

    def check(self, value: Any, path: str) -> Any:
        """Returns the object."""
        if not isinstance(value, dict):
            raise wrong_type(value, path, "object")
        length = len(json.dumps(value, ensure_ascii=False))
        if length > self.longest:
            raise Refused(
                UsageError("serve.length", name=path, low=0, high=self.longest, value=length),
                param=path,
                code="string_length",
            )
        return value

    def document(self) -> dict[str, Any]:
        """Returns the type alone."""
        return {"type": "object", "additionalProperties": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Either:
    """One of several shapes, told apart by the JSON type of the value."""

    options: Mapping[str, Shape]
    """{JSON type: shape}."""

    def check(self, value: Any, path: str) -> Any:
        """Returns what the shape for its type returns."""
        shape = self.options.get(type_of(value))
        if shape is None and type_of(value) == "integer":
            shape = self.options.get("number")
        if shape is None:
            raise wrong_type(value, path, " / ".join(self.options))
        return shape.check(value, path)

    def document(self) -> dict[str, Any]:
        """Returns all of them."""
        return {"anyOf": [shape.document() for shape in self.options.values()]}


def joined(path: str, name: str) -> str:
    """Returns the place of `name` within `path`."""
    return f"{path}.{name}" if path else name


def type_of(value: Any) -> str:
    """Returns what JSON calls the type of a value."""
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "null")


def shortened(value: Any) -> str:
    """Returns a value as an error may show it: its beginning."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"


def wrong_type(value: Any, path: str, wanted: str) -> Refused:
    """Returns the refusal of a value of another type."""
    error = UsageError("serve.wrong_type", name=path, wanted=wanted, value=type_of(value))
    return Refused(error, param=path, code="invalid_type")


def out_of_range(path: str, low: float, high: float, value: Any) -> Refused:
    """Returns the refusal of a number out of its bounds."""
    shown = value if not isinstance(value, float) or math.isfinite(value) else str(value)
    error = UsageError("serve.out_of_range", name=path, low=low, high=high, value=shortened(shown))
    return Refused(error, param=path, code="out_of_range")


def unsupported(path: str, value: str = "") -> Refused:
    """Returns the refusal of what OpenAI has and this server has not."""
    shown = f"{path}: {shortened(value)}" if value else path
    return Refused(UsageError("serve.unsupported", name=shown), param=path, code="unsupported_parameter")
