"""How a model is asked for a translation, in training and afterwards.

    task   <start> <|translate|> "en>zh" <|translate|> source <|translate|>   ─▶   target <end>
    chat   the model's chat template: "Translate from English into Chinese: …"   ─▶   the assistant's turn

The parts of the first are encoded one by one, so that no token ever reaches across a boundary and what is served is
exactly what was learned. Only the target and its end are learned.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from textmill.apps.translate.card import CHAT, TRANSLATE_TOKEN
from textmill.apps.translate.languages import language_name
from textmill.apps.translate.pairs import Direction
from textmill.tokenizer.chat_template import encode_chat
from textmill.tokenizer.tokenizer import Tokenizer
from textmill.tune.encoded import Encoded
from textmill.tune.examples import Conversation
from textmill.tune.mask import encode_example


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One text to translate. `near`: a pair much like it, from a memory, that a chat model is shown."""

    text: str
    direction: Direction
    near: tuple[str, str] | None = None


def request_text(asked: Asked) -> str:
    """Returns what a chat model is told; one that went to school in Little World knows this wording."""
    direction = asked.direction
    said = f"Translate into {language_name(direction.target)}: {asked.text}"
    if asked.near is None:
        return said
    return f"A similar text, {asked.near[0]}, was translated as {asked.near[1]}.\n\n{said}"


def task_head(tokenizer: Tokenizer, direction: Direction) -> list[int]:
    """Returns the ids before the source."""
    mark = tokenizer.special[TRANSLATE_TOKEN]
    return [*tokenizer.start_ids, mark, *tokenizer.encode(f"{direction.source}>{direction.target}"), mark]


def prompt_of(tokenizer: Tokenizer, form: str, asked: Asked) -> list[int]:
    """Returns the ids that are sent."""
    if form == CHAT:
        return encode_chat(tokenizer, [{"role": "user", "content": request_text(asked)}], add_generation_prompt=True)
    mark = tokenizer.special[TRANSLATE_TOKEN]
    return [*task_head(tokenizer, asked.direction), *tokenizer.encode(asked.text), mark]


def encode_pairs(
    tokenizer: Tokenizer, form: str, asked: Sequence[Asked], targets: Sequence[str], places: Sequence[str]
) -> list[Encoded]:
    """Returns the texts to learn from, one for each source and its target."""
    if form == CHAT:
        return [
            encode_example(
                tokenizer,
                Conversation(
                    place=place,
                    source=str(one.direction),
                    messages=(
                        {"role": "user", "content": request_text(one)},
                        {"role": "assistant", "content": target},
                    ),
                ),
            )[-1]
            for one, target, place in zip(asked, targets, places, strict=True)
        ]
    mark, end = tokenizer.special[TRANSLATE_TOKEN], tokenizer.end_of_text_id
    heads = {one.direction: task_head(tokenizer, one.direction) for one in asked}
    sources = tokenizer.encode_batch([one.text for one in asked])
    made = []
    for one, source, target, place in zip(asked, sources, tokenizer.encode_batch(list(targets)), places, strict=True):
        ids = [*heads[one.direction], *source, mark, *target, end]
        learned = np.zeros(len(ids), dtype=bool)
        learned[-len(target) - 1 :] = True
        made.append(
            Encoded(ids=np.array(ids, dtype=np.int32), learned=learned, place=place, source=str(one.direction), turns=1)
        )
    return made
