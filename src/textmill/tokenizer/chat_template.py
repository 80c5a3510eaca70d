"""Messages to the text, and the ids, that a chat model is trained on and asked with.

The template is the checkpoint's own, a Jinja text run in a sandbox exactly as `transformers` runs it; Textmill's own
is ChatML as Qwen writes it. Training, evaluation, serving and export all render here, so they cannot differ.

`encode_chat` gives special ids only to what the template itself wrote: whoever types <|im_end|> ends no turn.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from textmill.errors import TokenizerError

if TYPE_CHECKING:
    import jinja2

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
    import jinja2

    try:
        return compile_template(template).render(
            messages=[prepared(message) for message in messages],
            tools=list(tools) if tools is not None else None,
            documents=None,
            add_generation_prompt=add_generation_prompt,
            **(variables or {}),
        )
    except (jinja2.TemplateError, TypeError) as error:  # TypeError: a template that adds None to a text
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


@lru_cache(maxsize=32)
def compile_template(template: str) -> "jinja2.Template":
    """Returns a compiled template with the settings, filters and globals that `transformers` gives it."""
    import jinja2
    from jinja2 import ext, nodes
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Generation(ext.Extension):
        """Lets {% generation %} … {% endgeneration %}, which marks what the assistant wrote, stand for its inside."""

        tags = {"generation"}  # noqa: RUF012 - jinja2 declares it so

        def parse(self, parser: Any) -> Any:
            line = next(parser.stream).lineno
            body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
            return nodes.Scope(body, lineno=line)

    def raise_exception(message: str) -> None:
        raise jinja2.TemplateError(message)

    def to_json(
        value: Any,
        ensure_ascii: bool = False,
        indent: int | None = None,
        separators: tuple[str, str] | None = None,
        sort_keys: bool = False,
    ) -> str:
        return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, ext.loopcontrols]
    )
    environment.filters["tojson"] = to_json
    environment.globals["raise_exception"] = raise_exception
    environment.globals["strftime_now"] = lambda pattern: datetime.now().strftime(pattern)
    try:
        return environment.from_string(template)
    except jinja2.TemplateError as error:
        raise TokenizerError("tokenizer.template", detail=error) from error
