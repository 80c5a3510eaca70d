"""Messages to the text, and the ids, that a chat model is trained on and asked with.

The template is the checkpoint's own, a Jinja text run exactly as `transformers` runs it, but apart, within limits of
time and memory (`template_process`); Textmill's own, which needs none, is ChatML as Qwen writes it. Training,
evaluation, serving and export all render here, so they cannot differ.

`encode_chat` gives special ids only to what the template itself wrote: whoever types <|im_end|> ends no turn.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from textmill.errors import TokenizerError
from textmill.tokenizer.template_environment import compile_template
from textmill.tokenizer.template_process import render_apart

if TYPE_CHECKING:
    from textmill.tokenizer.tokenizer import Tokenizer

Message = Mapping[str, Any]

REASONING_FIELDS = ("reasoning_content", "thinking", "reasoning")
"""Names under which a message's reasoning comes; templates read the first."""


@cache
def default_template() -> str:
    """Returns Textmill's own template."""
    return resources.files("textmill.tokenizer").joinpath("chat_template.jinja").read_text(encoding="utf-8")


def render_chat(
    messages: Sequence[Message],
    *,
    template: str,
    add_generation_prompt: bool = False,
    tools: Sequence[Mapping[str, Any]] | None = None,
    variables: Mapping[str, Any] | None = None,
) -> str:
    """Returns the text of a conversation, byte for byte what `transformers.apply_chat_template` gives.

    `variables` are what a foreign template wants besides: its `bos_token`, a switch of its own.
    """
    given = {
        "messages": [prepared(message) for message in messages],
        "tools": list(tools) if tools is not None else None,
        "documents": None,
        "add_generation_prompt": add_generation_prompt,
        **(variables or {}),
    }
    if template != default_template():
        return render_apart(template, given)
    try:
        return compile_template(template).render(given)
    except Exception as error:  # a role that there is not, a content that is no text
        raise TokenizerError("tokenizer.template", detail=error) from error


def encode_chat(
    tokenizer: "Tokenizer",
    messages: Sequence[Message],
    *,
    add_generation_prompt: bool = False,
    tools: Sequence[Mapping[str, Any]] | None = None,
) -> list[int]:
    """Returns a conversation's ids; special tokens spelled inside messages or tools stay the text that they are."""
    text_only = hide_special({"messages": list(messages), "tools": tools}, tokenizer)
    rendered = render_chat(
        text_only.value["messages"],
        template=tokenizer.chat_template,
        add_generation_prompt=add_generation_prompt,
        tools=text_only.value["tools"],
        variables=tokenizer.special_variables,
    )
    return _encode(tokenizer, rendered, text_only)


def encode_answers(tokenizer: "Tokenizer", messages: Sequence[Message], answers: Sequence[str]) -> list[list[int]]:
    """Returns the ids of a conversation with each of `answers` begun behind it; the template is run once."""
    text_only = hide_special({"messages": list(messages), "answers": list(answers)}, tokenizer)
    rendered = render_chat(
        text_only.value["messages"],
        template=tokenizer.chat_template,
        add_generation_prompt=True,
        variables=tokenizer.special_variables,
    )
    return [_encode(tokenizer, rendered + answer, text_only) for answer in text_only.value["answers"]]


def _encode(tokenizer: "Tokenizer", rendered: str, text_only: "HiddenSpecial") -> list[int]:
    if not text_only.hidden:
        return tokenizer.encode(rendered, allow_special=True)
    ids: list[int] = []
    for part in special_pattern(tokenizer).split(rendered):
        if part in tokenizer.special:
            ids.append(tokenizer.special[part])
        elif part:
            ids += tokenizer.encode(text_only.restore(part))
    return ids


class HiddenSpecial:
    """A copy of messages in which each special token's text gave way to a mark that occurs nowhere else."""

    def __init__(self, value: Any, names: Sequence[str], taken: str) -> None:
        self.names = names
        self.mark = next(mark for mark in (f"hidden{number}x" for number in range(10**9)) if mark not in taken)
        self.pattern = re.compile("|".join(map(re.escape, names)))
        self.hidden = False
        self.value = self._copy(value)

    def restore(self, text: str) -> str:
        """Returns `text` with the marks turned back into what stood there."""
        return re.sub(f"{self.mark}(\\d+);", lambda match: self.names[int(match.group(1))], text)

    def _copy(self, value: Any) -> Any:
        if isinstance(value, str):
            fresh = self.pattern.sub(lambda match: f"{self.mark}{self.names.index(match.group())};", value)
            self.hidden |= fresh != value
            return fresh
        if isinstance(value, Mapping):
            return {self._copy(key): self._copy(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._copy(item) for item in value]
        return value


def hide_special(value: Any, tokenizer: "Tokenizer") -> HiddenSpecial:
    """Returns `value` with every special token's text hidden from the template and the encoder."""
    names = sorted(tokenizer.special, key=len, reverse=True)
    return HiddenSpecial(value, names, tokenizer.chat_template + repr(value))


def special_pattern(tokenizer: "Tokenizer") -> re.Pattern[str]:
    """Returns the pattern that finds special tokens in rendered text, the longest first; `split` keeps them."""
    return re.compile("(" + "|".join(map(re.escape, sorted(tokenizer.special, key=len, reverse=True))) + ")")


def prepared(message: Message) -> dict[str, Any]:
    """Returns a message as templates expect it: no keys with None, reasoning under its usual name."""
    kept = {key: value for key, value in message.items() if value is not None}
    reasoning = next((kept[name] for name in REASONING_FIELDS if name in kept), None)
    return kept if reasoning is None else {"thinking": reasoning, **kept, "reasoning_content": reasoning}
