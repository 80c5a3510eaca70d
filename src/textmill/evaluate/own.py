"""A user's own items: a JSONL file whose fields tell what is asked.

    {"prompt", "choices", "answer"}             choice: "answer" is the right choice's place from 0, or its text
    {"text", "label"}                           classification: the labels of the whole file are the choices
    {"prompt", "answer"} or "references"        an answer to write, held against a text or several
    {"source", "reference"} or "references"     a translation to write; also "en" and "zh" or other two languages
    {"context", "continuation"}                 cloze
    {"text"}                                    a text: bits per byte, by "language" and "source"

"group" and "language" are kept; a few-shot rule is not applied: a prompt is asked as it stands.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from textmill.errors import InputError
from textmill.evaluate.items import ANSWER, CHOICE, CLOZE, TEXT, TRANSLATION, Item
from textmill.evaluate.suites.files import Found, Source, raw_rows, read_items
from textmill.evaluate.suites.suite import EXACT, Row, Suite

LANGUAGES = {"en": "English", "zh": "Chinese", "de": "German", "fr": "French", "cs": "Czech", "ja": "Japanese"}


def own_suite(file: Path, *, limit: int = 0) -> tuple[Suite, Found]:
    """Returns a suite for a file of items, and its items; InputError where no row is one."""
    source = Source(name=file.name, path=file)
    first = next((row for row in raw_rows(source) if isinstance(row, dict)), None)
    labels: list[str] = []
    if first is not None and "label" in first and "text" in first:
        labels = sorted({str(row["label"]) for row in raw_rows(source) if isinstance(row, dict) and "label" in row})

    def read(row: Row) -> Item:
        return own_item(row, labels)

    found = read_items([source], read, limit=limit)
    if not found.items:
        raise InputError("evaluate.no_items", file=file, fields=", ".join(map(str, first or ()))[:120] or "–")
    kind = found.items[0].kind
    other = next((item for item in found.items if item.kind != kind), None)
    if other is not None:
        raise InputError("evaluate.mixed_kinds", file=file, first=kind, other=other.kind, item=other.name)
    suite = Suite(
        name=file.stem,
        kind=kind,
        read=read,
        files=(file.name,),
        hub="",
        metric={CHOICE: "accuracy", CLOZE: "accuracy", ANSWER: EXACT, TRANSLATION: "chrf", TEXT: "bits_per_byte"}[kind],
        language=found.items[0].language,
        stop=("\n",) if kind == TRANSLATION else ("\n\n",),
        rule=rule_of(kind, bool(labels)),
        labelled=bool(labels),
    )
    return suite, found


def rule_of(kind: str, labelled: bool) -> str:
    """Returns the prompt in short."""
    if labelled:
        return "{text}⏎Label:⎵{label}"
    return {
        CHOICE: "{prompt}{choice}",
        CLOZE: "{context}{continuation}",
        ANSWER: "{prompt}…",
        TRANSLATION: "{source language}: {source}⏎{target language}: …",
        TEXT: "{text}",
    }[kind]


def own_item(row: Row, labels: Sequence[str]) -> Item:
    """Returns the item in a row; KeyError, TypeError or ValueError where it is none."""
    item = made(row, labels)
    group, language = row.get("group") or row.get("source_name") or "", row.get("language") or ""
    if not all(isinstance(text, str) for text in (*item.prompts, *item.choices, *item.references)):
        raise TypeError("text")
    if item.kind == TEXT:
        group = group or row.get("source") or ""
    return Item(
        name=str(row.get("id") or ""),
        kind=item.kind,
        prompts=item.prompts,
        choices=item.choices,
        answer=item.answer,
        references=item.references,
        group=str(group),
        language=str(language),
    )


def made(row: Row, labels: Sequence[str]) -> Item:
    """Returns the item without its name, group and language."""
    if "choices" in row:
        return choice_of(row)
    if labels:
        choices = tuple(f" {label}" for label in labels)
        prompt = f"{row['text']}\nLabel:"
        return Item(name="", kind=CHOICE, prompts=(prompt,), choices=choices, answer=labels.index(str(row["label"])))
    if "continuation" in row:
        return Item(name="", kind=CLOZE, prompts=(row["context"],), choices=(spaced(row["continuation"]),))
    if "prompt" in row:
        return Item(name="", kind=ANSWER, prompts=(row["prompt"],), references=references_of(row, "answer"))
    if "source" in row and ("reference" in row or "references" in row):
        return translation(row, row["source"], references_of(row, "reference"))
    two = [name for name in LANGUAGES if isinstance(row.get(name), str)]
    if len(two) >= 2:
        codes = {"source_language": two[0], "target_language": two[1]}
        return translation({**codes, **row}, row[two[0]], (row[two[1]],))
    return Item(name="", kind=TEXT, prompts=(row["text"],))


def choice_of(row: Row) -> Item:
    """Returns a multiple-choice item."""
    choices, answer = tuple(map(spaced, row["choices"])), row["answer"] if "answer" in row else row["gold"]
    if isinstance(answer, str):
        answer = list(row["choices"]).index(answer)
    if not isinstance(answer, int) or isinstance(answer, bool) or not 0 <= answer < len(choices) or len(choices) < 2:
        raise ValueError("answer")
    prompt = row["prompt"] if "prompt" in row else row["query"]
    return Item(name="", kind=CHOICE, prompts=(prompt,), choices=choices, answer=answer)


def references_of(row: Row, name: str) -> tuple[str, ...]:
    """Returns one reference or several; KeyError where there is none."""
    found: Any = row[name] if name in row else row["references"]
    return tuple(found) if isinstance(found, list) else (str(found),)


def translation(row: Row, source: str, references: tuple[str, ...]) -> Item:
    """Returns a translation to write."""
    from_, to = (LANGUAGES.get(str(row.get(f"{side}_language", "")), "") for side in ("source", "target"))
    prompt = f"{from_ or 'Source'}: {source}\n{to or 'Translation'}:"
    return Item(name="", kind=TRANSLATION, prompts=(prompt,), references=references, solution=f" {references[0]}")


def spaced(text: str) -> str:
    """Returns a choice with the space that parts it from its prompt, where its script has spaces."""
    first = text[:1]
    return text if not first or first.isspace() or "\u2e80" <= first <= "\uffef" else f" {text}"
