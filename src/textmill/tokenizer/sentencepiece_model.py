"""A SentencePiece `tokenizer.model`: a protocol buffer, read without its library and without trusting it.

    field     number · 8 + wire type (0 a number, 1 eight bytes, 2 a length and bytes, 5 four bytes)
    1 pieces (1 text, 2 score, 3 kind)   2 trainer (3 model type, 35 byte fallback)
    3 normaliser (2 charsmap, 3 dummy prefix, 4 extra white space, 5 escapes)

https://github.com/google/sentencepiece/blob/master/src/sentencepiece_model.proto has the whole. Every length is held
against the bytes that are left; what is unknown is passed over, as protocol buffers have it.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from textmill.errors import TokenizerError
from textmill.tokenizer.sentencepiece import BYTE, NORMAL, UNKNOWN, Pieces, sentencepiece_json

MOST_PIECES = 1 << 21
UNIGRAM, BPE = 1, 2
MODEL_TYPES = {UNIGRAM: "unigram", BPE: "bpe"}
VARINT, EIGHT, BYTES, FOUR = 0, 1, 2, 5


@dataclass(frozen=True, slots=True, kw_only=True)
class SentencePieceModel:
    """What a tokenizer.model says; `pieces` by id."""

    pieces: Pieces
    model_type: str
    byte_fallback: bool
    charsmap: bytes
    """SentencePiece's own compiled table of a normalisation (NFKC mostly), empty where there is none."""
    dummy_prefix: bool
    single_spaces: bool
    """White space at the ends is taken away, and runs of it become one."""

    def as_json(self) -> dict:
        """Returns the content of a tokenizer.json that gives the same ids."""
        return sentencepiece_json(
            self.pieces,
            unigram=self.model_type == "unigram",
            add_space_prefix=self.dummy_prefix,
            charsmap=self.charsmap,
            single_spaces=self.single_spaces,
        )


def is_sentencepiece(data: bytes) -> bool:
    """True where a file begins as a SentencePiece model does: with a piece."""
    return data[:1] == b"\x0a"


def read_sentencepiece(data: bytes, place: Path | str = "tokenizer.model") -> SentencePieceModel:
    """Returns what a tokenizer.model says; TokenizerError for damage and for models of words or characters."""
    try:
        return _read(data, place)
    except (ValueError, IndexError, struct.error, UnicodeDecodeError) as error:
        raise TokenizerError("tokenizer.damaged", file=place, detail=error) from error


def _read(data: bytes, place: Path | str) -> SentencePieceModel:
    tokens: list[str] = []
    scores: list[float] = []
    kinds: list[int] = []
    trainer: dict[int, int | bytes] = {}
    normaliser: dict[int, int | bytes] = {}
    for number, value in fields(data):
        if number == 1 and isinstance(value, bytes):
            piece = dict(fields(value))
            tokens.append(_bytes(piece.get(1, b"")).decode("utf-8"))
            scores.append(struct.unpack("<f", _bytes(piece.get(2, b"\0\0\0\0")))[0])
            kinds.append(_number(piece.get(3, NORMAL)))
            if len(tokens) > MOST_PIECES:
                raise ValueError(f"> {MOST_PIECES} pieces")
        elif number == 2 and isinstance(value, bytes):
            trainer |= dict(fields(value))
        elif number == 3 and isinstance(value, bytes):
            normaliser |= dict(fields(value))
    kind = _number(trainer.get(3, UNIGRAM))
    if not tokens or len(set(tokens)) != len(tokens) or kinds.count(UNKNOWN) != 1:
        raise ValueError(f"{len(tokens)} pieces, {len(set(tokens))} of them different, {kinds.count(UNKNOWN)} unknown")
    if kind not in MODEL_TYPES:
        raise TokenizerError("tokenizer.sentencepiece_kind", file=place, value=kind)
    return SentencePieceModel(
        pieces=Pieces(tokens=tokens, kinds=kinds, scores=scores),
        model_type=MODEL_TYPES[kind],
        byte_fallback=bool(trainer.get(35, 0)) or BYTE in kinds,
        charsmap=_bytes(normaliser.get(2, b"")),
        dummy_prefix=bool(normaliser.get(3, 1)),
        single_spaces=bool(normaliser.get(4, 1)),
    )


def fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yields the fields of a message: (number, a whole number or bytes); ValueError where it is none."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == VARINT:
            value, at = varint(data, at)
            yield number, value
            continue
        if wire == BYTES:
            size, at = varint(data, at)
        elif wire in (EIGHT, FOUR):
            size = 8 if wire == EIGHT else 4
        else:
            raise ValueError(f"wire type {wire} at byte {at}")
        if size > len(data) - at:
            raise ValueError(f"{size} bytes at byte {at}, {len(data) - at} are left")
        yield number, data[at : at + size]
        at += size


def varint(data: bytes, at: int) -> tuple[int, int]:
    """Returns a number of at most 64 bits, seven a byte, the lowest first, and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & (1 << 64) - 1, at
    raise ValueError(f"a number without an end at byte {at}")


def _bytes(value: int | bytes) -> bytes:
    if not isinstance(value, bytes):
        raise ValueError("a number where bytes should be")
    return value


def _number(value: int | bytes) -> int:
    if not isinstance(value, int):
        raise ValueError("bytes where a number should be")
    return value
