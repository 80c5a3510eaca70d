"""The cheap way, always trained beside a model: n-grams of words and characters, naive Bayes ratios, a regression.

    text ─▶ words 1–2 and signs 1–3 (Chinese: its characters) ─▶ tf-idf of length 1 ─▶ logistic regression

It needs no model, learns in seconds and is hard to beat on little text. Its vocabulary is plain JSON, its weights are
safetensors.

Shapes: N texts, J n-grams, C labels.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from textmill.apps.sentiment.form import TENSORS_FILE, VOCABULARY_FILE
from textmill.apps.sentiment.logistic import Sparse, fit_sparse
from textmill.errors import ModelError
from textmill.files import write_json

TOKEN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]|[^\W\u3400-\u9fff\uf900-\ufaff]+(?:['’]\w+)?|[^\w\s]")
HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
LATIN_RUNS, HAN_RUNS = (1, 2), (1, 2, 3)
INSIDE = (3, 4, 5)
"""Lengths of pieces of a Latin word with its borders, which know "disappoint" in "disappointing"."""
MOST_READ = 20_000
"""Characters of a text that are looked at."""
MOST_FEATURES = 400_000
STRENGTH = 0.3
"""Accuracy and −ln p of 0.3 | 1 | 3 on a fifth of the training parts that was held out: SST-2 .803 .426 | .804 .440 |
.796 .483, ChnSentiCorp .925 .226 | .922 .277 | .910 .348."""
SMOOTHING = 1.0


def ngrams(text: str) -> Iterator[str]:
    """Yields the n-grams of a text, a word's pieces in angle brackets."""
    tokens = TOKEN.findall(text[:MOST_READ].lower())
    for length in HAN_RUNS:
        for place in range(len(tokens) - length + 1):
            run = tokens[place : place + length]
            if length == 1 or length in LATIN_RUNS or all(HAN.match(token) for token in run):
                yield " ".join(run)
    for token in tokens:
        if len(token) > 3:
            marked = f"<{token}>"
            for length in INSIDE:
                for place in range(len(marked) - length + 1):
                    yield "#" + marked[place : place + length]


@dataclass(frozen=True, slots=True)
class WordModel:
    """A trained one. `weights` (J, C), `rarity` (J): the idf, `bias` (C)."""

    vocabulary: dict[str, int]
    rarity: np.ndarray
    weights: np.ndarray
    bias: np.ndarray

    def scores(self, texts: Sequence[str]) -> np.ndarray:
        """Returns ln p of each label as it thinks, (N, C)."""
        rows = rows_of(texts, self.vocabulary, self.rarity)
        logits = rows.times(torch.from_numpy(self.weights)).double() + torch.from_numpy(self.bias)
        return logits.log_softmax(dim=1).numpy()

    def write(self, folder: Path) -> dict[str, torch.Tensor]:
        """Writes the vocabulary; returns the tensors to be kept with it."""
        write_json(folder / VOCABULARY_FILE, {"ngrams": list(self.vocabulary)})
        names = ("rarity", "weights", "bias")
        return {f"words.{name}": torch.from_numpy(getattr(self, name)).contiguous() for name in names}


def read_tensors(folder: Path) -> dict[str, torch.Tensor]:
    """Returns the tensors of a judge; ModelError where they are damaged."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(folder / TENSORS_FILE)
    except (OSError, SafetensorError) as error:
        raise ModelError("sentiment.damaged", file=folder / TENSORS_FILE, detail=str(error)[:120]) from error


def read_words(folder: Path, kept: dict[str, torch.Tensor]) -> WordModel:
    """Returns the words of a judge from its folder and its tensors; ModelError where they are damaged."""
    try:
        told = json.loads((folder / VOCABULARY_FILE).read_text(encoding="utf-8"))["ngrams"]
        rarity, weights, bias = (kept[f"words.{name}"].numpy() for name in ("rarity", "weights", "bias"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError("sentiment.damaged", file=folder / VOCABULARY_FILE, detail=str(error)[:120]) from error
    if not len(told) == len(rarity) == len(weights):
        raise ModelError("sentiment.damaged", file=folder / VOCABULARY_FILE, detail=f"{len(told)} ≠ {len(weights)}")
    return WordModel({ngram: place for place, ngram in enumerate(told)}, rarity, weights, bias)


def train_words(texts: Sequence[str], labels: np.ndarray, classes: int, *, strength: float = STRENGTH) -> WordModel:
    """Returns a model of these texts; `labels` (N) are numbers of classes."""
    counted = [set(ngrams(text)) for text in texts]
    documents: Counter[str] = Counter()
    for found in counted:
        documents.update(found)
    fewest = 1 if len(texts) < 200 else 2
    frequent = sorted(((-count, ngram) for ngram, count in documents.items() if count >= fewest))[:MOST_FEATURES]
    vocabulary = {ngram: place for place, ngram in enumerate(ngram for _, ngram in frequent)}
    counts = np.array([-count for count, _ in frequent], dtype=np.float64)
    rarity = (np.log((1 + len(texts)) / (1 + counts)) + 1).astype(np.float32)
    rows = rows_of(texts, vocabulary, rarity)
    weights, bias = fit_sparse(rows, labels, classes, ratios(rows, labels, classes), strength)
    return WordModel(vocabulary, rarity, weights.astype(np.float32), bias)


def rows_of(texts: Sequence[str], vocabulary: dict[str, int], rarity: np.ndarray) -> Sparse:
    """Returns tf-idf rows of length 1."""
    features, values, starts = list[np.ndarray](), list[np.ndarray](), [0]
    for text in texts:
        known = Counter(place for ngram in ngrams(text) if (place := vocabulary.get(ngram)) is not None)
        places = np.fromiter(known, dtype=np.int64, count=len(known))
        weight = (1 + np.log(np.fromiter(known.values(), dtype=np.float64, count=len(known)))) * rarity[places]
        features.append(places)
        values.append(weight / max(1e-12, float(np.sqrt((weight**2).sum()))))
        starts.append(starts[-1] + len(places))
    return Sparse(
        np.concatenate([*features, np.empty(0, dtype=np.int64)]),
        np.concatenate([*values, np.empty(0)]).astype(np.float32),
        np.array(starts, dtype=np.int64),
        len(vocabulary),
    )


def ratios(rows: Sparse, labels: np.ndarray, classes: int) -> np.ndarray:
    """Returns |ln(share of an n-gram in a label / its share in the others)|, (J, C), brought to a mean of 1."""
    owner = np.repeat(labels, np.diff(rows.starts))
    counts = np.zeros((rows.width, classes))
    np.add.at(counts, (rows.features, owner), 1.0)
    counts += SMOOTHING
    shares = counts / counts.sum(axis=0)
    others = counts.sum(axis=1, keepdims=True) - counts
    found = np.abs(np.log(shares / (others / others.sum(axis=0))))
    return found / max(1e-12, found.mean())
