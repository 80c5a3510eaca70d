"""The model that says how likely a block is content: two small networks, one after the other.

The first sees each block and its surroundings, the second also what the first thought of everything around. Both are
two hidden layers of rectified units; their weights and those of the vocabulary are learned from pages whose article
people marked (tools/train_extraction.py says which) and lie in weights.json.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from textmill.data.extract.blocks import Blocks
from textmill.data.extract.features import Matrix, Page, first_features, second_features
from textmill.data.extract.words import Vocabulary

WEIGHTS = Path(__file__).with_name("weights.json")


@dataclass(frozen=True, slots=True)
class Network:
    """Layers of (matrix, offsets); rectified between, a chance between 0 and 1 at the end."""

    layers: tuple[tuple[Matrix, Matrix], ...]

    def __call__(self, features: Matrix) -> Matrix:
        """Returns the chance of each row."""
        values = features
        for number, (matrix, offsets) in enumerate(self.layers):
            values = values @ matrix + offsets
            if number < len(self.layers) - 1:
                np.maximum(values, 0, out=values)
        chance = 1 / (1 + np.exp(-np.clip(values[:, 0], -30, 30)))
        return chance.astype(np.float32)


@dataclass(frozen=True, slots=True)
class Model:
    """The vocabulary and the networks: the first pass, the second, and the one that also knows another extractor."""

    vocabulary: Vocabulary
    first: Network
    second: Network
    informed: Network


def network(stored: list[dict[str, Any]]) -> Network:
    """Returns a network from its JSON form."""
    layers = [
        (np.array(layer["matrix"], dtype=np.float32), np.array(layer["offsets"], dtype=np.float32)) for layer in stored
    ]
    return Network(tuple(layers))


@cache
def load() -> Model:
    """Returns the model that ships with Textmill; read once a process."""
    stored = json.loads(WEIGHTS.read_text(encoding="utf-8"))
    return Model(
        vocabulary=Vocabulary(stored["names"], stored["texts"]),
        first=network(stored["first"]),
        second=network(stored["second"]),
        informed=network(stored["informed"]),
    )


def chances(page: Blocks, body: str, title: str) -> tuple[Matrix, Matrix]:
    """Returns the chance of each block that it is content, and the features it was told by."""
    model = load()
    numbers = Page(page, model.vocabulary, body, title)
    features = first_features(numbers)
    features = second_features(numbers, features, model.first(features))
    return model.second(features), features
