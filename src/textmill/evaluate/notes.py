"""What there is to know about a suite's items, in words, with the rule by which they were treated."""

from collections.abc import Iterator
from typing import Any

from textmill.i18n import t


def told_problems(name: str, n: int, problems: dict[str, Any], contamination: dict[str, Any] | None) -> Iterator[str]:
    """Yields a line for each: rows that are no items, equal choices, prompts that were cut, items of the corpus."""
    if problems["not_items"]:
        fields = ", ".join(f"{field}: {count:,}" for field, count in problems["not_items"].items())
        count = sum(problems["not_items"].values())
        yield t("evaluate.not_items", name=name, count=count, fields=fields, first=problems["first_not_item"])
    for key in ("equal_choices", "cut", "too_long"):
        if problems[key]:
            yield t(f"evaluate.{key}", name=name, count=problems[key])
    if contamination is not None:
        values = {"found": contamination["found"], "n": n, "short": contamination["too_short"]}
        yield t("evaluate.contaminated", name=name, documents=contamination["documents"], **values)
