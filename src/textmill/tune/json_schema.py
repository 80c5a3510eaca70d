"""Whether a value fits a JSON Schema: the keywords that describe answers; what is not known is refused by name.

https://json-schema.org/draft/2020-12. Keywords that only annotate are passed over.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

ANNOTATIONS = frozenset(("$schema", "$id", "$comment", "title", "description", "default", "examples", "deprecated"))
TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: (
        not isinstance(value, bool) and (isinstance(value, int) or (isinstance(value, float) and value.is_integer()))
    ),
}


def fits(value: Any, schema: Any, root: Any = None) -> bool:
    """True when `value` fits `schema`; `root`: the whole schema, for references into it."""
    root = schema if root is None else root
    if isinstance(schema, bool):
        return schema
    return all(CHECKS[word](value, wanted, schema, root) for word, wanted in schema.items() if word in CHECKS)


def unknown_keywords(schema: Any) -> list[str]:
    """Returns the keywords that `fits` does not know, wherever they stand, and what is no schema at all."""
    if isinstance(schema, bool):
        return []
    if not isinstance(schema, Mapping):
        return [json.dumps(schema)[:80]]
    found = [word for word in schema if word not in CHECKS and word not in ANNOTATIONS and word not in DEFINITIONS]
    parts: list[Any] = [schema[word] for word in ("items", "not", "contains") if word in schema]
    parts += [part for word in ("anyOf", "oneOf", "allOf", "prefixItems") for part in schema.get(word, ())]
    for word in ("properties", "patternProperties", *DEFINITIONS):
        parts += list(schema.get(word, {}).values())
    if "additionalProperties" in schema:
        parts.append(schema["additionalProperties"])
    return sorted({*found, *(word for part in parts for word in unknown_keywords(part))})


DEFINITIONS = ("$defs", "definitions")


def same(one: Any, other: Any) -> bool:
    """Equality of JSON: true is not 1."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True) or (
        TYPES["number"](one) and TYPES["number"](other) and one == other
    )


def _types(value: Any, wanted: Any, schema: Any, root: Any) -> bool:
    return any(TYPES[name](value) for name in ([wanted] if isinstance(wanted, str) else wanted))


def _properties(value: Any, wanted: Any, schema: Any, root: Any) -> bool:
    return not isinstance(value, dict) or all(
        fits(value[name], part, root) for name, part in wanted.items() if name in value
    )


def _pattern_properties(value: Any, wanted: Any, schema: Any, root: Any) -> bool:
    return not isinstance(value, dict) or all(
        fits(item, part, root) for pattern, part in wanted.items() for name, item in value.items()
        if re.search(pattern, name)
    )  # fmt: skip


def _additional(value: Any, wanted: Any, schema: Any, root: Any) -> bool:
    if not isinstance(value, dict):
        return True
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    others = [name for name in value if name not in known and not any(re.search(p, name) for p in patterns)]
    return all(fits(value[name], wanted, root) for name in others)


def _items(value: Any, wanted: Any, schema: Any, root: Any) -> bool:
    return not isinstance(value, list) or all(
        fits(item, wanted, root) for item in value[len(schema.get("prefixItems", ())) :]
    )


def _reference(value: Any, wanted: Any, schema: Any, root: Any) -> bool:
    part = root
    for name in wanted.removeprefix("#").strip("/").split("/") if wanted not in ("#", "") else ():
        part = part[name.replace("~1", "/").replace("~0", "~")]
    return fits(value, part, root)


def _of_type(kind: type | tuple[type, ...], check: Callable[[Any, Any], bool]) -> Callable[..., bool]:
    """Returns a check that only looks at values of one type."""
    return lambda value, wanted, schema, root: (
        not isinstance(value, kind) or isinstance(value, bool) or check(value, wanted)
    )


CHECKS: dict[str, Callable[[Any, Any, Any, Any], bool]] = {
    "type": _types,
    "enum": lambda value, wanted, schema, root: any(same(value, one) for one in wanted),
    "const": lambda value, wanted, schema, root: same(value, wanted),
    "properties": _properties,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional,
    "required": _of_type(dict, lambda value, wanted: all(name in value for name in wanted)),
    "minProperties": _of_type(dict, lambda value, wanted: len(value) >= wanted),
    "maxProperties": _of_type(dict, lambda value, wanted: len(value) <= wanted),
    "items": _items,
    "prefixItems": lambda value, wanted, schema, root: (
        not isinstance(value, list) or all(fits(item, part, root) for item, part in zip(value, wanted, strict=False))
    ),
    "contains": lambda value, wanted, schema, root: (
        not isinstance(value, list) or any(fits(item, wanted, root) for item in value)
    ),
    "minItems": _of_type(list, lambda value, wanted: len(value) >= wanted),
    "maxItems": _of_type(list, lambda value, wanted: len(value) <= wanted),
    "uniqueItems": _of_type(
        list,
        lambda value, wanted: not wanted or not any(same(a, b) for i, a in enumerate(value) for b in value[:i]),
    ),
    "minLength": _of_type(str, lambda value, wanted: len(value) >= wanted),
    "maxLength": _of_type(str, lambda value, wanted: len(value) <= wanted),
    "pattern": _of_type(str, lambda value, wanted: re.search(wanted, value) is not None),
    "minimum": _of_type((int, float), lambda value, wanted: value >= wanted),
    "maximum": _of_type((int, float), lambda value, wanted: value <= wanted),
    "exclusiveMinimum": _of_type((int, float), lambda value, wanted: value > wanted),
    "exclusiveMaximum": _of_type((int, float), lambda value, wanted: value < wanted),
    "multipleOf": _of_type((int, float), lambda value, wanted: abs(value / wanted - round(value / wanted)) < 1e-9),
    "allOf": lambda value, wanted, schema, root: all(fits(value, part, root) for part in wanted),
    "anyOf": lambda value, wanted, schema, root: any(fits(value, part, root) for part in wanted),
    "oneOf": lambda value, wanted, schema, root: sum(fits(value, part, root) for part in wanted) == 1,
    "not": lambda value, wanted, schema, root: not fits(value, wanted, root),
    "$ref": _reference,
}
