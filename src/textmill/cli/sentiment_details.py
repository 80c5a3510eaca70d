"""What `textmill sentiment` adds to a row: the judgement, and why (--reasons) and about what (--aspects) if asked."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textmill.cli.command import Context
from textmill.i18n import t

if TYPE_CHECKING:
    from textmill.apps.sentiment.judge import Judge
    from textmill.apps.sentiment.judgement import Judgement
    from textmill.apps.sentiment.tables import Row

ASPECTS, REASONS = "aspects", "reasons"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked of a table: the column with the texts, what new columns begin with, which details are wanted."""

    column: str
    prefix: str
    wanted: tuple[str, ...]


def judged(judge: "Judge", rows: list["Row"], asked: Asked) -> Iterator[tuple["Row", "Judgement", dict[str, Any]]]:
    """Yields each row with what came of its text."""
    from textmill.apps.sentiment.tables import text_of

    texts = [text_of(row.get(asked.column)) for row in rows]
    found = judge.judge(texts)
    yield from zip(rows, found, details(judge, texts, found, asked.wanted), strict=True)


def added(row: "Row", judgement: "Judgement", more: dict[str, Any], prefix: str) -> "Row":
    """Returns the row with what is added to it."""
    return row | {f"{prefix}{name}": value for name, value in (judgement.as_dict() | more).items()}


def details(
    judge: "Judge", texts: Sequence[str], judgements: Sequence["Judgement"], wanted: Sequence[str]
) -> list[dict[str, Any]]:
    """Returns {"aspects": […], "reasons": […]} for each text, as far as wanted; a text that was not judged has none."""
    from textmill.apps.sentiment.aspects import find_all
    from textmill.apps.sentiment.reasons import reasons

    made: list[dict[str, Any]] = [{name: [] for name in wanted} for _ in texts]
    asked = [place for place, one in enumerate(judgements) if one.label]
    given = [texts[place] for place in asked]
    found: dict[str, Sequence[Sequence[Any]]] = {}
    if ASPECTS in wanted and given:
        found[ASPECTS] = find_all(judge, None, given)
    if REASONS in wanted and given:
        found[REASONS] = reasons(judge, given)
    for name, lists in found.items():
        for place, items in zip(asked, lists, strict=True):
            made[place][name] = [item.as_dict() for item in items]
    return made


def show_details(context: Context, found: dict[str, Any]) -> None:
    """Prints them for people."""
    for reason in found.get(REASONS, ()):
        context.print(t("cli_sentiment.reason", text=reason["text"], effect=reason["effect"]))
    for aspect in found.get(ASPECTS, ()):
        about = aspect["aspect"] or t("cli_sentiment.whole")
        label = aspect["label"] or "–"
        context.print(t("cli_sentiment.aspect", aspect=about, opinion=aspect["opinion"], label=label))
