"""Which bytes each id stands for, in the two kinds of vocabularies that there are.

byte-level (GPT-2, Llama 3, Qwen, ours): a token is written in 256 visible characters, one for each byte.
pieces (SentencePiece's BPE: Llama 2, Mistral, Gemma, Phi-3): a token is written as it reads, with ▁ for a space; what
    is not in the vocabulary falls back to 256 tokens such as <0xE4>, a byte each. Many put a space before the text,
    which their decoder takes away again.
"""

import json
import re
from typing import TYPE_CHECKING, Any

from textmill.errors import TokenizerError
from textmill.tokenizer.pattern import byte_alphabet

if TYPE_CHECKING:
    import tokenizers

SPACE = "▁"
BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")
BYTE_LEVEL, PIECES = "byte-level", "pieces"


def kind_of(content: dict[str, Any], source: str) -> str:
    """Returns BYTE_LEVEL or PIECES for the content of a tokenizer.json; any other kind is a TokenizerError."""
    decoder = json.dumps(content.get("decoder"), ensure_ascii=False)
    if '"ByteLevel"' in decoder:
        return BYTE_LEVEL
    model = content.get("model")
    if (
        isinstance(model, dict)
        and model.get("byte_fallback") is True
        and ('"Metaspace"' in decoder or SPACE in decoder)
    ):
        return PIECES
    raise TokenizerError("tokenizer.not_byte_level", file=source)


def strips_a_space(content: dict[str, Any]) -> bool:
    """True when the decoder takes away the space that encoding put before the text."""
    decoder = content.get("decoder") or {}
    parts = decoder.get("decoders", [decoder]) if isinstance(decoder, dict) else []
    return any(
        (part.get("type") == "Strip" and part.get("start", 0) > 0)
        or (part.get("type") == "Metaspace" and part.get("prepend_scheme", "always") != "never")
        for part in parts
        if isinstance(part, dict)
    )


def table_of_bytes(backend: "tokenizers.Tokenizer", kind: str) -> list[bytes]:
    """Returns the bytes of every id; a special token's are its name."""
    alphabet = byte_alphabet()
    added = {id: token.content for id, token in backend.get_added_tokens_decoder().items()}
    vocabulary = backend.get_vocab(with_added_tokens=True)
    table = [b""] * (max(vocabulary.values(), default=-1) + 1)
    for token, id in vocabulary.items():
        if kind == PIECES:
            byte = BYTE.fullmatch(token)
            if byte:
                table[id] = bytes([int(byte[1], 16)])
            else:
                table[id] = (added[id] if id in added else token.replace(SPACE, " ")).encode()
            continue
        plain = id not in added and all(character in alphabet for character in token)
        table[id] = bytes(alphabet[character] for character in token) if plain else added.get(id, token).encode()
    return table
