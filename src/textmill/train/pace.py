"""How long a run under a time budget goes on, by the pace of its steps so far."""

import statistics
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textmill.train.run import Run


def plan_the_end(run: "Run") -> None:
    """Under a time budget: sets the number of steps to what the time left allows at the pace so far.

    The learning rate follows the share of the run that is done, so that it is down when the time is up, whatever else
    the machine is doing. The final save and evaluation are paid from the reserve.
    """
    state = run.state
    if not state.budget_seconds or len(run.step_seconds) < 5:
        return
    left = state.budget_seconds * (1 - FINISH_SHARE) - state.seconds
    # the mean over everything since the start counts evaluations and saves in, the median follows a change of pace
    pace = 0.5 * (statistics.median(run.step_seconds) + statistics.fmean(run.step_seconds))
    state.total_steps = max(state.step + (1 if left > pace else 0), state.step + int(left / pace))


FINISH_SHARE = 0.02
"""The share of a time budget kept for the last save, evaluation and samples."""
