"""What a tuning looks at: the loss of examples held out, answers to fixed questions, and what was forgotten.

    held_out     nats a learned token of the examples held out, with a 95% interval over rows
    sample       answers to `tune.prompts`, drawn with a fixed seed
    general      bits per byte of general text, before the first step and behind the last

All go into the run's events under these names.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from textmill.checkpoints import mark_if_best
from textmill.evaluate.bits_per_byte import bits_per_byte
from textmill.evaluate.bootstrap import ratio_interval
from textmill.infer.generate import generate
from textmill.infer.sampling import SamplingSettings
from textmill.model.gpt import GPT
from textmill.tokenizer.chat_template import encode_chat
from textmill.tokenizer.tokenizer import Tokenizer
from textmill.train.evaluation import undisturbed
from textmill.train.run import Run
from textmill.train.step import batch_loss
from textmill.tune.general_text import general_documents
from textmill.tune.packing import PackedStream

LONGEST_GENERAL = 512
"""Tokens of context in which general text is scored; the same before and after."""
FINAL_FACTOR = 4
"""The last look at held-out examples reads this many times the tokens of those on the way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningLooks:
    """`Looks` of a tuning; `held_out` None: nothing was held out."""

    held_out: PackedStream | None
    general: Sequence[str] = ()
    """Documents; none: those of ours."""

    def evaluate(self, run: Run, *, last: bool) -> None:
        """Measures the held-out loss, and behind the last step what was forgotten."""
        with run.shown(), run.looked_at() as model:
            if model is None:
                return
            found = self.measure(run, model, last=last)
            general = self.bits(run, model) if last else None
        if found is not None:
            run.note_saved()  # only what is there can be the best
            mark_if_best(run.folder, run.state.step, found["loss"])
            run.event("held_out", **found)
        if general is not None:
            run.event("general", when="after", **general)

    def measure(self, run: Run, model: GPT, *, last: bool) -> dict[str, Any] | None:
        """Returns loss, interval, tokens and rows of the examples held out; None where there are none."""
        stream = self.held_out
        if stream is None or not stream.epoch_rows:
            return None
        tokens = run.settings.evaluate.tokens * (FINAL_FACTOR if last else 1)
        rows = min(stream.epoch_rows, max(1, tokens // stream.context))
        losses, counts = np.zeros(rows), np.zeros(rows)
        with undisturbed(model):
            for row in range(rows):
                batch = stream.batch(row, 1, stream.context).to(run.device)
                losses[row] = float(batch_loss(model, batch, run.dtype))
                counts[row] = stream.learned_tokens(row, 1)
        low, high = ratio_interval(losses, counts)
        loss = float(losses.sum() / counts.sum())
        return {"loss": loss, "low": low, "high": high, "learned_tokens": int(counts.sum()), "rows": rows}

    def before(self, run: Run) -> None:
        """Measures general text before the first step."""
        with run.looked_at() as model:
            general = self.bits(run, model) if model is not None else None
        if general is not None:
            run.event("general", when="before", **general)

    def bits(self, run: Run, model: GPT) -> dict[str, Any]:
        """Returns bits per byte of general text with its interval."""
        tokenizer = run.tokenizer
        documents = [(tokenizer.encode(text), len(text.encode())) for text in self.general or general_documents()]
        with undisturbed(model):
            result = bits_per_byte(
                model,
                documents,
                end_of_text_id=tokenizer.end_of_text_id,
                context=min(model.config.context, LONGEST_GENERAL),
                autocast=run.dtype if run.dtype == torch.bfloat16 else None,
            )
        values = result.as_dict()
        return {"bits_per_byte": values["value"]} | {name: values[name] for name in ("low", "high", "documents")}

    def sample(self, run: Run) -> None:
        """Has the model answer the questions of the settings."""
        with run.shown(), run.looked_at() as model:
            if model is None:
                return
            prompts, tokens = run.settings.tune.prompts, run.settings.evaluate.sample_tokens
            answers = answer(model, run.tokenizer, prompts, tokens)
        for sample in answers:
            run.event("sample", **sample)


def answer(model: GPT, tokenizer: Tokenizer, prompts: Sequence[str], tokens: int) -> list[dict[str, Any]]:
    """Returns {"prompt", "text"}: what the model says to each question, by its own chat template."""
    settings = SamplingSettings(temperature=0.7, top_p=0.95, max_tokens=tokens, seed=0)
    answers = []
    with undisturbed(model):
        for prompt in prompts:
            ids = encode_chat(tokenizer, [{"role": "user", "content": prompt}], add_generation_prompt=True)
            answers.append({"prompt": prompt, "text": generate(model, tokenizer, ids, settings)[0].text})
    return answers
