"""The tokenizer inside a GGUF file as a `tokenizer.json` with the same ids.

Two kinds: "gpt2", byte-level merges as our own, and "llama", SentencePiece's BPE with scores (`sentencepiece`).
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from textmill.errors import TokenizerError
from textmill.model.gguf.file import GGUFFile
from textmill.model.gguf.pretokenizers import PRETOKENIZERS, WHOLE_WORDS, WITH_A_BEGINNING, to_json
from textmill.model.gguf.tokenizer_keys import KEY, TEMPLATE_KEY
from textmill.tokenizer.ranks import byte_level_json
from textmill.tokenizer.sentencepiece import (
    CONTROL,
    KINDS,
    UNUSED,
    USER_DEFINED,
    Pieces,
    added_tokens,
    sentencepiece_json,
)
from textmill.tokenizer.start import start_template
from textmill.tokenizer.tokenizer import Tokenizer, default_config

ROLES = {"bos": "bos", "eos": "eos", "padding": "pad", "unknown": "unk"}


def read_tokenizer(file: GGUFFile) -> Tokenizer:
    """Returns the file's tokenizer."""
    content, config = tokenizer_json(file), tokenizer_config(file)
    begin = config["bos_token"]
    if config["add_bos_token"] and begin:  # transformers asks tokenizer.json
        content["post_processor"] = start_template(begin, file.metadata[f"{KEY}bos_token_id"])
    data = json.dumps(content, ensure_ascii=False).encode()
    return Tokenizer(data, config=config, source=str(file.path))


def tokenizer_json(file: GGUFFile) -> dict[str, Any]:
    """Returns the content of a tokenizer.json, which `tokenizers` reads, with the ids of the file."""
    tokens, kinds = _vocabulary(file)
    model = file.metadata.get(KEY + "model")
    if model == "llama":
        scores = _array(file, "scores", len(file.metadata[KEY + "tokens"]), np.floating)
        prefix = bool(file.metadata.get(KEY + "add_space_prefix", True))
        pieces = Pieces(tokens=tokens, kinds=kinds, scores=scores.tolist()[: len(tokens)])
        return sentencepiece_json(pieces, add_space_prefix=prefix)
    pre = file.metadata.get(KEY + "pre", "default")
    if model != "gpt2" or not isinstance(pre, str) or pre not in PRETOKENIZERS:
        known = ", ".join(PRETOKENIZERS)
        raise TokenizerError("gguf.tokenizer_kind", file=file.path, value=f"{model}, {pre}"[:80], known=known)
    return _byte_level_json(file, tokens, kinds, pre)


def tokenizer_config(file: GGUFFile) -> dict[str, Any]:
    """Returns tokenizer_config.json: the names of the tokens with a role, and the chat template if there is one."""
    tokens, _ = _vocabulary(file)
    config = default_config() | dict.fromkeys((f"{role}_token" for role in ROLES.values()), None)
    for theirs, ours in ROLES.items():
        id = file.metadata.get(f"{KEY}{theirs}_token_id")
        if id is None:
            continue
        if type(id) is not int or not 0 <= id < len(tokens):
            raise _damaged(file, f"{theirs}_token_id = {id!r}")
        config[f"{ours}_token"] = tokens[id]
    config["add_bos_token"] = bool(file.metadata.get(KEY + "add_bos_token", _begins(file)))
    template = file.metadata.get(TEMPLATE_KEY)
    config["chat_template"] = template if isinstance(template, str) else None
    return config


def _begins(file: GGUFFile) -> bool:
    """Returns whether llama.cpp puts a token before a text where the file does not say."""
    return file.metadata.get(KEY + "model") == "llama" or file.metadata.get(KEY + "pre") in WITH_A_BEGINNING


def _vocabulary(file: GGUFFile) -> tuple[list[str], list[int]]:
    """Returns the tokens by id and what each is, without the unused ones at the end."""
    tokens = file.metadata.get(KEY + "tokens")
    if not isinstance(tokens, list) or not tokens or not all(isinstance(token, str) for token in tokens):
        raise TokenizerError("gguf.no_tokenizer", file=file.path)
    kinds = _array(file, "token_type", len(tokens), np.integer).tolist()
    if not set(kinds) <= set(KINDS):
        raise _damaged(file, f"token_type = {sorted(set(kinds) - set(KINDS))[:3]}")
    used = len(tokens)
    while used and kinds[used - 1] == UNUSED:
        used -= 1
    if len(set(tokens[:used])) != used or not used:
        seen: set[str] = set()
        twice = next((token for token in tokens[:used] if token in seen or seen.add(token)), "")
        raise _damaged(file, f"tokens: {twice[:40]!r}")
    return tokens[:used], kinds[:used]


def _array(file: GGUFFile, name: str, length: int, kind: type) -> np.ndarray:
    values = file.metadata.get(KEY + name)
    if not isinstance(values, np.ndarray) or len(values) != length or not np.issubdtype(values.dtype, kind):
        raise _damaged(file, name)
    return values


def _byte_level_json(file: GGUFFile, tokens: list[str], kinds: list[int], pre: str) -> dict[str, Any]:
    merges = file.metadata.get(KEY + "merges")
    if not isinstance(merges, list):
        raise _damaged(file, "merges")
    ids = {token: id for id, token in enumerate(tokens)}
    pairs = []
    for merge in merges:
        left, _, right = merge.partition(" ") if isinstance(merge, str) else ("", "", "")
        if left not in ids or right not in ids or left + right not in ids:
            raise _damaged(file, f"merges: {str(merge)[:40]!r}")
        pairs.append([left, right])
    return byte_level_json(
        plain_vocabulary(ids, kinds, {left + right for left, right in pairs}),
        pairs,
        added_tokens=added_tokens(tokens, kinds),
        pre_tokenizer=to_json(PRETOKENIZERS[pre]),
        whole_words=pre in WHOLE_WORDS,
    )


def plain_vocabulary(ids: Mapping[str, int], kinds: list[int], merged: set[str]) -> dict[str, int]:
    """Returns the model's part of the vocabulary: all but added tokens at its end, whose ids follow anyway."""
    last, tokens = len(kinds), list(ids)
    while last and kinds[last - 1] in (CONTROL, USER_DEFINED) and tokens[last - 1] not in merged:
        last -= 1
    return {token: id for token, id in ids.items() if id < last}


def _damaged(file: GGUFFile, detail: str) -> TokenizerError:
    return TokenizerError("gguf.tokenizer_damaged", file=file.path, detail=detail)
