"""How densely and how fast our vocabularies pack English and Chinese, beside GPT-2's, Llama 3's and Qwen's.

    python benchmarks/tokenizer.py [density|speed|sample] --data DIR [--json]

DIR holds ``lm/`` (brown.txt, peoples_daily_199801.txt, d2l/) and ``tokenizers/`` (gpt2_encoder.json,
meta-llama-3-8B.tiktoken, qwen.tiktoken). A document is 50 lines, or a file of d2l; the fifth of the documents whose
SHA-256 is divisible by five is held out, the rest of brown and the People's Daily is what ours are trained on. The book
d2l, in English and Chinese, is a domain that ours have never seen.

density  bytes per token on held-out text, vocabularies of 8,192, 16,384 and 32,768
speed    megabytes of text encoded a second, with tiktoken and Qwen's vocabulary as the peer
sample   what training on less text costs in density, and saves in time
"""

import base64
import hashlib
import json
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import common
from textmill.config import TokenizerSettings
from textmill.tokenizer.pattern import SPLIT_PATTERN, byte_alphabet
from textmill.tokenizer.tokenizer import Tokenizer
from textmill.tokenizer.train import train_tokenizer

LINES = 50
SIZES = (8192, 16384, 32768)
PATTERNS = {
    "gpt2": r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    "llama3": SPLIT_PATTERN.replace(r"|\p{N}|", r"|\p{N}{1,3}|"),
    "qwen": SPLIT_PATTERN,
}
Encode = Callable[[list[str]], list[list[int]]]


def documents(file: Path) -> tuple[list[str], list[str]]:
    """Returns a file's training and held-out documents."""
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    parts = ["".join(lines[start : start + LINES]) for start in range(0, len(lines), LINES)]
    held_out = [part for part in parts if int(hashlib.sha256(part.encode()).hexdigest(), 16) % 5 == 0]
    kept = set(held_out)
    return [part for part in parts if part not in kept], held_out


@cache
def texts(data: Path) -> dict[str, list[str]]:
    """Returns {"train", "english", "chinese", "d2l_english", "d2l_chinese"}, each a list of documents."""
    folder = data / "lm"
    train_english, english = documents(folder / "brown.txt")
    train_chinese, chinese = documents(folder / "peoples_daily_199801.txt")
    book = sorted((folder / "d2l").rglob("*.md"))
    return {
        "train": train_english + train_chinese,
        "english": english,
        "chinese": chinese,
        "d2l_english": [file.read_text(encoding="utf-8") for file in book if file.stem.endswith("_origin")],
        "d2l_chinese": [file.read_text(encoding="utf-8") for file in book if not file.stem.endswith("_origin")],
    }


def peer(name: str, data: Path) -> tuple[str, Encode]:
    """Returns "name size" and the encoder of a published vocabulary, from its rank file."""
    import tiktoken

    folder = data / "tokenizers"
    if name == "gpt2":
        alphabet = byte_alphabet()
        entries = json.loads((folder / "gpt2_encoder.json").read_text(encoding="utf-8"))
        entries.pop("<|endoftext|>", None)
        ranks = {bytes(alphabet[character] for character in token): id for token, id in entries.items()}
    else:
        file = folder / ("qwen.tiktoken" if name == "qwen" else "meta-llama-3-8B.tiktoken")
        pairs = (line.split() for line in file.read_bytes().splitlines() if line)
        ranks = {base64.b64decode(token): int(rank) for token, rank in pairs}
    encoding = tiktoken.Encoding(name, pat_str=PATTERNS[name], mergeable_ranks=ranks, special_tokens={})
    return f"{name}-{len(ranks)}", lambda batch: encoding.encode_ordinary_batch(batch, num_threads=2)


@cache
def ours(size: int, data: Path) -> Tokenizer:
    """Returns our tokenizer of so many ids, trained on the training documents."""
    return train_tokenizer(texts(data)["train"], settings=TokenizerSettings(), vocabulary_size=size)


def measured(case: str, encode: Encode, batch: Sequence[str]) -> common.Row:
    """Returns the row of bytes per token over a set of documents."""
    began = time.perf_counter()
    tokens = [len(ids) for ids in encode(list(batch))]
    seconds = time.perf_counter() - began
    value, low, high = common.ratio_of_sums([len(text.encode()) for text in batch], tokens)
    return common.row(case, "bytes_per_token", value, low, high, len(batch), seconds)


def density(data: Path) -> list[common.Row]:
    """Returns each peer's row, then ours beside each peer, for each set of documents."""
    peers = [peer(name, data) for name in PATTERNS]
    rows = []
    for name, batch in texts(data).items():
        if name == "train":
            continue
        theirs = {label: measured(f"{name}/{label}", encode, batch) for label, encode in peers}
        rows += theirs.values()
        for size in SIZES:
            own = measured(f"{name}/textmill-{size}", ours(size, data).encode_batch, batch)
            rows += [common.beside(own, their, label) for label, their in theirs.items()]
    return rows


def speed(data: Path) -> list[common.Row]:
    """Returns megabytes a second of encode_batch, ours beside tiktoken's, for English and for Chinese."""
    label, encode = peer("qwen", data)
    tokenizer = ours(SIZES[1], data)
    rows = []
    for name in ("english", "chinese"):
        batch = texts(data)[name]
        size = sum(len(text.encode()) for text in batch) / 1e6

        def rate(
            case: str, work: Callable[[list[str]], Any], batch: list[str] = batch, size: float = size
        ) -> common.Row:
            seconds = common.timed(lambda: work(batch))
            value, low, high = common.median([size / each for each in seconds])
            return common.row(case, "megabytes_per_second", value, low, high, len(seconds), sum(seconds))

        theirs = rate(f"{name}/tiktoken-{label}", encode)
        rows += [theirs, common.beside(rate(f"{name}/textmill-{SIZES[1]}", tokenizer.encode_batch), theirs, label)]
    return rows


def sample(data: Path) -> list[common.Row]:
    """Returns density and training seconds of the 8,192 vocabulary for ever more of the training documents."""
    rows = []
    for step in (8, 4, 2, 1):
        batch = texts(data)["train"][::step]
        megabytes = sum(len(text.encode()) for text in batch) / 1e6
        began = time.perf_counter()
        tokenizer = train_tokenizer(batch, settings=TokenizerSettings(), vocabulary_size=SIZES[0])
        seconds = time.perf_counter() - began
        rows.append(common.row(f"{megabytes:.1f}MB", "training_seconds", seconds, n=1, seconds=seconds))
        for name in ("english", "chinese"):
            rows.append(measured(f"{megabytes:.1f}MB/{name}", tokenizer.encode_batch, texts(data)[name]))
    return rows


CASES = {"density": density, "speed": speed, "sample": sample}


def main() -> None:
    """Runs the chosen cases and prints their rows."""
    words = common.parser(__doc__ or "", list(CASES))
    given = words.parse_args()
    if given.data is None:
        words.error("--data DIR is needed: a folder with lm/ and tokenizers/")
    chosen = [given.case] if given.case else list(CASES)
    common.report([result for case in chosen for result in CASES[case](given.data)], given.json)


if __name__ == "__main__":
    main()
