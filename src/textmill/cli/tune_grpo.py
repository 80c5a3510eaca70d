"""`textmill tune grpo`: the model answers questions, a reward judges, and what was better becomes likelier."""

from typing import TYPE_CHECKING, Any

from textmill.cli.command import Argument, Command, Context
from textmill.cli.tune_methods import laid_out_for, refuse_division, tell
from textmill.cli.tune_sft import general_texts
from textmill.cli.tuning import ARGUMENTS, SECTIONS, tune
from textmill.errors import InputError
from textmill.i18n import t

if TYPE_CHECKING:
    from textmill.config import Settings
    from textmill.infer.resolve import LoadedModel
    from textmill.tune.start import Task


def run(
    context: Context,
    *,
    data: tuple[str, ...],
    reward: tuple[str, ...],
    allow_code_execution: bool,
    validation: tuple[str, ...],
    general: tuple[str, ...],
    **given: Any,
) -> dict[str, Any]:
    """Tunes the model; returns the run's summary."""
    from textmill.tune.rewards import parse_rewards

    refuse_division(context, "grpo")
    if not data:
        raise InputError("cli_tune_sft.no_data")
    ours = context.settings.grpo
    rewards = parse_rewards(
        reward, allowed=allow_code_execution, seconds=float(ours.reward_seconds), bad=ours.bad_rewards
    )

    def make_task(base: "LoadedModel", settings: "Settings") -> "tuple[Task, Settings]":
        from textmill.tune.plan import method_of
        from textmill.tune.reinforcing import reinforcing

        settings = settings.replace({"tune.method": method_of(settings, base.model.config)})
        options: dict[str, Any] = {"device": given["device"], "validation": validation}
        with context.progress(t("cli_tune_check.reading")) as progress:
            texts = general_texts(general)
            task, found = reinforcing(data, base, settings, rewards, general=texts, progress=progress, **options)
        # a step reads some questions, not rows
        count = len(found.training)
        steps = max(1, round(count * settings.tune.epochs / settings.grpo.questions))
        settings = laid_out_for("grpo", context, settings, base, row=task.context, epoch_rows=count)
        if not context.chosen("train.steps"):
            settings = settings.replace({"train.steps": steps, **_often(context, steps)})
        tell(context, found, task, count)
        return task, settings

    try:
        return tune(context, make_task, **given)
    finally:
        rewards.close()


def _often(context: Context, steps: int) -> dict[str, int]:
    from textmill.tune.plan import often

    return often(steps, context.chosen)


COMMAND = Command(
    words=("tune", "grpo"),
    run=run,
    example="textmill tune grpo --model main --data problems.jsonl --reward exact\n"
    "textmill tune grpo --model main --data tasks.jsonl --reward tests --allow-code-execution",
    arguments=(
        *ARGUMENTS,
        Argument(name="--reward", many="*", metavar="REWARD"),
        Argument(name="--allow-code-execution", flag=True, default=False),
    ),
    settings=("grpo", *SECTIONS),
)
