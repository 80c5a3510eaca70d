"""Which models the compiled runner computes: everything that `ModelConfig` can say but what is named here."""

from textmill.hardware.choose import Reason
from textmill.model.config import ModelConfig

WIDEST_HEAD = 256


def uncovered(config: ModelConfig) -> Reason | None:
    """Returns why a model of this shape is left to torch, or None."""
    scaling = config.rope_scaling
    if config.experts:
        return Reason("inference_experts")
    if config.head_width > WIDEST_HEAD:
        return Reason("inference_head_width", {"width": config.head_width, "most": WIDEST_HEAD})
    if scaling.kind in ("dynamic", "longrope") and config.context > (scaling.original_context or config.context):
        # the angles of all positions change with the length, so a row would depend on how its text was cut
        return Reason("inference_rope", {"kind": scaling.kind, "context": scaling.original_context})
    return None
