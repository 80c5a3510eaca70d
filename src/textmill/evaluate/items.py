"""What a model is asked: one item of a test, whatever test it is from.

    choice          which of several ways to go on is the likeliest (multiple choice, minimal pairs, classification)
    cloze           is the text's own end what the model would have written, and how likely is it
    answer          what the model writes, held against references
    translation     what the model writes, held against reference translations
    code            what the model writes, run together with its tests, in the sandbox only
    text            how many bits a byte of it costs

An item is made of its text alone; how it is cut into tokens stands in `pairs`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

CHOICE, CLOZE, ANSWER, TRANSLATION, CODE, TEXT = "choice", "cloze", "answer", "translation", "code", "text"
KINDS = (CHOICE, CLOZE, ANSWER, TRANSLATION, CODE, TEXT)
WRITTEN = (ANSWER, TRANSLATION, CODE)
"""The kinds for which the model writes; the others are scored by likelihood."""
BETWEEN = "\n\n"
"""What stands between worked examples, and between the last of them and the item."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One question.

    `prompts` has one text that all choices go on from, or one for each choice (then `choices` may have one for all).
    A choice begins with the character behind the prompt, which is mostly a space.
    """

    name: str
    """The file and the place in it: ``piqa.jsonl:17``."""
    kind: str
    prompts: tuple[str, ...] = ("",)
    choices: tuple[str, ...] = ()
    answer: int = 0
    """Which choice is right."""
    references: tuple[str, ...] = ()
    """What a written answer is held against."""
    solution: str = ""
    """What stands behind the prompt when this item is an example for others; "": the right choice."""
    group: str = ""
    """A subject, a phenomenon: scores are told by group as well."""
    language: str = ""
    code: tuple[str, str] = ("", "")
    """Of code: the tests' program, and the name that they call."""
    examples: int = 0
    """Characters of each prompt that are worked examples and opening."""

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The (prompt, continuation) of each choice."""
        count = max(len(self.prompts), len(self.choices))
        prompts = self.prompts if len(self.prompts) == count else self.prompts * count
        choices = self.choices if len(self.choices) == count else self.choices * count
        return list(zip(prompts, choices, strict=True))

    @property
    def chance(self) -> float | None:
        """The share of right answers of one who guesses, None where there is nothing to guess among."""
        return 1 / len(self.pairs) if self.kind == CHOICE else None

    @property
    def example(self) -> str:
        """The item with its answer, as it stands before others."""
        if self.kind in (CHOICE, CLOZE) and not self.solution:
            prompt, continuation = self.pairs[self.answer]
            return prompt + continuation
        return self.prompts[0] + self.solution

    @property
    def equal_choices(self) -> bool:
        """True where two choices are the same text, so that none of them can be told from the other."""
        pairs = self.pairs
        return self.kind == CHOICE and len(set(pairs)) < len(pairs)

    def behind(self, examples: Sequence["Item"], opening: str = "") -> "Item":
        """Returns the item with worked examples before its prompts."""
        if not examples and not opening:
            return self
        before = opening + "".join(example.example + BETWEEN for example in examples)
        return replace(self, prompts=tuple(before + prompt for prompt in self.prompts), examples=len(before))

    @property
    def own_prompts(self) -> tuple[str, ...]:
        """The prompts without worked examples."""
        return tuple(prompt[self.examples :] for prompt in self.prompts)

    def as_dict(self) -> dict[str, Any]:
        """Returns what a result keeps of the item, so that it can be read without its suite."""
        kept: dict[str, Any] = {"name": self.name, "kind": self.kind, "prompts": list(self.own_prompts)}
        for name in ("choices", "references"):
            if getattr(self, name):
                kept[name] = list(getattr(self, name))
        for name in ("group", "language"):
            if getattr(self, name):
                kept[name] = getattr(self, name)
        return kept | ({"answer": self.answer} if self.kind == CHOICE else {})
