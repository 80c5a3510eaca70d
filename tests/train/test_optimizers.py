"""Muon orthogonalises; every weight has exactly one optimizer; states go out and in by name."""

import math

import pytest
import torch

from textmill.config import TrainSettings
from textmill.model.config import classic, modern
from textmill.model.gpt import GPT
from textmill.train.muon import COEFFICIENTS, Muon, orthogonalise
from textmill.train.optimizers import Optimizers, learning_rates, parameter_groups
from textmill.train.schedule import batch_rows, decay_begins, momentum, multiplier

SHAPE = {"vocabulary_size": 64, "context": 16, "layers": 2, "width": 16, "heads": 2}


def test_singular_values_come_near_one() -> None:
    for shape in ((3, 24, 24), (2, 48, 16), (2, 16, 48)):
        values = torch.linalg.svdvals(orthogonalise(torch.randn(shape, generator=torch.Generator().manual_seed(1))))
        assert float(values.min()) > 0.3, values
        assert float(values.max()) < 1.3


def test_a_batch_equals_one_by_one_and_the_written_out_iteration() -> None:
    matrices = torch.randn(3, 12, 20, generator=torch.Generator().manual_seed(2))
    together = orthogonalise(matrices)
    a, b, c = COEFFICIENTS
    for matrix, ours in zip(matrices, together, strict=True):
        x = matrix / matrix.norm()
        for _ in range(5):
            gram = x @ x.T
            x = a * x + (b * gram + c * gram @ gram) @ x
        torch.testing.assert_close(ours, x, rtol=1e-4, atol=1e-5)


def test_one_step_of_muon() -> None:
    weight = torch.nn.Parameter(torch.eye(4, 6))
    weight.grad = torch.randn(4, 6, generator=torch.Generator().manual_seed(3))
    before = weight.detach().clone()
    Muon([weight], lr=0.1, momentum=0.9, weight_decay=0.5).step()
    update = orthogonalise((weight.grad * 1.9)[None])[0]
    torch.testing.assert_close(weight.detach(), before * (1 - 0.05) - 0.1 * update)


@pytest.mark.parametrize("preset", [modern, classic])
@pytest.mark.parametrize("optimizer", ["muon", "adamw", "adafactor"])
def test_every_trained_weight_has_one_place(preset, optimizer: str) -> None:
    model = GPT(preset(**SHAPE))
    groups = parameter_groups(model)
    names = [*groups.matrices, *groups.embeddings, *groups.output, *groups.vectors]
    assert sorted(names) == sorted(name for name, p in model.named_parameters() if p.requires_grad)
    assert all(name.startswith("blocks") for name in groups.matrices)
    optimizers = Optimizers(model, TrainSettings(optimizer=optimizer))
    placed = [id(p) for group in optimizers.groups() for p in group["params"]]
    assert len(placed) == len(set(placed)) == len(names)


def test_a_sinusoidal_table_is_not_trained() -> None:
    model = GPT(classic(**SHAPE, positions="sinusoidal"))
    assert not any("position" in name for name in parameter_groups(model).embeddings)


def steps(model: GPT, optimizers: Optimizers, count: int, seed: int) -> None:
    ids = torch.randint(0, 64, (2, 16), generator=torch.Generator().manual_seed(seed))
    for _ in range(count):
        model(ids).square().mean().backward()
        optimizers.step()
        optimizers.zero_grad()


@pytest.mark.parametrize("optimizer", ["muon", "adamw", "adafactor"])
def test_state_by_name_goes_on_bit_equal(optimizer: str) -> None:
    def fresh() -> tuple[GPT, Optimizers]:
        model = GPT(modern(**SHAPE))
        model.initialise(torch.Generator().manual_seed(0))
        return model, Optimizers(model, TrainSettings(optimizer=optimizer))

    one, one_optimizers = fresh()
    steps(one, one_optimizers, 4, 5)
    two, two_optimizers = fresh()
    steps(two, two_optimizers, 2, 5)
    three, three_optimizers = fresh()
    three.load_state_dict(two.state_dict())
    three_optimizers.load_state_tensors({k: v.clone() for k, v in two_optimizers.state_tensors().items()})
    steps(three, three_optimizers, 2, 5)
    for (name, expected), got in zip(one.named_parameters(), three.parameters(), strict=True):
        assert torch.equal(expected, got), name


def test_a_missing_state_is_noticed() -> None:
    model = GPT(modern(**SHAPE))
    optimizers = Optimizers(model, TrainSettings())
    steps(model, optimizers, 1, 5)
    tensors = optimizers.state_tensors()
    tensors.pop("output.weight/exp_avg")
    tensors.pop("output.weight/exp_avg_sq")
    tensors.pop("output.weight/step")
    with pytest.raises(KeyError):
        optimizers.load_state_tensors(tensors)


def test_the_schedule_rises_stays_and_falls() -> None:
    settings = TrainSettings(warmup=0.1, decay=0.4, final_learning_rate=0.2)
    assert multiplier(0.05, settings) == pytest.approx(0.5)
    assert multiplier(0.3, settings) == 1
    assert multiplier(0.8, settings) == pytest.approx(0.2 + 0.8 * 0.5)
    assert multiplier(1.0, settings) == pytest.approx(0.2)
    assert multiplier(7.0, settings) == pytest.approx(0.2)
    assert momentum(0) == pytest.approx(0.85)
    assert momentum(1000) == pytest.approx(0.95)


def test_rates_follow_width_and_optimizer_unless_given() -> None:
    chosen = learning_rates(TrainSettings(), 192)
    assert chosen.rest == pytest.approx(0.01)
    assert chosen.embedding == pytest.approx(0.15)
    assert chosen.matrix == TrainSettings().matrix_learning_rate
    assert learning_rates(TrainSettings(), 768).rest == pytest.approx(0.005)
    adamw = learning_rates(TrainSettings(optimizer="adamw"), 192)
    assert adamw.rest == adamw.embedding == 0.003
    given = learning_rates(TrainSettings(learning_rate=0.5, embedding_learning_rate=0.25), 192)
    assert (given.rest, given.embedding) == (0.5, 0.25)


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_schedules_that_fall_all_the_way(schedule: str) -> None:
    settings = TrainSettings(schedule=schedule, warmup=0.2, decay=0.1, final_learning_rate=0.1)
    assert multiplier(0.1, settings) == pytest.approx(0.5)
    assert multiplier(0.2, settings) == pytest.approx(1)
    assert multiplier(0.6, settings) == pytest.approx(0.55)
    quarter = {"linear": 0.1 + 0.9 * 0.25, "cosine": 0.1 + 0.9 * 0.5 * (1 - math.cos(math.pi / 4))}[schedule]
    assert multiplier(0.8, settings) == pytest.approx(quarter)
    assert multiplier(1.0, settings) == pytest.approx(0.1)
    assert decay_begins(settings) == pytest.approx(0.2)
    assert decay_begins(TrainSettings(warmup=0.2, decay=0.1)) == pytest.approx(0.9)


def test_a_batch_grows_from_an_eighth_with_the_tokens_seen() -> None:
    settings = TrainSettings(batch_tokens=512, batch_warmup_tokens=1000)
    assert [batch_rows(tokens, 16, settings) for tokens in (0, 500, 999, 1000, 9999)] == [4, 18, 32, 32, 32]
    assert batch_rows(0, 16, TrainSettings(batch_tokens=512)) == 32
    assert batch_rows(0, 16, TrainSettings(batch_tokens=16, batch_warmup_tokens=10)) == 1


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_cautious_decay_touches_only_what_shrinks(optimizer: str) -> None:
    def fresh() -> GPT:
        model = GPT(modern(**SHAPE))
        model.initialise(torch.Generator().manual_seed(0))
        generator = torch.Generator().manual_seed(1)
        with torch.no_grad():  # first weights that are zero have nothing to decay, and stop gradients
            for parameter in model.parameters():
                parameter.normal_(std=0.2, generator=generator)
        return model

    def after(**options) -> dict[str, torch.Tensor]:
        model = fresh()
        steps(model, Optimizers(model, TrainSettings(optimizer=optimizer, **options)), 1, 5)
        return {name: p.detach() for name, p in model.named_parameters()}

    start = fresh()
    before = {name: p.detach() for name, p in start.named_parameters()}
    plain, cautious = after(weight_decay=0.0), after(weight_decay=0.5, cautious_decay=True)
    settings = TrainSettings(optimizer=optimizer)
    rates = learning_rates(settings, SHAPE["width"])
    rate = rates.matrix if optimizer == "muon" else rates.rest
    touched = 0
    for name in parameter_groups(start).matrices:
        shrinks = (before[name] - plain[name]) * before[name] > 0
        expected = plain[name] - rate * 0.5 * before[name] * shrinks
        torch.testing.assert_close(cautious[name], expected, rtol=0, atol=1e-6)
        touched += int(shrinks.sum())
    assert touched
    assert all(torch.equal(plain[name], cautious[name]) for name in ("norm.weight", "output.weight"))


def test_adafactor_keeps_a_row_and_a_column_for_a_matrix() -> None:
    model = GPT(modern(**SHAPE))
    model.initialise(torch.Generator().manual_seed(0))
    lean = Optimizers(model, TrainSettings(optimizer="adafactor"))
    steps(model, lean, 1, 5)
    numbers = sum(tensor.numel() for tensor in lean.state_tensors().values())
    assert numbers < 0.25 * sum(p.numel() for p in model.parameters())
