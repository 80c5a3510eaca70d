"""The steps of one forward pass, in order: what each is called, its axes, what it is made of, and by which rule.

A step's `kind` is the rule (see compute.py, which makes its values, and explain.py, which tells how one came about);
its `inputs` are the steps before it, so one can walk from any number back to the token. Which steps there are follows
from the configuration alone; a part that only some models have (a norm on queries, a second norm) is a step only there.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from textmill.model.config import ModelConfig

TOKENS = ("token", "width")
SQUARE = ("head", "token", "key")
HEADS, SHARED = ("head", "token", "head_width"), ("kv_head", "token", "head_width")
VOCABULARY = ("token", "vocabulary")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One tensor of the forward pass."""

    name: str
    """Where it is: "layer.3.attention.q"."""
    what: str
    """What it is, the same in all layers: "q"; its words are the catalogue's ``inspect.step_q``."""
    kind: str
    axes: tuple[str, ...]
    inputs: tuple[str, ...] = ()
    module: str = ""
    """The part of the model that makes it: "blocks.3.attention.query"."""
    source: str = ""
    """Which line of the model it is (see sources.py); as `kind` where empty."""
    layer: int = -1
    factor: float = 1.0

    @property
    def large(self) -> bool:
        """True when it is made anew for every index of its first axis, and never kept."""
        return self.axes in (SQUARE, VOCABULARY)


def steps(config: ModelConfig) -> dict[str, Step]:
    """Returns the steps of a model by name, in order."""
    made = list(_embedding(config))
    stream = "embedding"
    for layer in range(config.layers):
        made += _layer(config, layer, stream)
        stream = f"layer.{layer}.residual"
    made += _head(config, stream)
    return {step.name: step for step in made}


def _embedding(config: ModelConfig) -> Iterator[Step]:
    """Tokens' vectors, positions' vectors, their sum. The last of them is called "embedding"."""
    parts: list[Step] = [Step(name="tokens", what="tokens", kind="lookup", axes=TOKENS, module="token_embedding")]
    if config.embedding_scale != 1.0:
        given, scale = (parts[-1].name,), config.embedding_scale
        parts.append(
            Step(
                name="scaled",
                what="scaled",
                kind="scale",
                axes=TOKENS,
                inputs=given,
                source="embedding_scale",
                factor=scale,
            )
        )
    if config.absolute_positions:
        given = (parts[-1].name, "positions")
        parts.append(
            Step(name="positions", what="positions", kind="position", axes=TOKENS, module="position_embedding")
        )
        parts.append(Step(name="sum", what="sum", kind="add", axes=TOKENS, inputs=given, source="add_positions"))
    if config.embedding_norm:
        parts.append(
            Step(
                name="first_norm",
                what="first_norm",
                kind="norm",
                axes=TOKENS,
                inputs=(parts[-1].name,),
                module="embedding_norm",
            )
        )
    yield from parts
    yield Step(name="embedding", what="embedding", kind="same", axes=TOKENS, inputs=(parts[-1].name,), source="embed")


def _layer(config: ModelConfig, layer: int, stream: str) -> Iterator[Step]:
    """One layer, from the residual stream before it to the one behind it."""
    place, at, block = config.norm_place, f"layer.{layer}.", f"blocks.{layer}."
    before = stream
    if place in ("pre", "both"):
        before = at + "attention.norm"
        yield _norm(before, "attention_norm", stream, block + "attention_norm", layer)
    yield from _attention(config, layer, before)
    yield from _added(config, layer, "attention", at + "attention.output", stream, at + "middle")
    start, before = (stream if config.parallel else at + "middle"), at + "feed_forward.norm"
    norm = "attention_norm" if config.parallel and config.shared_norm else "feed_forward_norm"
    if place in ("pre", "both"):
        yield _norm(before, "feed_forward_norm", start, block + norm, layer)
    else:
        before = start
    yield from _feed_forward(config, layer, before)
    yield from _added(config, layer, "feed_forward", at + "feed_forward.down", at + "middle", at + "residual")


def _norm(name: str, what: str, given: str, module: str, layer: int, axes: tuple[str, ...] = TOKENS) -> Step:
    return Step(name=name, what=what, kind="norm", axes=axes, inputs=(given,), module=module, layer=layer)


def _attention(config: ModelConfig, layer: int, given: str) -> Iterator[Step]:
    """Queries, keys, values, then for every head its scores, mask, softmax and weighted values, then all heads."""
    at, module = f"layer.{layer}.attention.", f"blocks.{layer}.attention."
    rotates = config.positions == "rope" and layer not in config.rope_skips
    for what, part, axes in (("q", "query", HEADS), ("k", "key", SHARED), ("v", "value", SHARED)):
        chain = [("plain", "linear")]
        if what != "v":
            chain += [("normed", "norm")] * config.qk_norm + [("rotated", "rotate")] * rotates
        source = given
        for place, (stage, kind) in enumerate(chain):
            last = place == len(chain) - 1
            name = f"{at}{what}" if last else f"{at}{what}.{stage}"
            made_by = module + part + ("_norm" if kind == "norm" else "")
            yield Step(
                name=name,
                what=what if last else f"{what}_{stage}",
                kind=kind,
                axes=axes,
                inputs=(source,),
                module="" if kind == "rotate" else made_by,
                source="project" if kind == "linear" else "",
                layer=layer,
            )
            source = name
    scored = (at + "q", at + "k")
    yield Step(name=at + "scores", what="scores", kind="score", axes=SQUARE, inputs=scored, layer=layer)
    masked = at + "scores"
    if config.attention_softcap:
        masked = at + "capped"
        cap = config.attention_softcap
        yield Step(
            name=masked, what="capped", kind="cap", axes=SQUARE, inputs=(at + "scores",), layer=layer, factor=cap
        )
    yield Step(name=at + "masked", what="masked", kind="mask", axes=SQUARE, inputs=(masked,), layer=layer)
    sink = "softmax_sinks" if config.attention_sinks else ""
    weighed = (at + "masked",)
    yield Step(
        name=at + "weights", what="weights", kind="softmax", axes=SQUARE, inputs=weighed, layer=layer, source=sink
    )
    mixed = (at + "weights", at + "v")
    yield Step(name=at + "heads", what="heads", kind="mix", axes=HEADS, inputs=mixed, layer=layer)
    yield Step(
        name=at + "output",
        what="attention_output",
        kind="linear",
        axes=TOKENS,
        inputs=(at + "heads",),
        module=module + "output",
        source="join",
        layer=layer,
    )


def _added(config: ModelConfig, layer: int, part: str, given: str, stream: str, name: str) -> Iterator[Step]:
    """What becomes of a part's output: norms and scale where the model has them, then the sum with the stream."""
    at, block = f"layer.{layer}.", f"blocks.{layer}."
    shared = part == "feed_forward" and config.parallel and config.shared_norm
    norm = block + ("attention_norm" if shared else f"{part}_norm")
    norms = {"output": norm, "both": f"{norm}_after"}
    if config.norm_place in norms:
        yield _norm(f"{at}{part}.after", f"{part}_after", given, norms[config.norm_place], layer)
        given = f"{at}{part}.after"
    if config.residual_scale != 1.0:
        scaled = f"{at}{part}.scaled"
        scale = config.residual_scale
        yield Step(
            name=scaled,
            what="part_scaled",
            kind="scale",
            axes=TOKENS,
            inputs=(given,),
            layer=layer,
            factor=scale,
            source="residual_scale",
        )
        given = scaled
    what = name.rpartition(".")[2]
    if config.norm_place == "post":
        added = f"{name}.sum"
        yield Step(name=added, what=f"{what}_sum", kind="add", axes=TOKENS, inputs=(stream, given), layer=layer)
        yield _norm(name, what, added, norm, layer)
    else:
        yield Step(name=name, what=what, kind="add", axes=TOKENS, inputs=(stream, given), layer=layer)


def _feed_forward(config: ModelConfig, layer: int, given: str) -> Iterator[Step]:
    """What looks at one position at a time: its hidden values and what comes of them."""
    at, module, wide = f"layer.{layer}.feed_forward.", f"blocks.{layer}.feed_forward.", ("token", "hidden")
    if config.experts:
        routed, router = ("token", "expert"), module + "router"
        yield Step(
            name=at + "router", what="router", kind="linear", axes=routed, inputs=(given,), module=router, layer=layer
        )
        yield Step(name=at + "choice", what="choice", kind="choice", axes=routed, inputs=(at + "router",), layer=layer)
        made = (at + "choice", given)
        yield Step(
            name=at + "down",
            what="down",
            kind="experts",
            axes=TOKENS,
            inputs=made,
            module=module.rstrip("."),
            layer=layer,
        )
        return
    gated = config.feed_forward_kind in ("swiglu", "geglu")
    for part in ("gate", "up") if gated else ("up",):
        yield Step(
            name=at + part, what=part, kind="linear", axes=wide, inputs=(given,), module=module + part, layer=layer
        )
    made = (at + "gate", at + "up") if gated else (at + "up",)
    kind = config.feed_forward_kind
    yield Step(name=at + "hidden", what="hidden", kind="activate", axes=wide, inputs=made, source=kind, layer=layer)
    yield Step(
        name=at + "down",
        what="down",
        kind="linear",
        axes=TOKENS,
        inputs=(at + "hidden",),
        module=module + "down",
        source=f"down_{'gated' if gated else kind}",
        layer=layer,
    )


def _head(config: ModelConfig, stream: str) -> Iterator[Step]:
    """From the last residual stream to the probability of every token of the vocabulary."""
    if config.norm_place == "post":
        yield Step(name="normed", what="normed", kind="same", axes=TOKENS, inputs=(stream,), source="final_norm")
    else:
        yield Step(name="normed", what="normed", kind="norm", axes=TOKENS, inputs=(stream,), module="norm")
    plain = "logits.plain" if config.logit_softcap or config.logit_divisor != 1.0 else "logits"
    yield Step(
        name=plain, what="logits", kind="linear", axes=VOCABULARY, inputs=("normed",), module="output", source="logits"
    )
    if config.logit_divisor != 1.0:
        name, factor = ("logits.divided" if config.logit_softcap else "logits"), 1.0 / config.logit_divisor
        yield Step(
            name=name,
            what="logits_divided",
            kind="scale",
            axes=VOCABULARY,
            inputs=(plain,),
            source="logit_divisor",
            factor=factor,
        )
        plain = name
    if config.logit_softcap:
        cap = config.logit_softcap
        yield Step(
            name="logits",
            what="logits_capped",
            kind="cap",
            axes=VOCABULARY,
            inputs=(plain,),
            source="logit_softcap",
            factor=cap,
        )
    yield Step(name="probabilities", what="probabilities", kind="probability", axes=VOCABULARY, inputs=("logits",))
