"""From files to examples that may be trained on: read, encoded, held out in part, checked.

paths ──read_examples──▶ examples ──texts_of──▶ rows ──examine──▶ what was found; a refusal ends it before step 1
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from textmill.config import Settings
from textmill.errors import InputError
from textmill.progress import Progress, silent
from textmill.tokenizer.tokenizer import Tokenizer
from textmill.tune.checks import Checked, Row, check_before_training, examine
from textmill.tune.encoded import EncodedSet, encoded_set
from textmill.tune.examples import Example
from textmill.tune.mask import texts_of
from textmill.tune.purposes import LEARN
from textmill.tune.rows import MOST_NAMED, Tally, read_examples
from textmill.tune.wording import key_of, prompt_text, share_of

FEW = 20
"""Below so many examples nothing is held out unless it is marked: there is too little to measure on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Examples to train on and to measure on, how they came to be, and what the checks found."""

    training: list[Row]
    held_out: list[Row]
    tally: Tally
    checked: Checked

    def packed(self, context: int, too_long: str) -> tuple[EncodedSet, EncodedSet]:
        """Returns the texts of both as arrays (`encoded_set`)."""
        both = ((text for row in rows for text in row.texts) for rows in (self.training, self.held_out))
        training, held_out = (encoded_set(texts, context=context, too_long=too_long) for texts in both)
        return training, held_out


def prepare(
    paths: Sequence[str | Path],
    tokenizer: Tokenizer,
    settings: Settings,
    *,
    context: int,
    purpose: str = LEARN,
    against: Sequence[str | Path] = (),
    refuse: bool = True,
    progress: Progress = silent,
) -> Prepared:
    """Returns the examples of files, folders and datasets, ready for training with rows of `context` positions.

    `against`: test sets whose rows must not be among those to train on. InputError where the checks refuse, unless
    `refuse` is False.
    """
    tally = Tally()
    examples = read_examples(paths, settings, purpose=purpose, tally=tally, progress=progress)
    rows = encoded_rows(examples, tokenizer, settings, tally)
    if not rows:
        raise InputError("tune_rows.none", paths=", ".join(map(str, paths)), rows=tally.rows, bad=tally.bad_rows)
    rows = held_out_by_hash(rows, settings.tune.held_out_share)
    lenient = settings.replace({"tune.bad_rows": "skip"})
    tests = list(read_examples(against, lenient)) if against else []
    checked = examine(rows, tokenizer, settings.tune, context=context, tests=tests, solving=purpose == "solve")
    if refuse:
        check_before_training(checked)
    return Prepared(
        training=[row for row in rows if not row.example.held_out and row.example.place not in checked.leaked],
        held_out=[row for row in rows if row.example.held_out],
        tally=tally,
        checked=checked,
    )


def encoded_rows(examples: Iterable[Example], tokenizer: Tokenizer, settings: Settings, tally: Tally) -> list[Row]:
    """Returns the examples with their texts; one that the template cannot write is an error or counted."""
    rows = []
    for example in examples:
        try:
            rows.append(Row(example=example, texts=tuple(texts_of(tokenizer, example))))
        except InputError as error:
            if error.key != "tune_rows.template" or settings.tune.bad_rows == "stop":
                raise
            tally.bad["template"] += 1
            if len(tally.named) < MOST_NAMED:
                tally.named.append(str(error))
    return rows


def held_out_by_hash(rows: list[Row], share: float) -> list[Row]:
    """Returns the rows with a share of them held out, where none is marked."""
    if len(rows) < FEW or any(row.example.held_out for row in rows):
        return rows

    def chosen(row: Row) -> bool:
        return share_of(key_of(prompt_text(row.example) or row.example.place)) < share

    return [replace(row, example=replace(row.example, held_out=True)) if chosen(row) else row for row in rows]
