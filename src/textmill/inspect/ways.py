"""How a number comes about, one way a kind of step: its operands, and the formula worked out on them alone."""

import math

import torch

from textmill.inspect.asked import Asked, Told, dot
from textmill.inspect.compute import activation, angles, bias
from textmill.inspect.formulas import filled_sum, plain_number


def tell_lookup(asked: Asked) -> Told:
    """A row of the table of embeddings."""
    token, place = asked.index
    row = asked.recording.ids[token]
    found = asked.weight("E", "token_embedding.weight", (row, place))
    return (found,), found.values[0], f"E[{row}, {place}] = {plain_number(found.values[0])}"


def tell_position(asked: Asked) -> Told:
    """A row of the table of positions."""
    found = asked.weight("P", "position_embedding.weight", asked.index)
    return (found,), found.values[0], f"P[{asked.index[0]}, {asked.index[1]}] = {plain_number(found.values[0])}"


def tell_same(asked: Asked) -> Told:
    """The input itself."""
    found = asked.step_operand("x", 0, asked.index)
    return (found,), found.values[0], plain_number(found.values[0])


def tell_scale(asked: Asked) -> Told:
    """A product with a number of the configuration."""
    found, factor = asked.step_operand("x", 0, asked.index), asked.constant("c", asked.step.factor)
    made = found.values[0] * asked.step.factor
    return (found, factor), made, f"{plain_number(found.values[0])} · {plain_number(asked.step.factor)}"


def tell_add(asked: Asked) -> Told:
    """A sum of two steps."""
    left, right = asked.step_operand("x", 0, asked.index), asked.step_operand("y", 1, asked.index)
    made = left.values[0] + right.values[0]
    return (left, right), made, f"{plain_number(left.values[0])} + {plain_number(right.values[0])}"


def tell_norm(asked: Asked) -> Told:
    """A row divided by its size; for heads the row is one head's, or all heads' of a token."""
    recording, step, index = asked.recording, asked.step, asked.index
    config, module = recording.model.config, recording.module(step)
    place = index[-1]
    if len(index) == 3 and config.qk_norm_joint:
        row = asked.step_operand("x", 0, (None, index[1], None))
        place = index[0] * config.head_width + index[-1]
    else:
        row = asked.step_operand("x", 0, (*index[:-1], None))
    weight = asked.weight("w", step.module + ".weight", (place,))
    factor, count = weight.values[0] + (1.0 if config.norm_offset and config.norm == "rms" else 0.0), len(row.values)
    if config.norm == "layer":
        shift = asked.weight("b", step.module + ".bias", (place,))
        mean = math.fsum(row.values) / count
        size = math.sqrt(math.fsum((x - mean) ** 2 for x in row.values) / count + module.eps)
        made = (row.values[place] - mean) / size * factor + shift.values[0]
        filled = (
            f"({plain_number(row.values[place])} − {plain_number(mean)}) / {plain_number(size)}"
            f" · {plain_number(factor)} + {plain_number(shift.values[0])}"
        )
        return (row, weight, shift, asked.constant("ε", module.eps)), made, filled
    size = math.sqrt(math.fsum(x * x for x in row.values) / count + module.eps)
    made = row.values[place] / size * factor
    filled = f"{plain_number(row.values[place])} / {plain_number(size)} · {plain_number(factor)}"
    return (row, weight, asked.constant("ε", module.eps)), made, filled


def tell_linear(asked: Asked) -> Told:
    """A row times a row of a matrix, and a bias where there is one."""
    step, index, config = asked.step, asked.index, asked.recording.model.config
    out = index[0] * config.head_width + index[2] if len(index) == 3 else index[-1]
    token = index[1] if len(index) == 3 else index[0]
    heads = step.what == "attention_output"
    row = asked.step_operand("x", 0, (None, token, None) if heads else (token, None))
    weight = asked.weight("W", step.module + ".weight", (out, None))
    operands, shift = [row, weight], 0.0
    if asked.recording.module(step).bias is not None:
        operands.append(asked.weight("b", step.module + ".bias", (out,)))
        shift = operands[-1].values[0]
    return tuple(operands), dot(row, weight) + shift, filled_sum(row.values, weight.values, shift)


def tell_rotate(asked: Asked) -> Told:
    """A pair of dimensions turned by the angle of the position."""
    head, token, place = asked.index
    cos_TP, sin_TP = angles(asked.recording, asked.step.layer)
    half = cos_TP.shape[1]
    itself = asked.step_operand("x", 0, asked.index)
    if place >= 2 * half:
        return (itself,), itself.values[0], plain_number(itself.values[0])
    other_place = place + half if place < half else place - half
    other = asked.step_operand("y", 0, (head, token, other_place))
    cos, sin = float(cos_TP[token, place % half]), float(sin_TP[token, place % half])
    sign = -1.0 if place < half else 1.0
    made = itself.values[0] * cos + sign * other.values[0] * sin
    filled = (
        f"{plain_number(itself.values[0])} · {plain_number(cos)} {'−' if sign < 0 else '+'} "
        f"{plain_number(other.values[0])} · {plain_number(sin)}"
    )
    return (itself, other, asked.constant("cos", cos), asked.constant("sin", sin)), made, filled


def tell_score(asked: Asked) -> Told:
    """A query times a key."""
    head, token, key = asked.index
    config = asked.recording.model.config
    shared = head // (config.heads // config.kv_heads)
    query, other = asked.step_operand("q", 0, (head, token, None)), asked.step_operand("k", 1, (shared, key, None))
    scale = float(asked.recording.model.blocks[asked.step.layer].attention.scale)  # type: ignore[union-attr,arg-type]
    filled = f"({filled_sum(query.values, other.values, 0.0)}) · {plain_number(scale)}"
    return (query, other, asked.constant("scale", scale)), dot(query, other) * scale, filled


def tell_cap(asked: Asked) -> Told:
    """A value bent to stay within ± c."""
    found, limit = asked.step_operand("x", 0, asked.index), asked.step.factor
    made = limit * math.tanh(found.values[0] / limit)
    filled = f"{plain_number(limit)} · tanh({plain_number(found.values[0])} / {plain_number(limit)})"
    return (found, asked.constant("c", limit)), made, filled


def tell_mask(asked: Asked) -> Told:
    """A score, and what the mask adds to it."""
    head, token, key = asked.index
    found = asked.step_operand("x", 0, asked.index)
    added = float(bias(asked.recording, asked.step.layer, head)[token, key])
    made = found.values[0] + added
    return (found, asked.constant("m", added)), made, f"{plain_number(found.values[0])} + {plain_number(added)}"


def tell_softmax(asked: Asked) -> Told:
    """A score's share among those of its row."""
    head, token, key = asked.index
    row = asked.step_operand("x", 0, (head, token, None))
    operands, others = [row], list(row.values)
    sinks = asked.recording.model.blocks[asked.step.layer].attention.sinks  # type: ignore[union-attr]
    if sinks is not None:
        operands.append(asked.weight("z", f"blocks.{asked.step.layer}.attention.sinks", (head,)))
        others.append(operands[-1].values[0])
    top = max(others)
    total = math.fsum(math.exp(x - top) for x in others)
    made = math.exp(row.values[key] - top) / total
    filled = f"exp({plain_number(row.values[key])} − {plain_number(top)}) / {plain_number(total)}"
    return tuple(operands), made, filled


def tell_mix(asked: Asked) -> Told:
    """Values weighted by attention."""
    head, token, place = asked.index
    config = asked.recording.model.config
    shared = head // (config.heads // config.kv_heads)
    weights, values = asked.step_operand("a", 0, (head, token, None)), asked.step_operand("v", 1, (shared, None, place))
    return (weights, values), dot(weights, values), filled_sum(weights.values, values.values, 0.0)


def tell_activate(asked: Asked) -> Told:
    """A bent value, times its gate's partner where there is one."""
    kind = asked.recording.model.config.feed_forward_kind
    first = asked.step_operand("x", 0, asked.index)
    bent = float(activation(kind, torch.tensor(first.values[0], dtype=torch.float64)))
    if len(asked.step.inputs) == 1:
        return (first,), bent, plain_number(bent)
    second = asked.step_operand("u", 1, asked.index)
    return (first, second), bent * second.values[0], f"{plain_number(bent)} · {plain_number(second.values[0])}"


def tell_choice(asked: Asked) -> Told:
    """An expert's share of a token; 0 where it was not chosen."""
    token, expert = asked.index
    config = asked.recording.model.config
    row = asked.step_operand("x", 0, (token, None))
    share = torch.tensor(row.values, dtype=torch.float64).softmax(dim=-1)
    best = share.topk(config.experts_per_token).indices.tolist()
    total = float(share[best].sum()) if config.norm_expert_weights else 1.0
    made = float(share[expert]) / total if expert in best else 0.0
    return (row,), made, f"{plain_number(float(share[expert]))} / {plain_number(total)}" if made else "0"


def tell_experts(asked: Asked) -> Told:
    """The chosen experts' outputs, weighted."""
    token, place = asked.index
    weights, row = asked.step_operand("a", 0, (token, None)), asked.step_operand("x", 1, (token, None))
    module = asked.recording.module(asked.step)
    x = asked.recording.tensor(asked.step.inputs[1])[token]
    with torch.no_grad():
        outputs = [
            float(expert(x[None])[0, place]) if weights.values[n] else 0.0 for n, expert in enumerate(module.experts)
        ]
    made = math.fsum(a * y for a, y in zip(weights.values, outputs, strict=True))
    return (weights, row), made, filled_sum(weights.values, outputs, 0.0)


def tell_probability(asked: Asked) -> Told:
    """A logit's share among those of the whole vocabulary, of which the logarithm of their sum is shown."""
    token, _ = asked.index
    found = asked.step_operand("z", 0, asked.index)
    total = float(asked.recording.part(asked.step.inputs[0], token).double().logsumexp(dim=-1))
    made = math.exp(found.values[0] - total)
    filled = f"exp({plain_number(found.values[0])} − {plain_number(total)})"
    return (found, asked.constant("ln Σ exp z", total)), made, filled


WAYS = {
    "lookup": tell_lookup,
    "position": tell_position,
    "same": tell_same,
    "scale": tell_scale,
    "add": tell_add,
    "norm": tell_norm,
    "linear": tell_linear,
    "rotate": tell_rotate,
    "score": tell_score,
    "cap": tell_cap,
    "mask": tell_mask,
    "softmax": tell_softmax,
    "mix": tell_mix,
    "activate": tell_activate,
    "choice": tell_choice,
    "experts": tell_experts,
    "probability": tell_probability,
}
