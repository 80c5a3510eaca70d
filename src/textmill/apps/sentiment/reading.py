"""How a model scores labels: each text once, with a prompt behind it, and what the model would say next.

    prefix | part of the text | suffix ─▶ state h ─▶ score of each label

Where every label begins with a token of its own, its score is that token's logit, W[answer]·h: one pass reads the text,
nothing of the vocabulary's other rows is computed. Else a label's score is the mean of ln p over its tokens, all labels
branching from one pass over the text (`evaluate.forest`). What stands before all texts is computed once.

A text that is longer than a window is cut into equal parts; its scores are their mean, weighed by their tokens.

Shapes: N texts, P parts, D width, C labels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch

from textmill.apps.sentiment.form import Form
from textmill.evaluate.forest import common
from textmill.evaluate.likelihood import Scorer
from textmill.evaluate.pairs import Pair, start_of_text
from textmill.infer.resolve import LoadedModel
from textmill.tokenizer.tokenizer import Tokenizer

CONTENT_FREE = ("", "N/A", "...", "text", "无内容")  # text data
MARGIN = 8
"""Tokens of the context that a window leaves free."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What stands around a text, and the answers, as tokens."""

    before: tuple[int, ...]
    after: tuple[int, ...]
    answers: tuple[tuple[int, ...], ...]

    @property
    def one_token(self) -> bool:
        """True where the first token tells all labels apart."""
        return len({answer[0] for answer in self.answers}) == len(self.answers)


def prompt_of(form: Form, tokenizer: Tokenizer) -> Prompt:
    """Returns the form's prompt; an answer's tokens are those that it adds behind the suffix."""
    start = tokenizer.start_ids or start_of_text(tokenizer)
    after = tokenizer.encode(form.suffix)
    answers = []
    for answer in form.answers:
        whole = tokenizer.encode(form.suffix + answer)
        answers.append(tuple(whole[len(after) :] if whole[: len(after)] == after else tokenizer.encode(answer)))
    before = (*start, *(tokenizer.encode(form.prefix) if form.prefix else ()))
    shared = min(common(answers), min(map(len, answers)) - 1)  # a blank that is a token of its own tells nothing
    after = [*after, *answers[0][:shared]]
    return Prompt(before=before, after=tuple(after), answers=tuple(answer[shared:] for answer in answers))


def parts_of(ids: Sequence[int], window: int) -> list[tuple[int, ...]]:
    """Returns the tokens in the fewest parts of at most `window`, about equally long."""
    count = max(1, -(-len(ids) // window))
    borders = [round(len(ids) * place / count) for place in range(count + 1)]
    return [tuple(ids[low:high]) for low, high in pairwise(borders)]


class LabelReader:
    """A model that scores a form's labels."""

    def __init__(self, loaded: LoadedModel, form: Form, *, precision: str = "auto") -> None:
        self.tokenizer, self.prompt = loaded.tokenizer, prompt_of(form, loaded.tokenizer)
        around = len(self.prompt.before) + len(self.prompt.after) + max(map(len, self.prompt.answers))
        self.window = max(MARGIN, min(form.window, loaded.model.config.context - around - MARGIN))
        config = loaded.model.config
        self.cap, self.divisor = config.logit_softcap, config.logit_divisor
        first = torch.tensor([answer[0] for answer in self.prompt.answers])
        output = loaded.model.output
        self.rows_CD = output.weight.detach()[first].float().cpu()
        self.bias_C = output.bias.detach()[first].float().cpu() if output.bias is not None else None
        self.scorer = Scorer(loaded.model, precision=precision)

    def parts(self, texts: Sequence[str]) -> tuple[list[tuple[Pair, ...]], np.ndarray, np.ndarray]:
        """Returns the pairs of each part, which text it is of (P), and its share of that text (P)."""
        pairs: list[tuple[Pair, ...]] = []
        owner: list[int] = []
        share: list[float] = []
        prompt = self.prompt
        answers = [answer[:1] for answer in prompt.answers[:1]] if prompt.one_token else prompt.answers
        for number, ids in enumerate(self.tokenizer.encode_batch(list(texts))):
            for part in parts_of(ids, self.window):
                read = (*prompt.before, *part, *prompt.after)
                pairs.append(tuple(Pair(ids=(*read, *answer), given=len(read)) for answer in answers))
                owner.append(number)
                share.append(max(1, len(part)) / max(1, len(ids)))
        return pairs, np.array(owner, dtype=np.int64), np.array(share)

    def states(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Returns the state behind which a label is told, (N, D), a long text's mean, and the number of parts (N)."""
        pairs, owner, share = self.parts(texts)
        found = np.zeros((len(texts), self.rows_CD.shape[1]), dtype=np.float32)
        for places, x_nD in self.scorer.states_before(pairs):
            np.add.at(found, owner[places], x_nD.float().cpu().numpy() * share[places, None].astype(np.float32))
        return found, np.bincount(owner, minlength=len(texts))

    def scores(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Returns each label's score, (N, C), and the number of parts, (N)."""
        pairs, owner, share = self.parts(texts)
        found = np.zeros((len(texts), len(self.prompt.answers)))
        if self.prompt.one_token:
            for places, x_nD in self.scorer.states_before(pairs):
                np.add.at(found, owner[places], self.logits(x_nD) * share[places, None])
        else:
            for place, told in self.scorer.score_pairs(pairs):
                means = np.array(told.sums) / np.array(told.tokens)
                found[owner[place]] += means * share[place]
        return found, np.bincount(owner, minlength=len(texts))

    def logits(self, x_nD: torch.Tensor) -> np.ndarray:
        """Returns the logits of the answers' first tokens."""
        logits_nC = x_nD.float().cpu() @ self.rows_CD.T / self.divisor
        if self.bias_C is not None:
            logits_nC = logits_nC + self.bias_C
        if self.cap:
            logits_nC = self.cap * torch.tanh(logits_nC / self.cap)
        return logits_nC.double().numpy()

    def prior(self) -> tuple[float, ...]:
        """Returns the mean scores of texts that say nothing: what the model would answer anyway."""
        scores = self.scores(CONTENT_FREE)[0]
        return tuple(float(value) for value in (scores - scores.mean(axis=1, keepdims=True)).mean(axis=0))
