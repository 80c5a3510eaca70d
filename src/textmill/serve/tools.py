"""Tool calls as models write them, found in text that comes in pieces.

    hermes   <tool_call>{"name": …, "arguments": …}</tool_call>      Qwen, Hermes, SmolLM, Textmill's own template
    mistral  [TOOL_CALLS][{"name": …, "arguments": …}, …]            also [TOOL_CALLS]NAME{…} and NAME[ARGS]{…}
    llama    {"name": …, "parameters": …}; …                         the whole answer, <|python_tag|> before it or not

Which one a model writes is read off its chat template. What looks like a call and is none, or calls a function that was
not offered, stays text: nothing is lost. A reader is fed the same text for a stream and for a whole answer, so both
have the same calls.
"""

import json
import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

HERMES, MISTRAL, LLAMA = "hermes", "mistral", "llama"
OPENING = {HERMES: "<tool_call>", MISTRAL: "[TOOL_CALLS]", LLAMA: "<|python_tag|>"}
CLOSING = "</tool_call>"
NAMED = re.compile(r"\s*(?P<name>[\w.-]{1,64})\s*(?:\[ARGS\])?\s*(?=\{)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call: the function's name and its arguments as JSON text."""

    name: str
    arguments: str
    id: str


Part = str | Call


def form_of(template: str) -> str:
    """Returns how a model with this chat template writes calls; "" where the template knows no tools."""
    if "tools" not in template:
        return ""
    if OPENING[MISTRAL] in template:
        return MISTRAL
    if OPENING[HERMES] in template:
        return HERMES
    return LLAMA if OPENING[LLAMA] in template or '"parameters"' in template or "ipython" in template else HERMES


class ToolReader:
    """Feed text, get text and calls; `finish` gives the rest."""

    def __init__(self, form: str, names: Sequence[str], *, most: int = 1 << 30, inside: bool = False) -> None:
        """`inside`: the text begins within a call, whose opening was in the prompt."""
        self.form, self.names, self.most = form, frozenset(names), most
        self.marks = (OPENING[form],)
        """Special tokens whose names the reader wants to see, though they are not text."""
        self.made = 0
        self._held = OPENING[form] if inside else ""
        self._in_call = inside
        self._begun = inside

    def feed(self, piece: str) -> list[Part]:
        """Returns what is certain now."""
        self._held += piece
        return list(self._read())

    def finish(self) -> list[Part]:
        """Returns the rest: the text is over."""
        found = list(self._read())
        rest, self._held = self._held, ""
        if not self._in_call:
            return found + ([rest] if rest else [])
        self._in_call = False
        return found + list(self._calls(rest))

    def _read(self) -> Iterator[Part]:
        while True:
            if self._in_call:
                end = self._end()
                if not end:
                    return
                whole, self._held = self._held[:end], self._held[end:]
                self._in_call = False
                yield from self._calls(whole)
                continue
            text, self._in_call = self._before_call()
            if text:
                self._begun = True
                yield text
            if not self._in_call:
                return

    def _end(self) -> int:
        """Returns where the call that is held ends, 0 while that is open: a closing tag may stand within its texts."""
        if self.form != HERMES:
            return 0
        first = at = self._held.find(CLOSING)
        while at >= 0:
            end = at + len(CLOSING)
            if parsed(inside_of(self._held[:end])) is not None:
                return end
            at = self._held.find(CLOSING, end)
        return first + len(CLOSING) if first >= 0 and OPENING[HERMES] in self._held[first:] else 0

    def _before_call(self) -> tuple[str, bool]:
        """Takes the text before a call off what is held; and whether a call begins there."""
        opening = OPENING[self.form]
        if self.form == LLAMA and not self._begun:
            start = self._held.lstrip()
            if not start or (opening.startswith(start) and start != opening):
                return "", False
            if start.startswith(("{", opening)):
                return "", True
        at = self._held.find(opening)
        if at >= 0 and (self.form != LLAMA or not self._begun):
            text, self._held = self._held[:at].rstrip(), self._held[at:]
            return text, True
        kept = len(self._held) - held_back(self._held, opening)
        kept = len(self._held[:kept].rstrip()) if self.form != LLAMA else kept
        text, self._held = self._held[:kept], self._held[kept:]
        return text, False

    def _calls(self, text: str) -> Iterator[Part]:
        """Yields the calls of a stretch, or the text itself if there is none."""
        found = [call for call in calls_in(self.form, text) if call.name in self.names]
        if not found:
            self._begun = True
            yield text
            return
        for call in found:
            if self.made < self.most:
                self.made += 1
                yield call


def held_back(text: str, opening: str) -> int:
    """Returns how many of the text's last characters may be the beginning of a call."""
    for length in range(min(len(text), len(opening) - 1), 0, -1):
        if opening.startswith(text[-length:]):
            return length
    return 0


def inside_of(text: str) -> str:
    """Returns what stands between the tags."""
    return text.removeprefix(OPENING[HERMES]).removesuffix(CLOSING)


def calls_in(form: str, text: str) -> list[Call]:
    """Returns the calls that a stretch of text makes."""
    if form == HERMES:
        return made_of(parsed(inside_of(text)))
    if form == MISTRAL:
        found: list[Call] = []
        for part in text.split(OPENING[MISTRAL]):
            named = NAMED.match(part)
            if named:
                found += made_of({"name": named["name"], "arguments": parsed(part[named.end() :])})
            else:
                found += made_of(parsed(part))
        return found
    rest, decoder, values = text.strip().removeprefix(OPENING[LLAMA]).strip(), json.JSONDecoder(), []
    while rest:
        try:
            value, end = decoder.raw_decode(rest)
        except (ValueError, RecursionError):
            return []
        values.append(value)
        rest = rest[end:].lstrip().removeprefix(";").lstrip()
    return made_of(values)


def parsed(text: str) -> Any:
    """Returns the JSON in a text, None where there is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def made_of(value: Any) -> list[Call]:
    """Returns the calls in a JSON value: one, or a list."""
    found: list[Call] = []
    for item in value if isinstance(value, list) else [value]:
        if not isinstance(item, dict) or not isinstance(item.get("name"), str):
            continue
        arguments = item.get("arguments", item.get("parameters"))
        if isinstance(arguments, str):
            arguments = parsed(arguments)
        if isinstance(arguments, dict) or ("arguments" not in item and "parameters" not in item):
            text = json.dumps(arguments or {}, ensure_ascii=False)
            found.append(Call(name=item["name"], arguments=text, id=f"call_{secrets.token_hex(12)}"))
    return found


def call_schema(tools: Sequence[dict[str, Any]], form: str) -> dict[str, Any]:
    """Returns the JSON schema of one call of one of the tools, as `form` writes it."""
    key = "parameters" if form == LLAMA else "arguments"
    calls = [
        {
            "type": "object",
            "properties": {
                "name": {"const": tool["function"]["name"]},
                key: tool["function"]["parameters"] or {"type": "object"},
            },
            "required": ["name", key],
            "additionalProperties": False,
        }
        for tool in tools
    ]
    one = calls[0] if len(calls) == 1 else {"anyOf": calls}
    return {"type": "array", "items": one, "minItems": 1, "maxItems": 1} if form == MISTRAL else one


def strict_grammar(tools: Sequence[dict[str, Any]], style: dict[str, Any], *, several: bool) -> str:
    """Returns the Lark grammar of text, or of text and calls in the hermes form whose arguments fit strict schemas."""
    kept = [
        {"function": tool["function"] if tool["function"]["strict"] else tool["function"] | {"parameters": None}}
        for tool in tools
    ]
    schema = json.dumps({"x-guidance": style, **call_schema(kept, HERMES)})
    opening, again = OPENING[HERMES], f'(WS? "{OPENING[HERMES]}" rest)*' if several else ""
    return f"""start: TEXT? | opened rest {again} WS?
opened[suffix="{opening}"]: /(.|\\n)*/
rest: WS? json WS? "{CLOSING}"
json: %json {schema}
WS: /[ \\n]{{1,4}}/
TEXT: /(.|\\n)+/ & ~/(.|\\n)*{opening}(.|\\n)*/
"""


def forced_beginning(form: str) -> str:
    """Returns what is put into the prompt before a call that has to come."""
    return {HERMES: OPENING[HERMES] + "\n", MISTRAL: OPENING[MISTRAL], LLAMA: ""}[form]
