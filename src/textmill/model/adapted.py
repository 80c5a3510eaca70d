"""Linear maps whose weight is frozen, with something small learned beside it: low-rank adapters.

    y = g ⊙ (W·x + s·B·(A·drop(x)))        s = alpha / r, or alpha / √r (rank-stabilised)
    g = m / ‖W + s·B·A‖ by row where a magnitude m is learned (DoRA), else 1

LoRA https://arxiv.org/abs/2106.09685, rsLoRA https://arxiv.org/abs/2312.03732, DoRA https://arxiv.org/abs/2402.09353:
as there and in PEFT the norm counts as a constant in the gradient. W is kept in bf16 where that is multiplied anyway,
or packed to four bits (`four_bits`), or as it was.

Shapes: D inputs, O outputs, r rank.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from textmill.model.four_bits import FourBits


class AdaptedLinear(nn.Module):
    """A frozen linear map with, where its rank is not 0, an adapter."""

    def __init__(
        self, base: nn.Linear, *, rank: int = 0, scale: float = 0.0, dropout: float = 0.0, magnitude: bool = False
    ) -> None:
        """Takes the weight of `base` over; the adapter adds nothing until it has learned."""
        super().__init__()
        self.out_features, self.in_features = base.weight.shape
        self.weight: Tensor | None = base.weight
        self.bias = base.bias
        for frozen in (self.weight, self.bias):
            if frozen is not None:
                frozen.requires_grad_(False)
        self.packed: FourBits | None = None
        self.together: Tensor | None = None
        """The weights of this map and of those that read the same, where they were laid side by side."""
        self.rank, self.scale, self.dropout = rank, scale, dropout
        self.lora_a_rD = nn.Parameter(torch.zeros(rank, self.in_features)) if rank else None
        self.lora_b_Or = nn.Parameter(torch.zeros(self.out_features, rank)) if rank else None
        self.magnitude_O: nn.Parameter | None = None
        if magnitude and rank:
            self.magnitude_O = nn.Parameter(self.dense(torch.float32).norm(dim=1))

    def dense(self, dtype: torch.dtype) -> Float[Tensor, "O D"]:
        """Returns W in `dtype`; nothing is copied where it is kept so."""
        if self.packed is not None:
            return self.packed.dense(dtype)
        assert self.weight is not None
        return self.weight.detach().to(dtype)

    def pack(self) -> None:
        """Keeps W in four bits a weight from here on."""
        assert self.weight is not None
        self.packed = FourBits.of(self.weight.detach())
        self.weight = None

    def _apply(self, fn, recurse: bool = True):  # type: ignore[override]
        """As torch's modules are moved; what is packed goes along."""
        if self.packed is not None:
            device = fn(torch.empty(0)).device
            self.packed = FourBits(
                codes_P=self.packed.codes_P.to(device),
                largest_K=self.packed.largest_K.to(device),
                shape=self.packed.shape,
            )
        return super()._apply(fn, recurse)

    def row_factors(self) -> Float[Tensor, " O"]:
        """Returns g: the learned magnitudes over the norms of the rows of W + s·B·A, which count as constants."""
        assert self.lora_a_rD is not None
        assert self.lora_b_Or is not None
        assert self.magnitude_O is not None
        with torch.no_grad(), torch.autocast(self.lora_a_rD.device.type, enabled=False):
            a_rD, b_Or = self.lora_a_rD, self.lora_b_Or
            wide = a_rD.dtype
            weight_OD = self.dense(wide if self.weight is None else self.weight.dtype)
            crossed_O = ((weight_OD @ a_rD.to(weight_OD.dtype).T).to(wide) * b_Or).sum(1)
            own_O = weight_OD.to(wide).square().sum(1)
            added_O = ((b_Or @ (a_rD @ a_rD.T)) * b_Or).sum(1)
            norms_O = (own_O + 2 * self.scale * crossed_O + self.scale**2 * added_O).clamp_min(1e-12).sqrt()
        return self.magnitude_O / norms_O

    def forward(self, x: Float[Tensor, "*N D"]) -> Float[Tensor, "*N O"]:
        """Returns y."""
        kind = x.device.type
        dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else x.dtype
        y = _frozen(x.to(dtype), self)
        if self.lora_a_rD is not None and self.lora_b_Or is not None:
            lowered = F.linear(F.dropout(x, self.dropout, self.training), self.lora_a_rD.to(dtype))
            y = y + F.linear(lowered, self.lora_b_Or.to(dtype)) * self.scale
            if self.magnitude_O is not None:
                y = y * self.row_factors().to(dtype)
        return y if self.bias is None else y + self.bias.to(dtype)


class _FrozenProduct(torch.autograd.Function):
    """W·x for a packed W, which is unpacked again on the way back rather than kept."""

    @staticmethod
    def forward(ctx, x: Tensor, layer: AdaptedLinear) -> Tensor:  # type: ignore[override]
        ctx.layer = layer
        return x @ layer.dense(x.dtype).T

    @staticmethod
    def backward(ctx, above: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        return above @ ctx.layer.dense(above.dtype), None


def _frozen(x: Tensor, layer: AdaptedLinear) -> Tensor:
    if layer.packed is not None:
        return _FrozenProduct.apply(x, layer)  # type: ignore[return-value]
    return F.linear(x, layer.dense(x.dtype))


class FrozenEmbedding(nn.Module):
    """Token vectors that are not learned, kept as they are and read in float32 at least."""

    def __init__(self, base: nn.Embedding) -> None:
        super().__init__()
        self.weight = base.weight
        self.weight.requires_grad_(False)

    def forward(self, ids: Tensor) -> Tensor:
        """Returns the vectors of `ids`."""
        found = F.embedding(ids, self.weight)
        return found.to(torch.promote_types(found.dtype, torch.float32))
