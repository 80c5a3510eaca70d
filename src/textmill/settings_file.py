"""Writing textmill.toml: every setting with its value and, above it, the one-line reason for its default."""

import json
from typing import Any

from textmill.config import SECTIONS, Settings, all_settings
from textmill.i18n import t
from textmill.project import FORMAT_VERSION


def setting_text(name: str) -> str:
    """Returns what the setting "section.name" is and why its default is what it is."""
    return t("settings." + name.replace(".", "__"))


def settings_file_text(settings: Settings) -> str:
    """Returns the whole file, commented in the interface's language."""
    lines = [f"# {line}".rstrip() for line in t("settings.file_head").strip().splitlines()]
    lines += ["", f"version = {FORMAT_VERSION}"]
    values = settings.as_dict()
    for section in SECTIONS:
        lines += ["", "", f"# {t(f'settings.section_{section}')}", f"[{section}]"]
        for name in all_settings():
            if name.partition(".")[0] == section:
                key = name.partition(".")[2]
                lines += ["", f"# {setting_text(name)}", f"{key} = {toml_value(values[section][key])}"]
    return "\n".join(lines) + "\n"


def toml_value(value: Any) -> str:
    """Returns a setting's value as TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return repr(value)


def settings_of(values: dict[str, dict[str, Any]]) -> Settings:
    """Returns the settings that `Settings.as_dict` gave as `values`; JSON's lists become tuples."""
    return Settings().replace(
        {
            f"{section}.{name}": tuple(value) if isinstance(value, list) else value
            for section, part in values.items()
            for name, value in part.items()
        }
    )
