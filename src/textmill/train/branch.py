"""A run that goes on from another run's checkpoint: a decay tried from a plateau, other rates, another mixture.

A branch takes over everything (weights, optimizer, position in the data, settings) and may change what a run that just
goes on may not: the schedule, the learning rates, the decay, the mixture of the data. The number of steps counts those
of the first run. From a plateau of the schedule `stable` one long run serves many lengths: each is a short branch.
"""

from pathlib import Path

from textmill.errors import TrainingError
from textmill.infer.resolve import resolve
from textmill.project import Project

FREE_IN_A_BRANCH = (
    "train.schedule",
    "train.decay",
    "train.final_learning_rate",
    "train.learning_rate",
    "train.matrix_learning_rate",
    "train.embedding_learning_rate",
    "train.weight_decay",
    "train.cautious_decay",
    "train.clip",
    "train.z_loss",
    "train.skip_spikes",
    "mix.",
)
"""Settings that a branch may change, besides those that any run may change as it goes on."""


def branch_point(project: Project, wanted: str) -> Path:
    """Returns the folder of the checkpoint that `wanted`, RUN or RUN@STEP, names; without a step the newest whole one.

    Raises TrainingError for a model that is of no run, ModelError where there is none, CheckpointError if damaged.
    """
    place = resolve(wanted, project)
    if place.step is None:
        raise TrainingError("train.no_branch", wanted=wanted)
    return place.folder
