"""The values of a step that the recording does not keep, made of its inputs by the model's own parts, one rule a kind.

Shapes: T tokens, D width, H heads, G key/value heads, K head width, S keys, V vocabulary; there is no batch axis.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from textmill.inspect.steps import Step
from textmill.model.attention import attention_bias, causal_mask
from textmill.model.positions import rotate as rotate_heads

if TYPE_CHECKING:
    from textmill.inspect.recording import Recording

Rule = Callable[["Recording", Step, int | None], Tensor]


def given(recording: "Recording", step: Step, index: int | None, place: int = 0) -> Tensor:
    """Returns a step's input; of a large one the part that the step itself is made for."""
    name = step.inputs[place]
    if recording.step(name).large:
        assert index is not None
        return recording.part(name, index)
    whole = recording.tensor(name)
    return whole if index is None else whole[index]


def by_token(x: Tensor) -> Tensor:
    """Returns heads (H T K) joined to one row a token (T H·K)."""
    return x.transpose(0, 1).flatten(1) if x.ndim == 3 else x


def by_head(x_TD: Tensor, heads: int) -> Tensor:
    """Returns rows (T H·K) as heads (H T K)."""
    return x_TD.view(x_TD.shape[0], heads, -1).transpose(0, 1)


def lookup(recording: "Recording", step: Step, index: int | None) -> Tensor:
    """Returns the tokens' rows of the table."""
    return recording.weight("token_embedding.weight")[recording.ids]


def position(recording: "Recording", step: Step, index: int | None) -> Tensor:
    """Returns the first rows of the table of positions."""
    return recording.weight("position_embedding.weight")[: len(recording.ids)]


def same(recording: "Recording", step: Step, index: int | None) -> Tensor:
    """Returns the input as it is."""
    return given(recording, step, index)


def scale(recording: "Recording", step: Step, index: int | None) -> Tensor:
    """Returns the input times the step's factor."""
    return given(recording, step, index) * step.factor


def add(recording: "Recording", step: Step, index: int | None) -> Tensor:
    """Returns the sum of both inputs."""
    return given(recording, step, index) + given(recording, step, index, 1)


def norm(recording: "Recording", step: Step, index: int | None) -> Tensor:
    """Returns the normed input: rows, each head alone, or all heads of a token together."""
    x, module = given(recording, step, index), recording.module(step)
    if x.ndim == 3 and recording.model.config.qk_norm_joint:
        return by_head(module(by_token(x)), x.shape[0])
    return module(x)


def linear(recording: "Recording", step: Step, index: int | None) -> Tensor:
    """Returns the input times a matrix; heads are joined before it, or parted behind it."""
    out = recording.module(step)(by_token(given(recording, step, index)))
    return by_head(out, recording.shape(step.name)[0]) if len(step.axes) == 3 else out


def rotate(recording: "Recording", step: Step, index: int | None) -> Tensor:
    """Returns queries or keys turned by the angles of their positions."""
    cos_TP, sin_TP = angles(recording, step.layer)
    return rotate_heads(given(recording, step, index)[None], cos_TP[None], sin_TP[None])[0]


def angles(recording: "Recording", layer: int) -> tuple[Tensor, Tensor]:
    """Returns a layer's cosines and sines (T P)."""
    length = len(recording.ids)
    made = recording.model.ropes(torch.arange(length, device=recording.device)[None], length)[layer]
    assert made is not None
    return made[0][0], made[1][0]


def score(recording: "Recording", step: Step, index: int | None) -> Tensor:
    """Returns a head's products of queries and keys, scaled."""
    assert index is not None
    q_HTK, k_GSK = recording.tensor(step.inputs[0]), recording.tensor(step.inputs[1])
    groups = len(q_HTK) // len(k_GSK)
    return (q_HTK[index] @ k_GSK[index // groups].T) * recording.model.blocks[step.layer].attention.scale  # type: ignore[union-attr]


def cap(recording: "Recording", step: Step, index: int | None) -> Tensor:
    """Returns the input bent to ± the step's factor."""
    return step.factor * torch.tanh(given(recording, step, index) / step.factor)


def bias(recording: "Recording", layer: int, head: int) -> Tensor:
    """Returns what is added to a head's scores (T S): 0 or −∞, or with ALiBi the penalty of distance."""
    length = len(recording.ids)
    made = attention_bias(recording.model.config, layer, queries=length, keys=length, device=recording.device)
    if made is None:
        made = causal_mask(length, length, recording.device)
    found = made[0, head if made.shape[1] > 1 else 0]
    if found.dtype == torch.bool:
        return torch.zeros(found.shape, device=found.device).masked_fill(~found, float("-inf"))
    return found


def mask(recording: "Recording", step: Step, index: int | None) -> Tensor:
    """Returns a head's scores where it may look, −∞ elsewhere."""
    assert index is not None
    return given(recording, step, index) + bias(recording, step.layer, index)


def softmax(recording: "Recording", step: Step, index: int | None) -> Tensor:
    """Returns a head's weights; a sink takes its share and is left out."""
    assert index is not None
    score_TS = given(recording, step, index)
    sinks = recording.model.blocks[step.layer].attention.sinks  # type: ignore[union-attr]
    if sinks is None:
        return score_TS.float().softmax(dim=-1)
    sink_T1 = sinks[index].expand(len(score_TS), 1)  # type: ignore[index]
    return torch.cat((score_TS, sink_T1), dim=-1).float().softmax(dim=-1)[:, :-1]


def mix(recording: "Recording", step: Step, index: int | None) -> Tensor:
    """Returns the heads: values weighted by attention."""
    v_GSK = recording.tensor(step.inputs[1])
    heads = recording.model.config.heads
    groups = heads // len(v_GSK)
    return torch.stack([recording.part(step.inputs[0], head) @ v_GSK[head // groups] for head in range(heads)])


def activation(kind: str, x: Tensor) -> Tensor:
    """Returns the bent values: GELU in either form, SiLU or ReLU²."""
    if kind == "swiglu":
        return F.silu(x)
    if kind == "relu2":
        return F.relu(x).square()
    return F.gelu(x, approximate="none" if kind == "gelu_exact" else "tanh")


def activate(recording: "Recording", step: Step, index: int | None) -> Tensor:
    """Returns the hidden values of a feed-forward part."""
    bent = activation(recording.model.config.feed_forward_kind, given(recording, step, index))
    return bent * given(recording, step, index, 1) if len(step.inputs) == 2 else bent


def choice(recording: "Recording", step: Step, index: int | None) -> Tensor:
    """Returns how much each expert counts for each token, 0 for those that were not chosen."""
    config = recording.model.config
    probability_TE = given(recording, step, index).float().softmax(dim=-1)
    weight_Tk, choice_Tk = probability_TE.topk(config.experts_per_token, dim=-1)
    if config.norm_expert_weights:
        weight_Tk = weight_Tk / weight_Tk.sum(dim=-1, keepdim=True)
    return torch.zeros_like(probability_TE).scatter(1, choice_Tk, weight_Tk)


def experts(recording: "Recording", step: Step, index: int | None) -> Tensor:
    """Returns the chosen experts' outputs, weighted and added."""
    return recording.module(step)(given(recording, step, index, 1)[None])[0]


def probability(recording: "Recording", step: Step, index: int | None) -> Tensor:
    """Returns the softmax over the whole vocabulary."""
    return given(recording, step, index).float().softmax(dim=-1)


RULES: dict[str, Rule] = {
    "lookup": lookup,
    "position": position,
    "same": same,
    "scale": scale,
    "add": add,
    "norm": norm,
    "linear": linear,
    "rotate": rotate,
    "score": score,
    "cap": cap,
    "mask": mask,
    "softmax": softmax,
    "mix": mix,
    "activate": activate,
    "choice": choice,
    "experts": experts,
    "probability": probability,
}
