"""The tasks of `textmill tune dpo`, `orpo` and `kto`: from files to an objective, a stream and what is looked at."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from textmill.config import Settings
from textmill.errors import InputError
from textmill.infer.resolve import LoadedModel
from textmill.model.hub.base import fingerprint
from textmill.progress import Progress
from textmill.train.kernels import Kernels, choose_kernels
from textmill.tune.checks import Row
from textmill.tune.examples import Judged
from textmill.tune.grouped import GroupedSet, GroupedStream, grouped_set
from textmill.tune.kto import ReferencePoint, with_other_answers
from textmill.tune.passes import rows_of_a_pass, sums_by_text, token_pass
from textmill.tune.plan import context_of
from textmill.tune.preference import GOOD, REFERENCE, Judge, PreferPairs
from textmill.tune.preference_looks import PreferenceLooks
from textmill.tune.preference_losses import ORPO, WITHOUT_REFERENCE, JudgedLoss, PairLoss
from textmill.tune.prepare import Prepared, prepare
from textmill.tune.purposes import JUDGE, PREFER
from textmill.tune.reference import data_hash, kept
from textmill.tune.start import Task, made_ready
from textmill.tune.starting_model import for_passes

DPO, KTO = "dpo", "kto"
FILE = "reference-{name}.safetensors"


class Comparing:
    """Makes the task of one method for one base model; `folder` is the run's."""

    def __init__(
        self, method: str, base: LoadedModel, settings: Settings, *, folder: Path, device: str, progress: Progress
    ) -> None:
        self.method, self.base, self.settings = method, base, settings
        self.folder, self.device, self.progress = folder, device, progress
        self.context = context_of(settings, base.model.config)
        self.fingerprint = fingerprint(base.model)

    def task(
        self, paths: Sequence[str | Path], *, validation: Sequence[str | Path], general: Sequence[str]
    ) -> tuple[Task, GroupedStream, Prepared]:
        """Returns the task, its stream and what was read; InputError where the checks refuse the data."""
        settings, purpose = self.settings, JUDGE if self.method == KTO else PREFER
        if validation:
            settings = settings.replace({"tune.held_out_share": 0.0})
        options: dict[str, Any] = {"context": self.context, "purpose": purpose}
        tokenizer = self.base.tokenizer
        found = prepare(paths, tokenizer, settings, against=validation, progress=self.progress, **options)
        held_out = found.held_out
        if validation:
            other = prepare(validation, tokenizer, settings, **options)
            held_out = [*other.training, *other.held_out]
        objective = self._objective()
        groups = self._groups(found.training)
        if len(groups) < 2:
            raise InputError("tune_preference.too_few", count=len(groups))
        stream = self._stream("training", groups, found.training, objective)
        before = self._reference_point(stream, objective) if isinstance(objective, Judge) else None
        measured = self._groups(held_out)
        compared = self._stream("held-out", measured, held_out, objective) if len(measured) else None
        looks = PreferenceLooks(held_out=None, general=tuple(general), objective=objective, compared=compared)
        task = Task(
            objective=objective,
            stream=stream,
            context=self.context,
            data={"examples": data_hash(stream.groups)},
            looks=looks,
            before_step=before,
            fingerprint=self.fingerprint,
        )
        return task, stream, found

    def _groups(self, rows: Sequence[Row]) -> GroupedSet:
        return grouped_set([row.texts for row in rows], context=self.context, too_long=self.settings.tune.too_long)

    def _reference_point(self, stream: GroupedStream, objective: Judge) -> ReferencePoint:
        """Returns what measures KTO's reference point before each step."""
        texts = [stream.groups.text(number) for number in range(len(stream.groups))]
        changed = with_other_answers(texts, seed=self.settings.train.seed)
        others = grouped_set([[text] for text in changed], context=self.context)
        columns = {REFERENCE: self._reference("others", others)}
        return ReferencePoint(objective, stream, self._laid_out(others, columns))

    def _objective(self) -> PreferPairs | Judge:
        ours = self.settings.preference
        if self.method == KTO:
            return Judge(JudgedLoss(beta=ours.beta, good_weight=ours.good_weight, bad_weight=ours.bad_weight))
        loss = PairLoss(
            kind=ORPO if self.method == ORPO else ours.loss,
            beta=ours.beta,
            smoothing=ours.smoothing,
            by_length=ours.by_length,
            gamma=ours.gamma,
            odds_weight=ours.odds_weight,
        )
        return PreferPairs(loss, name=self.method)

    def _stream(
        self, name: str, groups: GroupedSet, rows: Sequence[Row], objective: PreferPairs | Judge
    ) -> GroupedStream:
        """Returns a stream over groups, with what a reference thinks of them."""
        columns: dict[str, np.ndarray] = {}
        if isinstance(objective, Judge) or objective.pair_loss.kind not in WITHOUT_REFERENCE:
            columns[REFERENCE] = self._reference(name, groups)
        if isinstance(objective, Judge):
            examples = [rows[number].example for number in groups.kept]
            columns[GOOD] = np.array([float(isinstance(each, Judged) and each.good) for each in examples])
        return self._laid_out(groups, columns)

    def _laid_out(self, groups: GroupedSet, columns: dict[str, np.ndarray]) -> GroupedStream:
        return GroupedStream(
            groups,
            seed=self.settings.train.seed,
            context=self.context,
            padding_id=self.base.tokenizer.end_of_text_id,
            columns=columns,
        )

    def _reference(self, name: str, groups: GroupedSet) -> np.ndarray:
        """Returns ln ρ of each text: from disk, or by the model that will learn, which nothing has moved yet.

        Its adapters are there already, and its base in their precision: in bf16 or four bits the same weights by
        another way differ by more than a first step does.
        """

        def compute() -> dict[str, np.ndarray]:
            made_ready(
                self.base.model, self.settings, choose_kernels(self.settings, self.device, self.base.model.config)
            )
            with for_passes(self.base.model, self.settings, self.device) as kernels:
                return {"sums": sums_by_text(groups, self._pass(groups, kernels))}

        of = data_hash(groups, self.base.name, self.base.step, self.context, self.settings.tune.method)
        return kept(self.folder / FILE.format(name=name), of, compute, may_compute=True)["sums"]

    def _pass(self, groups: GroupedSet, kernels: Kernels) -> np.ndarray:
        return token_pass(
            self.base.model,
            self._laid_out(groups, {}),
            dtype=kernels.dtype,
            device=kernels.device,
            rows_at_a_time=rows_of_a_pass(kernels.device, self.context),
            progress=self.progress,
        )
