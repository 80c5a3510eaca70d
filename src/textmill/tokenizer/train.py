"""Documents to a vocabulary: byte-level byte-pair encoding (Sennrich et al. 2016; on bytes, Radford et al. 2019).

Start with the 256 bytes. Count every pair of neighbours inside words, join the most frequent one into a new token, and
repeat until the vocabulary is full. Ids: 0…255 the bytes, then the merges in the order they were learned, then the
special tokens. The same texts in the same order give the same file, byte for byte.

Chinese has no spaces, so a run between two marks is one word, and characters and phrases are learned by frequency from
their three bytes each. Cutting such runs to 4 or 8 characters for training was tried: Chinese lost 0.4% to 1.7% of its
bytes per token and English won as much, so runs stay whole (docs/concepts/tokenizer.md).
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from math import log
from typing import TYPE_CHECKING, Any

from textmill.config import TokenizerSettings
from textmill.errors import CorpusError, TokenizerError
from textmill.i18n import t
from textmill.progress import Progress, silent
from textmill.tokenizer.pattern import SPLIT_PATTERN, byte_alphabet, stretches, without_surrogates
from textmill.tokenizer.special_tokens import SPECIAL_TOKENS
from textmill.tokenizer.tokenizer import Tokenizer
from textmill.tokenizer.training_text import DocumentSource, training_text

if TYPE_CHECKING:
    import tokenizers

SMALLEST_VOCABULARY = 256 + len(SPECIAL_TOKENS)
LONGEST_WORD = 256
"""Code points of one kind after which training cuts a word: a merge walks each word it touches from end to end, so one
word of a million letters would take hours. No language writes such words; encoding does not cut here."""

LONG_WORD = re.compile(rf"(\w{{{LONGEST_WORD}}}|[^\w\s]{{{LONGEST_WORD}}}|\s{{{LONGEST_WORD}}})")
BYTES_PER_TOKEN = 4.0
MEASURED_BYTES = 1_000_000
SEEN_ENOUGH = 100


def vocabulary_for_text(bytes_of_text: int) -> int:
    """Returns the vocabulary for so much text: the largest power of two whose rarest token is still seen ~100 times.

    By Zipf's law the token of rank V occurs about n / (V·ln V) times among n tokens. A token seen less often costs
    an embedding row that training hardly moves; a smaller vocabulary makes texts longer. Held to 4,096…65,536.
    """
    tokens = bytes_of_text / BYTES_PER_TOKEN
    size = 4096
    while size < 65536 and tokens / (2 * size * log(2 * size)) >= SEEN_ENOUGH:
        size *= 2
    return size


def train_tokenizer(
    texts: Iterable[str],
    *,
    settings: TokenizerSettings,
    vocabulary_size: int | None = None,
    corpus_hash: str = "",
    progress: Progress = silent,
) -> Tokenizer:
    """Returns a tokenizer learned from all of `texts`; `progress` is told megabytes.

    `vocabulary_size` counts everything, bytes and special tokens too; without one the amount of text decides. A text
    too small for it gives a smaller vocabulary, which `shortfall` puts into words.
    """
    parts = [part for text in texts for part in training_parts(text) if part]
    total = sum(len(part.encode()) for part in parts)
    if not total:
        raise CorpusError("tokenizer.no_text")
    asked = vocabulary_size or vocabulary_for_text(total)
    if asked < SMALLEST_VOCABULARY:
        raise TokenizerError("tokenizer.vocabulary_too_small", size=asked, smallest=SMALLEST_VOCABULARY)
    backend = learn_merges(parts, total, asked - len(SPECIAL_TOKENS), settings.minimum_frequency, progress)
    add_special_tokens(backend)
    manifest = {
        "requested_vocabulary_size": asked,
        "corpus_hash": corpus_hash,
        "training_bytes": total,
        "settings": {**asdict(settings), "vocabulary_size": asked},
    }
    return Tokenizer(backend.to_str(pretty=True).encode(), manifest=manifest)


def train_on_corpus(
    corpus: DocumentSource,
    *,
    settings: TokenizerSettings,
    vocabulary_size: int | None = None,
    progress: Progress = silent,
) -> Tokenizer:
    """Returns a tokenizer learned from a corpus's training part, of which it takes an even sample where it is large.

    Its manifest tells how many bytes a token holds in each language.
    """
    size = vocabulary_size or vocabulary_for_text(corpus.measure("bytes", "train"))
    tokenizer = train_tokenizer(
        training_text(corpus, settings.training_megabytes),
        settings=settings,
        vocabulary_size=size,
        corpus_hash=corpus.content_hash,
        progress=progress,
    )
    return tokenizer.with_manifest(bytes_per_token=bytes_per_token(tokenizer, corpus))


def bytes_per_token(tokenizer: Tokenizer, corpus: DocumentSource) -> dict[str, dict[str, Any]]:
    """Returns {language: {"split", "bytes", "tokens", "bytes_per_token"}}, each from a megabyte or so of text.

    Measured on the held-out part, and for a language that has no document there on the training part.
    """
    measured: dict[str, dict[str, Any]] = {}
    for split in ("validation", "train"):
        texts: dict[str, list[str]] = {}
        sizes: Counter[str] = Counter()
        for document in corpus.documents(split, ("language",)):
            if document.language not in measured and sizes[document.language] < MEASURED_BYTES:
                part = without_surrogates(document.text[:MEASURED_BYTES])
                texts.setdefault(document.language, []).append(part)
                sizes[document.language] += len(part.encode())
        for language, size in sorted(sizes.items()):
            tokens = sum(map(len, tokenizer.encode_batch(texts[language])))
            counts = {"split": split, "bytes": size, "tokens": tokens}
            measured[language] = counts | {"bytes_per_token": round(size / max(tokens, 1), 4)}
    return measured


def shortfall(tokenizer: Tokenizer) -> str | None:
    """Returns the warning for a tokenizer whose text was too small for the vocabulary asked, else None."""
    asked = tokenizer.manifest.get("requested_vocabulary_size", 0)
    if tokenizer.vocabulary_size >= asked:
        return None
    return t(
        "tokenizer.shortfall",
        asked=asked,
        reached=tokenizer.vocabulary_size,
        bytes=tokenizer.manifest["training_bytes"],
        frequency=tokenizer.manifest["settings"]["minimum_frequency"],
    )


def training_parts(text: str) -> Iterator[str]:
    """Yields `text` in parts for counting: cut where no word is cut, and inside words that are absurdly long."""
    for part in stretches(without_surrogates(text)):
        if LONG_WORD.search(part):
            yield from filter(None, LONG_WORD.split(part))
        else:
            yield part


def learn_merges(
    parts: list[str], total: int, size: int, minimum_frequency: int, progress: Progress
) -> "tokenizers.Tokenizer":
    """Returns the library's tokenizer with bytes and merges, `size` of them or as many as the text gives."""
    from tokenizers import trainers

    def reported() -> Iterator[str]:
        done = 0
        for part in parts:
            yield part
            done += len(part.encode())
            progress(done / 1e6, total / 1e6)
        progress(total / 1e6, total / 1e6, t("tokenizer.merging"))

    backend = untrained()
    alphabet = sorted(byte_alphabet(), key=byte_alphabet().__getitem__)
    trainer = trainers.BpeTrainer(
        vocab_size=size, min_frequency=minimum_frequency, initial_alphabet=alphabet, show_progress=False
    )
    backend.train_from_iterator(reported(), trainer)
    return backend


def untrained() -> "tokenizers.Tokenizer":
    """Returns a byte-level tokenizer without merges: how text is cut, and how bytes become text again."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.Sequence(  # type: ignore[assignment]
        [
            pre_tokenizers.Split(Regex(SPLIT_PATTERN), behavior="isolated", invert=False),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    backend.decoder = decoders.ByteLevel()  # type: ignore[assignment]
    return backend


def add_special_tokens(backend: "tokenizers.Tokenizer") -> None:
    """Gives the special tokens the ids after the last merge."""
    from tokenizers import AddedToken

    backend.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in SPECIAL_TOKENS])
