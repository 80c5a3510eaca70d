"""From a `tokenizer.json` back to SentencePiece's pieces and scores, for programs that know merges by score only.

SentencePiece joins the neighbours whose token has the highest score, at equal scores the leftmost; a tokenizer.json has
a list of merges instead. Both do the same where the list has every way to cut a token into two tokens, and where the
ways of one token stand together: its score is then minus its place among the tokens. Tokens whose ways stand between
one another have one score in common, as Llama's runs of spaces do: we accept that of runs of one character only.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from textmill.tokenizer.sentencepiece import BYTE, CONTROL, NORMAL, SPACE, UNKNOWN, USER_DEFINED, Pieces, merges_of
from textmill.tokenizer.token_bytes import BYTE as BYTE_NAME

ADDED_SCORE = -1000.0
"""What llama.cpp's converter gives to added tokens; no merge makes them."""

Merges = list[tuple[str, str]]


def pieces_of(content: Mapping[str, Any]) -> tuple[Pieces, bool] | list[str]:
    """Returns the pieces by id and whether a text begins as if a space stood before it.

    For a tokenizer.json that does what no scores say, the names of its parts that do so.
    """
    model, added = content["model"], content.get("added_tokens") or []
    names: dict[str, int] = dict(model["vocab"]) | {token["content"]: token["id"] for token in added}
    tokens = [""] * (max(names.values(), default=-1) + 1)
    kinds = [NORMAL] * len(tokens)
    for token, id in names.items():
        tokens[id] = token
        if BYTE_NAME.fullmatch(token):
            kinds[id] = BYTE
        elif token == model.get("unk_token"):
            kinds[id] = UNKNOWN
    for token in added:
        kinds[token["id"]] = CONTROL if token["special"] else USER_DEFINED
    merges = [pair for pair in map(_pair, model["merges"]) if kinds[names.get("".join(pair), 0)] == NORMAL]
    every = {(left, right) for left, right in merges_of(names, kinds, [0.0] * len(kinds))}
    places = places_of(merges) if set(merges) == every else None
    prefix = space_prefix(content)
    reasons = {
        "model": kinds.count(BYTE) != 256 or bool(model.get("ignore_merges")),
        "merges": places is None,
        "normalizer, pre_tokenizer": prefix is None,
    }
    wrong = [name for name, is_wrong in reasons.items() if is_wrong]
    if wrong or places is None or prefix is None:
        return wrong
    scores = list(_scores(tokens, kinds, places))
    shown = [
        text.replace(SPACE, " ") if kind == USER_DEFINED else text for text, kind in zip(tokens, kinds, strict=True)
    ]
    return Pieces(tokens=shown, kinds=kinds, scores=scores), prefix


def places_of(merges: Merges) -> dict[str, int] | None:
    """Returns each made token's place, the first to be made 0; None where no scores give that order."""
    last = {left + right: place for place, (left, right) in enumerate(merges)}
    places: dict[str, int] = {}
    number, end, first = -1, -1, ""
    for place, (left, right) in enumerate(merges):
        token = left + right
        if place > end:
            number += 1
            first = token
        elif token not in places and not (set(token) == set(first) and len(set(token)) == 1):
            return None
        end = max(end, last[token])
        places.setdefault(token, number)
    return places


def _scores(tokens: list[str], kinds: Collection[int], places: Mapping[str, int]) -> Iterator[float]:
    """Yields each id's score; what no merge makes comes after all that is made, in the order of ids."""
    after = len(places)
    for id, (token, kind) in enumerate(zip(tokens, kinds, strict=True)):
        if kind in (CONTROL, USER_DEFINED):
            yield ADDED_SCORE
        elif kind in (BYTE, UNKNOWN):
            yield 0.0
        else:
            yield -float(places.get(token, after + id))


def space_prefix(content: Mapping[str, Any]) -> bool | None:
    """Returns whether a space is put before a text; None where spaces become ▁ otherwise, or more is done to a text."""
    steps = [*_steps(content.get("normalizer"), "normalizers"), *_steps(content.get("pre_tokenizer"), "pretokenizers")]
    prefix = replaced = False
    for step in steps:
        kind = step.get("type")
        if kind == "Prepend" and step.get("prepend") == SPACE:
            prefix = True
        elif kind == "Replace" and step.get("pattern") == {"String": " "} and step.get("content") == SPACE:
            replaced = True
        elif kind == "Metaspace" and step.get("replacement") == SPACE and step.get("split") is False:
            replaced, prefix = True, prefix or step.get("prepend_scheme", "always") != "never"
        elif not (kind == "Split" and step.get("pattern") == {"String": " "} and replaced):  # none are left by then
            return None
    return prefix if replaced else None


def _steps(part: Any, name: str) -> list[dict[str, Any]]:
    if not isinstance(part, dict):
        return []
    return [step for each in part[name] for step in _steps(each, name)] if part.get("type") == "Sequence" else [part]


def _pair(merge: Any) -> tuple[str, str]:
    left, right = merge if isinstance(merge, list) else merge.split(" ", 1)
    return left, right
