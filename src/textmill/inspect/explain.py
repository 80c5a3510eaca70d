"""Show me this number: how one value of a step came about, with its operands, and where to look for theirs.

    explain(recording, "layer.0.attention.scores", (2, 5, 3)) ─▶ Number
        formula   z[h, t, j] = Σₖ q[h, t, k] · k[g(h), j, k] · scale
        operands  q[2, 5, :] and k[1, 3, :], with every value
        made      the formula worked out again on the operands alone, in double precision

`made` is computed here from the operands that are shown, `value` is the model's; a test holds both equal.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textmill.inspect.asked import Asked, Index, Operand
from textmill.inspect.formulas import FORMULAS
from textmill.inspect.sources import Source, source
from textmill.inspect.steps import Step
from textmill.inspect.ways import WAYS

if TYPE_CHECKING:
    from textmill.inspect.recording import Recording


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """One value of a step and how it came about."""

    name: str
    index: Index
    value: float
    formula: str
    filled: str
    made: float
    operands: tuple[Operand, ...]
    source: Source


def explain(recording: "Recording", name: str, index: Index) -> Number:
    """Returns how the value at `index` of the step `name` came about."""
    step = recording.step(name)
    value = recording.value(name, index)
    operands, made, filled = WAYS[step.kind](Asked(recording=recording, step=step, index=index))
    formula = FORMULAS[formula_key(recording, step)]
    line = source(source_key(recording, step, index))
    return Number(
        name=name, index=index, value=value, formula=formula, filled=filled, made=made, operands=operands, source=line
    )


def formula_key(recording: "Recording", step: Step) -> str:
    """Returns which formula a step follows."""
    config = recording.model.config
    if step.kind == "norm":
        return "norm_layer" if config.norm == "layer" else "norm_offset" if config.norm_offset else "norm_rms"
    if step.kind == "linear":
        return "join" if step.what == "attention_output" else "project" if len(step.axes) == 3 else "linear"
    if step.kind == "activate":
        return config.feed_forward_kind
    return "softmax_sinks" if step.kind == "softmax" and config.attention_sinks else step.kind


def source_key(recording: "Recording", step: Step, index: Index) -> str:
    """Returns which line of the source makes a step."""
    if step.kind == "norm":
        return formula_key(recording, step)
    if step.kind == "mask" and recording.model.config.positions == "alibi":
        return "mask_bias"
    if step.what in ("gate", "router"):
        return step.what
    return step.source or step.kind
