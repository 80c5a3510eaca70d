"""The structures of kernels/inference/model.hpp, field by field, and the matrices that fill them.

Whoever makes a structure keeps the tensors behind its pointers: `Held` collects them.
"""

import ctypes
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from textmill.infer.native.quantize import GROUP
from textmill.model.norm import OffsetRMSNorm

STRIP, PAGE = 32, 32
KINDS = {"fp32": 0, "bf16": 1, "int8": 2, "int4": 3}
BITS = {"fp32": 32, "bf16": 16, "int8": 8, "int4": 4}
ACTIVATIONS = {"gelu": 0, "gelu_exact": 1, "relu2": 2, "swiglu": 3, "geglu": 4}
PLACES = {"pre": 0, "post": 1, "both": 2, "output": 3}

_I64, _F32, _P = ctypes.c_int64, ctypes.c_float, ctypes.c_void_p


class Matrix(ctypes.Structure):
    """Packed weights."""

    _fields_ = [
        *((name, _I64) for name in ("kind", "strips", "groups")),
        *((n, _P) for n in ("codes", "scales", "bias")),
    ]


class Norm(ctypes.Structure):
    """Null weight: none."""

    _fields_ = [("weight", _P), ("bias", _P)]


class Layer(ctypes.Structure):
    """One block."""

    _fields_ = [
        *((name, Matrix) for name in ("qkv", "out", "up", "down")),
        *((name, Norm) for name in ("attention_norm", "feed_forward_norm", "attention_after", "feed_forward_after")),
        *((name, Norm) for name in ("query_norm", "key_norm")),
        *(("sinks", _P), ("window", _I64), ("rope", _I64)),
    ]


class Model(ctypes.Structure):
    """Everything that does not change from step to step."""

    _fields_ = [
        *((name, _I64) for name in ("layers", "width", "heads", "kv_heads", "head_width", "vocabulary")),
        *((name, _I64) for name in ("layer_norm", "place", "parallel", "joint", "activation", "embedding_kind")),
        *((name, _I64) for name in ("rotated", "cache_kind", "page_count", "key_at", "value_at")),
        *((name, _F32) for name in ("epsilon", "scale", "attention_softcap", "residual_scale", "embedding_scale")),
        *((name, _F32) for name in ("logit_softcap", "logit_divisor")),
        *((name, _P) for name in ("embedding", "position_table", "slopes")),
        *(("embedding_norm", Norm), ("final_norm", Norm), ("output", Matrix)),
        *(("layer", ctypes.POINTER(Layer)), ("cache", _P)),
    ]


class PartOfStep(ctypes.Structure):
    """One text's rows."""

    _fields_ = [(name, _I64) for name in ("first", "rows", "past", "pages")]


class Step(ctypes.Structure):
    """One step."""

    _fields_ = [
        *((name, _I64) for name in ("rows", "parts", "wanted_rows", "threads", "hidden")),
        *((name, _P) for name in ("ids", "positions", "pages", "wanted")),
        *(("part", ctypes.POINTER(PartOfStep)), ("cosines", _P * 2), ("sines", _P * 2), ("out", _P), ("scratch", _P)),
    ]


class Held:
    """Keeps tensors alive while structures point at them."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self.library = library
        self.tensors: list[Tensor] = []
        self.weight_bytes = 0
        """Of packed matrices: what a step reads at least."""

    def pointer(self, tensor: Tensor | None) -> int | None:
        """Returns where a tensor lies, contiguous."""
        if tensor is None:
            return None
        tensor = tensor.detach().contiguous()
        self.tensors.append(tensor)
        return tensor.data_ptr()

    def norm(self, norm: nn.Module | None) -> Norm:
        """Returns a norm's weight, counted from 0, and bias."""
        if norm is None or isinstance(norm, nn.Identity):
            return Norm(None, None)
        weight, bias = cast(Tensor, norm.weight).detach().float(), getattr(norm, "bias", None)
        weight = 1.0 + weight if isinstance(norm, OffsetRMSNorm) else weight
        return Norm(self.pointer(weight), self.pointer(None if bias is None else bias.detach().float()))

    def matrix(self, linears: Sequence[nn.Linear], weights: str, *, in_turn: bool = False) -> tuple[Matrix, list[int]]:
        """Packs matrices that read the same input; returns them and the column where each one's outputs begin.

        Each begins a strip of its own; `in_turn`: a strip of each after another, for gate and up.
        """
        inputs = linears[0].in_features
        strips = [-(-linear.out_features // STRIP) for linear in linears]
        firsts = [index if in_turn else sum(strips[:index]) for index in range(len(linears))]
        total, groups, stride = sum(strips), -(-inputs // GROUP), len(linears) if in_turn else 1
        codes = torch.empty(total * STRIP * groups * GROUP * BITS[weights] // 8, dtype=torch.uint8)
        scales = torch.empty(total * STRIP * groups if weights.startswith("int") else 0, dtype=torch.float16)
        bias = torch.zeros(total * STRIP) if any(linear.bias is not None for linear in linears) else None
        for linear, first, count in zip(linears, firsts, strips, strict=True):
            self._pack(linear.weight, KINDS[weights], first, stride, groups, codes, scales)
            if bias is not None and linear.bias is not None:
                place = bias.view(-1, STRIP)[first : first + (count - 1) * stride + 1 : stride]
                padded = nn.functional.pad(linear.bias.detach().float(), (0, count * STRIP - linear.out_features))
                place.copy_(padded.view(-1, STRIP))
        self.weight_bytes += codes.nbytes + scales.nbytes
        pointers = (self.pointer(codes), self.pointer(scales), self.pointer(bias))
        return Matrix(KINDS[weights], total, groups, *pointers), [first * STRIP for first in firsts]

    def _pack(
        self, weight: Tensor, kind: int, first: int, stride: int, groups: int, codes: Tensor, scales: Tensor
    ) -> None:
        weight = weight.detach()
        weight = (weight if weight.dtype in (torch.float32, torch.bfloat16) else weight.float()).contiguous()
        source = KINDS["bf16" if weight.dtype == torch.bfloat16 else "fp32"]
        numbers = (*weight.shape, first, stride, groups)
        places = (_P(codes.data_ptr()), _P(scales.data_ptr()))
        self.library.pack(_I64(kind), _P(weight.data_ptr()), _I64(source), *map(_I64, numbers), *places)
