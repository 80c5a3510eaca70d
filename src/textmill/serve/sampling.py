"""From checked parameters to the engine's settings."""

from collections.abc import Mapping
from typing import Any

from textmill.errors import UsageError
from textmill.infer.sampling import SamplingSettings
from textmill.serve.refusal import Refused

COMMON = ("temperature", "top_k", "top_p", "min_p", "typical_p", "repetition_penalty", "frequency_penalty")
MORE = ("presence_penalty", "dry_multiplier", "dry_base", "dry_allowed_length", "min_tokens")


def sampling_settings(
    values: Mapping[str, Any], *, max_tokens: int, vocabulary: int, n: int = 1, logprobs: int = 0, stop: tuple[str, ...]
) -> SamplingSettings:
    """Returns how to write; a text ends where the context is full."""
    breakers = values["dry_sequence_breakers"]
    more: dict[str, Any] = {} if breakers is None else {"dry_breakers": tuple(breakers)}
    if values["min_tokens"] > max_tokens:
        error = UsageError("serve.out_of_range", name="min_tokens", low=0, high=max_tokens, value=values["min_tokens"])
        raise Refused(error, param="min_tokens", code="out_of_range")
    return SamplingSettings(
        **{name: values[name] for name in (*COMMON, *MORE)},
        max_tokens=max_tokens,
        seed=-1 if values["seed"] is None else values["seed"],
        n=n,
        stop=stop,
        slide=False,
        logit_bias=biases(values["logit_bias"] or {}, vocabulary),
        bad_words=tuple(values["bad_words"] or ()),
        ignore_end=values["ignore_eos"],
        logprobs=logprobs,
        **more,
    ).seeded()


def biases(given: Mapping[str, float], vocabulary: int) -> tuple[tuple[int, float], ...]:
    """Returns logit_bias as (token id, addend)."""
    for name in given:
        if int(name) >= vocabulary:
            error = UsageError("serve.unknown_token", id=name, last=vocabulary - 1)
            raise Refused(error, param=f"logit_bias.{name}")
    return tuple((int(name), bias) for name, bias in given.items())


def stops(value: Any) -> tuple[str, ...]:
    """Returns `stop` as texts."""
    return (value,) if isinstance(value, str) else tuple(value or ())
