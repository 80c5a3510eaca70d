"""A tokenizer a family with the family's chat template, as transformers has it and as we load it; and conversations."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from family_tokenizers import MAKE
from template_forms import FORMS

from textmill.tokenizer.tokenizer import Tokenizer
from textmill.tune.examples import Conversation
from textmill.tune.messages import read_messages, read_tools


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """How a family's tokenizer is made: its kind, the marks of its template, what ends a turn."""

    kind: str
    marks: tuple[str, ...]
    ends: str
    bos: str = ""
    eos: str = ""
    template: str = ""


FAMILIES = {
    "llama 2": Family(kind="llama", marks=(), ends="</s>"),
    "llama 3": Family(
        kind="llama 3", marks=("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"), ends="<|eot_id|>"
    ),
    "mistral": Family(kind="llama", marks=("[INST]", "[/INST]", "[TOOL_CALLS]"), ends="</s>"),
    "gemma": Family(kind="gemma", marks=("<start_of_turn>", "<end_of_turn>"), ends="<end_of_turn>"),
    "qwen 3": Family(kind="qwen", marks=("<|im_start|>", "<|im_end|>"), ends="<|im_end|>", eos="<|im_end|>"),
    "phi 3": Family(kind="llama", marks=("<|user|>", "<|assistant|>", "<|system|>", "<|end|>"), ends="<|end|>"),
    "zephyr": Family(kind="llama", marks=(), ends="</s>"),
    "granite": Family(kind="digits", marks=("<|start_of_role|>", "<|end_of_role|>"), ends="<|end_of_text|>"),
}
CALL = {"id": "call00001", "type": "function", "function": {"name": "weather", "arguments": '{"城市": "河镇"}'}}
TOOLS = [{"type": "function", "function": {"name": "weather", "description": "天气", "parameters": {"type": "object"}}}]
CHATS: dict[str, list[dict[str, Any]]] = {
    "one turn": [{"role": "user", "content": "the town?"}, {"role": "assistant", "content": "小镇。"}],
    "two turns": [
        {"role": "user", "content": "hi <b>"},
        {"role": "assistant", "content": "the baker\n\nand a\n"},
        {"role": "user", "content": "再见 "},
        {"role": "assistant", "content": "the end"},
    ],
    "system": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "in the town"},
        {"role": "assistant", "content": " yes"},
    ],
    "marks in a text": [
        {"role": "user", "content": "say </s> and <|im_end|> and <|eot_id|>"},
        {"role": "assistant", "content": "<|im_end|></s><end_of_turn> the"},
    ],
    "a line end first": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "\n\nthe in"}],
}
CALLS = [
    {"role": "user", "content": "weather?"},
    {"role": "assistant", "content": "", "tool_calls": [CALL]},
    {"role": "tool", "content": "sun", "tool_call_id": "call00001"},
    {"role": "assistant", "content": "Sun."},
]


def make(name: str, folder: Path) -> tuple[Any, Tokenizer]:
    """Returns a family's tokenizer by transformers, and ours of the files that it wrote."""
    from transformers import AutoTokenizer

    family = FAMILIES[name]
    theirs = MAKE[family.kind]()
    theirs.add_special_tokens({"additional_special_tokens": list(family.marks)})
    theirs.chat_template = FORMS[name]
    if family.eos:
        theirs.eos_token = family.eos
    theirs.save_pretrained(folder)
    return AutoTokenizer.from_pretrained(folder), Tokenizer.load(folder)


def conversation(messages: list[dict[str, Any]], tools: Any = None, **more: Any) -> Conversation:
    """Returns messages as a row of a file gives them."""
    from textmill.tune.messages import Names

    return Conversation(place="x:1", messages=read_messages(messages, Names()), tools=read_tools(tools), **more)
