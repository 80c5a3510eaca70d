"""From texts to tokens: what is read and what is scored, cut as lm-evaluation-harness cuts it: scores are equal.

    prompt + continuation ─▶ tokens of the prompt | tokens that the whole has behind those

Spaces at a prompt's end go to the continuation, where a tokenizer has them. A text begins as the model's tokenizer has
it (`infer.prompts`); an empty prompt is the token before each document. What is longer than the context loses its
beginning.

Asked through a chat template, the prompt is the user's turn and a choice what the assistant begins with, without the
space that parted them (again the harness's rule); an item without a prompt stays a plain text.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from textmill.errors import TokenizerError
from textmill.evaluate.items import Item
from textmill.infer.prompts import document_start
from textmill.tokenizer.chat_template import encode_answers
from textmill.tokenizer.tokenizer import Tokenizer

ENCODED_AT_ONCE = 512
"""Items whose texts the tokenizer is given together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Tokens of one choice: `ids` as they are read and scored, the first `given` of them only read."""

    ids: tuple[int, ...]
    given: int
    cut: int = 0
    """Tokens that were taken from the beginning, for the context."""

    @property
    def scored(self) -> int:
        """How many tokens are scored."""
        return len(self.ids) - self.given


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """An item and the tokens of each of its choices; none where a choice alone is longer than the context."""

    item: Item
    pairs: tuple[Pair, ...]

    @property
    def cut(self) -> bool:
        """True where the context was too small for the whole prompt."""
        return any(pair.cut for pair in self.pairs)


def start_of_text(tokenizer: Tokenizer) -> tuple[int, ...]:
    """Returns what stands before a text with an empty prompt: nothing for a tokenizer that has no such token."""
    try:
        return (document_start(tokenizer),)
    except TokenizerError:
        return ()


def encoded(items: Iterable[Item], tokenizer: Tokenizer, context: int, *, chat: bool = False) -> Iterator[Encoded]:
    """Yields the items' tokens, in their order; `chat`: through the tokenizer's template."""
    if chat:
        yield from (as_turn(item, tokenizer, context) for item in items)
        return
    waiting: list[Item] = []
    for item in items:
        waiting.append(item)
        if len(waiting) == ENCODED_AT_ONCE:
            yield from encoded_together(waiting, tokenizer, context)
            waiting = []
    yield from encoded_together(waiting, tokenizer, context)


def as_turn(item: Item, tokenizer: Tokenizer, context: int) -> Encoded:
    """Returns an item's tokens as a question and the beginning of its answer."""
    if not any(item.prompts):
        return next(encoded_together([item], tokenizer, context))
    behind: dict[str, list[str]] = {}
    for prompt, rest in item.pairs:
        behind.setdefault(prompt, [""]).append(rest.lstrip(" "))
    ids = {
        prompt: dict(zip(rests, encode_answers(tokenizer, [user_turn(prompt)], rests), strict=True))
        for prompt, rests in behind.items()
    }
    made = [
        pair_of(ids[prompt][""], ids[prompt][rest.lstrip(" ")], prompt, (), (), context) for prompt, rest in item.pairs
    ]
    whole = tuple(pair for pair in made if pair is not None)
    return Encoded(item=item, pairs=whole if len(whole) == len(made) else ())


def user_turn(prompt: str) -> dict[str, str]:
    """Returns what a user says."""
    return {"role": "user", "content": prompt}


def encoded_together(items: Sequence[Item], tokenizer: Tokenizer, context: int) -> Iterator[Encoded]:
    """Yields the same for some items; each text is encoded once."""
    start = start_of_text(tokenizer)
    pairs = [[moved(*pair) for pair in item.pairs] for item in items]
    texts = {text: 0 for of_item in pairs for prompt, rest in of_item for text in (prompt, prompt + rest)}
    for place, text in enumerate(texts):
        texts[text] = place
    ids = tokenizer.encode_batch(list(texts))
    for item, of_item in zip(items, pairs, strict=True):
        made = [
            pair_of(ids[texts[prompt]], ids[texts[prompt + rest]], prompt, tokenizer.start_ids, start, context)
            for prompt, rest in of_item
        ]
        whole = tuple(pair for pair in made if pair is not None)
        yield Encoded(item=item, pairs=whole if len(whole) == len(made) else ())


def moved(prompt: str, rest: str) -> tuple[str, str]:
    """Returns the pair with the spaces at the prompt's end before the continuation."""
    bare = prompt.rstrip()
    return bare, prompt[len(bare) :] + rest


def pair_of(
    prompt_ids: list[int],
    whole_ids: list[int],
    prompt: str,
    begins: tuple[int, ...],
    start: tuple[int, ...],
    context: int,
) -> Pair | None:
    """Returns the tokens of a prompt and its continuation; None where the continuation is too long or has none."""
    if prompt_ids or prompt:
        read, scored = [*begins, *prompt_ids], whole_ids[len(prompt_ids) :]
    else:
        read, scored = list(begins or start), whole_ids
    if not read:  # nothing stands before a text: its first token is given, not scored
        read, scored = scored[:1], scored[1:]
    if not scored or len(scored) > context:
        return None
    cut = max(0, len(read) + len(scored) - context - 1)
    return Pair(ids=(*read[cut:], *scored), given=len(read) - cut, cut=cut)
