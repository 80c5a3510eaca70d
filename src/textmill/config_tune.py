"""The section `tune` of the settings: how a model is tuned, and on what (see `config`)."""

from dataclasses import dataclass

from textmill.setting_values import Section, setting

FORMS = ("preference", "judged", "messages", "instruction", "completion", "problem", "text")
"""The forms in which tuning data comes (`tune.forms`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TuneSettings(Section):
    """How a model is tuned, and on what."""

    method: str = setting("", choices=("", "full", "lora", "dora", "qlora"))
    rank: int = setting(16, minimum=1, maximum=4096)
    alpha: float = setting(0.0, minimum=0)
    stabilised: bool = setting(False)
    dropout: float = setting(0.0, minimum=0, maximum=0.9)
    label_smoothing: float = setting(0.0, minimum=0, maximum=0.9)
    modules: tuple[str, ...] = setting(())
    epochs: float = setting(3.0, minimum=0.001)
    context: int = setting(0, minimum=0)
    prompts: tuple[str, ...] = setting(
        ("What is the capital of France?", "Write one sentence about the sea.", "请用一句话介绍你自己。")  # text data
    )
    form: str = setting("", choices=("", *FORMS))
    map: tuple[str, ...] = setting(())
    bad_rows: str = setting("stop", choices=("stop", "skip"))
    too_long: str = setting("cut", choices=("cut", "drop"))
    most_too_long: float = setting(0.1, minimum=0, maximum=1)
    require_end: bool = setting(True)
    test_rows: str = setting("stop", choices=("stop", "drop"))
    held_out_share: float = setting(0.02, minimum=0, maximum=0.5)
