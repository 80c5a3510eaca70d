"""A judge that has learned from questions which shapes they ask for: n-grams against what a shape is made of.

    likelihood(shape | question) = softmax over the shapes that could be meant of  q · s + b(s) + w · f

    q   the mean of learned vectors of the question's n-grams (its names in slots)
    s   the same of the shape's parts;  b(s): how often it is asked for at all
    f   likenesses that need no learning: of words, of pieces of words, of how much of the question the names cover

Shapes that were learned but that the graph does not have here stay in the sum: where one of them is what is asked for,
nothing else is likely, and that is a refusal.

Shapes: Q questions, S shapes, O options, D width.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from textmill.apps.ask.candidates import Candidate
from textmill.apps.ask.cues import Cues
from textmill.apps.ask.features import pieces, question_features, question_of, shape_features
from textmill.apps.ask.linking import OWN_NAME, Mention
from textmill.apps.ask.neighbourhood import Neighbourhood
from textmill.apps.ask.query import Query
from textmill.apps.ask.query_reading import query_json, query_of
from textmill.apps.ask.weighing import WordsAlone
from textmill.apps.graph.store import EmbeddedGraph
from textmill.errors import ModelError
from textmill.files import write_json

FORM_FILE, TENSORS_FILE = "ask.json", "ask.safetensors"
VERSION = 1
MOST_PROPOSED = 12
"""Learned shapes that are looked for around the entities; the likeliest."""
MOST_ELSEWHERE = 200
"""Learned shapes that an answer must be likelier than."""
MOST_MENTIONS = 3
LIKENESSES = 7


@dataclass(slots=True)
class Weights:
    """What is learned. `asked` (J, D): vectors of n-grams, `made` (P, D) and `often` (P): of a shape's parts."""

    ngrams: dict[str, int]
    parts: dict[str, int]
    asked: Tensor
    made: Tensor
    often: Tensor
    alike: Tensor
    """(LIKENESSES): what each likeness is worth."""

    def questions(self, texts: Sequence[str]) -> Tensor:
        """Returns the vectors of questions with slots, (Q, D)."""
        return mean_vectors([known(question_features(text), self.ngrams) for text in texts], self.asked)

    def shapes(self, parts: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
        """Returns the vectors (S, D) and the biases (S) of shapes."""
        return mean_vectors(parts, self.made), mean_vectors(parts, self.often[:, None])[:, 0]


def known(features: object, vocabulary: dict[str, int]) -> list[int]:
    """Returns the numbers of the features that a vocabulary has, each once."""
    found = (vocabulary.get(feature) for feature in dict.fromkeys(features))  # type: ignore[call-overload]
    return [number for number in found if number is not None]


def mean_vectors(rows: Sequence[Sequence[int]], table: Tensor) -> Tensor:
    """Returns the sum of each row's vectors over the root of their number."""
    counts = np.array([len(row) for row in rows], dtype=np.int64)
    flat = torch.tensor([number for row in rows for number in row], dtype=torch.long)
    starts = torch.from_numpy(np.concatenate(([0], np.cumsum(counts)[:-1]))) if len(rows) else flat
    scale = torch.from_numpy(np.repeat(1 / np.sqrt(np.maximum(counts, 1)), counts)).float()
    return F.embedding_bag(flat, table, starts, mode="sum", per_sample_weights=scale)


@dataclass(slots=True)
class Reader:
    """Reads options off one graph: parts of shapes and likenesses; what it has read it keeps."""

    words: WordsAlone
    names: dict[str, list[str]] = field(default_factory=dict)
    cut: dict[str, list[set[str]]] = field(default_factory=dict)

    def parts(self, shape: Query) -> list[str]:
        """Returns the parts of a shape."""
        predicates = [*shape.predicates(), *([shape.optional.predicate] if shape.optional else [])]
        for predicate in predicates:
            if predicate not in self.names:
                found = self.words.names_of(predicate)
                self.names[predicate] = list(dict.fromkeys(word for name in found for word in name))
                self.cut[predicate] = [pieces(" ".join(name)) for name in found]
        return list(shape_features(shape, self.names))

    def likenesses(self, question: str, cues: Cues, options: Sequence[Candidate]) -> list[list[float]]:
        """Returns the likenesses of each option, LIKENESSES a row."""
        weighed = self.words.weighed(question, cues, options)
        texts: dict[tuple[Mention, ...], set[str]] = {}
        made = []
        for option, weight in zip(options, weighed, strict=True):
            if option.mentions not in texts:
                texts[option.mentions] = pieces(question_of(question, option.mentions))
            self.parts(option.query)
            shared = self._shared(option.query, texts[option.mentions])
            covered = sum(one.end - one.start for one in option.mentions) / max(1, len(question))
            longest = max((one.end - one.start for one in option.mentions), default=0)
            match = max((match.score for one in option.mentions[:1] for match in one.matches), default=0.0)
            made.append([weight, *shared, covered, longest / 10, float(match > OWN_NAME)])
        return made

    def _shared(self, query: Query, asked: set[str]) -> tuple[float, float, float]:
        """Returns the mean and the least share of the predicates' pieces that a question has, and theirs in it."""
        found, both = [], set[str]()
        for predicate in query.predicates():
            best = max(self.cut[predicate], key=lambda cut: len(cut & asked) / max(1, len(cut)), default=set())
            found.append(len(best & asked) / max(1, len(best)))
            both |= best & asked
        return sum(found) / len(found), min(found), len(both) / max(1, len(asked))


class TrainedJudge:
    """A judge with weights; `shapes` are those that were learned."""

    way = "trained"

    def __init__(
        self, graph: EmbeddedGraph, weights: Weights, shapes: Sequence[Query], *, likely: float, most_steps: int
    ) -> None:
        self.weights, self.shapes, self.likely, self.most_steps = weights, list(shapes), likely, most_steps
        self.reader = Reader(WordsAlone(graph))
        self.around = Neighbourhood(graph)
        parts = [known(self.reader.parts(shape), weights.parts) for shape in self.shapes]
        self._vectors, self._often = weights.shapes(parts)
        self._parts: dict[Query, list[int]] = {}
        self._last: tuple[object, list[Candidate]] = (None, [])

    def proposed(self, question: str, mentions: Sequence[Mention], cues: Cues) -> list[Candidate]:
        """Returns learned shapes that the graph has around the entities, the likeliest."""
        likely = self._fillings(question, tuple(mentions))[:MOST_PROPOSED]
        return [option for option in likely if self.around.holds(option.query)]

    def weighed(self, question: str, cues: Cues, options: Sequence[Candidate]) -> list[float]:
        """Returns how likely each is, beside the learned shapes that could have been meant of the same entities."""
        if not options:
            return []
        mentions = tuple(dict.fromkeys(one for option in options for one in option.mentions))
        here = {option.query for option in options}
        others = [option for option in self._fillings(question, mentions) if option.query not in here]
        scores = self.scores(question, cues, [*options, *others])
        return [round(value, 4) for value in scores.softmax(0)[: len(options)].tolist()]

    def _fillings(self, question: str, mentions: tuple[Mention, ...]) -> list[Candidate]:
        """Returns the likeliest learned shapes with the entities of a question in them."""
        if self._last[0] == (question, mentions):
            return self._last[1]
        found: list[tuple[float, Candidate]] = []
        for group in groups_of(mentions):
            vector = self.weights.questions([question_of(question, group)])[0]
            scores = self._vectors @ vector + self._often
            for place in scores.argsort(descending=True)[: 2 * MOST_ELSEWHERE].tolist():
                shape = self.shapes[place]
                if shape.slots() == len(group) and not shape.operator:  # what is compared with, the candidates say
                    for entities in meanings_of(group):
                        option = Candidate(query=shape.filled(entities), mentions=group, entities=entities)
                        found.append((float(scores[place]), option))
        found.sort(key=lambda pair: -pair[0])
        self._last = ((question, mentions), [option for _, option in found[:MOST_ELSEWHERE]])
        return self._last[1]

    def scores(self, question: str, cues: Cues, options: Sequence[Candidate]) -> Tensor:
        """Returns the scores of options, (O)."""
        texts = [question_of(question, option.mentions) for option in options]
        unique = {text: place for place, text in enumerate(dict.fromkeys(texts))}
        vectors = self.weights.questions(list(unique))[[unique[text] for text in texts]]
        made, often = self.weights.shapes([self._numbers(option.shape) for option in options])
        alike = torch.tensor(self.reader.likenesses(question, cues, options)) @ self.weights.alike
        return (vectors * made).sum(1) + often + alike

    def _numbers(self, shape: Query) -> list[int]:
        if shape not in self._parts:
            self._parts[shape] = known(self.reader.parts(shape), self.weights.parts)
        return self._parts[shape]

    def write(self, folder: Path, told: dict[str, object]) -> None:
        """Writes the judge; `told`: figures and whatever else is to be known of it."""
        from safetensors.torch import save_file

        folder.mkdir(parents=True, exist_ok=True)
        ours = self.weights
        save_file({name: getattr(ours, name).contiguous() for name in ("asked", "made", "often", "alike")},
                  folder / TENSORS_FILE)  # fmt: skip
        form = {"version": VERSION, "likely": self.likely, "most_steps": self.most_steps, "ngrams": list(ours.ngrams),
                "parts": list(ours.parts), "shapes": [query_json(shape) for shape in self.shapes]}  # fmt: skip
        write_json(folder / FORM_FILE, form | told)


def groups_of(mentions: Sequence[Mention]) -> list[tuple[Mention, ...]]:
    """Returns the mentions that a query may be about: one, or two in either order."""
    first = mentions[:MOST_MENTIONS]
    pairs = [(one, other) for one in first for other in first if one != other]
    return [*((one,) for one in first), *pairs]


def meanings_of(group: Sequence[Mention]) -> list[tuple[str, ...]]:
    """Returns the entities that mentions may mean together; of the second the likeliest only."""
    rest = tuple(mention.matches[0].iri for mention in group[1:])
    return [(match.iri, *rest) for match in group[0].matches]


def read_judge(graph: EmbeddedGraph, folder: Path) -> TrainedJudge:
    """Returns the judge in a folder; ModelError where it is damaged."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        form = json.loads((folder / FORM_FILE).read_text(encoding="utf-8"))
        kept = load_file(folder / TENSORS_FILE)
        shapes = [query_of(told) for told in form["shapes"]]
        weights = Weights({name: place for place, name in enumerate(form["ngrams"])},
                          {name: place for place, name in enumerate(form["parts"])},
                          kept["asked"], kept["made"], kept["often"], kept["alike"])  # fmt: skip
        fitting = len(weights.ngrams) == len(weights.asked) and len(weights.parts) == len(weights.made)
        if not fitting or form["version"] != VERSION:
            raise ValueError(f"version {form['version']}, {len(weights.ngrams)} ngrams")
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise ModelError("ask.damaged", file=folder / FORM_FILE, detail=str(error)[:120]) from error
    return TrainedJudge(graph, weights, shapes, likely=form["likely"], most_steps=form["most_steps"])
