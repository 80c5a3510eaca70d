"""How many parameters a configuration has and how much work a token is; exact, without building the model."""

from dataclasses import dataclass

from textmill.model.config import ModelConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterCount:
    """Numbers of parameters; `total` counts a shared matrix once."""

    embedding: int
    position: int
    attention: int
    feed_forward: int
    norms: int
    output: int

    @property
    def total(self) -> int:
        """All parameters."""
        return self.embedding + self.position + self.attention + self.feed_forward + self.norms + self.output

    @property
    def matrices(self) -> int:
        """Those that multiply every token: all but the embedding tables."""
        return self.total - self.embedding - self.position


def count_parameters(config: ModelConfig) -> ParameterCount:
    """Returns the parameters of a model with `config`, by part."""
    inner, shared = config.heads * config.head_width, config.kv_heads * config.head_width
    per_norm = config.width * (2 if config.norm == "layer" else 1)
    attention = config.width * (inner + 2 * shared) + inner * config.width
    attention += (inner + 2 * shared) * config.attention_bias + config.width * config.attention_output_bias
    attention += config.heads * config.attention_sinks
    norms = per_norm * (4 if config.norm_place == "both" else 1 if config.parallel and config.shared_norm else 2)
    normed = inner + shared if config.qk_norm_joint else 2 * config.head_width
    norms += normed * (2 if config.norm == "layer" else 1) * config.qk_norm
    feed_forward = _feed_forward(config) * max(config.experts, 1) + config.experts * config.width
    return ParameterCount(
        embedding=config.vocabulary_size * config.width,
        position=config.context * config.width if config.absolute_positions else 0,
        attention=config.layers * attention,
        feed_forward=config.layers * feed_forward,
        norms=config.layers * norms + per_norm * ((config.norm_place != "post") + config.embedding_norm),
        output=0 if config.tied else config.vocabulary_size * config.width,
    )


def _feed_forward(config: ModelConfig) -> int:
    """Parameters of one feed-forward part (one expert of a mixture)."""
    matrices = 3 if config.feed_forward_kind in ("swiglu", "geglu") else 2
    biases = config.feed_forward * (matrices - 1) + config.width
    return matrices * config.width * config.feed_forward + biases * config.feed_forward_bias


def forward_flops(config: ModelConfig, context: int) -> int:
    """Returns the multiply-adds × 2 of one sequence of `context` tokens forward, matrices and causal attention.

    Matrices: 2 · (weights used by a token) a token. Attention: scores and weighted values are each 2·K·H a pair of
    positions; causal attention has T(T+1)/2 pairs, fewer in windows.
    """
    inner, shared = config.heads * config.head_width, config.kv_heads * config.head_width
    matrices = 3 if config.feed_forward_kind in ("swiglu", "geglu") else 2
    parts = config.experts_per_token if config.experts else 1
    per_layer = config.width * (inner + 2 * shared) + inner * config.width
    per_layer += parts * matrices * config.width * config.feed_forward + config.experts * config.width
    flops = 2 * context * (config.layers * per_layer + config.vocabulary_size * config.width)
    for layer in range(config.layers):
        window = min(config.window(layer) or context, context)
        pairs = window * (window + 1) // 2 + (context - window) * window
        flops += 4 * inner * pairs
    return flops


def training_flops(config: ModelConfig, context: int) -> int:
    """Returns the work of one training sequence: the backward pass is twice the forward pass."""
    return 3 * forward_flops(config, context)
