"""Which grammar a request asks for: response_format, guided_*, or a call that has to come; one at most."""

from collections.abc import Mapping
from typing import Any

from textmill.errors import UsageError
from textmill.serve.refusal import Refused

GUIDED = {"guided_json": "json_schema", "guided_regex": "regex", "guided_choice": "choice", "guided_grammar": "lark"}


def wished(values: Mapping[str, Any]) -> tuple[str, Any, str] | None:
    """Returns (kind, source, parameter) of the constraint that a request names, None without one."""
    found = [(kind, values[name], name) for name, kind in GUIDED.items() if values[name] is not None]
    form = values.get("response_format")
    if form is not None and form["type"] == "json_object":
        found.append(("json_schema", {"type": "object"}, "response_format"))
    if form is not None and form["type"] == "json_schema":
        found.append(("json_schema", form["json_schema"]["schema"], "response_format.json_schema.schema"))
    if len(found) > 1:
        names = ", ".join(name for _, _, name in found)
        raise Refused(UsageError("serve.together", names=names), param=found[1][2], code="conflicting_parameters")
    return found[0] if found else None
