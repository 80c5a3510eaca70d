"""What a row is, by what stands in it: the forms in which tuning data comes, and the example that each becomes.

    preference    chosen and rejected, with prompt, messages or instruction
    judged        prompt and completion (or messages) with label
    messages      messages, conversations: OpenAI's or ShareGPT's
    instruction   instruction (and input) with output: Alpaca's
    completion    prompt with completion
    problem       prompt, question or messages with answer
    text          text

The first that fits counts; `tune.form` says otherwise, `tune.map` what columns and roles are called in a file.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from textmill.tune.examples import Completion, Conversation, Example, Judged, Plain, Preference, Problem
from textmill.tune.mapping import Mapped
from textmill.tune.messages import (
    ASSISTANT,
    SYSTEM,
    TOOL,
    TRANSCRIPT,
    USER,
    BadRow,
    Names,
    check_order,
    is_message,
    read_list,
    read_messages,
    read_tools,
    shown,
    transcript,
)

Row = Mapping[str, Any]
Messages = tuple[dict[str, Any], ...]
WORDS = {"true": True, "1": True, "good": True, "yes": True, "false": False, "0": False, "bad": False, "no": False}


def form_of(row: Row, role: str = "") -> str:
    """Returns the form of a row under our names, "" where it is none; `role` as in `is_message`."""
    has = row.keys() >= {"chosen", "rejected"}
    if has and not row.keys().isdisjoint(("prompt", "messages", "instruction")):
        return "preference"
    if has and (listed(turns_of(row["chosen"])) or str(row["chosen"]).lstrip().startswith(TRANSCRIPT)):
        return "preference"  # both hold the whole conversation
    if truth(row.get("label")) is not None and (row.keys() >= {"prompt", "completion"} or "messages" in row):
        return "judged"
    if "messages" in row and is_message((list_of(row["messages"]) or [None])[0], role):
        return "problem" if "answer" in row and not answered(row["messages"]) else "messages"
    for form, needed in (
        ("instruction", {"instruction", "output"}),
        ("completion", {"prompt", "completion"}),
        ("problem", {"prompt", "answer"}),
        ("text", {"text"}),
    ):
        if row.keys() >= needed:
            return form
    return ""


def truth(value: Any) -> bool | None:
    """Returns what a judgement says, None where it is none."""
    return value if isinstance(value, bool) else WORDS.get(str(value).strip().lower())


def list_of(value: Any) -> list[Any]:
    """Returns a value as a list where it is one, or JSON text of one."""
    value = read_list(value)
    return list(value) if isinstance(value, list | tuple) else []


def answered(messages: Any) -> bool:
    """True where the assistant has the last word."""
    last = (list_of(messages) or [{}])[-1]
    return isinstance(last, Mapping) and Names().role_of(last) == ASSISTANT


def example_of(row: Row, mapping: Mapped, form: str, about: Mapping[str, Any]) -> tuple[str, Example]:
    """Returns a row's form and its example; `about`: what every example has. BadRow says what is wrong."""
    named = mapping.row(row)
    form = form or form_of(named, mapping.names.role)
    if not form:
        raise BadRow("no_form", got=", ".join(map(str, list(row)[:12])) or "–")
    source = named.get("source") if "source" in mapping.columns else None
    about = {**about, "source": str(source)} if source is not None else about
    return form, MAKERS[form](named, mapping.names, about)


def needed(row: Row, name: str) -> Any:
    """Returns what stands under a name; BadRow where nothing does."""
    if name not in row:
        raise BadRow("missing", name=name, got=", ".join(map(str, list(row)[:12])) or "–")
    return row[name]


def text(row: Row, name: str) -> str:
    """Returns a text, which must be there and hold something; numbers are texts too."""
    value = needed(row, name)
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value.strip():
        raise BadRow("no_text", name=name, got=shown(value))
    return value


def asked(row: Row, names: Names) -> Messages:
    """Returns the messages before an answer: a prompt, an instruction with its input, or messages."""
    if "messages" in row:
        before = read_messages(read_list(row["messages"]), names)
    elif "prompt" in row:
        value = turns_of(row["prompt"])
        before = read_messages(value if listed(value) else text(row, "prompt"), names)
    else:
        given = row.get("input")
        parts = [text(row, "instruction"), given if isinstance(given, str) and given.strip() else ""]
        before = (*history(row), *read_messages("\n\n".join(filter(None, parts)), names))
    system = row.get("system")
    if isinstance(system, str) and system.strip() and (not before or before[0]["role"] != SYSTEM):
        before = ({"role": SYSTEM, "content": system}, *before)
    return before


def turns_of(value: Any) -> Any:
    """Returns messages that a table keeps as JSON text as a list; any other text, JSON too, is what is said."""
    parsed = read_list(value)
    is_said = isinstance(value, str) and not (listed(parsed) and parsed and all(map(is_message, parsed)))
    return value if is_said else parsed


def listed(value: Any) -> bool:
    """True for messages in a list."""
    return isinstance(value, list | tuple)


def history(row: Row) -> Messages:
    """Returns the turns before an instruction, which LLaMA-Factory's Alpaca files keep as pairs."""
    turns: list[dict[str, Any]] = []
    for pair in list_of(row.get("history")):
        if not (listed(pair) and len(pair) == 2 and all(isinstance(part, str) for part in pair)):
            raise BadRow("no_history", got=shown(pair))
        turns += ({"role": USER, "content": pair[0]}, {"role": ASSISTANT, "content": pair[1]})
    return tuple(turns)


def conversation(row: Row, names: Names, about: Mapping[str, Any]) -> Example:
    """OpenAI's or ShareGPT's messages."""
    messages = asked({**row, "messages": needed(row, "messages")}, names)
    while messages and messages[-1]["role"] in (USER, SYSTEM, TOOL) and any(m["role"] == ASSISTANT for m in messages):
        messages = messages[:-1]  # nobody answered it any more
    check_order(messages, last=(ASSISTANT,))
    learned = weighed(row, messages, names)
    return Conversation(messages=messages, tools=read_tools(row.get("tools")), learned=learned, **about)


def weighed(row: Row, messages: Messages, names: Names) -> frozenset[int] | None:
    """Returns the messages that are learned where some have OpenAI's "weight": 0, else None."""
    given = list_of(row["messages"])
    without = {at for at, message in enumerate(given) if message.get("weight") in (0, False)}
    if not without:
        return None
    before = int(messages[0]["role"] == SYSTEM and names.role_of(given[0]) != SYSTEM)  # one of a column of its own
    learned = {at for at, message in enumerate(messages) if message["role"] == ASSISTANT and at - before not in without}
    if not learned:
        raise BadRow("nothing_learned")
    return frozenset(learned)


def instruction(row: Row, names: Names, about: Mapping[str, Any]) -> Example:
    """Alpaca's instruction, input and output."""
    messages = (*asked({**row, "instruction": needed(row, "instruction")}, names), *answer(row, "output", names))
    check_order(messages, last=(ASSISTANT,))
    return Conversation(messages=messages, tools=read_tools(row.get("tools")), **about)


def answer(row: Row, name: str, names: Names) -> Messages:
    """Returns what the assistant says: a text, a message or messages."""
    value = turns_of(needed(row, name))
    if listed(value) or is_message(value):
        return read_messages(value, names)
    if isinstance(value, str) and value.lstrip().startswith(TRANSCRIPT):
        return transcript(value)
    return read_messages(text(row, name), names, speaker=ASSISTANT)


def completion(row: Row, names: Names, about: Mapping[str, Any]) -> Example:
    """A prompt and how it goes on: texts as they are, messages as a conversation of which only what follows counts."""
    if not listed(turns_of(needed(row, "prompt"))):
        return Completion(prompt=text(row, "prompt"), completion=text(row, "completion"), **about)
    before = asked(row, names)
    messages = (*before, *answer(row, "completion", names))
    check_order(messages, last=(ASSISTANT,))
    learned = frozenset(range(len(before), len(messages)))
    return Conversation(messages=messages, tools=read_tools(row.get("tools")), learned=learned, **about)


def plain(row: Row, names: Names, about: Mapping[str, Any]) -> Example:
    """Text as it is."""
    return Plain(text=text(row, "text"), **about)


def preference(row: Row, names: Names, about: Mapping[str, Any]) -> Example:
    """Two ways to go on; where both hold the whole conversation, what they share is the part before."""
    chosen, rejected = answer(row, "chosen", names), answer(row, "rejected", names)
    if row.keys().isdisjoint(("prompt", "messages", "instruction")):
        before: Messages = ()
    else:
        before = asked(row, names)
    if not before or (len(chosen) > len(before) and chosen[: len(before)] == before == rejected[: len(before)]):
        shared = next((at for at, (a, b) in enumerate(zip(chosen, rejected, strict=False)) if a != b), len(chosen) - 1)
        before, chosen, rejected = chosen[:shared], chosen[shared:], rejected[shared:]
    for one in (chosen, rejected):
        check_order((*before, *one), last=(ASSISTANT,))
    check_order(before, last=(USER, TOOL))
    return Preference(messages=before, chosen=chosen, rejected=rejected, tools=read_tools(row.get("tools")), **about)


def judged(row: Row, names: Names, about: Mapping[str, Any]) -> Example:
    """An answer that somebody found good or bad."""
    good = truth(needed(row, "label"))
    if good is None:
        raise BadRow("no_label", got=shown(row["label"]))
    before = asked(row, names)
    if "completion" in row:
        after = answer(row, "completion", names)
    else:
        before, after = before[:-1], before[-1:]
    check_order((*before, *after), last=(ASSISTANT,))
    check_order(before, last=(USER, TOOL))
    return Judged(messages=before, answer=after, good=good, tools=read_tools(row.get("tools")), **about)


def problem(row: Row, names: Names, about: Mapping[str, Any]) -> Example:
    """A question and what its answer is held against."""
    messages = asked(row, names)
    check_order(messages, last=(USER, TOOL))
    held = row.get("answer", row.get("output", ""))
    told = held if isinstance(held, str) else json.dumps(held, ensure_ascii=False, default=str)
    return Problem(messages=messages, answer=told, row=dict(row), tools=read_tools(row.get("tools")), **about)


MAKERS: dict[str, Callable[[Row, Names, Mapping[str, Any]], Example]] = {
    "preference": preference,
    "judged": judged,
    "messages": conversation,
    "instruction": instruction,
    "completion": completion,
    "problem": problem,
    "text": plain,
}
