"""Quantised products: the numbers of GGUF, the same integers in torch and in the compiled kernels."""

import ctypes

import numpy as np
import pytest
import torch
from native_models import HERE, needs_compiler
from torch import Tensor, nn

from textmill.infer.native.layout import Held, Matrix
from textmill.infer.native.quantize import quantize_rows, quantize_weight, quantized_linear
from textmill.kernels.build import inference_library
from textmill.model.gguf.dequantize import dequantize
from textmill.model.gguf.layout import TYPES
from textmill.model.gguf.quantize import quantize

SHAPES = [(32, 32), (64, 96), (100, 48), (7, 200), (576, 576)]


def linear(outputs: int, inputs: int, *, bias: bool = False) -> nn.Linear:
    torch.manual_seed(outputs)
    made = nn.Linear(inputs, outputs, bias=bias).requires_grad_(False)
    made.weight.copy_(torch.randn(outputs, inputs))
    return made


def product(linears: list[nn.Linear], x: Tensor, weights: str, units: str, *, in_turn: bool = False) -> Tensor:
    library = inference_library(units)
    held = Held(library)
    matrix: Matrix = held.matrix(linears, weights, in_turn=in_turn)[0]
    out, x = torch.full((len(x), matrix.strips * 32), torch.nan), x.contiguous()
    sizes = ctypes.c_int64(len(x)), ctypes.c_int64(x.shape[1])
    library.product(ctypes.byref(matrix), ctypes.c_void_p(x.data_ptr()), *sizes, ctypes.c_void_p(out.data_ptr()))
    return out


@pytest.mark.parametrize(("weights", "kind"), [("int8", "Q8_0"), ("int4", "Q4_0")])
def test_weights_are_the_numbers_of_gguf(weights: str, kind: str) -> None:
    weight = linear(64, 256).weight
    weight[3, :32] = 0
    found = quantize_weight(weight, weights).values()
    type_ = TYPES[kind]
    expected = dequantize(quantize(weight.numpy().astype(np.float32), type_), type_)
    assert torch.equal(found, torch.from_numpy(expected).view_as(found))


def test_rows_keep_their_largest_value_and_zeros() -> None:
    x = torch.tensor([[0.0] * 32 + [127.0, -3.4, 2.5, 3.5] + [0.0] * 10])
    rows = quantize_rows(x)
    assert rows.codes[0, 1, :4].tolist() == [127, -3, 2, 4]  # half to even
    assert rows.scales[0].tolist() == [0.0, 1.0]


@needs_compiler
@pytest.mark.parametrize("units", HERE)
@pytest.mark.parametrize("weights", ["int8", "int4"])
def test_compiled_integers_are_exact(weights: str, units: str) -> None:
    layer = linear(96, 32)  # one group: a single rounding, so bits must agree
    x = torch.randn(9, 32) * torch.logspace(-3, 3, 9)[:, None]
    assert torch.equal(product([layer], x, weights, units), quantized_linear(x, quantize_weight(layer.weight, weights)))


@needs_compiler
@pytest.mark.parametrize("units", HERE)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("weights", ["int8", "int4"])
def test_compiled_products_are_those_of_torch(weights: str, shape: tuple[int, int], units: str) -> None:
    layer, x = linear(*shape), torch.randn(14, shape[1])
    found = product([layer], x, weights, units)[:, : shape[0]]
    expected = quantized_linear(x, quantize_weight(layer.weight, weights))
    assert (found - expected).abs().max() <= 2e-6 * expected.abs().max()


@needs_compiler
@pytest.mark.parametrize("weights", ["fp32", "bf16"])
@pytest.mark.parametrize("shape", SHAPES)
def test_float_products(weights: str, shape: tuple[int, int]) -> None:
    layer, x = linear(*shape), torch.randn(14, shape[1])
    dtype = torch.float32 if weights == "fp32" else torch.bfloat16
    expected = x.to(dtype).double() @ layer.weight.to(dtype).double().T
    found = product([layer], x, weights, "")[:, : shape[0]]
    assert (found - expected).abs().max() <= 2e-6 * expected.abs().max()


@needs_compiler
@pytest.mark.parametrize("weights", ["fp32", "bf16", "int8", "int4"])
def test_matrices_in_turn_and_behind_one_another(weights: str) -> None:
    first, second = linear(50, 64, bias=True), linear(50, 64)
    x = torch.randn(5, 64)
    alone = [product([layer], x, weights, "").view(5, 2, 32) for layer in (first, second)]
    both = product([first, second], x, weights, "").view(5, 2, 2, 32)
    turns = product([first, second], x, weights, "", in_turn=True).view(5, 2, 2, 32)
    for index, expected in enumerate(alone):
        assert torch.equal(both[:, index], expected)
        assert torch.equal(turns[:, :, index], expected)
