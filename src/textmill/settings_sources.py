"""Where settings come from: defaults, then textmill.toml, then the environment, then the command line; later wins.

    textmill.toml                 [train] steps = 500
    TEXTMILL_TRAIN__STEPS=500     TEXTMILL_ + section + two underscores + name; others are no settings
    --train.steps 500             the value is read by the setting's type

Every value keeps its origin, so that `textmill config show` can say it and an error can name the place to mend.
"""

import difflib
import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from textmill.config import SECTIONS, Settings, all_settings, value_type
from textmill.errors import ProjectError, SettingsError
from textmill.i18n import t
from textmill.project import FORMAT_VERSION
from textmill.setting_values import check_value, type_name

PREFIX = "TEXTMILL_"
TRUE, FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


def load_settings(
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    command_line: Mapping[str, str] | None = None,
) -> tuple[Settings, dict[str, str]]:
    """Returns the settings and, for each, "default", the file's path, "environment" or "command line"."""
    values: dict[str, Any] = {}
    origins = dict.fromkeys(all_settings(), "default")
    for origin, found in (
        (str(file), from_file(file) if file is not None else {}),
        ("environment", from_environment(environment or {})),
        ("command line", from_command_line(command_line or {})),
    ):
        values |= found
        origins |= dict.fromkeys(found, origin)
    return Settings().replace(values), origins


def from_file(file: Path) -> dict[str, Any]:
    """Returns {"section.name": value} as textmill.toml has them, after its version has been looked at."""
    content = read_toml(file)
    version = content.pop("version", FORMAT_VERSION)
    if not isinstance(version, int) or isinstance(version, bool):
        raise SettingsError("settings_errors.type", name="version", type=type_name(int), value=repr(version))
    if version > FORMAT_VERSION:
        raise ProjectError("project.newer", expected=FORMAT_VERSION, file=file, got=version)
    found: dict[str, Any] = {}
    for section, entries in content.items():
        if not isinstance(entries, dict) or (section not in SECTIONS and not entries):
            raise unknown(section, str(file))
        for key, value in entries.items():
            name = f"{section}.{key}"
            found[name] = checked(name, value, str(file))
    return found


def read_toml(file: Path) -> dict[str, Any]:
    """Returns a TOML file's content; an error names the line."""
    raw = file.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        detail = t("settings_errors.not_utf8", line=raw[: error.start].count(b"\n") + 1)
        raise SettingsError("settings_errors.not_toml", file=file, detail=detail) from error
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError: also numbers of thousands of digits
        place = re.search(r"at line (\d+)", str(error))
        lines = text.splitlines() or [""]
        number = min(int(place[1]) if place else len(lines), len(lines))
        detail = t("settings_errors.toml_line", line=number, text=lines[number - 1].strip()[:100], message=error)
        raise SettingsError("settings_errors.not_toml", file=file, detail=detail) from error


def from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """Returns {"section.name": value} of the TEXTMILL_SECTION__NAME variables."""
    found: dict[str, Any] = {}
    for variable, text in environment.items():
        if variable.startswith(PREFIX) and "__" in variable:
            name = variable.removeprefix(PREFIX).lower().replace("__", ".", 1)
            found[name] = from_text(name, text, variable)
    return found


def from_command_line(texts: Mapping[str, str]) -> dict[str, Any]:
    """Returns {"section.name": value} of the ``--section.name value`` options."""
    return {name: from_text(name, text, f"--{name}") for name, text in texts.items()}


def from_text(name: str, text: str, source: str) -> Any:
    """Returns a text as the setting's type."""
    if name not in all_settings():
        raise unknown(name, source)
    kind = value_type(name)
    try:
        value = parse_text(kind, text)
    except (ValueError, RecursionError) as error:
        shown = t("settings_errors.from", value=repr(text), source=source)
        raise SettingsError("settings_errors.type", name=name, type=type_name(kind), value=shown) from error
    return checked(name, value, source)


def parse_text(kind: Any, text: str) -> Any:
    """Returns a text from the environment or the command line as a value; ValueError if it is none."""
    text.encode()  # a text with half a character in it must not get into files
    if kind is bool:
        word = text.strip().lower()
        if word not in TRUE + FALSE:
            raise ValueError(text)
        return word in TRUE
    if kind in (int, float):
        return kind(text)
    if kind is str:
        return text
    if text.lstrip().startswith("["):
        parts = json.loads(text)
        if not all(isinstance(part, str) for part in parts):
            raise ValueError(text)
        return tuple(parts)
    return tuple(part.strip() for part in text.split(",") if part.strip())


def checked(name: str, value: Any, source: str) -> Any:
    """Returns the value in the setting's own type, held to its bounds; an error says where the value came from."""
    if name not in all_settings():
        raise unknown(name, source)
    kind = value_type(name)
    if kind == tuple[str, ...] and isinstance(value, list):
        value = tuple(value)
    try:
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        check_value(name, all_settings()[name], kind, value)
    except OverflowError as error:
        raise SettingsError("settings_errors.type", name=name, type=type_name(kind), value=source) from error
    except SettingsError as error:
        shown = t("settings_errors.from", value=error.values["value"], source=source)
        raise SettingsError(error.key, **(error.values | {"value": shown})) from error
    return value


def unknown(name: str, source: str) -> SettingsError:
    """Returns the error for a setting that does not exist, with the nearest one that does."""
    return SettingsError("settings_errors.unknown", name=name, where=source, nearest=nearest_setting(name))


def nearest_setting(name: str) -> str:
    """Returns the existing setting that `name` most probably meant; the same key in another section comes first."""
    names = list(all_settings())
    section, _, key = name.rpartition(".")
    same_key = [known for known in names if known.partition(".")[2] == key]
    if same_key:
        return difflib.get_close_matches(section, same_key, n=1, cutoff=0.0)[0]
    if section in SECTIONS:
        within = [known.partition(".")[2] for known in names if known.startswith(section + ".")]
        close = difflib.get_close_matches(key, within, n=1, cutoff=0.6)
        if close:
            return f"{section}.{close[0]}"
    return difflib.get_close_matches(name, names, n=1, cutoff=0.0)[0]
