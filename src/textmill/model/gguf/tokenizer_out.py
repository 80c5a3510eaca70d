"""A tokenizer as GGUF metadata: tokens by id, what each is, merges or scores, special ids, chat template.

Two kinds, as in reading: "gpt2", byte-level merges, cut in ways that llama.cpp knows by name (`pretokenizers`), and
"llama", SentencePiece's pieces with scores (`sentencepiece_scores`). A tokenizer that does something else is refused,
because it would run with other tokens than it was trained with.
"""

import json
from typing import Any

import numpy as np

from textmill.errors import TokenizerError
from textmill.model.gguf.pretokenizers import name_of
from textmill.model.gguf.tokenizer_keys import KEY, TEMPLATE_KEY
from textmill.tokenizer.sentencepiece import CONTROL, NORMAL, UNUSED, USER_DEFINED
from textmill.tokenizer.sentencepiece_scores import pieces_of
from textmill.tokenizer.special_tokens import TURN_END
from textmill.tokenizer.token_bytes import PIECES
from textmill.tokenizer.tokenizer import Tokenizer, token_text

NORMALIZERS = (None, "NFC")
"""llama.cpp normalises nothing; for Qwen's NFC everyone accepts that."""
UNUSED_SCORE = -10_000.0


def tokenizer_metadata(tokenizer: Tokenizer, vocabulary_size: int) -> dict[str, Any]:
    """Returns the metadata for a tokenizer; rows of the embedding without a token get a name, unused.

    Documents begin with <|endoftext|> in Textmill's training, so its own tokenizers ask for it before a text.
    """
    if tokenizer.vocabulary_size > vocabulary_size:
        raise TokenizerError("gguf.vocabulary", tokens=tokenizer.vocabulary_size, rows=vocabulary_size)
    content = json.loads(tokenizer.json_bytes)
    make = _pieces if tokenizer.kind == PIECES else _byte_level
    metadata = make(tokenizer, content, vocabulary_size)
    ids = _role_ids(tokenizer, metadata[KEY + "tokens"])
    metadata |= {f"{KEY}{name}_token_id": id for name, id in ids.items() if id is not None}
    metadata |= {KEY + "add_bos_token": bool(tokenizer.start_ids), KEY + "add_eos_token": False}
    return metadata | ({TEMPLATE_KEY: tokenizer.chat_template} if tokenizer.config.get("chat_template") else {})


def _byte_level(tokenizer: Tokenizer, content: dict[str, Any], size: int) -> dict[str, Any]:
    pre = _check(tokenizer, content)
    tokens, kinds = _unused(size)
    for token, id in content["model"]["vocab"].items():
        tokens[id], kinds[id] = token, NORMAL
    for added in content.get("added_tokens") or ():
        tokens[added["id"]], kinds[added["id"]] = added["content"], CONTROL if added["special"] else USER_DEFINED
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in content["model"]["merges"]]
    return {
        KEY + "model": "gpt2",
        KEY + "pre": pre,
        KEY + "tokens": tokens,
        KEY + "token_type": np.array(kinds, np.int32),
        KEY + "merges": merges,
    }


def _pieces(tokenizer: Tokenizer, content: dict[str, Any], size: int) -> dict[str, Any]:
    found = pieces_of(content)
    if isinstance(found, list):
        raise _unknown(tokenizer, found)
    pieces, space_prefix = found
    tokens, kinds = _unused(size)
    scores = np.full(size, UNUSED_SCORE, np.float32)
    for id, (token, kind, score) in enumerate(zip(pieces.tokens, pieces.kinds, pieces.scores, strict=True)):
        if token:
            tokens[id], kinds[id], scores[id] = token, kind, score
    return {
        KEY + "model": "llama",
        KEY + "pre": "default",
        KEY + "tokens": tokens,
        KEY + "scores": scores,
        KEY + "token_type": np.array(kinds, np.int32),
        KEY + "add_space_prefix": space_prefix,
    }


def _unused(size: int) -> tuple[list[str], list[int]]:
    """Returns names and kinds of rows before anything is known of them."""
    return [f"[PAD{id}]" for id in range(size)], [UNUSED] * size


def _check(tokenizer: Tokenizer, content: dict[str, Any]) -> str:
    """Returns llama.cpp's name for how the text is cut; refuses what it has no name for."""
    model, normalizer = content["model"], content.get("normalizer")
    pre = name_of(content.get("pre_tokenizer"))
    kind = normalizer.get("type") if isinstance(normalizer, dict) else None
    reasons = {
        "model": model.get("type") not in (None, "BPE") or "merges" not in model,
        "byte_fallback": bool(model.get("byte_fallback")),
        "normalizer": kind not in NORMALIZERS,
        "pre_tokenizer": pre is None,
    }
    wrong = [name for name, is_wrong in reasons.items() if is_wrong]
    if wrong or pre is None:
        raise _unknown(tokenizer, wrong)
    return pre


def _unknown(tokenizer: Tokenizer, parts: list[str]) -> TokenizerError:
    return TokenizerError("gguf.tokenizer_unknown", file=tokenizer.source, parts=", ".join(parts))


def _role_ids(tokenizer: Tokenizer, tokens: list[str]) -> dict[str, int | None]:
    """Returns the ids of the tokens with a role; what stands before every text is the beginning's."""
    ids = {token: id for id, token in enumerate(tokens)}
    named = {role: ids.get(token_text(tokenizer.config.get(f"{role}_token"))) for role in ("bos", "eos", "pad", "unk")}
    return {
        "bos": tokenizer.start_ids[0] if len(tokenizer.start_ids) == 1 else named["bos"],
        "eos": named["eos"],
        "eot": tokenizer.special.get(TURN_END),
        "padding": named["pad"],
        "unknown": named["unk"],
    }
