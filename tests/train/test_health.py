"""Spikes are skipped, a few at most, and every decision comes back with the run; averaged weights are what is saved."""

import json
import math
from collections.abc import Callable

import pytest
import torch
from safetensors.torch import load_file

from textmill.checkpoints import list_checkpoints
from textmill.project import Project
from textmill.train.average import AveragedWeights
from textmill.train.health import NEEDED, REMEMBERED, remember, spike


def past(count: int) -> list[list[float]]:
    recent: list[list[float]] = []
    for step in range(count):
        remember(recent, 2.0 + 0.1 * math.sin(step), 1.0 + 0.2 * math.cos(step))
    return recent


def test_what_lies_far_above_is_a_spike() -> None:
    recent = past(200)
    assert len(recent) == REMEMBERED
    assert spike(recent, 2.1, 1.2, 6.0) == ""
    assert spike(recent, 4.0, 1.2, 6.0) == "loss"
    assert spike(recent, 2.0, 9.0, 6.0) == "gradient_norm"
    assert spike(recent, 4.0, 9.0, 0.0) == ""
    assert spike(recent, 0.5, 0.1, 6.0) == "", "what lies below does no harm"
    assert spike(past(NEEDED - 1), 9.0, 9.0, 6.0) == ""
    assert spike([[0.0, 0.0]] * NEEDED, 1.05, 1.05, 6.0) == "", "equal steps do not make the next one a spike"


def test_a_spike_in_a_run_is_skipped_logged_and_soon_taken(
    train: Callable, small_project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    from textmill.train import loop

    monkeypatch.setattr(loop, "spike", lambda recent, loss, norm, deviations: "loss" if len(recent) == 2 else "")
    assert train("--checkpoint.every=1", "--checkpoint.keep=9").code == 0
    folder = small_project.runs / "main"
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    skipped = [event["step"] for event in events if event["type"] == "spike"]
    assert skipped == [3, 4, 5], "three in a row, then it is the new normal"
    weights = {found.step: load_file(found.folder / "model.safetensors") for found in list_checkpoints(folder)}
    for name, weight in weights[2].items():
        assert torch.equal(weight, weights[5][name])
    assert any(not torch.equal(weight, weights[6][name]) for name, weight in weights[5].items())


def test_the_average_follows_the_weights() -> None:
    layer = torch.nn.Linear(3, 2)
    average = AveragedWeights(layer, 0.9)
    expected = layer.weight.detach().clone()
    for step in range(30):
        with torch.no_grad():
            layer.weight.add_(1.0)
        average.update(step)
        memory = min(0.9, (1 + step) / (10 + step))
        expected = memory * expected + (1 - memory) * layer.weight.detach()
    torch.testing.assert_close(average.values["weight"], expected)
    trained = layer.weight.detach().clone()
    with average.in_place() as put_aside:
        assert torch.equal(layer.weight.detach(), average.values["weight"])
        assert torch.equal(put_aside["weight"], trained)
    assert torch.equal(layer.weight.detach(), trained)


def test_the_average_is_saved_as_the_model_beside_what_is_trained(train: Callable, small_project: Project) -> None:
    assert train("--train.average=0.9", "--train.batch_warmup_tokens=900").code == 0
    newest = list_checkpoints(small_project.runs / "main")[-1].folder
    averaged, trained = load_file(newest / "model.safetensors"), load_file(newest / "trained.safetensors")
    assert not torch.equal(averaged["model.norm.weight"], trained["norm.weight"])
    state = json.loads((newest / "state.json").read_text())
    assert 8 * 32 < state["tokens"] < 8 * 256, "the first batches were smaller"
    assert len(state["recent"]) == 8


def test_a_closer_look_changes_nothing(train: Callable, small_project: Project) -> None:
    assert train("--name", "plain").code == 0
    looked = ("--train.statistics_every=4", "--train.profile_step=2", "--train.profile_steps=2")
    assert train("--name", "looked", *looked).code == 0
    folder = small_project.runs / "looked"
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    found = [event for event in events if event["type"] == "statistics"]
    assert len(found) == 2
    for value in (found[0]["activations"]["layer.1.residual"], found[0]["weights"]["output.weight"]["gradient"]):
        assert value > 0
    profiles = sorted(folder.glob("profile-*.json"))
    assert [path.name for path in profiles] == ["profile-2.json", "profile-3.json"]
    assert json.loads(profiles[0].read_text())["traceEvents"]
    ends = [small_project.runs / name / "checkpoints/step-00000008/model.safetensors" for name in ("plain", "looked")]
    one, two = (load_file(path) for path in ends)
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_what_is_not_finite_is_named_where_it_begins(train: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    from textmill.config import Settings
    from textmill.model.config import from_settings
    from textmill.model.feed_forward import FeedForward
    from textmill.model.gpt import GPT
    from textmill.train import step

    forward = FeedForward.forward

    def spoiled(self: FeedForward, *words: object, **more: object) -> torch.Tensor:
        out = forward(self, *words, **more)  # type: ignore[arg-type]
        return out * float("nan") if self.layer_for_test == 1 else out

    made = GPT.__init__

    def numbered(self: GPT, config: object) -> None:
        made(self, config)  # type: ignore[arg-type]
        for number, block in enumerate(self.blocks):
            block.feed_forward.layer_for_test = number

    monkeypatch.setattr(GPT, "__init__", numbered)
    monkeypatch.setattr(FeedForward, "forward", spoiled)
    result = train("--train.native=off")
    assert result.code == 2
    assert "layer.1." in result.err and "layer.0." not in result.err

    model = GPT(from_settings(Settings().replace({"model.layers": 3, "model.width": 32, "model.heads": 2}).model, 40))
    for number, value in enumerate((float("nan"), float("inf"), 1.0)):
        weight = model.blocks[number].feed_forward.down.weight  # type: ignore[union-attr]
        weight.grad = torch.full_like(weight, value)  # type: ignore[arg-type]
    assert step.first_not_finite(model) == "blocks.1.feed_forward.down.weight"
