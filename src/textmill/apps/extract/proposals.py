"""What a model may propose for a part of a text, and how its answer is read: JSON under a grammar of the schema.

    [{"subject": "Riverton", "predicate": "mayor", "object": "Ann Lee"}, …]

Subjects and objects are substrings of the part (llguidance's `%regex {"substring_words": …}`, for Chinese
`substring_chars`), predicates those of the schema, values of the form that their datatype has. A predicate whose values
the part cannot hold is not in its grammar.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from textmill.apps.extract.schema import LITERALS, Predicate, Schema
from textmill.apps.extract.values import WRITTEN, value
from textmill.data.sentences import HAN

MOST_ITEMS = 8
LONGEST_NAME = 60
LETTER = re.compile(r"[^\W\d_]")
"""What every name has: a year is nobody."""
ITEM = re.compile(r'\{"subject": "([^"\\]*)", "predicate": "([^"\\]*)", "object": "([^"\\]*)"\}')
EXAMPLE = {
    "en": ("Bo Wu was born in Hilltop in 1950 and works at the mill.",
           (("Bo Wu", "birthplace", "Hilltop"), ("Bo Wu", "birthyear", "1950"))),
    "zh": ("吴波1950年生于山顶村，在磨坊工作。",  # text data
           (("吴波", "birthplace", "山顶村"), ("吴波", "birthyear", "1950"))),  # text data
}  # fmt: skip
HEADS = {"en": ("Relations: ", "Text: ", "Facts: "), "zh": ("关系：", "文章：", "事实：")}  # text data


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """One statement as a part of a text says it; places are code points of the part."""

    predicate: str
    subject: tuple[int, int]
    object: tuple[int, int] | None
    """None for one of a predicate's `values`, which need not stand in the text."""
    value: str
    """The object's text, or its value as RDF writes it."""
    confidence: float
    """The geometric mean of the probabilities of its tokens under the model, without the grammar; 0 to 1."""


def grammar_of(part: str, schema: Schema) -> str:
    """Returns the Lark grammar of a part; "" where nothing of the schema can stand in it."""
    usable = [one for one in schema.predicates.values() if possible(one, part)]
    if not usable or not re.search(r"\w", part):
        return ""
    kind = "substring_chars" if HAN.search(part) else "substring_words"
    kinds = sorted({one.range for one in usable if one.range in LITERALS and not one.values})
    lines = [
        f'start: "[" (item (", " item){{0,{MOST_ITEMS - 1}}})? "]"',
        "item: " + " | ".join(f"item{number}" for number in range(len(usable))),
        *(rule(number, one) for number, one in enumerate(usable)),
        f'NAME: SPAN & /[^"\\\\\\n\\r\\t]{{1,{LONGEST_NAME}}}/',
        *(f"V{name.upper()}: SPAN & /{WRITTEN[name]}/" for name in kinds),
        f"SPAN: %regex {json.dumps({kind: part}, ensure_ascii=False)}",
    ]
    return "\n".join(lines) + "\n"


def possible(predicate: Predicate, part: str) -> bool:
    """True where a part may hold an object of a predicate."""
    return predicate.range not in LITERALS or bool(predicate.values) or bool(re.search(WRITTEN[predicate.range], part))


def rule(number: int, predicate: Predicate) -> str:
    """Returns the grammar's rule for one predicate's statements."""
    start, middle, end = '{"subject": "', f'", "predicate": "{predicate.name}", "object": "', '"}'
    if predicate.values:
        objects = "(" + " | ".join(json.dumps(text, ensure_ascii=False) for text in predicate.values) + ")"
    else:
        objects = f"V{predicate.range.upper()}" if predicate.range in LITERALS else "NAME"
    quoted = [json.dumps(text, ensure_ascii=False) for text in (start, middle, end)]
    return f"item{number}: {quoted[0]} NAME {quoted[1]} {objects} {quoted[2]}"


def prompt_of(part: str, schema: Schema, example: bool = True) -> str:
    """Returns an example, what may be said, and the part."""
    language = "zh" if HAN.search(part) else "en"
    relations, text, told = HEADS[language]
    said = "; ".join(f"{one.name} ({one.domain} → {one.range})" for one in schema.predicates.values())
    lines = []
    if example:
        shown, facts = EXAMPLE[language]
        lines += [f"{relations}birthplace (Person → Place); birthyear (Person → gYear)", f"{text}{shown}",
                  f"{told}{written(facts)}", ""]  # fmt: skip
    return "\n".join([*lines, f"{relations}{said}", f"{text}{' '.join(part.split())}", told])


def written(facts: tuple[tuple[str, str, str], ...]) -> str:
    """Returns statements as the grammar has them."""
    items = [dict(zip(("subject", "predicate", "object"), fact, strict=True)) for fact in facts]
    return json.dumps(items, ensure_ascii=False)


def proposals_of(
    part: str, schema: Schema, answer: str, confidences: "list[float] | None" = None
) -> Iterator[Proposal]:
    """Yields the statements of an answer that hold: each once, none of a thing about itself; a cut-off one is none."""
    seen = set[tuple[str, str, str]]()
    for number, found in enumerate(ITEM.finditer(answer)):
        name, said, other = found[1].strip(), found[2], found[3].strip()
        predicate = schema.predicates.get(said)
        if predicate is None or (name, said, other) in seen or name.casefold() == other.casefold():
            continue
        seen.add((name, said, other))
        made = proposal(part, predicate, name, other)
        if made is not None:
            subject, place, text = made
            confidence = confidences[number] if confidences is not None else 1.0
            yield Proposal(predicate=said, subject=subject, object=place, value=text, confidence=round(confidence, 4))


def proposal(
    part: str, predicate: Predicate, name: str, other: str
) -> tuple[tuple[int, int], tuple[int, int] | None, str] | None:
    """Returns the places of subject and object nearest to one another, and the object's value; None for no such."""
    subjects = places(part, name)
    if not subjects or not LETTER.search(name):
        return None
    if predicate.values:
        return (subjects[0], None, other) if other in predicate.values else None
    objects = places(part, other)
    literal = predicate.range in LITERALS
    text = value(other, predicate.range) if literal else other if LETTER.search(other) else None
    if not objects or text is None:
        return None
    one, two = min(
        ((one, two) for one in subjects for two in objects), key=lambda pair: (abs(pair[0][0] - pair[1][0]), pair)
    )
    return one, two, text


def places(part: str, words: str) -> list[tuple[int, int]]:
    """Returns where some words stand in a part, at most twenty times."""
    if not words:
        return []
    found = [(match.start(), match.end()) for match in re.finditer(re.escape(words), part)]
    return found[:20]
