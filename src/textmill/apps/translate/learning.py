"""From pairs to the task of a tuning: which way each pair is learned, what is held out, what the model will know.

    Pair ──directions──▶ (source, target), both ways unless told otherwise ──prompt──▶ Encoded ──▶ PackedStream, Task

A share of the pairs is learned with what both sides have alike (numbers, addresses, placeholders, names) in markers, so
that the model knows how to carry tags over (`markers`). Where nothing is marked as held out, a share chosen by the hash
of the first side is, so a text is never learned in one direction and measured in the other.
"""

import dataclasses
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from torch import nn

from textmill.apps.translate.card import CARD_FILE, Card, Known
from textmill.apps.translate.cleaning import units
from textmill.apps.translate.looks import TranslationLooks
from textmill.apps.translate.markers import with_markers
from textmill.apps.translate.pairs import Direction, Pair
from textmill.apps.translate.prompt import Asked, encode_pairs
from textmill.config import Settings
from textmill.errors import InputError
from textmill.model.config import ModelConfig
from textmill.model.gpt import GPT
from textmill.tokenizer.tokenizer import Tokenizer
from textmill.train.objective import NextToken
from textmill.tune.encoded import Encoded, EncodedSet, encoded_set
from textmill.tune.packing import PackedStream
from textmill.tune.plan import USUAL_CONTEXT
from textmill.tune.prepare import FEW
from textmill.tune.sft import digest
from textmill.tune.start import Task
from textmill.tune.wording import key_of, share_of

MARKED_SHARE = 0.15
"""Of the pairs that have something in common, how many are learned with markers in its place."""
MOST_HELD_OUT = 1000
SHOWN = 3
"""Held-out texts a direction that are translated on the way."""
SCORED = 50
"""Held-out texts a direction that are translated and scored behind the last step."""
Side = tuple[Asked, str, str]
"""What is asked, its translation, its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What is learned and measured, and the card that says so."""

    training: EncodedSet
    held_out: EncodedSet
    sides: list[Side]
    """The held-out ones."""
    card: Card


def directed(pairs: Iterable[Pair], directions: Sequence[Direction]) -> list[tuple[Side, bool]]:
    """Returns each pair in each direction wanted, and whether it is held out."""
    wanted = set(directions)
    made: list[tuple[Side, bool]] = []
    for pair in pairs:
        one, two = pair.languages
        for direction, text, target in (
            (Direction(one, two), pair.first, pair.second),
            (Direction(two, one), pair.second, pair.first),
        ):
            if direction in wanted:
                made.append(((Asked(text=text, direction=direction), target, pair.place), pair.held_out))
    return made


def hold_out(pairs: list[Pair], share: float) -> list[Pair]:
    """Returns the pairs with a share of them held out, where none is marked and there are enough."""
    if any(pair.held_out for pair in pairs) or len(pairs) < FEW:
        return pairs
    share = min(share, MOST_HELD_OUT / len(pairs))
    return [dataclasses.replace(pair, held_out=share_of(key_of(pair.first, pair.second)) < share) for pair in pairs]


def make_lesson(
    pairs: list[Pair],
    directions: Sequence[Direction],
    tokenizer: Tokenizer,
    form: str,
    settings: Settings,
    context: int,
) -> Lesson:
    """Returns what is learned of clean pairs; InputError where nothing is."""
    sides = directed(hold_out(pairs, settings.tune.held_out_share), directions)
    learned = [side for side, held in sides if not held]
    held = [side for side, held in sides if held]
    if not learned:
        raise InputError("translate.no_pairs", directions=", ".join(map(str, directions)))
    encoded = encode(tokenizer, form, learned)
    card = Card(form=form, pairs=tuple(facts(learned, encoded)))
    marked = encode(tokenizer, form, marked_sides(learned, settings.train.seed))
    training = encoded_set([*encoded, *marked], context=context, too_long="drop")
    if not len(training):
        raise InputError("translate.all_too_long", context=context)
    return Lesson(
        training=training,
        held_out=encoded_set(encode(tokenizer, form, held), context=context, too_long="drop"),
        sides=held,
        card=card,
    )


def encode(tokenizer: Tokenizer, form: str, sides: Sequence[Side]) -> list[Encoded]:
    """Returns the texts of sides as tokens."""
    if not sides:
        return []
    asked, targets, places = zip(*sides, strict=True)
    return encode_pairs(tokenizer, form, asked, targets, places)


def marked_sides(sides: Sequence[Side], seed: int) -> list[Side]:
    """Returns a share of the sides again, with markers where both texts have the same."""
    drawn = random.Random(seed)
    made: list[Side] = []
    for asked, target, place in sides:
        if drawn.random() >= MARKED_SHARE:
            continue
        both = with_markers(asked.text, target, drawn)
        if both is not None:
            made.append((dataclasses.replace(asked, text=both[0]), both[1], place))
    return made


def facts(sides: Sequence[Side], encoded: Sequence[Encoded]) -> Iterable[Known]:
    """Yields what is known of each direction: how long its outputs usually are."""
    tokens: dict[Direction, list[float]] = defaultdict(list)
    lengths: dict[Direction, list[float]] = defaultdict(list)
    for (asked, target, _), text in zip(sides, encoded, strict=True):
        written = int(text.learned.sum())
        tokens[asked.direction].append(written / max(1, len(text.ids) - written))
        lengths[asked.direction].append(units(target) / units(asked.text))
    for direction, ratios in tokens.items():
        yield Known(
            source=direction.source,
            target=direction.target,
            ratio=round(median(ratios), 4),
            characters=round(median(lengths[direction]), 4),
            examples=len(ratios),
        )


def make_task(
    pairs: list[Pair], directions: Sequence[Direction], tokenizer: Tokenizer, form: str, settings: Settings, model: GPT
) -> tuple[Task, PackedStream, Lesson]:
    """Returns the task of learning from the pairs, its stream and the lesson."""
    context = row_length(settings, model.config)
    lesson = make_lesson(pairs, directions, tokenizer, form, settings, context)

    def packed(examples: EncodedSet) -> PackedStream:
        return PackedStream(examples, seed=settings.train.seed, context=context, padding_id=tokenizer.end_of_text_id)

    stream = packed(lesson.training)
    data: dict[str, Any] = {"examples": digest(lesson.training)}
    looks = TranslationLooks(
        held_out=packed(lesson.held_out) if len(lesson.held_out) else None,
        card=lesson.card,
        shown=tuple(some_of(lesson.sides, SHOWN)),
        scored=tuple(some_of(lesson.sides, SCORED)),
    )
    task = Task(
        objective=NextToken(z_loss=settings.train.z_loss, smoothing=settings.tune.label_smoothing),
        stream=stream,
        context=context,
        data=data,
        looks=looks,
        beside={CARD_FILE: lesson.card.as_dict()},
    )
    return task, stream, lesson


def some_of(sides: Sequence[Side], count: int) -> Iterable[Side]:
    """Yields so many sides of each direction, evenly spread."""
    by_direction: dict[Direction, list[Side]] = defaultdict(list)
    for side in sides:
        by_direction[side[0].direction].append(side)
    for some in by_direction.values():
        step = max(1, len(some) // count)
        yield from some[::step][:count]


def row_length(settings: Settings, config: ModelConfig) -> int:
    """Returns the positions of a training row: sentence pairs are short, so several share one."""
    return min(settings.tune.context or min(USUAL_CONTEXT, 512), config.context)


def with_dropout(model: GPT, share: float) -> None:
    """Has a model drop this share of what its layers add while it is trained."""
    model.config = config = dataclasses.replace(model.config, dropout=share)

    def change(part: nn.Module, name: str, value: Any) -> None:
        if hasattr(part, name):
            setattr(part, name, value)

    for block in model.blocks:
        change(block, "dropout", share)
        for part in block.modules():
            change(part, "config", config)


Chosen = Callable[[str], bool]
FRESH: dict[str, Any] = {
    "train.optimizer": "muon",
    "train.learning_rate": 0.0,
    "train.weight_decay": 0.1,
    "train.schedule": "linear",
    "train.warmup": 0.02,
    "train.average": 0.999,
    "tune.label_smoothing": 0.1,
    "tune.method": "full",
}
"""How a model learns that begins with nothing: by the optimizer of pretraining, with what keeps it from learning by
heart."""


def fresh_settings(settings: Settings, chosen: Chosen) -> Settings:
    """Returns the settings of a run that begins with nothing, as far as the user leaves them open."""
    return settings.replace({name: value for name, value in FRESH.items() if not chosen(name)})
