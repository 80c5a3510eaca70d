"""A step's gradient does not know about micro-batches; a bad number stops it before the weights move."""

import pytest
import torch

from textmill.config import TrainSettings
from textmill.errors import TrainingError
from textmill.model.config import classic, modern
from textmill.model.gpt import GPT
from textmill.train.batches import Batch
from textmill.train.optimizers import Optimizers
from textmill.train.step import train_step

SHAPE = {"vocabulary_size": 64, "context": 16, "layers": 2, "width": 16, "heads": 2}


def make(preset=modern, **more) -> tuple[GPT, Optimizers]:
    model = GPT(preset(**SHAPE, **more))
    model.initialise(torch.Generator().manual_seed(0))
    model.train()
    return model, Optimizers(model, TrainSettings(optimizer="adamw"))


def batch(rows: int = 8) -> Batch:
    ids = torch.randint(0, 64, (rows, 17), generator=torch.Generator().manual_seed(1))
    documents = torch.zeros(rows, 16, dtype=torch.int64)
    documents[:, 9:] = 1
    return Batch(inputs_BT=ids[:, :-1].contiguous(), targets_BT=ids[:, 1:].contiguous(), documents_BT=documents)


def rows_of(whole: Batch, size: int) -> list[Batch]:
    return [
        Batch(
            inputs_BT=whole.inputs_BT[start : start + size],
            targets_BT=whole.targets_BT[start : start + size],
            documents_BT=whole.documents_BT[start : start + size],
        )
        for start in range(0, whole.inputs_BT.shape[0], size)
    ]


@pytest.mark.parametrize("preset", [modern, classic])
@pytest.mark.parametrize("size", [1, 3, 4])
def test_accumulation_equals_the_whole_batch(preset, size: int) -> None:
    whole = batch()
    one, one_optimizers = make(preset)
    two, two_optimizers = make(preset)
    for _ in range(3):
        first = train_step(one, one_optimizers, [whole], batch_tokens=128, step=0, clip=1.0, dtype=torch.float32)
        second = train_step(
            two, two_optimizers, rows_of(whole, size), batch_tokens=128, step=0, clip=1.0, dtype=torch.float32
        )
        assert first.loss == pytest.approx(second.loss, rel=1e-5)
        assert first.gradient_norm == pytest.approx(second.gradient_norm, rel=1e-3)


def test_documents_do_not_see_each_other() -> None:
    """The loss of two packed documents is the sum of their losses alone."""
    from textmill.train.step import batch_loss

    for preset in (modern, classic):
        model, _ = make(preset)
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.2, generator=torch.Generator().manual_seed(4))
        whole = batch(1)
        together = batch_loss(model, whole, torch.float32)
        parts = [
            Batch(
                inputs_BT=whole.inputs_BT[:, part],
                targets_BT=whole.targets_BT[:, part],
                documents_BT=torch.zeros_like(whole.inputs_BT[:, part]),
            )
            for part in (slice(0, 9), slice(9, 16))
        ]
        alone = sum(batch_loss(model, part, torch.float32) for part in parts)
        torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-4)


def test_the_first_loss_is_that_of_a_uniform_guess() -> None:
    model, optimizers = make()
    result = train_step(model, optimizers, [batch()], batch_tokens=128, step=0, clip=1.0, dtype=torch.float32)
    assert result.loss == pytest.approx(torch.log(torch.tensor(64.0)).item(), rel=1e-5)


@pytest.mark.parametrize("where", ["loss", "gradient"])
def test_a_number_that_is_not_finite_stops_before_the_weights_move(where: str) -> None:
    model, optimizers = make()
    name = "blocks.1.attention.query.weight"
    parameter = dict(model.named_parameters())[name]
    if where == "loss":
        with torch.no_grad():
            model.token_embedding.weight[:] = float("nan")
    else:
        parameter.register_hook(lambda gradient: torch.full_like(gradient, float("inf")))
    before = {key: value.detach().clone() for key, value in model.named_parameters()}
    with pytest.raises(TrainingError) as caught:
        train_step(model, optimizers, [batch()], batch_tokens=128, step=7, clip=1.0, dtype=torch.float32)
    assert caught.value.values["step"] == 7
    assert caught.value.values["what"] == ("loss" if where == "loss" else name)
    for key, value in model.named_parameters():
        assert torch.equal(value.nan_to_num(), before[key].nan_to_num())
        assert value.grad is None


def test_bf16_follows_fp32() -> None:
    losses = {}
    for dtype in (torch.float32, torch.bfloat16):
        model, optimizers = make()
        results = [
            train_step(model, optimizers, [batch()], batch_tokens=128, step=i, clip=1.0, dtype=dtype) for i in range(10)
        ]
        losses[dtype] = [result.loss for result in results]
        assert all(parameter.dtype == torch.float32 for parameter in model.parameters())
    assert losses[torch.bfloat16] == pytest.approx(losses[torch.float32], rel=0.02)
    assert losses[torch.float32][-1] < losses[torch.float32][0]


@pytest.mark.parametrize("preset", [modern, classic])
def test_activation_checkpointing_changes_nothing_but_memory(preset) -> None:
    """The same sums in the same order; dropout draws the same masks again."""
    results = []
    for recompute in (False, True):
        model, optimizers = make(preset, dropout=0.1)
        model.recompute = recompute
        calls: list[int] = []
        model.blocks[0].register_forward_pre_hook(lambda *_, calls=calls: calls.append(1))
        torch.manual_seed(7)
        done = [train_step(model, optimizers, [batch()], batch_tokens=128, step=0, clip=1.0, dtype=torch.float32)]
        results.append((done, [parameter.detach().clone() for parameter in model.parameters()]))
        assert len(calls) == (2 if recompute else 1)
    assert results[0][0] == results[1][0]
    assert all(torch.equal(one, two) for one, two in zip(results[0][1], results[1][1], strict=True))


def test_float64_is_float64_throughout() -> None:
    """The loss is that of the plain formula to the last digits of float64."""
    model, optimizers = make()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2, generator=torch.Generator().manual_seed(4))
    model.double()
    whole = batch()
    with torch.no_grad():
        logits = model(whole.inputs_BT, documents_BT=whole.documents_BT)
    expected = torch.nn.functional.cross_entropy(logits.flatten(0, 1), whole.targets_BT.flatten())
    result = train_step(model, optimizers, [whole], batch_tokens=128, step=0, clip=1.0, dtype=torch.float64)
    assert result.loss == pytest.approx(float(expected), rel=1e-13)
    assert all(parameter.dtype == torch.float64 for parameter in model.parameters())
