"""The tokens of a prompt for people: a character that takes several tokens (rare Chinese ones, emoji) is one group."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textmill.tokenizer.tokenizer import Tokenizer


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One token. `text` is its group's, whole characters; `group` counts the groups."""

    id: int
    bytes: bytes
    text: str
    group: int
    special: bool


def tokens_of(tokenizer: "Tokenizer", ids: Sequence[int]) -> list[Token]:
    """Returns the tokens of `ids`; bytes that make no character, as at a cut end, are shown as U+FFFD."""
    made: list[Token] = []
    held: list[int] = []
    group = 0
    for place, id in enumerate(ids):
        held.append(id)
        data = b"".join(map(tokenizer.token_bytes, held))
        last = place == len(ids) - 1 or tokenizer.is_special(ids[place + 1])
        if not last and not whole(data):
            continue
        text = data.decode("utf-8", "replace")
        for each in held:
            special = tokenizer.is_special(each)
            made.append(Token(id=each, bytes=tokenizer.token_bytes(each), text=text, group=group, special=special))
        held, group = [], group + 1
    return made


def whole(data: bytes) -> bool:
    """True when the bytes are whole characters."""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return error.reason != "unexpected end of data"  # what can never become a character waits for nothing
    return True


def token_text(tokenizer: "Tokenizer", id: int) -> str:
    """Returns one token of the vocabulary as text; half a character as its bytes in hexadecimal."""
    data = tokenizer.token_bytes(id)
    try:
        return data.decode()
    except UnicodeDecodeError:
        return " ".join(f"{byte:02X}" for byte in data)


def is_text(tokenizer: "Tokenizer", id: int) -> bool:
    """True when a token is whole characters of text, so that one can write on with it."""
    if id >= tokenizer.vocabulary_size or tokenizer.is_special(id):
        return False
    try:
        return bool(tokenizer.token_bytes(id).decode())
    except UnicodeDecodeError:
        return False
