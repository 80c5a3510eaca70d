"""GRPO: advantages and losses by hand, rollouts as a function of seed and step, exact resume, rewards that rise."""

import json
import math
from functools import cache

import numpy as np
import pytest
import torch
from objective_runs import CONTEXT, WORDS, small_model, small_run, small_settings, small_tokenizer, trained

from textmill.checkpoints import list_checkpoints
from textmill.errors import CheckpointError
from textmill.tokenizer.tokenizer import Tokenizer
from textmill.train.run import Run
from textmill.tune.examples import Problem
from textmill.tune.grpo import DAPO, DR, GRPO, PolicyLoss, Reinforce, advantages
from textmill.tune.reinforce import Reinforcement, RolloutStream
from textmill.tune.rewards import BadReward, Rewards
from textmill.tune.rollouts import Writer, chosen, cycle_file, load_cycle, questions


@cache
def tokenizer() -> Tokenizer:
    return small_tokenizer()


class Letters:
    """The share of an answer's characters that are in a word."""

    name = "letters"

    def check(self, problems) -> None:
        pass

    def scores(self, problems, answers):
        return [sum(letter in "blue" for letter in answer) / max(len(answer), 1) for answer in answers]

    def close(self) -> None:
        pass


def problems() -> list[Problem]:
    return [
        Problem(place=f"q:{number}", messages=({"role": "user", "content": word},), answer=word)
        for number, word in enumerate(WORDS)
    ]


def grpo_run(folder, *, steps: int = 6, newest=None, loss: PolicyLoss | None = None, **changes) -> tuple[Run, list]:
    model = small_model(tokenizer())
    loss = loss or PolicyLoss(max_tokens=8)
    asked = questions(tokenizer(), problems(), context=CONTEXT, max_tokens=8)
    stream = RolloutStream(context=CONTEXT, padding_id=tokenizer().end_of_text_id, loss=loss)
    options = {"asked": 4, "samples": 4, "updates": 1, "leave_out_cut": False} | changes
    before = Reinforcement(
        questions=asked,
        rewards=options.pop("rewards", Rewards(parts=[(1.0, Letters())])),
        writer=Writer(tokenizer=tokenizer(), dtype=torch.float32, max_tokens=8, temperature=1.0, at_once=8, threads=1),
        stream=stream,
        loss=loss,
        seed=5,
        **options,
    )
    settings = small_settings(train__steps=steps, train__learning_rate=0.01, checkpoint__every=2, checkpoint__keep=10)
    return small_run(
        folder, tokenizer(), Reinforce(loss), stream, settings, model=model, newest=newest, before_step=before
    )


def weights(run: Run) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in run.model.named_parameters()}


def test_advantages_by_hand():
    rewards = [1.0, 0.0, 0.0, None, 1.0]
    spread = math.sqrt(((1 - 0.5) ** 2 * 4) / 3)
    assert advantages(rewards, GRPO) == pytest.approx([s / (spread + 1e-4) for s in (0.5, -0.5, -0.5, 0, 0.5)])
    assert advantages(rewards, DR) == [0.5, -0.5, -0.5, 0.0, 0.5]
    assert advantages([0.1 + 0.2, 0.3 + 1e-17, None], GRPO)[2] == 0.0
    assert advantages([0.3, 0.3, 0.3], GRPO) == [0.0] * 3
    assert advantages([1.0, None], DR) == [0.0, 0.0]


@pytest.mark.parametrize("kl", [0.0, 0.5])
def test_the_loss_of_tokens_by_hand(kl):
    log, old, reference, gain = (
        [-1.0, -2.0, -0.5, -3.0],
        [-1.5, -1.5, -0.5, -2.0],
        [-1.1, -2.5, -0.4, -3.0],
        [1, -1, 2, 1],
    )
    loss = PolicyLoss(clip_low=0.2, clip_high=0.28, kl=kl)
    columns = [torch.tensor(column, dtype=torch.float64) for column in (log, old, reference, gain)]
    found = loss.tokens(columns[0], columns[1], columns[2] if kl else None, columns[3])
    wanted = []
    for new, before, other, advantage in zip(log, old, reference, gain, strict=True):
        ratio = math.exp(new - before)
        gained = min(ratio * advantage, min(max(ratio, 0.8), 1.28) * advantage)
        wanted.append(-gained + kl * (math.exp(other - new) - (other - new) - 1))
    assert found.tolist() == pytest.approx(wanted, abs=1e-12)


def test_what_answers_of_different_length_weigh():
    sums, lengths = torch.tensor([6.0, 4.0]), torch.tensor([3, 1])
    assert PolicyLoss(variant=GRPO).answers(sums, lengths).tolist() == [2.0, 4.0]
    assert PolicyLoss(variant=DAPO).answers(sums, lengths).tolist() == [6.0, 4.0]
    assert PolicyLoss(variant=DR, max_tokens=8).answers(sums, lengths).tolist() == [0.75, 0.5]
    assert [PolicyLoss(variant=variant).units(2, 4) for variant in (GRPO, DAPO, DR)] == [2, 4, 2]


def test_every_question_is_asked_once_an_epoch_in_an_order_of_its_own():
    first = [place for cycle in range(5) for place in chosen(10, seed=1, cycle=cycle, wanted=4)]
    assert sorted(first[:10]) == sorted(first[10:20]) == list(range(10))
    assert first[:10] != first[10:20]
    assert chosen(10, seed=1, cycle=2, wanted=4) == first[8:12]
    assert len(chosen(3, seed=1, cycle=0, wanted=7)) == 7


def test_questions_without_room_for_an_answer_are_left_out():
    long = Problem(place="q:x", messages=({"role": "user", "content": "red blue " * 60},))
    assert len(questions(tokenizer(), [*problems(), long], context=CONTEXT, max_tokens=8)) == len(WORDS)


@pytest.mark.parametrize("variant", [GRPO, DAPO, DR])
def test_the_reward_rises(variant, tmp_path):
    run, events = grpo_run(tmp_path, steps=25, loss=PolicyLoss(variant=variant, max_tokens=8), asked=6, samples=8)
    trained(run)
    rollouts = [event for event in events if event["type"] == "rollouts"]
    rewards = [event["reward"] for event in rollouts]
    assert np.mean(rewards[-5:]) > np.mean(rewards[:5]) + 0.1
    steps = [event for event in events if event["type"] == "step"]
    assert all(event["engine_gap"] < 1e-3 for event in steps)  # what wrote the answers is what learns from them
    assert {"reward", "length", "without_signal", "cut", "tokens_per_second"} <= set(rollouts[0])
    rows = [json.loads(line) for line in (tmp_path / "rollouts/cycle-00000003.jsonl").read_text().splitlines()]
    assert len(rows) == 48
    assert {"question", "answer", "reward", "advantage"} <= set(rows[0])


@pytest.mark.parametrize(("updates", "at"), [(1, 4), (3, 4)])
def test_a_run_that_goes_on_is_bit_equal(updates, at, tmp_path):
    whole, _ = grpo_run(tmp_path / "whole", updates=updates)
    trained(whole)
    run, events = grpo_run(tmp_path / "cut", updates=updates)
    run.state.total_steps = 6
    trained(run)
    newest = {point.step: point.folder for point in list_checkpoints(run.folder)}[at]
    if updates == 1:  # killed before anything of the next cycle was written
        for number in (4, 5):
            cycle_file(run.folder, number).unlink()
    again, again_events = grpo_run(tmp_path / "cut", updates=updates, newest=newest)
    trained(again)
    for name, value in weights(whole).items():
        assert torch.equal(value, weights(again)[name]), name
    of_step = {event["step"]: event["loss"] for event in events if event["type"] == "step"}
    assert [event["loss"] for event in again_events if event["type"] == "step"] == [of_step[5], of_step[6]]


def test_the_middle_of_a_cycle_without_its_answers_is_said(tmp_path):
    run, _ = grpo_run(tmp_path, updates=3, steps=5)
    trained(run)
    cycle_file(run.folder, 1).unlink()
    newest = {point.step: point.folder for point in list_checkpoints(run.folder)}[4]
    again, _ = grpo_run(tmp_path, updates=3, newest=newest)
    with pytest.raises(CheckpointError, match="in the middle"):
        trained(again)
    cycle_file(run.folder, 1).write_bytes(b"half a file")
    again, _ = grpo_run(tmp_path, updates=3, newest=newest)
    with pytest.raises(CheckpointError, match="cannot be read"):
        trained(again)


def test_with_more_updates_the_ratio_moves_and_old_ones_are_kept(tmp_path):
    run, events = grpo_run(tmp_path, updates=3, steps=3, loss=PolicyLoss(max_tokens=8, clip_low=0.01, clip_high=0.01))
    trained(run)
    clipped = [event["clipped"] for event in events if event["type"] == "step"]
    assert clipped[0] == 0 < clipped[-1]
    cycle = load_cycle(tmp_path, 0)
    assert cycle is not None and cycle.old is not None
    assert float(np.abs(cycle.old - cycle.written).max()) < 1e-3
    assert len([event for event in events if event["type"] == "rollouts"]) == 1


def test_a_reference_holds_the_model_back(tmp_path):
    from contextlib import contextmanager

    moved = {}
    for kl in (0.0, 20.0):
        loss = PolicyLoss(max_tokens=8, kl=kl)
        reference = small_model(tokenizer())

        @contextmanager
        def of_the_start(model, reference=reference):
            yield reference

        run, events = grpo_run(tmp_path / str(kl), loss=loss, reference=of_the_start, steps=8)
        begin = weights(run)["output.weight"]
        trained(run)
        moved[kl] = float((weights(run)["output.weight"] - begin).norm())
        if kl:
            steps = [event for event in events if event["type"] == "step"]
            assert steps[0]["kl"] == pytest.approx(0, abs=1e-5)
            assert steps[-1]["kl"] > 0
    assert moved[20.0] < moved[0.0]


def test_nothing_to_learn_is_a_step_that_moves_nothing(tmp_path):
    class Same(Letters):
        def scores(self, problems, answers):
            return [BadReward("x") if index % 4 == 0 else 1.0 for index in range(len(answers))]

    run, events = grpo_run(tmp_path, steps=2, rewards=Rewards(parts=[(1.0, Same())], bad="skip"))
    before = weights(run)
    trained(run)
    rollouts = [event for event in events if event["type"] == "rollouts"]
    assert rollouts[0]["without_signal"] == 1.0
    assert (rollouts[0]["left_out"], rollouts[1]["skipped"]) == (4, 8)
    assert all(torch.equal(value, before[name]) for name, value in weights(run).items())


def test_answers_that_were_cut_can_be_left_out(tmp_path):
    run, _ = grpo_run(tmp_path, steps=1, leave_out_cut=True)
    trained(run)
    cycle = load_cycle(tmp_path, 0)
    assert cycle is not None
    rows = [json.loads(line) for line in (tmp_path / "rollouts/cycle-00000000.jsonl").read_text().splitlines()]
    cut = np.array([row["finish_reason"] == "length" for row in rows])
    assert cut.any()
    assert np.isnan(cycle.rewards).tolist() == cut.tolist()
    assert (cycle.advantages[cut] == 0).all()
