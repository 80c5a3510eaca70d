"""Objects that clients send, declared as data: which fields they have, and no others.

    Record(fields=(Field(name="temperature", shape=Number(low=0, high=2), default=1.0), …))
        .check({"temperature": 0.5}, "")  ─▶ every field, defaults filled in; Refused names the one that is wrong
        .document()                       ─▶ {"type": "object", "properties": …, "additionalProperties": false}

null stands for a field left out, as OpenAI's clients send it. What a field means is in i18n/catalog/serve_parameters.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from textmill.errors import UsageError
from textmill.i18n import t
from textmill.serve.refusal import Refused
from textmill.serve.schema import Shape, joined, shortened, unsupported, wrong_type


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A named part of an object."""

    name: str
    shape: Shape
    default: Any = None
    required: bool = False
    about: str = ""
    """Its entry in serve_parameters, where that is not its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """An object with the fields that it names and no others."""

    fields: tuple[Field, ...]
    refused: frozenset[str] = frozenset()
    """Names that OpenAI knows and this server does not honour; null is no wish."""

    def check(self, value: Any, path: str) -> dict[str, Any]:
        """Returns every field, defaults filled in."""
        if not isinstance(value, dict):
            raise wrong_type(value, path or "body", "object")
        known = {item.name: item for item in self.fields}
        for name in value:
            if name in known or (name in self.refused and value[name] is None):
                continue
            place = joined(path, name)
            if name in self.refused:
                raise unsupported(place)
            error = UsageError("serve.unknown_parameter", name=shortened(place))
            raise Refused(error, param=place[:200], code="unknown_parameter")
        found: dict[str, Any] = {}
        for name, item in known.items():
            given = value.get(name)
            if given is None and item.required:
                raise Refused(
                    UsageError("serve.missing", name=joined(path, name)),
                    param=joined(path, name),
                    code="missing_required_parameter",
                )
            found[name] = item.default if given is None else item.shape.check(given, joined(path, name))
        return found

    def document(self) -> dict[str, Any]:
        """Returns the properties, in the interface's language."""
        return record_document(self, {})


def record_document(record: Record, first: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a record as JSON Schema, with `first` as properties before its own."""
    properties = dict(first)
    for item in record.fields:
        shape = item.shape.document()
        shown = shape if item.required else {"anyOf": [shape, {"type": "null"}]}
        about = {"description": t(f"serve_parameters.{item.about or item.name}")}
        properties[item.name] = shown | about | ({"default": item.default} if item.default is not None else {})
    needed = [*first, *(item.name for item in record.fields if item.required)]
    form = {"type": "object", "properties": properties, "additionalProperties": False}
    return form | ({"required": needed} if needed else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Tagged:
    """One of several records, told apart by the text under `tag`."""

    tag: str
    cases: Mapping[str, Record]
    default: str = ""
    """The case of an object without the tag."""
    refused: frozenset[str] = field(default_factory=frozenset)

    def check(self, value: Any, path: str) -> dict[str, Any]:
        """Returns the fields of its case, and the tag."""
        if not isinstance(value, dict):
            raise wrong_type(value, path, "object")
        place = joined(path, self.tag)
        name = value.get(self.tag)
        if name is None and self.default:
            name = self.default
        if name is None:
            raise Refused(UsageError("serve.missing", name=place), param=place, code="missing_required_parameter")
        if not isinstance(name, str):
            raise wrong_type(name, place, "string")
        if name in self.refused:
            raise unsupported(place, name)
        if name not in self.cases:
            known = ", ".join(self.cases)
            raise Refused(UsageError("serve.not_one_of", name=place, choices=known, value=shortened(name)), param=place)
        rest = {key: item for key, item in value.items() if key != self.tag}
        return {self.tag: name, **self.cases[name].check(rest, path)}

    def document(self) -> dict[str, Any]:
        """Returns the cases."""
        found = []
        for name, record in self.cases.items():
            form = record_document(record, {self.tag: {"type": "string", "const": name}})
            if name == self.default:
                form["required"].remove(self.tag)
            found.append(form)
        return {"anyOf": found}
