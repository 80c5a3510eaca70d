"""A model folder without a tokenizer.json: the forms that were usual before it, made into one.

    tokenizer.model     SentencePiece's, or a rank file under that name (Llama 3 as Meta publishes it, GLM-4)
    *.tiktoken          a rank file

Tokens beyond the file's own stand in tokenizer_config.json (`added_tokens_decoder`) or added_tokens.json.
"""

import json
from pathlib import Path
from typing import Any

from textmill.errors import TokenizerError
from textmill.tokenizer.ranks import ranks_json, read_ranks
from textmill.tokenizer.sentencepiece_model import is_sentencepiece, read_sentencepiece

MODEL_FILE, RANKS_SUFFIX = "tokenizer.model", ".tiktoken"
LARGEST_FILE = 256 << 20


def other_form(folder: Path) -> Path | None:
    """Returns the file of an older form that a folder holds, or None."""
    if (folder / MODEL_FILE).is_file():
        return folder / MODEL_FILE
    return next(iter(sorted(folder.glob(f"*{RANKS_SUFFIX}"))), None)


def converted(path: Path, config: dict[str, Any], added: dict[str, Any]) -> bytes:
    """Returns the content of a tokenizer.json for a file of an older form.

    `config` and `added` are the contents of tokenizer_config.json and added_tokens.json beside it, {} for none.
    """
    if path.stat().st_size > LARGEST_FILE:
        raise TokenizerError("tokenizer.damaged", file=path, detail=f"> {LARGEST_FILE >> 20} MB")
    data = path.read_bytes()
    names = further_tokens(config, added, path)
    if is_sentencepiece(data):
        content = read_sentencepiece(data, path).as_json()
        _add(content, names)
    else:
        ranks = read_ranks(data, path)
        content = ranks_json(ranks, {name: id for name, (id, _) in names.items() if id >= len(ranks)}, path)
    return json.dumps(content, ensure_ascii=False).encode()


def further_tokens(config: dict[str, Any], added: dict[str, Any], path: Path) -> dict[str, tuple[int, dict[str, Any]]]:
    """Returns tokens beside the file's own: their ids and how they are found in a text."""
    found: dict[str, tuple[int, dict[str, Any]]] = {}
    for name, id in added.items():
        found[name] = (id, {"special": False})
    decoder = config.get("added_tokens_decoder")
    for id, token in (decoder if isinstance(decoder, dict) else {}).items():
        if not isinstance(token, dict) or not isinstance(token.get("content"), str) or not str(id).isdecimal():
            raise TokenizerError("tokenizer.damaged", file=path.with_name("tokenizer_config.json"), detail=f"{id}")
        found[token["content"]] = (int(id), token)
    for name, (id, _) in found.items():
        if type(id) is not int or not 0 <= id < 1 << 31:
            raise TokenizerError("tokenizer.damaged", file=path, detail=f"{name[:40]!r}: {id!r}"[:200])
    return found


def _add(content: dict[str, Any], names: dict[str, tuple[int, dict[str, Any]]]) -> None:
    """Puts further tokens into a tokenizer.json; the configuration wins over what is there already."""
    flags = ("single_word", "lstrip", "rstrip", "normalized")
    known = {token["content"]: token for token in content["added_tokens"]}
    for name, (id, token) in sorted(names.items(), key=lambda item: item[1][0]):
        told = {flag: bool(token.get(flag, False)) for flag in flags}
        known[name] = {"id": id, "content": name, **told, "special": bool(token.get("special", False))}
    content["added_tokens"] = sorted(known.values(), key=lambda token: token["id"])
