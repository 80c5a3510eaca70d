"""What a command is: its words, its arguments, and a function that does it and returns what `--json` prints."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from textmill.config import Settings
from textmill.progress import Progress
from textmill.project import Project, require_project


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """One argument; its help is the catalogue's entry ``cli_<words>.<name>``.

    `name` is ``prompt`` (by place) or ``--out`` (by name); `many` is "", "?" (may be absent), "*" or "+";
    `flag` is an option without a value; `hidden` keeps it out of the help.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command: ``run(context, **arguments)`` returns a JSON-ready dict and prints for people through the context."""

    words: tuple[str, ...]
    run: Callable[..., dict[str, Any]]
    example: str
    arguments: tuple[Argument, ...] = ()
    settings: tuple[str, ...] = ()
    """The settings sections that this command reads, named in its help."""

    @property
    def area(self) -> str:
        """The i18n catalogue that holds the command's words."""
        return "cli_" + "_".join(word.replace("-", "_") for word in self.words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What every command is given besides its own arguments."""

    settings: Settings
    origins: dict[str, str] = field(default_factory=dict)
    """Where each setting's value came from: "default", a file's path, "environment" or "command line"."""
    project: Project | None = None
    project_given: Path | None = None
    json: bool = False
    output: Console = field(default_factory=Console)
    messages: Console = field(default_factory=lambda: Console(stderr=True))

    def need_project(self) -> Project:
        """Returns the project, or raises the error that says how to make one."""
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

    def say(self, *parts: Any) -> None:
        """Prints a message about the work (not its result) on stderr."""
        self.messages.print(*parts, markup=False, highlight=False, soft_wrap=True)

    def progress(self, title: str, unit: str = "") -> AbstractContextManager[Progress]:
        """Shows a progress line on stderr: a bar with rate and ETA on a terminal, else a line now and then."""
        from textmill.cli.progress import progress_line

        return progress_line(self.messages, title, unit)


