"""Preference tuning over the trainer: the same step whatever the micro-batch, and answers that come to be preferred."""

import math
import random
from functools import cache

import numpy as np
import pytest
import torch
from objective_runs import CONTEXT, WORDS, small_model, small_run, small_settings, small_tokenizer, trained

from textmill.errors import CheckpointError
from textmill.tokenizer.tokenizer import Tokenizer
from textmill.train.batches import IGNORED
from textmill.tune.encoded import Encoded
from textmill.tune.examples import Preference
from textmill.tune.grouped import GroupedSet, GroupedStream, grouped_set
from textmill.tune.kto import ReferencePoint, with_other_answers
from textmill.tune.mask import encode_answer
from textmill.tune.passes import sums_by_text, token_pass
from textmill.tune.preference import GOOD, REFERENCE, Judge, PreferPairs
from textmill.tune.preference_losses import HINGE, IPO, ORPO, SIGMOID, SIMPO, WITHOUT_REFERENCE, JudgedLoss, PairLoss
from textmill.tune.reference import data_hash, kept
from textmill.tune.sums import text_sums


@cache
def tokenizer() -> Tokenizer:
    return small_tokenizer()


def pairs(count: int, *, seed: int = 0) -> list[tuple[Encoded, Encoded]]:
    """The answer that says the question's last word is the better one."""
    choose, found = random.Random(seed), []
    for number in range(count):
        first, second, wrong = choose.sample(WORDS, 3)
        example = Preference(
            place=f"p:{number}",
            messages=({"role": "user", "content": f"{first} {second}"},),
            chosen=({"role": "assistant", "content": f"{second} {second}."},),
            rejected=({"role": "assistant", "content": f"{wrong}."},),
        )
        found.append(
            tuple(encode_answer(tokenizer(), example, answer) for answer in (example.chosen, example.rejected))
        )
    return found


def stream_of(groups: GroupedSet, *, context: int = 4 * CONTEXT, **columns: np.ndarray) -> GroupedStream:
    end = tokenizer().end_of_text_id
    return GroupedStream(groups, seed=3, context=context, padding_id=end, columns=columns)


def test_groups_stay_whole_and_their_texts_in_turn():
    groups = grouped_set(pairs(20), context=CONTEXT)
    stream = stream_of(groups, context=CONTEXT)
    assert sorted(group for row in range(stream.epoch_rows) for group in stream.row_examples(row)) == list(range(20))
    batch = stream.batch(0, 3, CONTEXT)
    members = [group for row in range(3) for group in stream.row_examples(row)]
    texts, learned = batch.extra["texts_BT"], batch.targets_BT != IGNORED
    for number, group in enumerate(members):
        for part in range(2):
            text = groups.text(2 * group + part)
            here = learned & (texts == 2 * number + part)
            assert batch.targets_BT[here].tolist() == text.ids[text.learned].tolist()
            assert int(batch.extra["tokens_A"][2 * number + part]) == int(text.learned.sum())
    assert stream.count(0, 3, CONTEXT) == (int(groups.sizes[members].sum()), len(members))


def test_a_group_that_is_too_long_is_cut_or_left_out():
    long = [Encoded(ids=np.arange(50, dtype=np.int32), learned=np.arange(50) > 5) for _ in range(2)]
    hopeless = [Encoded(ids=np.arange(50, dtype=np.int32), learned=np.arange(50) > 45) for _ in range(2)]
    short = [Encoded(ids=np.arange(9, dtype=np.int32), learned=np.arange(9) > 5) for _ in range(2)]
    uneven = [short[0], long[0]]
    cut = grouped_set([long, hopeless, short, uneven], context=40)
    assert (len(cut), cut.cut, cut.left_out) == (3, 2, 1)
    assert cut.sizes.tolist() == [40, 16, 40]
    assert len(cut.text(4).ids) == 9  # the short one of two is not cut
    assert grouped_set([long, short], context=40, too_long="drop").left_out == 1


def test_sums_are_those_of_each_text_alone():
    groups = grouped_set(pairs(6), context=CONTEXT)
    model = small_model(tokenizer()).double().eval()
    torch.nn.init.normal_(model.output.weight, std=0.2, generator=torch.Generator().manual_seed(1))
    stream = stream_of(groups)
    logs = token_pass(model, stream, dtype=torch.float64, device="cpu", rows_at_a_time=2)
    for number, total in enumerate(sums_by_text(groups, logs)):
        text = groups.text(number)
        ids = torch.from_numpy(text.ids.astype(np.int64))
        log = torch.log_softmax(model(ids[None, :-1])[0].detach(), -1).gather(1, ids[1:, None])[:, 0]
        assert total == pytest.approx(float(log[torch.from_numpy(text.learned[1:])].sum()), rel=1e-6)


@pytest.mark.parametrize("kind", [SIGMOID, HINGE, IPO, SIMPO, ORPO])
def test_the_chosen_answer_comes_to_be_preferred(kind, tmp_path):
    groups = grouped_set(pairs(60), context=4 * CONTEXT)
    model = small_model(tokenizer())
    plain = stream_of(groups)
    logs = token_pass(model, plain, dtype=torch.float32, device="cpu", rows_at_a_time=4)
    columns = {} if kind in WITHOUT_REFERENCE else {REFERENCE: sums_by_text(groups, logs)}
    objective = PreferPairs(PairLoss(kind=kind, beta=0.5), name="dpo")
    run, events = small_run(
        tmp_path, tokenizer(), objective, stream_of(groups, **columns), small_settings(train__steps=40), model=model
    )
    trained(run)
    steps = [event for event in events if event["type"] == "step"]
    if kind == SIGMOID:
        assert steps[0]["loss"] == pytest.approx(math.log(2), abs=1e-4)
        assert steps[0]["margin"] == pytest.approx(0, abs=1e-4)
        assert steps[-1]["chosen_reward"] > steps[-1]["rejected_reward"]
    assert steps[-1]["loss"] < steps[0]["loss"]
    assert steps[-1]["accuracy"] > 0.75
    assert steps[-1]["margin"] > 0


def weights_after(tmp_path, micro_batch: int, kind: str) -> tuple[list[float], dict[str, torch.Tensor]]:
    settings = small_settings(train__steps=2)
    if kind == "kto":
        objective, stream, before = judging(small_model(tokenizer()).double())
    else:
        groups = grouped_set(pairs(30), context=2 * CONTEXT)
        objective, before = PreferPairs(PairLoss(kind=kind), name="dpo"), None
        stream = stream_of(groups, context=2 * CONTEXT, **{REFERENCE: np.linspace(-20, -10, 60)})
    folder = tmp_path / f"{kind}-{micro_batch}"
    run, events = small_run(
        folder, tokenizer(), objective, stream, settings, precision="fp64", micro_batch=micro_batch, before_step=before
    )
    trained(run)
    losses = [event["loss"] for event in events if event["type"] == "step"]
    return losses, {name: value.detach() for name, value in run.model.named_parameters()}


@pytest.mark.parametrize("kind", [SIGMOID, ORPO, "kto"])
def test_a_step_is_the_same_whatever_the_micro_batch(kind, tmp_path):
    losses, weights = weights_after(tmp_path, 1, kind)
    others, other_weights = weights_after(tmp_path, 3, kind)
    assert losses == pytest.approx(others, abs=1e-9)
    for name, value in weights.items():
        torch.testing.assert_close(value, other_weights[name], atol=1e-8, rtol=1e-6)


def judging(model) -> tuple[Judge, GroupedStream, ReferencePoint]:
    texts = [text for pair in pairs(24) for text in pair]
    own = grouped_set([[text] for text in texts], context=2 * CONTEXT)
    changed = with_other_answers([own.text(number) for number in range(len(own))], seed=0)
    others = grouped_set([[text] for text in changed], context=2 * CONTEXT)
    references = []
    for groups in (own, others):
        logs = token_pass(model, stream_of(groups), dtype=torch.float64, device="cpu", rows_at_a_time=2)
        references.append(sums_by_text(groups, logs))
    good = np.array([1.0, 0.0] * 24)
    objective = Judge(JudgedLoss())
    stream = stream_of(own, context=2 * CONTEXT, **{REFERENCE: references[0], GOOD: good})
    return (
        objective,
        stream,
        ReferencePoint(objective, stream, stream_of(others, context=2 * CONTEXT, **{REFERENCE: references[1]})),
    )


def test_other_answers_are_to_other_questions():
    texts = [text for pair in pairs(10) for text in pair]
    for text, changed in zip(texts, with_other_answers(texts, seed=0), strict=True):
        begin = int(np.argmax(text.learned))
        assert changed.ids[:begin].tolist() == text.ids[:begin].tolist()
        answer = changed.ids[begin:].tolist()
        source = next(one for one in texts if one.ids[int(np.argmax(one.learned)) :].tolist() == answer)
        assert len(changed.ids) == len(changed.learned)
        assert source.ids[: int(np.argmax(source.learned))].tolist() != text.ids[:begin].tolist() or len(answer) < 6


def test_kto_learns_and_its_reference_point_is_the_mean_over_the_step(tmp_path):
    model = small_model(tokenizer())
    objective, stream, before = judging(model)
    run, events = small_run(
        tmp_path, tokenizer(), objective, stream, small_settings(train__steps=20), model=model, before_step=before
    )
    seen = []

    def watched(run) -> None:
        before(run)
        rows = range(run.state.rows, run.state.rows + run.rows_a_step)
        members = [[group] for row in rows for group in stream.row_examples(row)]
        batch = before.others.batch_of(members, CONTEXT * 2)
        with torch.no_grad():
            sums = text_sums(run.model, batch, torch.float32)
        seen.append((objective.reference_point, max(0.0, float((sums - batch.extra[REFERENCE]).mean()))))

    run.before_step = watched
    trained(run)
    for used, wanted in seen:
        assert used == pytest.approx(wanted, abs=2e-4)
    steps = [event for event in events if event["type"] == "step"]
    assert steps[0]["loss"] == pytest.approx(0.5, abs=1e-3)
    assert steps[-1]["good_reward"] > steps[-1]["bad_reward"]


def test_the_reference_is_computed_once_and_missed_when_it_is_gone(tmp_path):
    groups = grouped_set(pairs(4), context=CONTEXT)
    of, calls = data_hash(groups, "model"), []

    def compute():
        calls.append(1)
        return {"sums": np.arange(8.0)}

    file = tmp_path / "runs" / "reference.safetensors"
    for _ in range(2):
        assert kept(file, of, compute, may_compute=True)["sums"].tolist() == list(range(8))
    assert len(calls) == 1
    with pytest.raises(CheckpointError, match="of other data"):
        kept(file, data_hash(groups, "another"), compute, may_compute=False)
    file.write_bytes(b"broken")
    assert kept(file, of, compute, may_compute=True)["sums"].tolist() == list(range(8))
