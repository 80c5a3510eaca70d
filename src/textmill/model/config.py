"""The shape of a model, as one frozen configuration; presets are functions.

`modern` is laid out as Qwen3 (RMSNorm before each part, rotary positions, norms on queries and keys, SwiGLU, no
biases), `classic` as GPT-2 (LayerNorm, learned or sinusoidal positions, GELU, biases): others run both unchanged.
Options beyond these two are for the families that are imported; what no other layout can say is refused at export.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from textmill.config import ModelSettings
from textmill.errors import ModelError

POSITIONS = ("rope", "learned", "sinusoidal", "alibi", "none")
NORMS = ("rms", "layer")
NORM_PLACES = ("pre", "post", "both", "output")
FEED_FORWARDS = ("gelu", "gelu_exact", "relu2", "swiglu", "geglu")
SIZES = ("vocabulary_size", "context", "layers", "width", "heads", "kv_heads", "head_width", "feed_forward")
ROPE_SCALINGS = ("none", "linear", "dynamic", "llama3", "yarn", "longrope")


@dataclass(frozen=True, slots=True, kw_only=True)
class RopeScaling:
    """How rotary frequencies are stretched past the trained context; the names are Hugging Face's.

    linear and dynamic: https://arxiv.org/abs/2306.15595 and NTK-aware scaling; yarn: https://arxiv.org/abs/2309.00071;
    llama3: the rule of Llama 3.1's reference code; longrope: https://arxiv.org/abs/2402.13753.
    """

    kind: str = "none"
    factor: float = 1.0
    original_context: int = 0
    low_frequency_factor: float = 1.0
    high_frequency_factor: float = 4.0
    beta_fast: float = 32.0
    beta_slow: float = 1.0
    attention_factor: float = 0.0
    """The multiplier of cosines and sines; 0 takes yarn's 0.1·ln(factor) + 1 or longrope's rule."""
    short_factors: tuple[float, ...] = ()
    """longrope: what each pair's frequency is divided by up to the original context …"""
    long_factors: tuple[float, ...] = ()
    """… and past it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """Everything that decides a model's computation; two equal configs compute the same from the same weights."""

    vocabulary_size: int
    context: int
    layers: int
    width: int
    heads: int
    kv_heads: int
    head_width: int
    feed_forward: int
    preset: str = "custom"
    positions: str = "rope"
    rope_theta: float = 10_000.0
    rope_fraction: float = 1.0
    """The share of each head's width that is rotated (GPT-NeoX, Phi: below 1)."""
    rope_scaling: RopeScaling = RopeScaling()
    window_rope_theta: float = 0.0
    """The base in layers with a window, unscaled (Gemma 3); 0: as in all others."""
    rope_skips: tuple[int, ...] = ()
    """Layers that rotate nothing (SmolLM3)."""
    norm: str = "rms"
    norm_place: str = "pre"
    norm_epsilon: float = 1e-6
    norm_offset: bool = False
    """RMSNorm's weight counts from 1: y = x / rms(x) · (1 + w), as Gemma stores it."""
    qk_norm: bool = False
    qk_norm_joint: bool = False
    """One norm over the queries (keys) of all heads together instead of one a head (OLMo 2)."""
    attention_bias: bool = False
    attention_output_bias: bool = False
    attention_scale: float = 0.0
    """Multiplier of the scores; 0 takes 1/√head_width."""
    windows: tuple[int, ...] = ()
    """Per layer, how many positions back attention sees, itself included; 0: all. Empty: all layers see all."""
    attention_softcap: float = 0.0
    attention_sinks: bool = False
    """A learned logit a head that takes part in the softmax and gives nothing (https://arxiv.org/abs/2309.17453)."""
    feed_forward_kind: str = "swiglu"
    feed_forward_bias: bool = False
    parallel: bool = False
    """Attention and feed-forward read the same input and are added together (GPT-NeoX, Falcon)."""
    shared_norm: bool = False
    """Under `parallel`: one norm for both."""
    residual_scale: float = 1.0
    """Multiplies what each part adds to the residual stream (Granite)."""
    experts: int = 0
    experts_per_token: int = 2
    norm_expert_weights: bool = True
    tied: bool = True
    embedding_scale: float = 1.0
    embedding_norm: bool = False
    """A norm right after the embedding (BLOOM)."""
    logit_softcap: float = 0.0
    logit_divisor: float = 1.0
    dropout: float = 0.0

    def __post_init__(self) -> None:
        _check_choice("positions", self.positions, POSITIONS)
        _check_choice("norm", self.norm, NORMS)
        _check_choice("norm_place", self.norm_place, NORM_PLACES)
        _check_choice("feed_forward_kind", self.feed_forward_kind, FEED_FORWARDS)
        _check_choice("rope_scaling.kind", self.rope_scaling.kind, ROPE_SCALINGS)
        for name in SIZES:
            if getattr(self, name) < 1:
                raise ModelError("model.not_positive", name=name, value=getattr(self, name))
        if self.heads % self.kv_heads:
            raise ModelError("model.kv_heads", heads=self.heads, kv_heads=self.kv_heads)
        if self.positions == "rope" and self.rotated_width % 2:
            raise ModelError("model.rope_width", value=self.rotated_width)
        if self.windows and len(self.windows) != self.layers:
            raise ModelError("model.windows", layers=self.layers, value=len(self.windows))
        if self.parallel and self.norm_place != "pre":
            raise ModelError("model.choice", name="norm_place", value=repr(self.norm_place), choices="pre")
        pairs = {len(factors) for factors in (self.rope_scaling.short_factors, self.rope_scaling.long_factors)}
        if self.rope_scaling.kind == "longrope" and pairs != {self.rotated_width // 2}:
            raise ModelError("model.rope_factors", expected=self.rotated_width // 2, value=sorted(pairs))
        if self.experts and not 1 <= self.experts_per_token <= self.experts:
            raise ModelError("model.experts", experts=self.experts, value=self.experts_per_token)

    @property
    def rotated_width(self) -> int:
        """How many of a head's dimensions RoPE rotates."""
        return int(self.head_width * self.rope_fraction)

    @property
    def absolute_positions(self) -> bool:
        """True when a token's own position, not only distances, enters the computation."""
        return self.positions in ("learned", "sinusoidal")

    def window(self, layer: int) -> int:
        """Returns how many positions back `layer` sees, itself included; 0: all."""
        return self.windows[layer] if self.windows else 0

    def as_dict(self) -> dict[str, Any]:
        """Returns a JSON-ready dictionary that `from_dict` reads back."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "ModelConfig":
        """Reads what `as_dict` wrote; a name, type or value that does not fit is a ModelError."""
        rope = _checked(RopeScaling, values.get("rope_scaling", {}))
        return cls(**_checked(cls, {**values, "rope_scaling": RopeScaling(**rope)}))


def modern(
    *,
    vocabulary_size: int,
    context: int,
    layers: int,
    width: int,
    heads: int,
    kv_heads: int = 0,
    feed_forward: int = 0,
    positions: str = "",
    dropout: float = 0.0,
    tied: bool = False,
) -> ModelConfig:
    """The default: laid out as Qwen3. `feed_forward` 0 takes 8/3 of the width rounded up to a multiple of 32."""
    return ModelConfig(
        preset="modern",
        vocabulary_size=vocabulary_size,
        context=context,
        layers=layers,
        width=width,
        heads=heads,
        kv_heads=kv_heads or heads,
        head_width=head_width_of(width, heads),
        feed_forward=feed_forward or -(-width * 8 // 3 // 32) * 32,
        positions=positions or "rope",
        norm="rms",
        qk_norm=True,
        feed_forward_kind="swiglu",
        tied=tied,
        dropout=dropout,
    )


def classic(
    *,
    vocabulary_size: int,
    context: int,
    layers: int,
    width: int,
    heads: int,
    kv_heads: int = 0,
    feed_forward: int = 0,
    positions: str = "",
    dropout: float = 0.0,
    tied: bool = True,
) -> ModelConfig:
    """The GPT of the founding document, laid out as GPT-2. `feed_forward` 0 takes 4 times the width."""
    return ModelConfig(
        preset="classic",
        vocabulary_size=vocabulary_size,
        context=context,
        layers=layers,
        width=width,
        heads=heads,
        kv_heads=kv_heads or heads,
        head_width=head_width_of(width, heads),
        feed_forward=feed_forward or 4 * width,
        positions=positions or "learned",
        norm="layer",
        norm_epsilon=1e-5,
        attention_bias=True,
        attention_output_bias=True,
        feed_forward_kind="gelu",
        feed_forward_bias=True,
        tied=tied,
        dropout=dropout,
    )


PRESETS = {"modern": modern, "classic": classic}


def from_settings(settings: ModelSettings, vocabulary_size: int) -> ModelConfig:
    """Returns the configuration that the settings name, for a tokenizer of `vocabulary_size` tokens."""
    return PRESETS[settings.preset](
        vocabulary_size=vocabulary_size,
        context=settings.context,
        layers=settings.layers,
        width=settings.width,
        heads=settings.heads,
        kv_heads=settings.kv_heads,
        feed_forward=settings.feed_forward,
        positions=settings.positions,
        dropout=settings.dropout,
    )


def head_width_of(width: int, heads: int) -> int:
    """Returns the width of one of `heads` that share `width` evenly."""
    if width % heads:
        raise ModelError("model.heads", width=width, heads=heads)
    return width // heads


def _checked(kind: type, values: Any) -> dict[str, Any]:
    """Returns `values` after holding their names and types to the fields of the dataclass `kind`."""
    fields = {item.name: item for item in dataclasses.fields(kind)}
    if not isinstance(values, dict):
        raise ModelError("model.type", name=kind.__name__, type="dict", value=repr(values)[:80])
    missing = [name for name, item in fields.items() if item.default is dataclasses.MISSING and name not in values]
    unknown = [name for name in values if name not in fields]
    if missing or unknown:
        raise ModelError(
            "model.options", missing=", ".join(missing) or "–", unknown=", ".join(map(str, unknown)) or "–"
        )
    return {name: _typed(name, value, fields[name].type) for name, value in values.items()}


def _typed(name: str, value: Any, kind: Any) -> Any:
    """Returns `value` held to a field's type; JSON's lists become tuples."""
    if get_origin(kind) is tuple:
        _check_type(name, value, (list, tuple))
        for item in value:
            _check_type(name, item, get_args(kind)[0])
        return tuple(value)
    _check_type(name, value, kind)
    return value


def _check_type(name: str, value: Any, kind: Any) -> None:
    wanted = (int, float) if kind is float else kind
    if not isinstance(value, wanted) or (isinstance(value, bool) and kind is not bool):
        raise ModelError("model.type", name=name, type=getattr(kind, "__name__", "list"), value=repr(value)[:80])


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ModelError("model.choice", name=name, value=repr(value), choices=", ".join(choices))
