"""The model that proposes statements, part by part, over one engine."""

import math
from collections.abc import Iterator, Sequence
from typing import Protocol

from textmill.apps.extract.proposals import ITEM, Proposal, grammar_of, prompt_of, proposals_of
from textmill.apps.extract.schema import Schema
from textmill.infer.answers import answers
from textmill.infer.constraints import LARK, compile_grammar
from textmill.infer.engine.engine import Engine
from textmill.infer.engine.request import Request
from textmill.infer.events import Generation
from textmill.infer.prompts import prompt_ids
from textmill.infer.sampling import SamplingSettings
from textmill.tokenizer.tokenizer import Tokenizer

MAX_TOKENS = 256


class Proposer(Protocol):
    """Whoever reads parts of texts and proposes statements."""

    name: str

    def propose(self, parts: Sequence[str], schema: Schema) -> Iterator[list[Proposal]]:
        """Yields what each part says, in their order."""
        ...


class ModelProposer:
    """A model on its engine; `failed` counts the parts that it could not be asked about."""

    def __init__(self, engine: Engine, tokenizer: Tokenizer, context: int, name: str) -> None:
        self.engine, self.tokenizer, self.context, self.name = engine, tokenizer, context, name
        self.failed = 0

    def propose(self, parts: Sequence[str], schema: Schema) -> Iterator[list[Proposal]]:
        """Yields what each part says; [] where nothing of the schema can stand in it."""
        grammars = [grammar_of(part, schema) for part in parts]
        pairs = list(zip(parts, grammars, strict=True))
        made = answers(self.engine, (self._request(part, grammar, schema) for part, grammar in pairs if grammar))
        for part, grammar in pairs:
            if not grammar:
                yield []
                continue
            answer = next(made)
            self.failed += answer.error is not None
            found = list[Proposal]()
            for sample in answer.samples:
                found += proposals_of(part, schema, sample.text, self._confidences(sample))
            yield found

    def _request(self, part: str, grammar: str, schema: Schema) -> Request:
        ids: list[int] = []
        for example in (True, False):
            ids = prompt_ids(self.tokenizer, prompt_of(part, schema, example))
            if len(ids) + MAX_TOKENS <= self.context:
                break
        most = max(1, min(MAX_TOKENS, self.context - len(ids)))
        settings = SamplingSettings(temperature=0.0, max_tokens=most, seed=0)
        compiled = compile_grammar(self.tokenizer, LARK, grammar)
        return Request(ids=tuple(ids), settings=settings, grammar=compiled)

    def _confidences(self, sample: Generation) -> list[float]:
        """Returns the geometric mean of the tokens' probabilities for each statement of an answer."""
        ends, size = list[int](), 0
        for id in sample.ids:
            size += len(self.tokenizer.token_bytes(id))
            ends.append(size)
        found = []
        for item in ITEM.finditer(sample.text):
            start, end = (len(sample.text[:place].encode()) for place in item.span())
            inside = [
                value for place, value in zip(ends, sample.log_probabilities, strict=False) if start < place <= end
            ]
            found.append(math.exp(sum(inside) / len(inside)) if inside else 0.0)
        return found
