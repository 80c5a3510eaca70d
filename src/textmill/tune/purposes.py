"""What a way of tuning learns from, and what else can be made of it.

learn     conversations, completions, text     supervised tuning, distillation
prefer    pairs                                DPO, ORPO
judge     one answer and a verdict; pairs      KTO
solve     problems; conversations              GRPO
"""

from collections.abc import Callable, Mapping
from typing import Any

from textmill.tune.examples import Completion, Conversation, Example, Judged, Plain, Preference, Problem
from textmill.tune.messages import ASSISTANT, USER, BadRow

LEARN, PREFER, JUDGE, SOLVE = "learn", "prefer", "judge", "solve"


def suited(example: Example, purpose: str, row: Mapping[str, Any]) -> list[Example]:
    """Returns what a purpose learns from an example, [] for what is left out; BadRow where it is of another kind."""
    made = SUITED[purpose](example, row)
    if made is None:
        raise BadRow("unsuited", kind=type(example).__name__.lower(), purpose=purpose)
    return made


def learned(example: Example, row: Mapping[str, Any]) -> list[Example] | None:
    """Of pairs the better answer, of judged answers the good ones, of problems the answer."""
    if isinstance(example, Plain | Completion | Conversation):
        return [example]
    if isinstance(example, Preference):
        return [_told(example, example.messages, example.chosen)]
    if isinstance(example, Judged):
        return [_told(example, example.messages, example.answer)] if example.good else []
    if isinstance(example, Problem):
        if not example.answer.strip():
            raise BadRow("no_text", name="answer", got=example.answer)
        return [_told(example, example.messages, ({"role": ASSISTANT, "content": example.answer},))]
    return None


def _told(example: Any, before: tuple[Any, ...], answer: tuple[Any, ...]) -> Conversation:
    """A conversation of which only the answer is learned."""
    return Conversation(
        **_about(example),
        messages=(*before, *answer),
        tools=example.tools,
        learned=frozenset(range(len(before), len(before) + len(answer))),
    )


def preferred(example: Example, row: Mapping[str, Any]) -> list[Example] | None:
    """Pairs only, and of these not such as say the same twice."""
    if not isinstance(example, Preference):
        return None
    return [example] if example.chosen != example.rejected else []


def judged(example: Example, row: Mapping[str, Any]) -> list[Example] | None:
    """Of a pair both answers, one good, one bad, unless they say the same."""
    if isinstance(example, Judged):
        return [example]
    if not preferred(example, row):
        return [] if isinstance(example, Preference) else None
    assert isinstance(example, Preference)
    same: dict[str, Any] = {**_about(example), "messages": example.messages, "tools": example.tools}
    return [Judged(**same, answer=example.chosen, good=True), Judged(**same, answer=example.rejected, good=False)]


def solved(example: Example, row: Mapping[str, Any]) -> list[Example] | None:
    """Of a conversation what stands before its last answer, which the reward is given as the answer."""
    if isinstance(example, Problem):
        return [example]
    same: dict[str, Any] = {**_about(example), "row": dict(row)}
    if isinstance(example, Completion):
        said = ({"role": USER, "content": example.prompt},)
        return [Problem(**same, messages=said, answer=example.completion)]
    if not isinstance(example, Conversation):
        return None
    *before, last = example.messages
    return [Problem(**same, messages=tuple(before), answer=last["content"], tools=example.tools)]


def _about(example: Example) -> dict[str, Any]:
    return {"place": example.place, "source": example.source, "held_out": example.held_out}


SUITED: dict[str, Callable[[Example, Mapping[str, Any]], list[Example] | None]] = {
    LEARN: learned,
    PREFER: preferred,
    JUDGE: judged,
    SOLVE: solved,
}
