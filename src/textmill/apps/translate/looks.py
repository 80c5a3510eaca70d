"""What is looked at while a model learns to translate: held-out loss, some translations, and their chrF."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from textmill.apps.translate.card import Card
from textmill.apps.translate.prompt import Asked, prompt_of
from textmill.checkpoints import mark_if_best
from textmill.evaluate.written import sentence_chrf
from textmill.infer.answers import answers
from textmill.infer.engine.engine import Engine
from textmill.infer.engine.request import Request
from textmill.infer.engine.scheduler import Limits
from textmill.infer.engine.torch_runner import PAGE, TorchRunner
from textmill.infer.sampling import SamplingSettings
from textmill.model.gpt import GPT
from textmill.tokenizer.tokenizer import Tokenizer
from textmill.train.evaluation import undisturbed
from textmill.train.run import Run
from textmill.tune.looks import TuningLooks
from textmill.tune.packing import PackedStream

LONGEST = 2.5
"""Times the usual length: where a translation ends that goes on and on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TranslationLooks:
    """`Looks` of a translation's tuning. `shown`, `scored`: (what is asked, its translation, its place)."""

    held_out: PackedStream | None
    card: Card
    shown: Sequence[tuple[Asked, str, str]]
    scored: Sequence[tuple[Asked, str, str]]

    def evaluate(self, run: Run, *, last: bool) -> None:
        """Measures the held-out loss, and behind the last step the chrF of held-out translations."""
        with run.shown(), run.looked_at() as model:
            if model is None:
                return
            found = TuningLooks(held_out=self.held_out).measure(run, model, last=last)
            scores = self.score(model, run.tokenizer) if last and not run.stop else []
        if found is not None:
            run.note_saved()
            mark_if_best(run.folder, run.state.step, found["loss"])
            run.event("held_out", **found)
        for score in scores:
            run.event("translated", **score)

    def sample(self, run: Run) -> None:
        """Translates some held-out texts."""
        with run.shown(), run.looked_at() as model:
            if model is None:
                return
            said = translate_plainly(model, run.tokenizer, self.card, [asked for asked, _, _ in self.shown])
        for (asked, _, _), text in zip(self.shown, said, strict=True):
            run.event("sample", prompt=f"{asked.direction}: {asked.text}", text=text)

    def score(self, model: GPT, tokenizer: Tokenizer) -> list[dict[str, Any]]:
        """Returns a direction's chrF on held-out pairs, and that of copying the source."""
        said = translate_plainly(model, tokenizer, self.card, [asked for asked, _, _ in self.scored])
        by_direction: dict[str, list[tuple[float, float]]] = defaultdict(list)
        for (asked, target, _), text in zip(self.scored, said, strict=True):
            both = sentence_chrf(text, target), sentence_chrf(asked.text, target)
            by_direction[str(asked.direction)].append(both)
        return [
            {
                "direction": direction,
                "chrf": 100 * sum(one for one, _ in some) / len(some),
                "copied": 100 * sum(two for _, two in some) / len(some),
                "n": len(some),
            }
            for direction, some in by_direction.items()
        ]


def translate_plainly(model: GPT, tokenizer: Tokenizer, card: Card, asked: Sequence[Asked]) -> list[str]:
    """Returns greedy translations by a model in training: nothing is searched or checked."""
    context = model.config.context
    requests = []
    for one in asked:
        ids = prompt_of(tokenizer, card.form, one)[: context - 1]
        most = min(int(LONGEST * card.known(one.direction).ratio * len(ids)) + 8, context - len(ids))
        settings = SamplingSettings(temperature=0.0, max_tokens=most, seed=0, slide=False)
        requests.append(Request(ids=tuple(ids), settings=settings))
    pages = -(-context // PAGE)
    with undisturbed(model):
        engine = Engine(TorchRunner(model, page_count=pages), tokenizer, limits=Limits(running=1))
        return [answer.samples[0].text.strip() if answer.samples else "" for answer in answers(engine, requests)]
