"""A score of a text's quality from a small linear model that the user trained: one number, 0 to 1.

    text ─▶ hashed runs of characters and words, its form ─▶ weights · features + bias ─▶ calibrated probability

Features of the first `MOST_CHARACTERS`: runs of 1 to 4 characters (Chinese words, English syllables), words and pairs
of words, each hashed into one of 2^17 weights, and a few facts of form (length of lines, shares of digits,
punctuation, capitals, blanks) in steps. Each counts as 1 + ln(count), and the whole has length 1, so that long texts
are not surer than short ones. The model is a safetensors file: `weights` float32 (131072,), everything else as JSON in
its metadata. It is what GPT-3's and ChineseWebText's quality filters are (Brown et al. 2020, appendix A; Chen et al.
2023), made small enough to be trained in seconds.
"""

import json
import math
from dataclasses import asdict, dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from textmill.data.cleaning.measures import MOST_REMEMBERED, MULTIPLIER, WORD
from textmill.errors import InputError

BITS = 17
SIZE = 1 << BITS
MOST_CHARACTERS = 4000
"""Of a text that are looked at: quality shows early, and a book is not slower than an article."""
RUNS = (1, 2, 3, 4)
FORMAT, VERSION = "textmill-quality", 1
Weights = NDArray[np.float32]
Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityModel:
    """Weights, the calibration of their sum to a probability, and what was measured when they were learned."""

    weights: Weights
    bias: float
    slope: float
    intercept: float
    facts: dict[str, Any]

    def score(self, text: str) -> float:
        """Returns the probability, 0 to 1, that a person would call the text good."""
        places, values = features(text)
        return calibrated(float(self.weights[places] @ values) + self.bias, self.slope, self.intercept)


def calibrated(margin: float, slope: float, intercept: float) -> float:
    """Returns the probability that belongs to a margin (Platt 1999)."""
    return 1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, slope * margin + intercept))))


def features(text: str) -> tuple[Places, Weights]:
    """Returns the places of a text's features among the weights, each once, and their values, of length 1 together."""
    part = text[:MOST_CHARACTERS].lower()
    hashed = [*character_runs(part), word_hashes(part), form_hashes(text[:MOST_CHARACTERS])]
    places, counts = np.unique(np.concatenate(hashed) >> np.uint64(64 - BITS), return_counts=True)
    values = 1.0 + np.log(counts)
    return places.astype(np.int64), (values / np.linalg.norm(values)).astype(np.float32)


def character_runs(part: str) -> list[NDArray[np.uint64]]:
    """Returns a hash for each run of one to four characters."""
    codes = np.frombuffer(part.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.uint64)
    hashes, found = np.zeros(len(codes), dtype=np.uint64), []
    for offset, length in enumerate(RUNS):
        count = max(0, len(codes) - length + 1)
        hashes = (hashes[:count] + codes[offset : offset + count] + np.uint64(length)) * MULTIPLIER
        hashes ^= hashes >> np.uint64(31)
        found.append(hashes * MULTIPLIER)
    return found


def word_hashes(part: str) -> NDArray[np.uint64]:
    """Returns a hash for each word and each pair of neighbours."""
    words = np.array([word_hash(word[:MOST_REMEMBERED]) for word in WORD.findall(part)], dtype=np.uint64)
    pairs = (words[:-1] * np.uint64(31) + words[1:]) * MULTIPLIER
    return np.concatenate([words * MULTIPLIER, pairs ^ (pairs >> np.uint64(32))])


@lru_cache(maxsize=1 << 16)
def word_hash(word: str) -> int:
    """Returns the hash of a word, the same in every process."""
    return crc32(word.encode("utf-8", "surrogatepass")) + 1


def form_hashes(part: str) -> NDArray[np.uint64]:
    """Returns a hash for each fact of form: which step of its scale it is on."""
    lines = [line for line in part.split("\n") if line.strip()]
    size, count = max(1, len(part)), max(1, len(lines))
    facts = {
        "characters": int(2 * math.log2(size)),
        "line": int(2 * math.log2(1 + sum(map(len, lines)) / count)),
        "ended": round(10 * sum(line.rstrip()[-1] in '.!?。！？”"' for line in lines) / count),  # text data
        "digits": round(40 * sum(map(part.count, "0123456789")) / size),
        "blanks": round(20 * part.count(" ") / size),
        "stops": round(100 * sum(map(part.count, ".,;:!?，。；：！？、")) / size),  # text data
        "signs": round(50 * sum(map(part.count, "|#*<>{}[]()=_/\\@$%^&+~`")) / size),
        "capitals": round(20 * sum(map(str.isupper, part)) / size) if part.isascii() else -1,
    }
    return np.array([word_hash(f"\0{name}={step}") for name, step in facts.items()], dtype=np.uint64) * MULTIPLIER


def save(model: QualityModel, path: Path) -> None:
    """Writes a model as one safetensors file, whole or not at all."""
    from safetensors.numpy import save as to_bytes

    from textmill.files import atomic_file

    about = {name: value for name, value in asdict(model).items() if name != "weights"}
    metadata = {"format": FORMAT, "version": str(VERSION), "model": json.dumps(about, ensure_ascii=False)}
    with atomic_file(path) as file:
        file.write(to_bytes({"weights": model.weights}, metadata=metadata))


@cache
def load(path: Path) -> QualityModel:
    """Returns a model, read once in a process; InputError for what is none."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as opened:
            metadata = opened.metadata() or {}
            if metadata.get("format") != FORMAT or metadata.get("version") != str(VERSION):
                found = f"{metadata.get('format')} {metadata.get('version')}"
                raise InputError("cleaning.quality_damaged", file=path, detail=found)
            weights = opened.get_tensor("weights")
        about = json.loads(metadata["model"])
        if weights.shape != (SIZE,) or weights.dtype != np.float32 or not np.isfinite(weights).all():
            raise ValueError(f"weights {weights.dtype} {weights.shape}")
        numbers = {name: float(about[name]) for name in ("bias", "slope", "intercept")}
        return QualityModel(weights=weights, facts=dict(about["facts"]), **numbers)
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise InputError("cleaning.quality_damaged", file=path, detail=str(error)[:200]) from None
