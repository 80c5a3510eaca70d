"""A record of one forward pass: every named intermediate, in the order in which it arose."""

from torch import Tensor


class Trace:
    """Collects detached tensors by name ("embedding", "layer.3.attention.weights", …, "logits")."""

    def __init__(self) -> None:
        self.tensors: dict[str, Tensor] = {}

    def record(self, name: str, value: Tensor) -> None:
        """Keeps `value` under `name`, detached from the graph."""
        self.tensors[name] = value.detach()
