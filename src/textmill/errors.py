"""One exception tree. Every error says what happened, what was expected, what came, and the next step.

    TextmillError
    ├── UserError                  exit code 2: the input, the command or the machine; never a traceback
    │   ├── UsageError             the words of a command
    │   ├── SettingsError          an unknown or ill-typed setting
    │   ├── ProjectError           no project folder, or one from a newer version
    │   ├── InputError             a file or text that a command was given
    │   │   └── CorpusError        a corpus or token folder
    │   ├── TokenizerError         a tokenizer that cannot be trained or loaded
    │   ├── ModelError             a model or a configuration that is refused by name
    │   │   └── CheckpointError    a damaged or missing checkpoint
    │   ├── TrainingError          a run that cannot start or go on (non-finite loss, budget too small)
    │   ├── ResourceError          disk, memory, a device that is not there
    │   └── MissingExtraError      an optional package is missing; names the pip line
    └── InternalError              exit code 1: our own bug

The words live in the i18n catalogues as ``[name.en]`` and ``[name.zh]`` tables with ``what`` and, as far as they help,
``expected``, ``got`` and ``next``; `docs/errors` is generated from them. Ctrl-C is KeyboardInterrupt: exit code 130.
"""

from textmill.i18n import entry

PARTS = ("what", "expected", "got", "next")


class TextmillError(Exception):
    """The root. `key` names the catalogue's entry (``area.name``); `values` fill its placeholders."""

    exit_code = 1

    def __init__(self, key: str, /, **values: object) -> None:
        super().__init__(key)
        self.key = key
        self.values = values

    def parts(self) -> dict[str, str]:
        """Returns ``what``, ``expected``, ``got`` and ``next``, as far as the entry has them, in the UI language."""
        texts = entry(self.key)
        if isinstance(texts, str):
            texts = {"what": texts}
        return {name: texts[name].format(**self.values) for name in PARTS if name in texts}

    def __str__(self) -> str:
        return " ".join(self.parts().values())


class UserError(TextmillError):
    """Something that the user can mend; exit code 2."""

    exit_code = 2


class UsageError(UserError):
    """The words of a command are off."""


class SettingsError(UserError):
    """A setting is unknown, ill-typed or out of its range."""


class ProjectError(UserError):
    """There is no project folder here, or it cannot be used."""


class InputError(UserError):
    """A file or a text that a command was given cannot be used."""


class CorpusError(InputError):
    """A corpus or a tokens folder is missing, empty, damaged or too small."""


class TokenizerError(UserError):
    """A tokenizer cannot be trained, loaded or used."""


class ModelError(UserError):
    """A model or its configuration cannot be used."""


class CheckpointError(ModelError):
    """A checkpoint is missing or damaged."""


class TrainingError(UserError):
    """A run cannot start or go on."""


class ResourceError(UserError):
    """The machine lacks what is needed: disk, memory, a device."""


class MissingExtraError(UserError):
    """An optional package is not installed."""


class InternalError(TextmillError):
    """Our own bug."""
