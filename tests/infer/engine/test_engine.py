"""Many requests at once: each has what it would have alone, and leaves nothing behind."""

import random
from dataclasses import replace

import pytest
import torch
from hash_runner import HashRunner, LoopRunner

from textmill.errors import ModelError, UsageError
from textmill.infer.engine.draft import DraftProposer
from textmill.infer.engine.engine import Engine
from textmill.infer.engine.request import EMBED, SCORE, Request, Ticket
from textmill.infer.engine.scheduler import Limits
from textmill.infer.engine.speculation import NGramProposer, Pace
from textmill.infer.engine.torch_runner import TorchRunner
from textmill.infer.events import Embedded, Event, Failed, Output, Scored
from textmill.infer.sampling import SamplingSettings
from textmill.model.gpt import GPT
from textmill.tokenizer.tokenizer import Tokenizer

WRITING = SamplingSettings(temperature=1.0, top_p=1.0, max_tokens=12, seed=3, ignore_end=True)


def request(ids: list[int], *, settings: SamplingSettings = WRITING, **named: object) -> Request:
    return Request(ids=tuple(ids), settings=settings, **named)  # type: ignore[arg-type]


def run(engine: Engine, *requests: Request) -> list[list[Output]]:
    """What comes of requests that come together."""
    told: list[list[Output]] = [[] for _ in requests]
    for each, outputs in zip(requests, told, strict=True):
        engine.add(each, outputs.append)
    while engine.step():
        pass
    assert engine.idle
    assert engine.scheduler.pool.held == 0
    return told


def ids_of(outputs: list[Output], sample: int = 0) -> list[int]:
    return [output.id for output in outputs if isinstance(output, Event) and output.sample == sample]


def random_requests(count: int, seed: int) -> list[Request]:
    """Some begin alike, some are long, some want several samples, some an adapter."""
    rng = random.Random(seed)
    common = [rng.randrange(256) for _ in range(30)]
    made: list[Request] = []
    for number in range(count):
        ids = common[: rng.randrange(31)] + [rng.randrange(256) for _ in range(rng.randrange(1, 20))]
        settings = replace(
            WRITING, n=rng.choice((1, 1, 2)), max_tokens=rng.randrange(1, 30), seed=number, slide=rng.random() < 0.5
        )
        adapter = rng.choice(("", "", "one", "two"))
        made.append(request(ids, settings=settings, key=str(number % 3), adapter=adapter))
    return made


@pytest.mark.parametrize("invariant", [True, False])
@pytest.mark.parametrize("pages", [16, 23, 200])
def test_together_as_alone(invariant: bool, pages: int, byte_tokenizer: Tokenizer) -> None:
    requests = random_requests(25, seed=pages)
    alone = [run(Engine(HashRunner(page_count=16, invariant=invariant), byte_tokenizer), each)[0] for each in requests]
    limits = Limits(running=7, rows=40, prompt_rows=9)
    runner = HashRunner(page_count=pages, invariant=invariant)
    together = run(Engine(runner, byte_tokenizer, limits=limits), *requests)
    for one, other, each in zip(alone, together, requests, strict=True):
        for sample in range(each.settings.n):
            assert ids_of(one, sample) == ids_of(other, sample)
        assert sorted(map(repr, one)) == sorted(map(repr, other))
    assert max(runner.rows) > 1


def test_requests_that_come_and_go_leave_no_page(byte_tokenizer: Tokenizer) -> None:
    engine, rng = Engine(HashRunner(page_count=30), byte_tokenizer, limits=Limits(running=5)), random.Random(1)
    told: dict[Ticket, list[Output]] = {}
    cancelled = 0
    for each in random_requests(300, seed=4):
        outputs: list[Output] = []
        told[engine.add(each, outputs.append)] = outputs
        for _ in range(rng.randrange(4)):
            engine.step()
        if rng.random() < 0.4:
            ticket = rng.choice(list(told))
            before = len(told[ticket])
            cancelled += not ticket.done
            engine.cancel(ticket)
            engine.step()
            assert len(told[ticket]) == before, "a cancelled request is told nothing more"
    while engine.step():
        pass
    assert cancelled > 20
    assert engine.idle
    assert engine.scheduler.pool.held == 0
    assert engine.scheduler.waiting == 0
    finished = [ticket for ticket in told if not ticket.cancelled]
    assert finished
    for ticket in finished:
        last = [output for output in told[ticket] if isinstance(output, Event) and output.finish_reason]
        assert len(last) == ticket.request.settings.n


def test_what_begins_alike_is_computed_once(byte_tokenizer: Tokenizer) -> None:
    runner = HashRunner(page_count=100)
    engine = Engine(runner, byte_tokenizer)
    prompt = list(range(41))
    first = run(engine, request(prompt))[0]
    rows = sum(runner.rows)
    runner.rows.clear()
    told: list[Output] = []
    ticket = engine.add(request(prompt), told.append)
    while engine.step():
        pass
    assert ids_of(told) == ids_of(first)
    assert ticket.reused_tokens == 40
    assert rows - sum(runner.rows) == 40
    other = request(prompt, adapter="one")
    assert ids_of(run(engine, other)[0]) != ids_of(first), "another adapter has pages of its own"


def test_a_long_prompt_does_not_hold_up_those_who_write(byte_tokenizer: Tokenizer) -> None:
    runner = HashRunner(page_count=300, context=1000)
    engine = Engine(runner, byte_tokenizer, limits=Limits(rows=500, prompt_rows=10))
    writing: list[Output] = []
    engine.add(request([1, 2], settings=replace(WRITING, max_tokens=40)), writing.append)
    engine.step()
    engine.add(request(list(range(250))), lambda _: None)
    for step in range(20):
        engine.step()
        assert len(writing) == step + 2
        assert runner.rows[-1] <= 11


def test_keys_share_evenly(byte_tokenizer: Tokenizer) -> None:
    engine = Engine(HashRunner(page_count=200), byte_tokenizer, limits=Limits(running=1))
    order: list[str] = []
    for number in range(20):
        engine.add(request([1, number], key="many"), lambda output: order.append("many"))
    for number in range(3):
        engine.add(request([2, number], key="few"), lambda output: order.append("few"))
    while engine.step():
        pass
    assert order.index("few") < 4 * 12
    assert max(place for place, key in enumerate(order) if key == "few") < 8 * 12


@pytest.fixture
def no_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guessing is not given up because of what the clock says."""
    monkeypatch.setattr(Pace, "allows", lambda self: True)


@pytest.mark.parametrize("kind", [HashRunner, LoopRunner])
def test_guessing_changes_no_token(kind: type[HashRunner], byte_tokenizer: Tokenizer, no_clock: None) -> None:
    requests = [replace(each, settings=replace(each.settings, max_tokens=60)) for each in random_requests(12, seed=9)]
    plain = run(Engine(kind(page_count=60), byte_tokenizer), *requests)
    engine = Engine(kind(page_count=60), byte_tokenizer, proposer=NGramProposer())
    assert [sorted(map(repr, told)) for told in run(engine, *requests)] == [sorted(map(repr, told)) for told in plain]
    if kind is LoopRunner:
        assert engine.totals.accepted > engine.totals.written / 2
    else:
        assert engine.totals.proposed < engine.totals.written / 2, "guessing that loses is given up"


@pytest.mark.parametrize("pages", [40, 400])
def test_a_draft_model_changes_no_token(pages: int, byte_tokenizer: Tokenizer, no_clock: None) -> None:
    greedy = [replace(each, settings=replace(each.settings, temperature=0)) for each in random_requests(20, seed=5)]
    plain = run(Engine(HashRunner(page_count=60), byte_tokenizer), *greedy)
    small = HashRunner(page_count=pages, page_size=7, context=40)
    drafts = (HashRunner(page_count=pages), small, LoopRunner(page_count=pages))
    for draft in drafts:
        proposer = DraftProposer(draft, vocabulary_size=byte_tokenizer.vocabulary_size)
        engine = Engine(HashRunner(page_count=60), byte_tokenizer, proposer=proposer)
        told = run(engine, *greedy)
        assert [sorted(map(repr, one)) for one in told] == [sorted(map(repr, one)) for one in plain]
        proposer.propose([])
        assert proposer.pool.held == 0
    with pytest.raises(ModelError):
        DraftProposer(HashRunner(page_count=9), vocabulary_size=10_000)


def test_a_draft_model_that_is_right_saves_steps(byte_tokenizer: Tokenizer, no_clock: None) -> None:
    proposer = DraftProposer(HashRunner(page_count=60), vocabulary_size=byte_tokenizer.vocabulary_size)
    engine = Engine(HashRunner(page_count=60), byte_tokenizer, proposer=proposer)
    run(engine, request([1, 2], settings=replace(WRITING, temperature=0, max_tokens=55)))
    assert engine.totals.written == 55
    assert engine.totals.steps < 25


def test_the_clock_ends_guessing_that_costs_more_than_it_wins() -> None:
    pace = Pace()
    assert not pace.allows(), "first it must be known what a plain step takes"
    for _ in range(4):
        pace.learn(False, 0.01)
    assert pace.allows()
    for _ in range(4):
        pace.learn(True, 0.02)
    rests = [pace.allows() for _ in range(33)]
    assert rests == [False] * 32 + [True]
    for _ in range(4):
        pace.learn(True, 0.02)
    assert [pace.allows() for _ in range(65)].count(True) == 1, "twice as long the second time"
    for _ in range(4):
        pace.learn(True, 0.005)
    assert all(pace.allows() for _ in range(50))


class Broken:
    complete = False

    def matcher(self) -> "Broken":
        return self

    def allowed(self) -> torch.Tensor:
        raise ArithmeticError("grammar")

    def take(self, id: int) -> None:
        pass


class Nothing(Broken):
    def allowed(self) -> torch.Tensor:
        return torch.zeros(276, dtype=torch.bool)


def test_one_requests_own_failure_ends_that_request_alone(byte_tokenizer: Tokenizer) -> None:
    engine = Engine(HashRunner(page_count=60), byte_tokenizer)
    ways = (request([1, 2], grammar=Broken()), request([1, 2], grammar=Nothing()), request([1, 2]))
    broken, nothing, plain = run(engine, *ways)
    assert isinstance(broken[0], Failed)
    assert isinstance(broken[0].error, ArithmeticError)
    assert isinstance(nothing[0], Failed)
    assert isinstance(nothing[0].error, UsageError)
    assert (len(broken), len(nothing), len(ids_of(plain))) == (1, 1, 12)


def test_a_runner_that_fails_ends_all_and_the_engine_goes_on(byte_tokenizer: Tokenizer) -> None:
    runner = HashRunner(page_count=60)
    engine = Engine(runner, byte_tokenizer)
    told: list[Output] = []
    engine.add(request([1, 2]), told.append)
    engine.step()
    runner.broken = RuntimeError("broken")
    with pytest.raises(RuntimeError):
        engine.step()
    engine.fail(runner.broken)
    assert isinstance(told[-1], Failed)
    runner.broken = None
    assert len(ids_of(run(engine, request([1, 2]))[0])) == 12


@pytest.mark.parametrize(
    ("bad", "key"),
    [
        (request([]), "infer.empty_prompt"),
        (request([300]), "infer.foreign_ids"),
        (request([1] * 65), "infer.prompt_too_long"),
        (request([1], adapter="three"), "infer.unknown_adapter"),
        (request([1] * 30, settings=replace(WRITING, max_tokens=30)), "infer.too_few_pages"),
    ],
)
def test_what_cannot_be_answered_is_refused(bad: Request, key: str, byte_tokenizer: Tokenizer) -> None:
    engine = Engine(HashRunner(page_count=10), byte_tokenizer)
    with pytest.raises((UsageError, ModelError)) as caught:
        engine.add(bad, lambda _: None)
    assert caught.value.key == key
    assert engine.idle


def test_scores_and_vectors(model: GPT, byte_tokenizer: Tokenizer) -> None:
    ids = byte_tokenizer.encode("the cat sat on the mat") * 2
    engine = Engine(TorchRunner(model, page_count=4, page_size=16), byte_tokenizer)
    settings = replace(WRITING, logprobs=2, max_tokens=1)
    scored, embedded = run(engine, request(ids, kind=SCORE, settings=settings), request(ids, kind=EMBED))
    with torch.inference_mode():
        expected = model(torch.tensor([ids]))[0, :, : byte_tokenizer.vocabulary_size].log_softmax(-1)
        vector = model.hidden(torch.tensor([ids]))[0].mean(dim=0)
    assert isinstance(scored[0], Scored)
    own = [float(expected[place, id]) for place, id in enumerate(ids[1:])]
    assert scored[0].log_probabilities == pytest.approx(own, abs=1e-4)
    assert scored[0].best == tuple(expected[:-1].argmax(-1).tolist())
    assert [top[0][1] for top in scored[0].top] == pytest.approx(expected[:-1].amax(-1).tolist(), abs=1e-4)
    assert isinstance(embedded[0], Embedded)
    assert embedded[0].vector == pytest.approx(vector.tolist(), abs=1e-4)
    tail = run(engine, request(ids, kind=SCORE, score_from=40, settings=settings))[0][0]
    assert isinstance(tail, Scored)
    assert tail.log_probabilities == pytest.approx(own[39:], abs=1e-4)


def test_a_prompt_is_scored_before_its_continuation(byte_tokenizer: Tokenizer) -> None:
    engine = Engine(HashRunner(page_count=60), byte_tokenizer, limits=Limits(rows=7))
    both = run(engine, request(list(range(20)), scores=True, settings=replace(WRITING, n=2)))[0]
    plain = run(engine, request(list(range(20)), settings=replace(WRITING, n=2)))[0]
    assert isinstance(both[0], Scored)
    assert len(both[0].log_probabilities) == 19
    assert ids_of(both) == ids_of(plain)
    assert ids_of(both, 1) == ids_of(plain, 1)


@pytest.mark.parametrize("preset", ["modern", "classic"])
def test_torch_gives_the_same_bits_in_scattered_pages(
    preset: str, make_model: object, byte_tokenizer: Tokenizer
) -> None:
    model = make_model(preset)  # type: ignore[operator]
    requests = random_requests(12, seed=2)
    requests = [replace(each, adapter="", settings=replace(each.settings, logprobs=3)) for each in requests]
    alone = [run(Engine(TorchRunner(model, page_count=16, page_size=4), byte_tokenizer), each)[0] for each in requests]
    engine = Engine(TorchRunner(model, page_count=40, page_size=4), byte_tokenizer, limits=Limits(running=6))
    together = run(engine, *requests)
    assert [sorted(map(repr, told)) for told in together] == [sorted(map(repr, told)) for told in alone]
