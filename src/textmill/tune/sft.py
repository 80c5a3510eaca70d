"""Supervised tuning: the model learns to write what the answers in the examples say, and nothing else of them."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from textmill.config import Settings
from textmill.model.config import ModelConfig
from textmill.progress import Progress, silent
from textmill.tokenizer.tokenizer import Tokenizer
from textmill.train.objective import NextToken
from textmill.tune.encoded import EncodedSet, encoded_set
from textmill.tune.looks import TuningLooks
from textmill.tune.packing import PackedStream
from textmill.tune.plan import context_of
from textmill.tune.prepare import Prepared, prepare
from textmill.tune.start import Task


def supervised(
    paths: Sequence[str | Path],
    tokenizer: Tokenizer,
    settings: Settings,
    config: ModelConfig,
    *,
    validation: Sequence[str | Path] = (),
    general: Sequence[str] = (),
    progress: Progress = silent,
) -> tuple[Task, PackedStream, Prepared]:
    """Returns the task of learning from the examples of `paths`, its stream, and what was read.

    `validation`: examples to measure on instead of a share of those. InputError where the checks refuse the data.
    """
    context = context_of(settings, config)
    if validation:
        settings = settings.replace({"tune.held_out_share": 0.0})
    found = prepare(paths, tokenizer, settings, context=context, against=validation, progress=progress)
    training, held_out = found.packed(context, settings.tune.too_long)
    if validation:
        other = prepare(validation, tokenizer, settings, context=context)
        texts = (text for row in (*other.training, *other.held_out) for text in row.texts)
        held_out = encoded_set(texts, context=context, too_long=settings.tune.too_long)

    def packed(examples: EncodedSet) -> PackedStream:
        return PackedStream(examples, seed=settings.train.seed, context=context, padding_id=tokenizer.end_of_text_id)

    stream = packed(training)
    task = Task(
        objective=NextToken(z_loss=settings.train.z_loss, smoothing=settings.tune.label_smoothing),
        stream=stream,
        context=context,
        data={"examples": digest(training)},
        looks=TuningLooks(held_out=packed(held_out) if len(held_out) else None, general=tuple(general)),
    )
    return task, stream, found


def digest(examples: EncodedSet) -> str:
    """Returns a SHA-256 over the tokens and which are learned."""
    hashed = hashlib.sha256(examples.ids.tobytes())
    hashed.update(examples.learned.tobytes())
    hashed.update(examples.offsets.tobytes())
    return hashed.hexdigest()
