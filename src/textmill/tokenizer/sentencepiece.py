"""SentencePiece's pieces (BPE or unigram) as a `tokenizer.json`, wherever they come from: tokenizer.model or GGUF.

BPE joins the neighbours whose token has the highest score; `tokenizers` joins them in the order of a list of merges.
The list that does the same has every way to cut a token into two tokens, the highest score first (as transformers'
SentencePieceExtractor makes it). Unigram takes the cut whose scores sum highest, which `tokenizers` does by itself. A
character without a token becomes its bytes, <0xE4> …
"""

import base64
from dataclasses import dataclass
from typing import Any

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6
"""What a piece is: text, the unknown one, structure, text that is always one token, nothing, a byte of its own."""
KINDS = (NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE)
SPACE = "\u2581"
LONGEST_TOKEN = 1024
"""Code points; cutting a token in all ways takes time by the square of its length. No real one has a tenth of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """The pieces by id: text, kind, score (the higher, the earlier or likelier)."""

    tokens: list[str]
    kinds: list[int]
    scores: list[float]


def sentencepiece_json(
    pieces: Pieces,
    *,
    add_space_prefix: bool,
    unigram: bool = False,
    charsmap: bytes = b"",
    single_spaces: bool = False,
) -> dict[str, Any]:
    """Returns the content of a tokenizer.json; `add_space_prefix`: a text begins as if a space stood before it."""
    shown = [
        {"type": "Replace", "pattern": {"String": SPACE}, "content": " "},
        {"type": "ByteFallback"},
        {"type": "Fuse"},
    ]
    if add_space_prefix:
        shown.append({"type": "Strip", "content": " ", "start": 1, "stop": 0})
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        # SentencePiece finds its user-defined pieces in normalised text; with a prefix that would prepend to them too
        "added_tokens": added_tokens(pieces.tokens, pieces.kinds, normalized=not add_space_prefix),
        "normalizer": normalizer(add_space_prefix, charsmap, single_spaces),
        "pre_tokenizer": None,
        "post_processor": None,
        "decoder": {"type": "Sequence", "decoders": shown},
        "model": unigram_model(pieces) if unigram else bpe_model(pieces),
    }


def normalizer(add_space_prefix: bool, charsmap: bytes, single_spaces: bool) -> dict[str, Any]:
    """Returns what is done to a text before it is cut."""
    steps: list[dict[str, Any]] = []
    if charsmap:
        steps.append({"type": "Precompiled", "precompiled_charsmap": base64.b64encode(charsmap).decode()})
    if single_spaces:
        steps.append({"type": "Strip", "strip_left": True, "strip_right": True})
        steps.append({"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "})
    if add_space_prefix:
        steps.append({"type": "Prepend", "prepend": SPACE})
    steps.append({"type": "Replace", "pattern": {"String": " "}, "content": SPACE})
    return {"type": "Sequence", "normalizers": steps}


def bpe_model(pieces: Pieces) -> dict[str, Any]:
    """Returns the model that joins pieces."""
    ids = {token: id for id, token in enumerate(pieces.tokens)}
    return {
        "type": "BPE",
        "dropout": None,
        "unk_token": _unknown(pieces)[1],
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": True,
        "byte_fallback": BYTE in pieces.kinds,
        "ignore_merges": False,
        "vocab": ids,
        "merges": merges_of(ids, pieces.kinds, pieces.scores),
    }


def unigram_model(pieces: Pieces) -> dict[str, Any]:
    """Returns the model that looks for the likeliest cut; what is no text gets a score that no cut ever wins with."""
    least = min(pieces.scores, default=0.0) - 100.0
    vocabulary = [
        [token, score if kind in (NORMAL, USER_DEFINED) else least]
        for token, kind, score in zip(pieces.tokens, pieces.kinds, pieces.scores, strict=True)
    ]
    return {
        "type": "Unigram",
        "unk_id": _unknown(pieces)[0],
        "vocab": vocabulary,
        "byte_fallback": BYTE in pieces.kinds,
    }


def _unknown(pieces: Pieces) -> tuple[int | None, str | None]:
    found = (id for id, kind in enumerate(pieces.kinds) if kind == UNKNOWN)
    id = next(found, None)
    return id, None if id is None else pieces.tokens[id]


def merges_of(ids: dict[str, int], kinds: list[int], scores: list[float]) -> list[list[str]]:
    """Returns the pairs of tokens that join to a token, in the order in which SentencePiece would join them."""
    joined = (CONTROL, UNKNOWN, UNUSED, BYTE, USER_DEFINED)
    found: list[tuple[float, int, int, str, str]] = []
    for token, id in ids.items():
        if kinds[id] in joined or not 2 <= len(token) <= LONGEST_TOKEN:
            continue
        local = [
            (ids[token[:cut]], ids[token[cut:]], token[:cut], token[cut:])
            for cut in range(1, len(token))
            if token[:cut] in ids and token[cut:] in ids
        ]
        found += [(-scores[id], len(left), len(right), left, right) for _, _, left, right in sorted(local)]
    found.sort(key=lambda merge: merge[0])
    return [[left, right] for *_, left, right in found]


def added_tokens(tokens: list[str], kinds: list[int], *, normalized: bool = False) -> list[dict[str, Any]]:
    """Returns the tokens that are found in a text before it is cut."""
    plain = {"single_word": False, "lstrip": False, "rstrip": False}
    return [
        {"id": id, "content": token, **plain, "normalized": normalized and kind != CONTROL, "special": kind == CONTROL}
        for id, (token, kind) in enumerate(zip(tokens, kinds, strict=True))
        if kind in (CONTROL, USER_DEFINED) and token
    ]
