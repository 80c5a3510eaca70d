"""The sections `preference`, `grpo` and `distill`: tuning by comparing, by reward, from a teacher (see `config`)."""

from dataclasses import dataclass

from textmill.setting_values import Section, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferenceSettings(Section):
    """How answers that are preferred become likelier."""

    loss: str = setting("sigmoid", choices=("sigmoid", "robust", "hinge", "ipo", "simpo"))
    beta: float = setting(0.1, minimum=0.0001, maximum=100)
    smoothing: float = setting(0.0, minimum=0, maximum=0.49)
    by_length: bool = setting(False)
    gamma: float = setting(0.5, minimum=0)
    odds_weight: float = setting(0.1, minimum=0)
    good_weight: float = setting(1.0, minimum=0)
    bad_weight: float = setting(1.0, minimum=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class GrpoSettings(Section):
    """How a model learns from rewards of its own answers."""

    variant: str = setting("grpo", choices=("grpo", "dapo", "dr"))
    questions: int = setting(8, minimum=1)
    samples: int = setting(8, minimum=2, maximum=1024)
    max_tokens: int = setting(256, minimum=1)
    temperature: float = setting(1.0, minimum=0.01, maximum=10)
    updates: int = setting(1, minimum=1, maximum=64)
    clip_low: float = setting(0.2, minimum=0, maximum=1)
    clip_high: float = setting(0.2, minimum=0)
    kl: float = setting(0.0, minimum=0)
    cut_answers: str = setting("keep", choices=("keep", "leave_out"))
    bad_rewards: str = setting("stop", choices=("stop", "skip"))
    reward_seconds: float = setting(10.0, minimum=0.1)
    held_out: int = setting(128, minimum=0)
    at_once: int = setting(32, minimum=1, maximum=1024)


@dataclass(frozen=True, slots=True, kw_only=True)
class DistillSettings(Section):
    """How a model learns from a teacher."""

    top: int = setting(0, minimum=0, maximum=4096)
    temperature: float = setting(1.0, minimum=0.1, maximum=100)
    text_weight: float = setting(0.0, minimum=0, maximum=1)
    answers: str = setting("given", choices=("given", "teacher"))
