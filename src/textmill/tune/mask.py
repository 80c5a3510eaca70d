"""From examples to ids and which of them are learned, by the one template that serving sends too.

    messages before an answer ──template, with the prompt for an answer──▶ prompt   what serving sends
    the same and the answer   ──template─────────────────────────────────▶ whole
    learned: what `whole` has beyond `prompt`, up to and with the token that ends the turn

So what is learned is by construction what a served model has to write, and the first thing that it learns of an answer
follows exactly the ids that serving sends. The {% generation %} marks of some templates are not asked: the published
ones (Zephyr, SmolLM3) stand around the turn's header too, which serving writes itself.

Turns share a text as long as each begins as the one before ended. Some templates rewrite earlier turns (Qwen 3 takes
the reasoning out of them, Mistral moves the system message): each such turn becomes a text of its own, which begins
with what serving sends for it.

Where prompt and answer meet inside a token (an answer that begins with a line end), the prompt's tokens stay as they
are and the rest is encoded behind them, as it is when a model writes it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from textmill.errors import InputError, TokenizerError
from textmill.infer.prompts import end_ids, turn_stops
from textmill.tokenizer.chat_template import encode_chat
from textmill.tokenizer.token_bytes import PIECES
from textmill.tokenizer.tokenizer import Tokenizer
from textmill.tune.encoded import Encoded
from textmill.tune.examples import Completion, Conversation, Example, Judged, Message, Plain, Preference, Problem

ASSISTANT = "assistant"


@dataclass(slots=True)
class _Text:
    """A text that grows turn by turn."""

    ids: list[int] = field(default_factory=list)
    learned: list[bool] = field(default_factory=list)
    end: int = 0
    turns: int = 0
    endless: int = 0
    departs: int = 0

    @property
    def done(self) -> list[int]:
        """The ids up to the end of the last turn; what a template writes behind it depends on what follows."""
        return self.ids[: self.end]

    def add(self, ids: list[int], begin: int, end: int) -> None:
        """Takes in a turn: `ids` begin with what is done, and are learned from `begin` to `end`."""
        before = [*self.learned[: self.end], *[False] * (begin - self.end)]
        self.learned = before + [True] * (end - begin) + [False] * (len(ids) - end)
        self.ids, self.end = ids, end
        self.turns += 1

    def encoded(self, example: Example) -> Encoded:
        """Returns the text as arrays."""
        return Encoded(
            ids=np.array(self.ids, dtype=np.int32),
            learned=np.array(self.learned, dtype=bool),
            place=example.place,
            source=example.source,
            turns=self.turns,
            endless=self.endless,
            departs=self.departs,
        )


def encode_example(tokenizer: Tokenizer, example: Example) -> list[Encoded]:
    """Returns the texts of what is learned from as it stands: conversations, completions, plain text.

    Mostly one, more where the template rewrites earlier turns. InputError names the place where the template fails.
    """
    if isinstance(example, Plain):
        return [_plain(tokenizer, example)]
    if isinstance(example, Completion):
        return [_completion(tokenizer, example)]
    if not isinstance(example, Conversation):
        raise TypeError(f"{type(example).__name__} is learned by comparing or by reward, see encode_answer")
    try:
        return [text.encoded(example) for text in _texts(tokenizer, example)]
    except TokenizerError as error:
        raise InputError("tune_rows.template", place=example.place, detail=error) from error


def encode_answer(
    tokenizer: Tokenizer, example: Preference | Judged, answer: Sequence[Message], *, place: str = ""
) -> Encoded:
    """Returns a conversation with one of its answers, of which only the answer is learned."""
    first = len(example.messages)
    whole = Conversation(
        place=place or example.place,
        source=example.source,
        messages=(*example.messages, *answer),
        tools=example.tools,
        learned=frozenset(range(first, first + len(answer))),
    )
    return encode_example(tokenizer, whole)[-1]


def texts_of(tokenizer: Tokenizer, example: Example) -> list[Encoded]:
    """Returns all texts of any kind of example: both answers of a pair, of a problem what is sent, nothing learned."""
    if isinstance(example, Preference):
        return [encode_answer(tokenizer, example, answer) for answer in (example.chosen, example.rejected)]
    if isinstance(example, Judged):
        return [encode_answer(tokenizer, example, example.answer)]
    if isinstance(example, Problem):
        ids = np.array(encode_prompt(tokenizer, example), dtype=np.int32)
        return [Encoded(ids=ids, learned=np.zeros(len(ids), dtype=bool), place=example.place, source=example.source)]
    return encode_example(tokenizer, example)


def encode_prompt(tokenizer: Tokenizer, example: Problem | Preference | Judged) -> list[int]:
    """Returns what is sent for an answer to an example."""
    try:
        return encode_chat(tokenizer, example.messages, add_generation_prompt=True, tools=example.tools)
    except TokenizerError as error:
        raise InputError("tune_rows.template", place=example.place, detail=error) from error


def _plain(tokenizer: Tokenizer, example: Plain) -> Encoded:
    """The whole text as one document: what stands before every text, the text, the end."""
    text = _Text()
    ids = [*tokenizer.start_ids, *tokenizer.encode(example.text), tokenizer.end_of_text_id]
    text.add(ids, len(tokenizer.start_ids), len(ids))
    return text.encoded(example)


def _completion(tokenizer: Tokenizer, example: Completion) -> Encoded:
    """A prompt as serving begins it (`prompt_ids`), and the completion with the end of the text behind it."""
    start = tokenizer.start_ids
    prompt = [*start, *tokenizer.encode(example.prompt)]
    whole = [*start, *tokenizer.encode(example.prompt + example.completion)]
    ids, begin, exact = joined(tokenizer, prompt, whole)
    text = _Text(departs=int(not exact))
    ids = [*ids, tokenizer.end_of_text_id]
    text.add(ids, begin, len(ids))
    return text.encoded(example)


def _texts(tokenizer: Tokenizer, example: Conversation) -> list[_Text]:
    """The texts of a conversation."""
    texts: list[_Text] = []
    for at, message in enumerate(example.messages):
        if message["role"] != ASSISTANT or (example.learned is not None and at not in example.learned):
            continue
        prompt = encode_chat(tokenizer, example.messages[:at], add_generation_prompt=True, tools=example.tools)
        whole = encode_chat(tokenizer, example.messages[: at + 1], tools=example.tools)
        ids, begin, exact = joined(tokenizer, prompt, whole)
        end = turn_end(tokenizer, ids, begin)
        if not texts or begin < texts[-1].end or ids[: texts[-1].end] != texts[-1].done:
            texts.append(_Text())
        texts[-1].add(ids, begin, end or len(ids))
        texts[-1].endless += not end
        texts[-1].departs += not exact
    return texts


def joined(tokenizer: Tokenizer, prompt: list[int], whole: list[int]) -> tuple[list[int], int, bool]:
    """Returns ids that begin with `prompt` and go on as `whole` does, where the answer begins in them, and True.

    Where nothing in `whole` is the prompt's end (a template that asks for an answer otherwise than it writes one down):
    `whole`, where the two part, and False.
    """
    if whole[: len(prompt)] == prompt:
        return whole, len(prompt), True
    same = next(
        (at for at, (one, other) in enumerate(zip(prompt, whole, strict=False)) if one != other),
        min(len(prompt), len(whole)),
    )
    rest = inside_a_token(tokenizer, prompt[same:], whole[same:])
    if rest is None:
        rest = behind_the_header(tokenizer, prompt, whole)
    return (whole, same, False) if rest is None else (prompt + rest, len(prompt), True)


def inside_a_token(tokenizer: Tokenizer, asked: list[int], written: list[int]) -> list[int] | None:
    """Returns how `written` goes on behind the text of `asked`, both plain text there, which tokens did not part."""
    special = next((at for at, id in enumerate(written) if tokenizer.is_special(id)), len(written))
    if tokenizer.kind == PIECES or any(map(tokenizer.is_special, asked)):
        return None
    begin = tokenizer.decode_bytes(asked, skip_special=False)
    text = tokenizer.decode_bytes(written[:special], skip_special=False)
    return tokenizer.encode_bytes(text[len(begin) :]) + written[special:] if text.startswith(begin) else None


def behind_the_header(tokenizer: Tokenizer, prompt: list[int], whole: list[int]) -> list[int] | None:
    """Returns what follows the header of the last turn, which is what stands in `prompt` from its last mark on.

    For templates whose earlier text depends on what comes later: Mistral's puts the system message into the user's
    message only while no answer follows, so a text to train on would be without it, but the served one has it.
    """
    mark = next((at for at in range(len(prompt) - 1, -1, -1) if tokenizer.is_special(prompt[at])), None)
    if mark is None:
        return None
    header = prompt[mark:]
    for at in range(len(whole) - len(header), -1, -1):
        if whole[at : at + len(header)] == header:
            return whole[at + len(header) :]
    return None


def turn_end(tokenizer: Tokenizer, ids: list[int], begin: int) -> int:
    """Returns where the turn that begins at `begin` ends, its end token within; 0 where nothing ends it.

    It is the first token at which serving would stop. In a vocabulary without the template's marks these are spelled
    out in text, and serving stops at that text.
    """
    ends = end_ids(tokenizer)
    for at in range(begin, len(ids)):
        if ids[at] in ends:
            return at + 1
    for mark in turn_stops(tokenizer):
        place = tokenizer.decode_bytes(ids[begin:], skip_special=False).find(mark.encode())
        if place >= 0:
            covered = np.cumsum([len(tokenizer.token_bytes(id)) for id in ids[begin:]])
            return begin + int(np.searchsorted(covered, place + len(mark))) + 1
    return 0
