"""The `textmill` command: finds the command that the words name, gives it its context, prints what it returns.

stdout carries the result: text for people, or under ``--json`` exactly one document, also for an error. Everything else
goes to stderr. Exit codes: 0, 2 the user's mistake, 1 our bug, 130 Ctrl-C, 141 the reader of our output went away;
143 is a command's own answer to SIGTERM (`command.Stopped`).
"""

import io
import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from textmill.cli import registry
from textmill.cli.outcome import BROKEN_PIPE, explain, interrupted
from textmill.cli.parser import Split, split
from textmill.errors import ProjectError, UsageError
from textmill.i18n import LANGUAGES, detect_language, set_language

if TYPE_CHECKING:
    from typing import TypeGuard

    from textmill.cli.command import Command, Context, Stopped


def entry() -> None:
    """The console script."""
    sys.exit(main())


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command line and returns its exit code; never raises for what a command did."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    prepare_streams()
    set_language(asked_language(arguments) or detect_language())
    as_json = "--json" in arguments[: arguments.index("--") if "--" in arguments else None]
    try:
        results = sys.stdout
        with redirect_stdout(sys.stderr) if as_json else nullcontext():
            document, code = run(arguments, results)
        if as_json and document is not None:
            from textmill.cli.command import json_document

            print(json_document(document))
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        return reader_gone()


def run(arguments: list[str], results: IO[str]) -> tuple[dict[str, Any] | None, int]:
    """Runs one command line; returns the document for ``--json`` (None: it is printed already) and the exit code."""
    try:
        return answer(split(arguments), results), 0
    except KeyboardInterrupt as stop:
        return (stop.result, stop.exit_code) if is_stopped(stop) else interrupted()
    except BrokenPipeError as error:
        if stream_broken():
            raise
        return explain(error)  # some other pipe, inside the command: that is a bug and must be seen
    except Exception as error:
        return explain(error)


def is_stopped(stop: KeyboardInterrupt) -> "TypeGuard[Stopped]":
    """True for a command's own end; only a command that ran has imported the class."""
    return hasattr(stop, "exit_code")


def answer(given: Split, results: IO[str]) -> dict[str, Any] | None:
    """Does what was asked for; returns the document for ``--json``."""
    check_language()
    if given.version:
        return show_version()
    if given.tokens[:1] == ["help"]:
        given.tokens.pop(0)
        given.help = True
    words = registry.match(given.tokens)
    if words is None:
        return answer_without_command(given)
    command = registry.load(words)
    if given.help:
        from textmill.cli.help import show_command

        return show_command(command)
    from textmill.cli.parser import parse

    values = parse(command, given.tokens[len(words) :], given.literal)
    document = command.run(make_context(command, given, results), **values)
    return document if command.json_lines else document or {}


def answer_without_command(given: Split) -> dict[str, Any]:
    """Shows the overview or a group of commands, or says which command was probably meant."""
    from textmill.cli.help import show_group, show_overview

    if not given.tokens and not given.literal:
        return show_overview()
    words = tuple(given.tokens)
    group = registry.beginning_with(words)
    if group and given.help:
        return show_group(words, group)
    if group:
        choices = ", ".join(" ".join(known[len(words) :]) for known in group)
        raise UsageError("usage.more_words", got=" ".join(words), choices=choices)
    if given.tokens and given.tokens[0].startswith("-"):
        from textmill.cli.parser import nearest_option

        name = given.tokens[0].partition("=")[0]
        raise UsageError("usage.unknown_option", option=name, nearest=nearest_option(name, []))
    tokens = [token for token in given.tokens if not token.startswith("-")] or given.literal
    raise UsageError("usage.unknown_command", got=" ".join(tokens[:2]), nearest=registry.nearest(tokens))


def make_context(command: "Command", given: Split, results: IO[str]) -> "Context":
    """Finds the project, loads the settings and returns what the command is given."""
    from textmill.cli.command import Context
    from textmill.project import SETTINGS_FILE, Project, find_project
    from textmill.settings_sources import load_settings

    project = None
    if given.project is not None and (given.project / SETTINGS_FILE).is_file():
        project = Project(root=given.project.absolute())
    elif given.project is not None and not command.makes_project:
        raise ProjectError("project.not_one", file=SETTINGS_FILE, folder=given.project)
    elif given.project is None:
        project = find_project(Path.cwd())
    file = project.settings_file if project is not None and command.reads_project else None
    settings, origins = load_settings(file, os.environ, given.settings)
    return Context(
        settings=settings,
        origins=origins,
        project=project,
        project_given=given.project,
        json=given.json,
        results=results,
    )


def show_version() -> dict[str, Any]:
    """Prints the version."""
    from textmill import __version__

    print(f"textmill {__version__}")
    return {"version": __version__}


def asked_language(arguments: list[str]) -> str | None:
    """Returns the language that ``--ui-language`` asks for, so that even the first error is in it."""
    for index, token in enumerate(arguments):
        name, equals, value = token.partition("=")
        if name == "--ui-language":
            value = value if equals else (arguments[index + 1 : index + 2] or [""])[0]
            return value if value in LANGUAGES else None
    return None


def check_language() -> None:
    """Refuses a TEXTMILL_UI_LANGUAGE that is neither English nor Chinese."""
    value = os.environ.get("TEXTMILL_UI_LANGUAGE", "")
    if value and value[:2].lower() not in LANGUAGES:
        raise UsageError("usage.ui_language", value=value, source="TEXTMILL_UI_LANGUAGE")


def prepare_streams() -> None:
    """Makes stdout and stderr UTF-8 whatever the locale; what UTF-8 lacks (half a character) is shown by its number."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by whoever started us
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def stream_broken() -> bool:
    """True when it is our stdout or stderr that nobody reads any more."""
    import select

    poll = select.poll()
    for descriptor in (1, 2):
        poll.register(descriptor, 0)  # an error or a hang-up is reported whatever one asks for
    return any(events & (select.POLLERR | select.POLLHUP) for _, events in poll.poll(0))


def reader_gone() -> int:
    """Ends quietly when stdout's reader has gone, also for what Python still wants to flush at its end."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            os.dup2(nothing, stream.fileno())
    os.close(nothing)
    return BROKEN_PIPE
