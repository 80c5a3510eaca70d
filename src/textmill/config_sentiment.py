"""The section `sentiment`: how texts are judged, and how a judge is made (see `config`)."""

from dataclasses import dataclass

from textmill.setting_values import Section, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class SentimentSettings(Section):
    """How texts are judged, and how a judge is made."""

    labels: tuple[str, ...] = setting(("negative", "neutral", "positive", "mixed"))
    coverage: float = setting(0.9, minimum=0.5, maximum=0.999)
    languages: tuple[str, ...] = setting(("en", "zh"))
    instruction: str = setting("")
    question: str = setting("\nSentiment:")
    window: int = setting(512, minimum=16)
    held_out_share: float = setting(0.15, minimum=0.02, maximum=0.5)
    frozen_up_to: int = setting(400, minimum=0)
