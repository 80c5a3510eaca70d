"""What stands before every text: our own <|endoftext|>, Llama's and Gemma's own token, with Qwen and GPT-2 nothing.

`transformers` reads it in tokenizer.json (the template of its post-processor) and, for some families, in
tokenizer_config.json (`add_bos_token`); llama.cpp in its metadata.
"""

import json
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from textmill.tokenizer.special_tokens import END_OF_TEXT, SPECIAL_TOKENS

if TYPE_CHECKING:
    from textmill.tokenizer.tokenizer import Tokenizer


def start_ids(tokenizer: "Tokenizer") -> tuple[int, ...]:
    """Returns the ids that stand before every text."""
    told, special = tokenizer.config.get("add_bos_token"), tokenizer.special
    if told is None and all(name in special for name in SPECIAL_TOKENS):  # ours: Qwen, too, has an <|endoftext|>
        return (special[END_OF_TEXT],)
    if told is False:
        return ()
    name = tokenizer.special_variables.get("bos_token", "")
    return template_start(json.loads(tokenizer.json_bytes)) or ((special[name],) if told and name in special else ())


def template_start(content: dict[str, Any]) -> tuple[int, ...]:
    """Returns the ids that a tokenizer.json puts before every text, mostly none."""
    processor = content.get("post_processor") or {}
    for part in processor.get("processors", [processor]):
        if part.get("type") == "TemplateProcessing":
            steps = takewhile(lambda step: "SpecialToken" in step, part["single"])
            names = [step["SpecialToken"]["id"] for step in steps]
            return tuple(id for name in names for id in part["special_tokens"][name]["ids"])
    return ()


def start_template(token: str, id: int) -> dict[str, Any]:
    """Returns the post-processor of a tokenizer.json that puts a token before every text."""
    first, text = {"SpecialToken": {"id": token, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}
    return {
        "type": "TemplateProcessing",
        "single": [first, text],
        "pair": [first, text, {"Sequence": {"id": "B", "type_id": 0}}],
        "special_tokens": {token: {"id": token, "ids": [id], "tokens": [token]}},
    }
