"""What is looked for before step 1: what would train silently and teach the wrong thing.

    no_learned      a text in which no token is learned             refused
    endless         answers that nothing ends                       refused (tune.require_end)
    doubled_start   the token before every text stands twice        refused
    templated       texts that bring a template's marks along       refused from 1% on
    too_long        longer than the context                         refused past tune.most_too_long, and where all are
    leaked          rows of a test set                              refused, or taken out (tune.test_rows)
    duplicates      the same example again                          told
    departs         answers written down otherwise than asked for   told
    spelled         a vocabulary without the template's marks       told

A row counts as a test's when prompt and answer are the same, or the prompt is and is long enough not to be everybody's,
or when both share a run of 13 words (20 characters in Chinese) that few test rows have, as in decontamination. Against
rows of the same data that are held out only the first counts: of one kind of data much is alike.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from textmill.config import DecontaminateSettings
from textmill.config_tune import TuneSettings
from textmill.data.duplicates.contamination import find_hits, index_of_items
from textmill.data.language import detect_language
from textmill.errors import InputError
from textmill.i18n import t
from textmill.infer.prompts import turn_stops
from textmill.tokenizer.special_tokens import TURN_ENDS, TURN_START
from textmill.tokenizer.tokenizer import Tokenizer
from textmill.tune.encoded import Encoded
from textmill.tune.examples import Example, Plain
from textmill.tune.wording import answer_text, key_of, prompt_text

PLACES = 3
"""Places that are named with a finding."""
TEMPLATED_SHARE = 0.01
OWN_PROMPT = 32
"""Characters from which on a prompt is one test row's own; shorter ones ("Hello!") are everybody's."""
LANGUAGE_SAMPLE = 4000
MARKS = (TURN_START, *TURN_ENDS, "<|start_header_id|>", "<start_of_turn>", "[INST]", "<|user|>", "<|system|>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An example and its texts as tokens."""

    example: Example
    texts: tuple[Encoded, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found, in how many of how many texts, where first; whether it keeps training from beginning."""

    name: str
    count: int
    of: int
    places: tuple[str, ...] = ()
    refuses: bool = False
    values: Mapping[str, Any] = field(default_factory=dict)

    def told(self) -> str:
        """Returns the finding in words."""
        share = f"{self.count / max(1, self.of):.1%}"
        text = t(f"tune_check.{self.name}", count=self.count, of=self.of, share=share, **self.values)
        if not self.places:
            return text
        more = " …" if self.count > len(self.places) else ""
        return text + t("tune_check.at", places=", ".join(self.places) + more)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What the examples are, and what was found. `lengths`, `learned`: tokens of each text, all and those learned."""

    examples: int
    held_out: int
    context: int
    lengths: np.ndarray
    learned: np.ndarray
    sources: tuple[Mapping[str, Any], ...]
    languages: Mapping[str, float]
    """The share of the examples in each language, of a sample where there are many."""
    leaked: frozenset[str]
    """Where the rows stand that a test has too."""
    findings: tuple[Finding, ...]

    @property
    def refusals(self) -> tuple[Finding, ...]:
        """What keeps training from beginning."""
        return tuple(finding for finding in self.findings if finding.refuses)


def check_before_training(checked: Checked) -> None:
    """Raises InputError where something was found that must not be trained on."""
    if checked.refusals:
        found = "\n  ".join(["", *(finding.told() for finding in checked.refusals)])
        raise InputError("tune_check.refused", found=found)


def examine(
    rows: Sequence[Row],
    tokenizer: Tokenizer,
    settings: TuneSettings,
    *,
    context: int,
    tests: Sequence[Example] = (),
    solving: bool = False,
) -> Checked:
    """Returns what `rows` are and what is wrong with them; `solving`: prompts alone, of which nothing is learned."""
    texts = [text for row in rows for text in row.texts]
    training = [row for row in rows if not row.example.held_out]
    unlike = [row.example for row in rows if row.example.held_out]
    seen = leaked(training, unlike, tests)
    stops = settings.test_rows == "stop"
    found = [
        *of_texts(texts, tokenizer, settings, context, solving=solving),
        templated([row.example for row in rows], tokenizer),
        duplicates(training),
        Finding(
            name="leaked" if stops else "taken_out",
            count=len(seen),
            of=len(training),
            places=places_of(training[at].example.place for at in seen),
            refuses=stops and bool(seen),
        ),
        spelled(tokenizer, texts),
    ]
    return Checked(
        examples=len(rows),
        held_out=len(unlike),
        context=context,
        lengths=np.array([len(text.ids) for text in texts], dtype=np.int64),
        learned=np.array([text.learned_tokens for text in texts], dtype=np.int64),
        sources=tuple(by_source(rows)),
        languages=languages_of([row.example for row in rows]),
        leaked=frozenset(training[at].example.place for at in seen),
        findings=tuple(finding for finding in found if finding.count),
    )


def of_texts(
    texts: Sequence[Encoded], tokenizer: Tokenizer, settings: TuneSettings, context: int, *, solving: bool
) -> list[Finding]:
    """Returns what single texts show: masks, ends, beginnings, lengths."""
    room = context + (0 if solving else 1)
    long = [text for text in texts if len(text.ids) > room]
    all_long = bool(long) and len(long) == len(texts)
    found = {
        "no_learned": [] if solving else [text for text in texts if not text.learned_tokens],
        "endless": [text for text in texts if text.endless],
        "doubled_start": [text for text in texts if starts_twice(text, tokenizer)],
        "all_too_long" if all_long else "too_long": long,
        "departs": [text for text in texts if text.departs],
    }
    refuses = {
        "no_learned": True,
        "endless": settings.require_end,
        "doubled_start": True,
        "all_too_long": True,
        "too_long": len(long) > settings.most_too_long * len(texts),
    }
    values = {"context": context, "most": f"{settings.most_too_long:.0%}"}
    return [
        Finding(
            name=name,
            count=len(those),
            of=len(texts),
            places=places_of(text.place for text in those),
            refuses=bool(those) and refuses.get(name, False),
            values=values if name in ("too_long", "all_too_long") else {},
        )
        for name, those in found.items()
    ]


def places_of(places: Any) -> tuple[str, ...]:
    """Returns the first places, each once."""
    return tuple(list(dict.fromkeys(place for place in places if place))[:PLACES])


def starts_twice(text: Encoded, tokenizer: Tokenizer) -> bool:
    """True where the first token is a special one and stands twice."""
    return len(text.ids) > 1 and text.ids[0] == text.ids[1] and tokenizer.is_special(int(text.ids[0]))


def templated(examples: Sequence[Example], tokenizer: Tokenizer) -> Finding:
    """Returns the texts that begin with a mark: they were written by a template before they came here."""
    starts = tuple({*MARKS, *(tokenizer.decode([id], skip_special=False) for id in tokenizer.start_ids)})
    found = [
        example
        for example in examples
        if (answer_text(example) if isinstance(example, Plain) else prompt_text(example)).lstrip().startswith(starts)
    ]
    return Finding(
        name="templated",
        count=len(found),
        of=len(examples),
        places=places_of(example.place for example in found),
        refuses=len(found) >= TEMPLATED_SHARE * len(examples) and bool(found),
    )


def duplicates(rows: Sequence[Row]) -> Finding:
    """Returns the examples whose text was there before."""
    seen: set[bytes] = set()
    again = []
    for row in rows:
        key = key_of(prompt_text(row.example), answer_text(row.example))
        if key in seen:
            again.append(row.example.place)
        seen.add(key)
    return Finding(name="duplicates", count=len(again), of=len(rows), places=places_of(again))


def leaked(training: Sequence[Row], held_out: Sequence[Example], tests: Sequence[Example]) -> list[int]:
    """Returns which of the examples to train on are among those to measure on."""
    wholes = {key_of(prompt_text(test), answer_text(test)) for test in (*held_out, *tests)}
    prompts = {key_of(prompt) for test in tests if len(prompt := prompt_text(test)) >= OWN_PROMPT}
    said = [(prompt_text(row.example), answer_text(row.example)) for row in training]
    found = {
        at
        for at, (prompt, answer) in enumerate(said)
        if key_of(prompt, answer) in wholes or (prompts and key_of(prompt) in prompts)
    }
    if tests:
        runs = DecontaminateSettings()
        items = ((test.place, [prompt_text(test), answer_text(test)]) for test in tests)
        index = index_of_items(items, runs)
        if index is not None:
            found |= {at for at, _ in find_hits(["\n".join(texts) for texts in said], index, runs)}
    return sorted(found)


def spelled(tokenizer: Tokenizer, texts: Sequence[Encoded]) -> Finding:
    """Returns how many texts have the template's marks as plain text, because the vocabulary has no such tokens."""
    turns = sum(bool(text.turns) for text in texts) if turn_stops(tokenizer) else 0
    return Finding(name="spelled", count=turns, of=len(texts))


def by_source(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Returns each source's examples and tokens, the largest first."""
    counts: dict[str, Counter[str]] = {}
    for row in rows:
        tokens = sum(len(text.ids) for text in row.texts)
        learned = sum(text.learned_tokens for text in row.texts)
        counts.setdefault(row.example.source, Counter()).update(examples=1, tokens=tokens, learned=learned)
    largest = sorted(counts.items(), key=lambda item: (-item[1]["tokens"], item[0]))
    return [
        {"source": source, **{name: count[name] for name in ("examples", "tokens", "learned")}}
        for source, count in largest
    ]


def languages_of(examples: Sequence[Example]) -> dict[str, float]:
    """Returns the share of the examples in each language, by what is learned of them."""
    sample = examples[:: max(1, len(examples) // LANGUAGE_SAMPLE)]
    found = Counter(detect_language(answer_text(example) or prompt_text(example)) for example in sample)
    return {language: count / len(sample) for language, count in found.most_common()}
