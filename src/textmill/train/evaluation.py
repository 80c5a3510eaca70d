"""What a run measures of itself as it goes: bits per byte on held-out documents, and samples of fixed prompts."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from textmill.evaluate.bits_per_byte import BitsPerByte, bits_per_byte
from textmill.infer.generate import generate
from textmill.infer.sampling import SamplingSettings
from textmill.model.gpt import GPT
from textmill.model.modes import evaluating
from textmill.tokenizer.tokenizer import Tokenizer
from textmill.tokenizer.tokens import TokenSplit


@contextmanager
def undisturbed(model: GPT) -> Iterator[None]:
    """Runs a block in evaluation mode, eagerly, and leaves the model's mode and random state as they were.

    Eagerly, because each new shape would be compiled anew.
    """
    random_state = torch.get_rng_state()
    try:
        with evaluating(model), torch.inference_mode(), torch.compiler.set_stance("force_eager"):
            yield
    finally:
        torch.set_rng_state(random_state)


def held_out_documents(split: TokenSplit, tokens: int) -> Iterator[tuple[np.ndarray, int]]:
    """Yields (ids without the boundary token, UTF-8 bytes) of evenly spread documents, about `tokens` tokens in all.

    Evenly spread, because neighbours come from one source and one language.
    """
    for index in _spread(split, tokens):
        start, end = int(split.offsets[index]), int(split.offsets[index + 1])
        yield np.asarray(split.array[start + 1 : end], dtype=np.int64), int(split.document_bytes[index])


def _spread(split: TokenSplit, tokens: int) -> list[int]:
    count = len(split.offsets) - 1
    wanted = max(1, min(count, round(count * tokens / max(1, int(split.offsets[-1])))))
    return np.linspace(0, count - 1, wanted).round().astype(int).tolist()


def sizes_of(split: TokenSplit, tokens: int) -> np.ndarray:
    """Returns the UTF-8 bytes of the documents that `held_out_documents` yields."""
    return np.asarray(split.document_bytes, dtype=np.int64)[_spread(split, tokens)]


def measure(model: GPT, split: TokenSplit, tokenizer: Tokenizer, *, tokens: int, dtype: torch.dtype) -> BitsPerByte:
    """Returns bits per byte over about `tokens` tokens of `split`."""
    with undisturbed(model):
        return bits_per_byte(
            model,
            held_out_documents(split, tokens),
            end_of_text_id=tokenizer.end_of_text_id,
            context=model.config.context,
            autocast=dtype if dtype == torch.bfloat16 else None,
            keep_documents=True,
        )


def write_samples(model: GPT, tokenizer: Tokenizer, prompts: tuple[str, ...], tokens: int) -> list[dict[str, Any]]:
    """Returns {"prompt", "text"} for each prompt, drawn with a fixed seed so that steps can be compared."""
    settings = SamplingSettings(temperature=0.8, top_p=0.95, max_tokens=tokens, seed=0)
    samples = []
    with undisturbed(model):
        for prompt in prompts:
            result = generate(model, tokenizer, prompt, settings)[0]
            samples.append({"prompt": prompt, "text": result.text})
    return samples
