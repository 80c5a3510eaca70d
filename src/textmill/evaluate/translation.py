"""Figures of translation over a whole set, by sacrebleu, whose signatures say exactly what was computed."""

from collections.abc import Sequence

from textmill.errors import MissingExtraError
from textmill.evaluate.intervals import Score

RESAMPLES = 300


def require_sacrebleu() -> None:
    """Raises MissingExtraError where sacrebleu is not installed."""
    try:
        import sacrebleu  # noqa: F401
    except ImportError:
        raise MissingExtraError("evaluate.missing_extra", what="BLEU, chrF", package="sacrebleu") from None


def corpus_scores(said: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, Score]:
    """Returns BLEU and chrF (0 … 100) with the intervals of resampled sets.

    Chinese is cut into characters for BLEU (sacrebleu's "zh"), other text by its standard tokenizer.
    """
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    most = max(len(some) for some in references)
    streams = [[some[min(place, len(some) - 1)] for some in references] for place in range(most)]
    han = sum("\u4e00" <= sign <= "\u9fff" for some in references for sign in some[0])
    chinese = han > sum(len(some[0]) for some in references) / 4
    made = {}
    for name, metric in (("bleu", BLEU(tokenize="zh" if chinese else "13a")), ("chrf", CHRF())):
        found = metric.corpus_score(list(said), streams, n_bootstrap=RESAMPLES)
        mean, half = getattr(found, "_mean", found.score), getattr(found, "_ci", 0.0)
        low, high = (mean - half, mean + half) if half and half > 0 else (found.score, found.score)
        made[name] = Score(value=found.score, low=min(low, found.score), high=max(high, found.score), n=len(said))
    return made
