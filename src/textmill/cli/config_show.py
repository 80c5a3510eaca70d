"""`textmill config show`: every setting, its value, and where the value came from."""

from typing import Any

from textmill.cli.command import Command, Context
from textmill.cli.layout import table
from textmill.config import Settings, all_settings
from textmill.i18n import t
from textmill.settings_file import toml_value


def run(context: Context) -> dict[str, Any]:
    """Prints the table."""
    values, defaults = context.settings.as_dict(), Settings().as_dict()
    labels = {
        "default": t("cli_config_show.default"),
        "environment": t("cli_config_show.environment"),
        "command line": t("cli_config_show.command_line"),
    }
    if context.project is not None:
        labels[str(context.project.settings_file)] = context.project.settings_file.name
    settings: dict[str, dict[str, Any]] = {}
    rows = [("", t("cli_config_show.setting"), t("cli_config_show.value"), t("cli_config_show.origin"))]
    for name in all_settings():
        section, _, key = name.partition(".")
        value, default, origin = values[section][key], defaults[section][key], context.origins[name]
        settings[name] = {"value": value, "from": origin, "default": default}
        rows.append((" " if value == default else "*", name, toml_value(value), labels.get(origin, origin)))
    if context.project is not None:
        context.print(t("cli_config_show.project", folder=context.project.root) + "\n")
    else:
        context.print(t("cli_config_show.no_project") + "\n")
    context.print(table(rows))
    return {"project": context.project.root if context.project else None, "settings": settings}


COMMAND = Command(
    words=("config", "show"),
    run=run,
    example="textmill config show --train.steps 500",
)
