"""One prompt through a model, every step of it to be had by name: `look`, and the `Recording` that it returns.

Kept are the tensors that grow with the text's length (the residual stream, queries, keys, values, heads); what grows
with its square or with the vocabulary is made anew for one head or one token at a time. At 1,024 tokens of a model of
12 layers and 12 heads that is 0.4 GB less for each kind of square.
"""

from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from textmill.errors import ModelError
from textmill.inspect.compute import RULES
from textmill.inspect.steps import Step, steps
from textmill.inspect.tokens import Token, tokens_of
from textmill.model.gpt import GPT
from textmill.model.trace import Trace

if TYPE_CHECKING:
    from textmill.infer.resolve import LoadedModel
    from textmill.tokenizer.tokenizer import Tokenizer

REMEMBERED = 24
"""How many tensors that were made on demand are remembered."""
SQUARES = (".scores", ".weights")


class LeanTrace(Trace):
    """A trace without what grows with the square of the text's length."""

    def record(self, name: str, value: Tensor) -> None:
        """Keeps `value` unless it is a square."""
        if not name.endswith(SQUARES):
            super().record(name, value[0])


class Recording:
    """The steps of one forward pass over `ids`."""

    def __init__(self, model: GPT, tokenizer: "Tokenizer", ids: Sequence[int]) -> None:
        self.model, self.tokenizer, self.ids = model, tokenizer, list(ids)
        self.steps: dict[str, Step] = steps(model.config)
        trace = LeanTrace()
        with torch.no_grad():
            model.hidden(torch.tensor([self.ids], device=self.device), trace=trace)
        # a part's output is recorded behind its norms: its name there is not the step's
        self._kept = {name: value for name, value in trace.tensors.items() if name in self.steps}
        self._remembered: OrderedDict[tuple[str, int | None], Tensor] = OrderedDict()

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self.model.token_embedding.weight.device

    @cached_property
    def tokens(self) -> list[Token]:
        """The tokens, those that make one character together in one group."""
        return tokens_of(self.tokenizer, self.ids)

    def step(self, name: str) -> Step:
        """Returns the step of that name; ModelError where the model has none."""
        if name not in self.steps:
            raise ModelError("inspect.unknown_step", name=name[:100], known="embedding, layer.0.attention.q, logits")
        return self.steps[name]

    def shape(self, name: str) -> tuple[int, ...]:
        """Returns a step's shape, without making it."""
        config, length = self.model.config, len(self.ids)
        sizes = {
            "token": length,
            "key": length,
            "width": config.width,
            "head": config.heads,
            "kv_head": config.kv_heads,
            "head_width": config.head_width,
            "hidden": config.feed_forward,
            "expert": config.experts,
            "vocabulary": config.vocabulary_size,
        }
        return tuple(sizes[axis] for axis in self.step(name).axes)

    def tensor(self, name: str) -> Tensor:
        """Returns a whole step (without a batch axis), for large ones all parts of it: mind the memory."""
        step = self.step(name)
        if step.large:
            return torch.stack([self.part(name, index) for index in range(self.shape(name)[0])])
        if name in self._kept:
            return self._kept[name]
        return self._made(name, None)

    def part(self, name: str, index: int) -> Tensor:
        """Returns one index of a step's first axis: a head's square, a token's scores."""
        self.check(name, (index,))
        return self._made(name, index) if self.step(name).large else self.tensor(name)[index]

    def value(self, name: str, index: tuple[int, ...]) -> float:
        """Returns one number."""
        self.check(name, index)
        if len(index) != len(self.shape(name)):
            raise ModelError("inspect.outside", name=name, shape=list(self.shape(name)), index=list(index))
        return float(self.part(name, index[0])[index[1:]])

    def check(self, name: str, index: tuple[int, ...]) -> None:
        """Raises ModelError unless the index is inside the step."""
        shape = self.shape(name)
        if len(index) > len(shape) or any(not 0 <= at < size for at, size in zip(index, shape, strict=False)):
            raise ModelError("inspect.outside", name=name, shape=list(shape), index=list(index))

    def weight(self, name: str) -> Tensor:
        """Returns a parameter of the model by its name."""
        return self.model.get_parameter(name).detach()

    def module(self, step: Step) -> Any:
        """Returns the part of the model that makes a step."""
        found: nn.Module = self.model.get_submodule(step.module)
        return found

    def _made(self, name: str, index: int | None) -> Tensor:
        key = (name, index)
        if key not in self._remembered:
            with torch.no_grad():
                self._remembered[key] = RULES[self.steps[name].kind](self, self.steps[name], index)
            while len(self._remembered) > REMEMBERED:
                self._remembered.popitem(last=False)
        self._remembered.move_to_end(key)
        return self._remembered[key]


def look(loaded: "LoadedModel", prompt: str, *, allow_special: bool = False) -> Recording:
    """Returns the recording of `prompt`; ModelError where it is empty or longer than the model's context."""
    tokenizer, model = loaded.tokenizer, loaded.model
    ids = [*tokenizer.start_ids, *tokenizer.encode(prompt, allow_special)]
    if not ids:
        raise ModelError("inspect.empty_prompt")
    if len(ids) > model.config.context:
        raise ModelError("inspect.too_long", tokens=len(ids), context=model.config.context)
    return Recording(model, tokenizer, ids)
