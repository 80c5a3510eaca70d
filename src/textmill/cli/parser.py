"""From the words a person typed to a command's arguments, in two passes.

`split` takes out what every command knows (``--json``, ``--project DIR``, ``--section.name value`` and so on, before or
after the words); `parse` gives the rest to one command's arguments. Written here rather than left to argparse because
every message and the help must be had in Chinese, options and places may be mixed freely, and wrong names are answered
with the nearest right one. A token is an option when it looks like one (``--name``, ``-n``); texts with spaces in them,
negative numbers and everything after ``--`` are taken by place.
"""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textmill.errors import UsageError
from textmill.i18n import LANGUAGES

if TYPE_CHECKING:  # `--help` need not import what a command needs
    from textmill.cli.command import Argument, Command

OPTION = re.compile(r"--?[A-Za-z][\w.-]*(=|$)")
SETTING = re.compile(r"--[A-Za-z_][\w-]*\.[\w.-]+(=|$)")
FLAGS = {"--help": "help", "-h": "help", "--version": "version", "--json": "json"}
WITH_VALUE = {"--project": "project", "--ui-language": "ui_language"}


@dataclass(slots=True, kw_only=True)
class Split:
    """What was typed, after the first pass."""

    tokens: list[str] = field(default_factory=list)
    """The words and what belongs to the command, up to ``--``."""
    literal: list[str] = field(default_factory=list)
    """What stands after ``--``."""
    settings: dict[str, str] = field(default_factory=dict)
    """{"section.name": value as typed}."""
    help: bool = False
    version: bool = False
    json: bool = False
    project: Path | None = None
    ui_language: str = ""


def is_option(token: str) -> bool:
    """True when `token` is meant as an option and not as a text, a path or a number."""
    return OPTION.match(token) is not None


def take_value(name: str, attached: str | None, tokens: Sequence[str], position: int) -> tuple[str, int]:
    """Returns the option's value, ``--name=value`` or the next token, and the position after it."""
    if attached is not None:
        return attached, position
    if position < len(tokens) and not is_option(tokens[position]):
        return tokens[position], position + 1
    raise UsageError("usage.value_missing", option=name)


def parted(token: str) -> tuple[str, str | None]:
    """Returns an option's name and the value attached to it with ``=``, if any."""
    name, equals, value = token.partition("=")
    return name, value if equals else None


def split(arguments: Sequence[str]) -> Split:
    """First pass: takes out the common options and the settings."""
    end = list(arguments).index("--") if "--" in arguments else len(arguments)
    given, tokens = Split(literal=list(arguments[end + 1 :])), list(arguments[:end])
    position = 0
    while position < len(tokens):
        token, position = tokens[position], position + 1
        name, attached = parted(token)
        if is_option(token) and name in FLAGS:
            if attached is not None:
                raise UsageError("usage.flag_value", option=name, value=attached)
            setattr(given, FLAGS[name], True)
        elif is_option(token) and name in WITH_VALUE:
            value, position = take_value(name, attached, tokens, position)
            setattr(given, WITH_VALUE[name], Path(value) if name == "--project" else value)
        elif SETTING.match(token):
            value, position = take_value(name, attached, tokens, position)
            given.settings[name[2:].replace("-", "_")] = value
        else:
            given.tokens.append(token)
    if given.ui_language and given.ui_language not in LANGUAGES:
        raise UsageError("usage.ui_language", value=given.ui_language, source="--ui-language")
    return given


def parse(command: "Command", tokens: Sequence[str], literal: Sequence[str]) -> dict[str, Any]:
    """Second pass: returns {key: value} for all of the command's arguments."""
    options = {argument.name: argument for argument in command.arguments if argument.by_name}
    found: dict[str, list[str]] = {}
    places: list[str] = []
    position = 0
    while position < len(tokens):
        token, position = tokens[position], position + 1
        if not is_option(token):
            places.append(token)
            continue
        name, attached = parted(token)
        if name not in options:
            raise UsageError("usage.unknown_option", option=name, nearest=nearest_option(name, list(options)))
        if options[name].flag:
            if attached is not None:
                raise UsageError("usage.flag_value", option=name, value=attached)
            found[name] = []
        else:
            value, position = take_value(name, attached, tokens, position)
            found.setdefault(name, []).append(value)
    places += literal
    values = {argument.key: option_value(command, argument, found) for argument in options.values()}
    return values | place_values(command, places)


def option_value(command: "Command", argument: "Argument", found: dict[str, list[str]]) -> Any:
    """Returns the value of one option: the last one given, or all of them when it may be repeated."""
    if argument.flag:
        return argument.name in found or bool(argument.default)
    texts = found.get(argument.name, [])
    if not texts and argument.required:
        raise missing(command, argument)
    if argument.many:
        return tuple(convert(command, argument, text) for text in texts) or default(argument)
    return convert(command, argument, texts[-1]) if texts else default(argument)


def place_values(command: "Command", texts: list[str]) -> dict[str, Any]:
    """Gives the texts by place to the arguments by place, from left to right; each keeps enough for those after it."""
    arguments = [argument for argument in command.arguments if not argument.by_name]
    values: dict[str, Any] = {}
    for index, argument in enumerate(arguments):
        later = sum(other.many in ("", "+") for other in arguments[index + 1 :])
        count = max(0, len(texts) - later) if argument.many in ("*", "+") else 1
        if argument.many == "?" and len(texts) <= later:
            count = 0
        if argument.many in ("", "+") and (not texts or count == 0):
            raise missing(command, argument)
        taken, texts = texts[:count], texts[count:]
        if argument.many in ("*", "+"):
            values[argument.key] = tuple(convert(command, argument, text) for text in taken) or default(argument)
        else:
            values[argument.key] = convert(command, argument, taken[0]) if taken else default(argument)
    if texts:
        raise UsageError("usage.too_many", got=" ".join(texts), words=" ".join(command.words))
    return values


def default(argument: "Argument") -> Any:
    """Returns what `run` gets when the argument is absent."""
    return () if argument.default is None and argument.many in ("*", "+") else argument.default


def missing(command: "Command", argument: "Argument") -> UsageError:
    """Returns the error for an argument that must be there."""
    return UsageError("usage.missing", argument=argument.name, words=" ".join(command.words), example=command.example)


def convert(command: "Command", argument: "Argument", text: str) -> Any:
    """Returns `text` as the argument's kind, held to its choices."""
    try:
        value = argument.kind(text)
    except ValueError as error:
        raise UsageError("usage.value", argument=argument.name, expected=wanted(command, argument), got=text) from error
    if argument.choices and str(value) not in argument.choices:
        raise UsageError("usage.value", argument=argument.name, expected=", ".join(argument.choices), got=text)
    return value


def wanted(command: "Command", argument: "Argument") -> str:
    """Returns what the argument takes: a type's name, else what its help says."""
    from textmill.i18n import t
    from textmill.setting_values import type_name

    if argument.kind in (int, float):
        return type_name(argument.kind)
    return t(f"{command.area}.{argument.key}")


def nearest_option(name: str, options: list[str]) -> str:
    """Returns the option that `name` most probably meant: one of this command's, a common one, or a setting."""
    from textmill.config import all_settings

    key = name.lstrip("-").replace("-", "_")
    settings = [f"--{setting}" for setting in all_settings()]
    same_key = [setting for setting in settings if setting.partition(".")[2] == key]
    if same_key:
        return " / ".join(same_key)
    known = [*options, *(flag for flag in FLAGS if flag != "-h"), *WITH_VALUE]
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    close = close or difflib.get_close_matches(name, settings, n=1, cutoff=0.5)
    return (close or difflib.get_close_matches(name, known, n=1, cutoff=0.0))[0]
