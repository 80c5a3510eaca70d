"""The names and numbers of tokenizers in GGUF, shared by reading and writing."""

from typing import Any

KEY, TEMPLATE_KEY = "tokenizer.ggml.", "tokenizer.chat_template"

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6
"""What a token is: text, the unknown one, structure, text that is always one token, nothing, a byte of its own."""
TOKEN_TYPES = (NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE)


def added_tokens(tokens: list[str], kinds: list[int], *, normalized: bool = False) -> list[dict[str, Any]]:
    """Returns the tokens that are found in a text before it is cut."""
    plain = {"single_word": False, "lstrip": False, "rstrip": False}
    return [
        {"id": id, "content": token, **plain, "normalized": normalized and kind != CONTROL, "special": kind == CONTROL}
        for id, (token, kind) in enumerate(zip(tokens, kinds, strict=True))
        if kind in (CONTROL, USER_DEFINED) and token
    ]
