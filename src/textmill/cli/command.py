"""What a command is: its words, its arguments, and a function that does it and returns what `--json` prints."""

import json
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from rich.console import Console

from textmill.config import Settings
from textmill.errors import ProjectError
from textmill.progress import Progress
from textmill.project import SETTINGS_FILE, Project, require_project


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """One argument; its help is the catalogue's entry ``cli_<words>.<key>``.

    `name` is ``prompt`` (by place) or ``--out`` (by name). By place, `many` is "" (must be there), "?" (may be absent),
    "*" or "+"; by name, "" or "*" (may be given again and again). "*" and "+" give `run` a tuple, () when absent and
    `default` is None. `kind` makes the value of a string, raising ValueError or one of our errors; `flag` is an
    option without a value; `required` is for options; `hidden` keeps it out of the help.
    """

    name: str
    kind: Callable[[str], Any] = str
    default: Any = None
    many: str = ""
    choices: tuple[str, ...] = ()
    flag: bool = False
    required: bool = False
    metavar: str = ""
    hidden: bool = False

    @property
    def key(self) -> str:
        """The keyword under which `run` gets the value."""
        return self.name.lstrip("-").replace("-", "_")

    @property
    def by_name(self) -> bool:
        """True for an option, False for an argument by place."""
        return self.name.startswith("-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command: ``run(context, **arguments)`` returns a JSON-ready dict and prints for people through the context."""

    words: tuple[str, ...]
    run: Callable[..., dict[str, Any] | None]
    example: str
    arguments: tuple[Argument, ...] = ()
    settings: tuple[str, ...] = ()
    """The settings sections that this command reads, named in its help."""
    reads_project: bool = True
    """False for a command that must work beside a broken or missing project: textmill.toml is not read for it."""
    json_lines: bool = False
    """True for a command that under ``--json`` prints an object a line as things happen; `run` then returns None."""
    makes_project: bool = False
    """True when ``--project DIR`` may name a folder that is not a project yet (see `Context.project_given`)."""

    @property
    def area(self) -> str:
        """The i18n catalogue that holds the command's words."""
        return "cli_" + "_".join(word.replace("-", "_") for word in self.words)


class Stopped(KeyboardInterrupt):
    """Raised by a command that a signal stopped after it saved and said so.

    `result` is what `--json` prints; None: all is printed already.
    """

    def __init__(self, result: dict[str, Any] | None, exit_code: int = 130) -> None:
        super().__init__()
        self.result = result
        self.exit_code = exit_code


class StreamConsole(Console):
    """A rich console that leaves a broken pipe to `main` and does not fold what it writes to a file."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr)
        if not self.is_terminal and self._width is None:
            self.width = 160

    def on_broken_pipe(self) -> None:
        """Lets `main` end the command quietly; rich would end the process."""
        raise BrokenPipeError


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What every command is given besides its own arguments."""

    settings: Settings
    origins: dict[str, str] = field(default_factory=dict)
    """Where each setting's value came from: "default", a file's path, "environment" or "command line"."""
    project: Project | None = None
    project_given: Path | None = None
    """What ``--project`` named, also when it is no project yet."""
    json: bool = False
    results: IO[str] = field(default_factory=lambda: sys.stdout)
    """stdout itself, also while ``--json`` keeps it for the document."""
    output: Console = field(default_factory=StreamConsole)
    messages: Console = field(default_factory=lambda: StreamConsole(stderr=True))

    def need_project(self) -> Project:
        """Returns the project, or raises the error that says how to make one."""
        if self.project is None and self.project_given is not None:
            raise ProjectError("project.not_one", file=SETTINGS_FILE, folder=self.project_given)
        return require_project(self.project)

    def chosen(self, name: str) -> bool:
        """True when the user gave the setting "section.name" a value of their own, which no plan may change."""
        origin = self.origins.get(name, "default")
        if origin in ("environment", "command line"):
            return True
        section, _, key = name.partition(".")
        return origin != "default" and getattr(getattr(self.settings, section), key) != getattr(
            getattr(Settings(), section), key
        )

    def print(self, *parts: Any) -> None:
        """Prints for people on stdout; nothing under --json. Text is taken as it is, without markup."""
        if not self.json:
            self.output.print(*parts, markup=False, highlight=False, soft_wrap=True)

    def print_json_line(self, value: Any) -> None:
        """Prints an object as one line, for a command that has `Command.json_lines`."""
        self.results.write(json.dumps(json_ready(value), ensure_ascii=False) + "\n")
        self.results.flush()

    def say(self, *parts: Any) -> None:
        """Prints a message about the work (not its result) on stderr."""
        self.messages.print(*parts, markup=False, highlight=False, soft_wrap=True)

    def progress(self, title: str, unit: str = "") -> AbstractContextManager[Progress]:
        """Shows a progress line on stderr: a bar with rate and ETA on a terminal, else a line now and then."""
        from textmill.cli.progress import progress_line

        return progress_line(self.messages, title, unit)


def json_document(value: Any) -> str:
    """Returns the one document that `--json` prints; paths become strings, numbers that JSON lacks become null."""
    return json.dumps(json_ready(value), ensure_ascii=False, indent=2)


def json_ready(value: Any) -> Any:
    """Returns `value` made of what JSON knows."""
    import dataclasses
    import math

    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = dataclasses.asdict(value)
    if isinstance(value, dict):
        return {str(key): json_ready(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_ready(item) for item in value]
    return str(value) if isinstance(value, Path) else value
