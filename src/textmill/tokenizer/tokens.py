"""The corpus as flat arrays of token ids that training maps into memory.

For each split ("train", "validation"), little-endian:

    train.bin            every document as <|endoftext|> + its tokens; uint16, or uint32 past 65,535 ids
    train.offsets.bin    uint64, where each document starts, and the total at the end      (documents + 1)
    train.bytes.bin      uint64, each document's UTF-8 bytes, for bits per byte             (documents)
    train.languages.bin  uint8, each document's place in the manifest's "languages"         (documents)
    train.ids.bin        16 bytes, each document's id in the corpus                         (documents)
    train.sources.bin    uint16, each document's place in the manifest's "sources"          (documents)
    train.quality.bin    float32, each document's quality score, NaN where it has none      (documents)

The boundary stands before a document: it is the empty context from which the first token is predicted, and as the next
document's first token it is the target that ends the one before. `manifest.json` names the tokenizer and the corpus by
their hashes, so that stale tokens are noticed, every file's size, so that a cut-off one is, and its SHA-256, which
`Tokens.verify` holds it to before a run begins.
"""

import hashlib
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from textmill.data.mixing import group_of, quality_of
from textmill.errors import CorpusError
from textmill.files import atomic_folder, sha256_file, write_json
from textmill.progress import Progress, silent
from textmill.tokenizer.pattern import without_surrogates
from textmill.tokenizer.tokenizer import Tokenizer, read_object
from textmill.tokenizer.training_text import Document, DocumentSource

FORMAT_VERSION = 2
MANIFEST_FILE = "manifest.json"
SPLITS = ("train", "validation")
BATCH_BYTES = 4_000_000
"""Text that is encoded at a time: enough for all cores, ~1% of it as Python objects for a moment."""

UNKNOWN_LANGUAGE = "und"
MOST_SOURCES = 65_535
"""Sources that are told apart (see `mixing.group_of`); those after them share the name ""."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSplit:
    """One split, mapped read-only; document i is `array[offsets[i]:offsets[i + 1]]`, its boundary token first."""

    array: np.ndarray
    offsets: np.ndarray
    document_bytes: np.ndarray
    document_languages: np.ndarray
    document_ids: np.ndarray

    def __len__(self) -> int:
        return len(self.document_bytes)

    @property
    def tokens(self) -> int:
        """Tokens of all documents, boundaries counted."""
        return len(self.array)

    @property
    def total_bytes(self) -> int:
        """UTF-8 bytes of all documents."""
        return int(self.document_bytes.sum())

    def document(self, index: int) -> np.ndarray:
        """Returns a document's tokens, the boundary token first."""
        return self.array[int(self.offsets[index]) : int(self.offsets[index + 1])]

    def document_id(self, index: int) -> str:
        """Returns a document's id in the corpus."""
        return bytes(self.document_ids[index]).hex()


@dataclass(frozen=True, slots=True, kw_only=True)
class Origins:
    """What mixing needs of a split's documents: `sources` (places in `Tokens.sources`) and `quality` (float32, NaN)."""

    sources: np.ndarray
    quality: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """An opened tokens folder."""

    folder: Path
    manifest: dict[str, Any]

    @classmethod
    def open(cls, folder: Path) -> "Tokens":
        """Returns the tokens in `folder`, after a look at versions and file sizes."""
        manifest = read_object(folder / MANIFEST_FILE)
        version = manifest.get("format_version", 0)
        wrong = manifest.get("kind") != "tokens" or not isinstance(manifest.get("files"), dict)
        if wrong or version < FORMAT_VERSION:  # those of before are made anew: that costs minutes at most
            raise CorpusError("tokenizer.tokens_missing", folder=folder)
        if version > FORMAT_VERSION:
            raise CorpusError("tokenizer.tokens_newer", folder=folder, expected=FORMAT_VERSION, got=version)
        for name, size in manifest["files"].items():
            file = folder / name
            got = file.stat().st_size if file.is_file() else "-"
            if got != size:
                raise CorpusError("tokenizer.tokens_damaged", file=file, folder=folder, expected=size, got=got)
        return cls(folder=folder, manifest=manifest)

    def verify(self) -> None:
        """Raises CorpusError, naming the file, unless every file is as it was written (about a second a gigabyte)."""
        if "sha256" not in self.manifest:  # it was written before there were sums
            return
        for name, expected in self.manifest["sha256"].items():
            file = self.folder / name
            got = manifest_sum(self.manifest) if name == MANIFEST_FILE else sha256_file(file) if file.is_file() else "-"
            if got != expected:
                raise CorpusError("tokenizer.tokens_changed", file=file, expected=expected, got=got)

    @property
    def dtype(self) -> np.dtype:
        """The type of one token on disk."""
        return np.dtype(self.manifest["dtype"]).newbyteorder("<")

    @property
    def languages(self) -> list[str]:
        """What the numbers in `document_languages` stand for."""
        return self.manifest["languages"]

    @property
    def sources(self) -> list[str]:
        """What the numbers in `Origins.sources` stand for."""
        return self.manifest["sources"]

    def origins(self, name: str) -> Origins:
        """Returns where a split's documents came from."""
        sources, quality = self._map(f"{name}.sources.bin", np.dtype("<u2")), np.dtype("<f4")
        return Origins(sources=sources, quality=self._map(f"{name}.quality.bin", quality))

    def split(self, name: str) -> TokenSplit:
        """Returns the split "train" or "validation"; it may be empty."""
        documents = self.manifest["splits"][name]["documents"]
        return TokenSplit(
            array=self._map(f"{name}.bin", self.dtype),
            offsets=self._map(f"{name}.offsets.bin", np.dtype("<u8")),
            document_bytes=self._map(f"{name}.bytes.bin", np.dtype("<u8")),
            document_languages=self._map(f"{name}.languages.bin", np.dtype("u1")),
            document_ids=self._map(f"{name}.ids.bin", np.dtype("u1")).reshape(documents, 16),
        )

    def _map(self, name: str, dtype: np.dtype) -> np.ndarray:
        if not self.manifest["files"][name]:
            return np.zeros(0, dtype)  # an empty file cannot be mapped
        return np.memmap(self.folder / name, dtype, mode="r")


def tokens_are_fresh(folder: Path, corpus_hash: str, tokenizer_hash: str) -> bool:
    """True when `folder` holds whole tokens of this very corpus and tokenizer."""
    try:
        manifest = Tokens.open(folder).manifest
    except CorpusError:
        return False
    return manifest["corpus_hash"] == corpus_hash and manifest["tokenizer_hash"] == tokenizer_hash


def write_tokens(corpus: DocumentSource, tokenizer: Tokenizer, folder: Path, *, progress: Progress = silent) -> Tokens:
    """Encodes a corpus on all cores and writes the tokens folder, whole or not at all; memory stays bounded.

    `progress` is told megabytes of text.
    """
    dtype = np.dtype("<u2" if tokenizer.vocabulary_size <= 65536 else "<u4")
    languages: list[str] = []
    sources: dict[str, int] = {}
    with atomic_folder(folder) as fresh:
        splits = {}
        done = 0.0
        total = sum(corpus.measure("bytes", name) for name in SPLITS) / 1e6
        for name in SPLITS:
            writer = SplitWriter(fresh, name, dtype, languages, sources)
            with writer:
                for batch in batches(corpus.documents(name, ("language", "source", "meta"))):
                    writer.add(batch, tokenizer)
                    progress(done + writer.bytes / 1e6, total)
            done += writer.bytes / 1e6
            splits[name] = writer.counts()
        manifest = {
            "format_version": FORMAT_VERSION,
            "kind": "tokens",
            "tokenizer_hash": tokenizer.hash,
            "corpus_hash": corpus.content_hash,
            "vocabulary_size": tokenizer.vocabulary_size,
            "end_of_text_id": tokenizer.end_of_text_id,
            "dtype": f"uint{dtype.itemsize * 8}",
            "languages": languages,
            "sources": list(sources),
            "splits": splits,
            "files": {file.name: file.stat().st_size for file in sorted(fresh.iterdir())},
            "sha256": {file.name: sha256_file(file) for file in sorted(fresh.iterdir())},
        }
        manifest["sha256"][MANIFEST_FILE] = manifest_sum(manifest)
        write_json(fresh / MANIFEST_FILE, manifest)
    return Tokens.open(folder)


def manifest_sum(manifest: dict[str, Any]) -> str:
    """Returns the SHA-256 of a manifest's content, its own sum left out."""
    sums = {name: value for name, value in manifest["sha256"].items() if name != MANIFEST_FILE}
    return hashlib.sha256(json.dumps(manifest | {"sha256": sums}, sort_keys=True).encode()).hexdigest()


class SplitWriter:
    """Appends encoded documents to the files of one split."""

    def __init__(self, folder: Path, name: str, dtype: np.dtype, languages: list[str], sources: dict[str, int]) -> None:
        self.folder = folder
        self.name = name
        self.dtype = dtype
        self.languages = languages
        self.sources = sources
        self.tokens = self.documents = self.bytes = 0
        self.by_language: dict[str, dict[str, int]] = {}

    def __enter__(self) -> "SplitWriter":
        names = ("bin", "offsets.bin", "bytes.bin", "languages.bin", "ids.bin", "sources.bin", "quality.bin")
        self.files = [self._create(part) for part in names]
        self.array, self.offsets, self.sizes, self.codes, self.ids, self.groups, self.quality = self.files
        return self

    def __exit__(self, *exception: object) -> None:
        self.offsets.write(np.uint64(self.tokens).astype("<u8").tobytes())
        for file in self.files:
            file.close()

    def add(self, documents: list[Document], tokenizer: Tokenizer) -> None:
        """Encodes and appends `documents`."""
        texts = [without_surrogates(document.text) for document in documents]
        boundary = tokenizer.end_of_text_id
        encoded = tokenizer.encode_batch(texts)
        for ids in encoded:
            ids.insert(0, boundary)
        lengths = np.array([len(ids) for ids in encoded], dtype="<u8")
        sizes = [len(text.encode()) for text in texts]
        starts = self.tokens + np.concatenate([[0], np.cumsum(lengths)[:-1]])
        self.offsets.write(starts.astype("<u8").tobytes())
        self.sizes.write(np.array(sizes, dtype="<u8").tobytes())
        self.codes.write(bytes(self._code(document.language) for document in documents))
        self.ids.write(b"".join(bytes.fromhex(document.id) for document in documents))
        self.groups.write(np.array([self._group(document.source) for document in documents], dtype="<u2").tobytes())
        self.quality.write(np.array([quality_of(document.meta) for document in documents], dtype="<f4").tobytes())
        for ids in encoded:
            self.array.write(np.array(ids, dtype=self.dtype).tobytes())
        self.tokens += int(lengths.sum())
        self.documents += len(documents)
        self.bytes += sum(sizes)
        for document, size, length in zip(documents, sizes, lengths, strict=True):
            self._count(document.language, size, int(length))

    def counts(self) -> dict[str, Any]:
        """Returns what the manifest says of this split."""
        total = {"documents": self.documents, "tokens": self.tokens, "bytes": self.bytes}
        return {**total, "languages": dict(sorted(self.by_language.items()))}

    def _create(self, part: str) -> BinaryIO:
        return open(self.folder / f"{self.name}.{part}", "wb")

    def _code(self, language: str) -> int:
        if language not in self.languages:
            if len(self.languages) >= 255:
                language = UNKNOWN_LANGUAGE
            if language not in self.languages:
                self.languages.append(language)
        return self.languages.index(language)

    def _group(self, source: str) -> int:
        group = group_of(source)
        if group not in self.sources and len(self.sources) >= MOST_SOURCES:
            group = ""
        return self.sources.setdefault(group, len(self.sources))

    def _count(self, language: str, size: int, tokens: int) -> None:
        counts = self.by_language.setdefault(language, {"documents": 0, "tokens": 0, "bytes": 0})
        counts["documents"] += 1
        counts["tokens"] += tokens
        counts["bytes"] += size


def batches(documents: Iterable[Document]) -> Iterator[list[Document]]:
    """Yields documents in lists of about `BATCH_BYTES` of text, at least one document each."""
    batch: list[Document] = []
    size = 0
    for document in documents:
        batch.append(document)
        size += sys.getsizeof(document.text)
        if size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
