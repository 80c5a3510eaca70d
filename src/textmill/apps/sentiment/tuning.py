"""From labelled texts to a tuning of a model's weights, by the trainer that tunes everything else (`tune.start`)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from textmill.apps.sentiment.form import Form
from textmill.apps.sentiment.objective import ChooseLabel, LabelLooks
from textmill.apps.sentiment.reading import MARGIN, Prompt, parts_of, prompt_of
from textmill.config import Settings
from textmill.infer.resolve import LoadedModel
from textmill.tokenizer.tokenizer import Tokenizer
from textmill.tune.encoded import Encoded, encoded_set
from textmill.tune.packing import PackedStream
from textmill.tune.plan import context_of, laid_out
from textmill.tune.sft import digest
from textmill.tune.start import Task

TEXTS_A_STEP = 32
RATE = 0.02
"""Over the width: a third of what other tuning takes, since steps are small and many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """Texts and the numbers of their labels."""

    texts: tuple[str, ...]
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.texts)

    def rows(self, places: Sequence[int] | np.ndarray) -> "Labelled":
        """Returns some of them."""
        return Labelled(texts=tuple(self.texts[place] for place in places), labels=self.labels[list(places)])


def encoded(rows: Labelled, tokenizer: Tokenizer, prompt: Prompt, window: int) -> list[Encoded]:
    """Returns each part of each text with its prompt and label; only the label is learned."""
    made = []
    for ids, label in zip(tokenizer.encode_batch(list(rows.texts)), rows.labels, strict=True):
        for part in parts_of(ids, window):
            whole = np.array([*prompt.before, *part, *prompt.after, prompt.answers[label][0]], dtype=np.int32)
            made.append(Encoded(ids=whole, learned=np.arange(len(whole)) == len(whole) - 1))
    return made


def label_task(
    base: LoadedModel,
    form: Form,
    training: Labelled,
    held_out: Labelled,
    settings: Settings,
    chosen: Callable[[str], bool],
) -> tuple[Task, Settings]:
    """Returns what is tuned towards and the whole settings; `form`'s answers are told apart by their first tokens."""
    tokenizer, config = base.tokenizer, base.model.config
    prompt, context = prompt_of(form, tokenizer), context_of(settings, config)
    around = len(prompt.before) + len(prompt.after) + 1
    window = max(MARGIN, min(form.window, context - around))

    def stream_of(rows: Labelled) -> PackedStream:
        examples = encoded_set(encoded(rows, tokenizer, prompt, window), context=context)
        padding = tokenizer.end_of_text_id
        return PackedStream(examples, seed=settings.train.seed, context=context, padding_id=padding)

    stream = stream_of(training)
    settings = laid_out(settings, chosen, config, context=context, epoch_rows=stream.epoch_rows)
    settings = settings.replace(steps_of(stream, settings, chosen, config.width))
    objective = ChooseLabel([answer[0] for answer in prompt.answers])
    task = Task(
        objective=objective,
        stream=stream,
        context=context,
        data={"examples": digest(stream.examples)},
        looks=LabelLooks(objective, stream_of(held_out) if len(held_out) else None),
    )
    return task, settings


def steps_of(stream: PackedStream, settings: Settings, chosen: Callable[[str], bool], width: int) -> dict[str, object]:
    """Returns the step's size, their number and the rate, where the user does not say so."""
    context = stream.context
    rows_a_step = max(1, round(TEXTS_A_STEP * stream.epoch_rows / max(1, stream.epoch_learned_tokens)))
    if chosen("train.batch_tokens"):
        rows_a_step = max(1, settings.train.batch_tokens // context)
    steps = max(1, round(stream.epoch_rows * settings.tune.epochs / rows_a_step))
    every = max(5, -(-steps // 6))
    full = settings.tune.method == "full"
    values: dict[str, object] = {
        "train.batch_tokens": rows_a_step * context,
        "train.steps": steps,
        "train.learning_rate": RATE / width * (1.0 if full else 10.0),
        "train.warmup": 0.1,
        "checkpoint.every": every,
        "evaluate.every": every,
    }
    return {name: value for name, value in values.items() if not chosen(name)}
