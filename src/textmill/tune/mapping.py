"""What columns and roles are called: our names, the usual other ones, and what `tune.map` says.

    tune.map = ["messages=data.turns", "role=speaker", "content=utterance", "role.user=customer"]

The left side is ours, the right side the file's; a column may lie inside another (dots).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from textmill.errors import SettingsError
from textmill.tune.messages import ASSISTANT, SYSTEM, TOOL, USER, Names

Row = Mapping[str, Any]
COLUMNS = {
    "messages": ("conversations", "conversation", "turns", "dialogue", "dialog"),
    "prompt": ("question", "query", "problem"),
    "completion": ("response",),
    "chosen": ("preferred", "preferred_output"),
    "rejected": ("dispreferred", "non_preferred_output"),
    "label": ("kto_tag",),
    "answer": ("solution", "final_answer", "ground_truth"),
    "instruction": (),
    "input": ("context",),
    "output": ("response",),
    "text": ("content", "document", "正文", "内容"),  # text data
    "system": ("system_prompt",),
    "history": (),
    "tools": ("functions",),
    "source": (),
    "language": (),
}
"""Our names of columns, and what else they are called."""
ROLE_NAMES = tuple(f"role.{role}" for role in (SYSTEM, USER, ASSISTANT, TOOL))


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """What `tune.map` says: {our name: the file's column, a path with dots or not}, and the names inside messages."""

    columns: Mapping[str, str]
    names: Names

    def row(self, row: Row) -> dict[str, Any]:
        """Returns a row under our names; what is None is not there."""
        taken = set(self.columns.values())
        made = {name: value for name, value in row.items() if value is not None and name not in taken}
        for name, others in COLUMNS.items():
            if name in made:
                continue
            other = next((other for other in others if other in made), None)
            if other is not None and name not in self.columns:
                made[name] = made[other]
        if isinstance(made.get("input"), Mapping):  # OpenAI's pairs: {"input": {"messages": …, "tools": …}, …}
            made = {**made.pop("input"), **made}
        made |= {name: value for name, path in self.columns.items() if (value := reached(row, path)) is not None}
        return made


def mapped(rules: Sequence[str]) -> Mapped:
    """Returns what the rules of `tune.map` say; SettingsError for what is none."""
    columns: dict[str, str] = {}
    inside: dict[str, str] = {}
    roles: dict[str, str] = {}
    for rule in rules:
        name, equals, column = (part.strip() for part in rule.partition("="))
        if not equals or not column or name not in (*COLUMNS, *ROLE_NAMES, "role", "content"):
            known = ", ".join((*COLUMNS, "role", "content", *ROLE_NAMES))
            raise SettingsError("tune_rows.map", value=rule, names=known)
        if name in ROLE_NAMES:
            roles[column] = name.removeprefix("role.")
        elif name in ("role", "content"):
            inside[name] = column
        else:
            columns[name] = column
    return Mapped(columns=columns, names=Names(**inside, roles=roles))


def reached(row: Any, path: str) -> Any:
    """Returns what stands under a name, or under names with dots between, None where there is nothing."""
    if isinstance(row, Mapping) and path in row:
        return row[path]
    first, dot, rest = path.partition(".")
    return reached(row[first], rest) if dot and isinstance(row, Mapping) and first in row else None
