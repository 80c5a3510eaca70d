"""SentencePiece's BPE, as GGUF keeps it (tokens with scores), as a `tokenizer.json`.

SentencePiece joins the neighbours whose token has the highest score; `tokenizers` joins them in the order of a list of
merges. The list that does the same has every way to cut a token into two tokens, the highest score first (as
transformers' SentencePieceExtractor makes it). A character without a token becomes its bytes, <0xE4> …
"""

from typing import Any

from textmill.model.gguf.tokenizer_keys import BYTE, CONTROL, UNKNOWN, UNUSED, USER_DEFINED, added_tokens

SPACE = "\u2581"
LONGEST_TOKEN = 1024
"""Code points; cutting a token in all ways takes time by the square of its length. No real one has a tenth of it."""


def sentencepiece_json(
    tokens: list[str], kinds: list[int], scores: list[float], *, add_space_prefix: bool
) -> dict[str, Any]:
    """Returns the content of a tokenizer.json; `add_space_prefix`: a text begins as if a space stood before it."""
    ids = {token: id for id, token in enumerate(tokens)}
    unknown = next((token for token, kind in zip(tokens, kinds, strict=True) if kind == UNKNOWN), None)
    steps = [{"type": "Replace", "pattern": {"String": " "}, "content": SPACE}]
    shown = [
        {"type": "Replace", "pattern": {"String": SPACE}, "content": " "},
        {"type": "ByteFallback"},
        {"type": "Fuse"},
    ]
    if add_space_prefix:
        steps.insert(0, {"type": "Prepend", "prepend": SPACE})
        shown.append({"type": "Strip", "content": " ", "start": 1, "stop": 0})
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        # SentencePiece finds its user-defined pieces in normalised text; with a prefix that would prepend to them too
        "added_tokens": added_tokens(tokens, kinds, normalized=not add_space_prefix),
        "normalizer": {"type": "Sequence", "normalizers": steps},
        "pre_tokenizer": None,
        "post_processor": None,
        "decoder": {"type": "Sequence", "decoders": shown},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": unknown,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": True,
            "byte_fallback": BYTE in kinds,
            "ignore_merges": False,
            "vocab": ids,
            "merges": merges_of(ids, kinds, scores),
        },
    }


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
