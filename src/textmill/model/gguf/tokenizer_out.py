"""A tokenizer as GGUF metadata: tokens by id, what each is, merges, special ids, chat template.

llama.cpp knows how to cut text only by name (`pretokenizers`); a tokenizer that cuts otherwise is refused, because it
would run with other tokens than it was trained with.
"""

import json
from typing import Any

import numpy as np

from textmill.errors import TokenizerError
from textmill.model.gguf.pretokenizers import name_of
from textmill.model.gguf.tokenizer_keys import KEY, TEMPLATE_KEY
from textmill.tokenizer.sentencepiece import CONTROL, NORMAL, UNUSED, USER_DEFINED
from textmill.tokenizer.special_tokens import END_OF_TEXT, TURN_END
from textmill.tokenizer.tokenizer import Tokenizer, token_text

NORMALIZERS = (None, "NFC")
"""llama.cpp normalises nothing; for Qwen's NFC everyone accepts that."""


def tokenizer_metadata(tokenizer: Tokenizer, vocabulary_size: int) -> dict[str, Any]:
    """Returns the metadata for a byte-level tokenizer; rows of the embedding without a token get a name, unused.

    Documents begin with <|endoftext|> in Textmill's training, so its own tokenizers ask for it before a text.
    """
    content = json.loads(tokenizer.json_bytes)
    pre = _check(tokenizer, content)
    if tokenizer.vocabulary_size > vocabulary_size:
        raise TokenizerError("gguf.vocabulary", tokens=tokenizer.vocabulary_size, rows=vocabulary_size)
    tokens, kinds = _tokens(content, vocabulary_size)
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in content["model"]["merges"]]
    metadata = {
        KEY + "model": "gpt2",
        KEY + "pre": pre,
        KEY + "tokens": tokens,
        KEY + "token_type": np.array(kinds, np.int32),
        KEY + "merges": merges,
    }
    ids, begins = _special_ids(tokenizer)
    metadata |= {f"{KEY}{name}_token_id": id for name, id in ids.items() if id is not None}
    metadata |= {KEY + "add_bos_token": begins, KEY + "add_eos_token": False, TEMPLATE_KEY: tokenizer.chat_template}
    return metadata


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
        raise TokenizerError("gguf.tokenizer_unknown", file=tokenizer.source, parts=", ".join(wrong))
    return pre


def _tokens(content: dict[str, Any], size: int) -> tuple[list[str], list[int]]:
    tokens = [f"[PAD{id}]" for id in range(size)]
    kinds = [UNUSED] * size
    for token, id in content["model"]["vocab"].items():
        tokens[id], kinds[id] = token, NORMAL
    for added in content.get("added_tokens") or ():
        tokens[added["id"]], kinds[added["id"]] = added["content"], CONTROL if added["special"] else USER_DEFINED
    return tokens, kinds


def _special_ids(tokenizer: Tokenizer) -> tuple[dict[str, int | None], bool]:
    """Returns the ids of the tokens with a role, and whether a text begins with one."""
    config, special = tokenizer.config, tokenizer.special
    named = {role: special.get(token_text(config.get(f"{role}_token"))) for role in ("bos", "eos", "pad", "unk")}
    own = named["bos"] is None and END_OF_TEXT in special
    ids = {
        "bos": special[END_OF_TEXT] if own else named["bos"],
        "eos": named["eos"],
        "eot": special.get(TURN_END),
        "padding": named["pad"],
        "unknown": named["unk"],
    }
    return ids, bool(config.get("add_bos_token", own))
