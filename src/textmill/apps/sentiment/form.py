"""How a judge lies on disk: `sentiment.json` and `sentiment.safetensors` in a run's folder, beside the checkpoints.

labels, answers    what is told, and the words whose scores decide it; prefix and suffix stand around a text
model              which weights read the text ("" : this run's own)
blend              temperature, the share of words, and a shift a label: fitted on held-out rows (`calibration`)
threshold          from which probability a label is in the set (`coverage`)
figures            what training measured, for people
"""

import json
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from textmill.errors import ModelError
from textmill.files import write_json

FORM_FILE = "sentiment.json"
TENSORS_FILE = "sentiment.safetensors"
VOCABULARY_FILE = "sentiment-words.json"
FORMAT = 1
MODEL, WORDS, BOTH = "model", "words", "both"
WINDOW = 512
LANGUAGES = ("en", "zh")


@dataclass(frozen=True, slots=True, kw_only=True)
class Blend:
    """Scores to log-odds: model·(scores of the model) + words·(scores of the words) + shift."""

    model: float = 1.0
    words: float = 0.0
    shift: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """All that a judge is, without its weights."""

    labels: tuple[str, ...]
    answers: tuple[str, ...]
    prefix: str = ""
    suffix: str = "\nSentiment:"
    window: int = WINDOW
    """Tokens of a text that are read at once."""
    languages: tuple[str, ...] = LANGUAGES
    use: str = MODEL
    model: str = ""
    model_folder: str = ""
    fingerprint: str = ""
    head: bool = False
    """Whether a map of states stands behind the model's own scores (`head`)."""
    prior: tuple[float, ...] = ()
    """Scores of texts without content, which are taken off; none: nothing is."""
    blend: Blend = Blend()
    coverage: float = 0.9
    threshold: float | None = None
    """None: nothing was calibrated, and the set is the fewest labels that together reach the coverage."""
    calibrated_on: int = 0
    figures: dict[str, Any] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Writes sentiment.json."""
        write_json(folder / FORM_FILE, {"format": FORMAT} | asdict(self))

    def with_shift(self) -> tuple[float, ...]:
        """Returns a shift for each label."""
        return self.blend.shift or (0.0,) * len(self.labels)


def listed(value: Any) -> Any:
    """Returns JSON's list as a tuple."""
    return tuple(value) if isinstance(value, list) else value


def read_form(folder: Path) -> Form:
    """Returns the form in a folder; ModelError where it is damaged or of a newer version."""
    file = folder / FORM_FILE
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        if told.pop("format") != FORMAT:
            raise ModelError("sentiment.newer", file=file)
        known = {item.name for item in fields(Form)}
        values: dict[str, Any] = {
            name: tuple(v) if isinstance(v, list) else v for name, v in told.items() if name in known
        }
        blend = Blend(**told["blend"])
        values["blend"] = replace(blend, shift=tuple(blend.shift))
        made = Form(**values)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError("sentiment.damaged", file=file, detail=str(error)[:120]) from error
    if len(made.labels) != len(made.answers) or len(made.labels) < 2:
        raise ModelError("sentiment.damaged", file=file, detail="labels, answers")
    return made
