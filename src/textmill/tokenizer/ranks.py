"""A rank file, as tiktoken keeps a byte-level BPE: a line a token, its bytes in base64 and its rank, which is its id.

tiktoken joins the neighbours that make the token of the lowest rank, and takes a word that is a token as it is.
`tokenizers` joins by a list of merges: here every way to cut a token into two, by the rank of what they make (as
transformers' TikTokenConverter does). The file says neither how text is cut into words nor which tokens are special:
the pattern is Llama 3's, in a file called qwen.tiktoken Qwen's; special tokens stand in tokenizer_config.json.
"""

import base64
import binascii
from pathlib import Path
from typing import Any

from textmill.errors import TokenizerError
from textmill.tokenizer.pattern import LLAMA3_PATTERN, SPLIT_PATTERN, byte_alphabet

QWEN_FILE = "qwen.tiktoken"
MOST_TOKENS, LONGEST_TOKEN = 1 << 21, 4096


def read_ranks(data: bytes, place: Path | str) -> dict[bytes, int]:
    """Returns the tokens' ranks; they are 0 … n-1, every byte is one of them, or it is a TokenizerError."""
    ranks: dict[bytes, int] = {}
    for number, line in enumerate(data.splitlines(), 1):
        if not line:
            continue
        text, _, rank = line.partition(b" ")
        try:
            token = base64.b64decode(text, validate=True)
            ranks[token] = int(rank)
        except (ValueError, binascii.Error) as error:
            raise TokenizerError("tokenizer.damaged", file=place, detail=f"line {number}: {line[:40]!r}") from error
        if len(token) > LONGEST_TOKEN or number > MOST_TOKENS:
            raise TokenizerError("tokenizer.damaged", file=place, detail=f"line {number}")
    if sorted(ranks.values()) != list(range(len(ranks))) or any(bytes([byte]) not in ranks for byte in range(256)):
        raise TokenizerError("tokenizer.damaged", file=place, detail=f"{len(ranks)} ranks")
    return ranks


def ranks_json(ranks: dict[bytes, int], special: dict[str, int], place: Path | str = "") -> dict[str, Any]:
    """Returns the content of a tokenizer.json; `special`: names of further tokens and their ids."""
    pattern = SPLIT_PATTERN if Path(place).name == QWEN_FILE else LLAMA3_PATTERN
    letters = {byte: letter for letter, byte in byte_alphabet().items()}

    def written(token: bytes) -> str:
        return "".join(letters[byte] for byte in token)

    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    as_bytes = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    return byte_level_json(
        {written(token): rank for token, rank in ranks.items()},
        [[written(left), written(right)] for left, right in merges_of(ranks)],
        added_tokens=[{"id": id, "content": name, **plain} for name, id in special.items()],
        pre_tokenizer={"type": "Sequence", "pretokenizers": [split, as_bytes]},
        whole_words=True,
    )


def byte_level_json(
    vocabulary: dict[str, int],
    merges: list[list[str]],
    *,
    added_tokens: list[dict[str, Any]],
    pre_tokenizer: dict[str, Any],
    whole_words: bool,
) -> dict[str, Any]:
    """Returns the content of a tokenizer.json of a byte-level BPE, its tokens in the byte alphabet.

    `whole_words`: a word that is a token is taken as it is, whatever its merges would make of it.
    """
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added_tokens,
        "normalizer": None,
        "pre_tokenizer": pre_tokenizer,
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": whole_words,
            "vocab": vocabulary,
            "merges": merges,
        },
    }


def merges_of(ranks: dict[bytes, int]) -> list[tuple[bytes, bytes]]:
    """Returns every pair of tokens that makes a token, by the rank of what it makes, then of its parts."""
    merges: list[tuple[bytes, bytes]] = []
    for token in sorted(ranks, key=ranks.__getitem__):
        pairs = [(token[:cut], token[cut:]) for cut in range(1, len(token))]
        known = [pair for pair in pairs if pair[0] in ranks and pair[1] in ranks]
        merges += sorted(known, key=lambda pair: (ranks[pair[0]], ranks[pair[1]]))
    return merges
