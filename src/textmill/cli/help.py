"""`--help`: the overview by stage, a group of commands, one command with its arguments, settings and an example."""

from typing import TYPE_CHECKING, Any

from textmill.cli import registry
from textmill.cli.layout import bold, indented, page_width, two_columns
from textmill.i18n import entry, t

if TYPE_CHECKING:
    from textmill.cli.command import Argument, Command

COMMON = ("--json", "--project", "--ui-language", "--section.name", "--help", "--version")


def help_text(words: tuple[str, ...]) -> str:
    """Returns a command's whole help from its catalogue, without importing the command."""
    return str(entry(f"cli_{registry.file_name(words)}.help")).strip()


def summary(words: tuple[str, ...]) -> str:
    """Returns the first line of a command's help, for lists."""
    return help_text(words).partition("\n")[0].rstrip(".。")  # text data


def heading(text: str) -> str:
    """Returns a title line."""
    return "\n" + bold(text)


def show_overview() -> dict[str, Any]:
    """Prints what Textmill is and its commands by stage."""
    columns = page_width()
    print(indented(t("cli.overview"), 0, columns))
    left = max(len(" ".join(words)) for words in registry.commands())
    for stage in registry.STAGES:
        rows = [(" ".join(words), summary(words)) for words, its in registry.commands().items() if its == stage]
        if rows:
            print(heading(t(f"cli.stage_{stage}")))
            print(two_columns(rows, columns, left))
    print(heading(t("cli.common_options")))
    print(common_options(columns))
    print("\n" + indented(t("cli.overview_end"), 0, columns))
    return {
        "commands": [
            {"words": list(words), "stage": stage, "help": summary(words)}
            for words, stage in registry.commands().items()
        ]
    }


def show_group(words: tuple[str, ...], group: list[tuple[str, ...]]) -> dict[str, Any]:
    """Prints the commands that begin with `words`."""
    print(two_columns([("textmill " + " ".join(known), summary(known)) for known in group], page_width()))
    return {"words": list(words), "commands": [{"words": list(known), "help": summary(known)} for known in group]}


def show_command(command: "Command") -> dict[str, Any]:
    """Prints one command's help."""
    columns = page_width()
    first, _, rest = help_text(command.words).partition("\n")
    print(bold("textmill " + " ".join(command.words)) + " — " + first)
    if rest.strip():
        print("\n" + indented(rest, 0, columns))
    print(heading(t("cli.usage")) + "\n  " + usage(command))
    print(heading(t("cli.example")) + "\n" + "\n".join(f"  {line}" for line in command.example.splitlines()))
    visible = [argument for argument in command.arguments if not argument.hidden]
    for title, rows in (
        (t("cli.arguments"), [argument_row(command, argument) for argument in visible if not argument.by_name]),
        (t("cli.options"), [argument_row(command, argument) for argument in visible if argument.by_name]),
        (t("cli.settings"), setting_rows(command)),
    ):
        if rows:
            print(heading(title) + "\n" + two_columns(rows, columns))
    print(heading(t("cli.common_options")) + "\n" + common_options(columns))
    return describe(command)


def describe(command: "Command") -> dict[str, Any]:
    """Returns a command's help for machines."""
    return {
        "words": list(command.words),
        "help": help_text(command.words),
        "example": command.example,
        "arguments": [
            {
                "name": argument.name,
                "help": t(f"{command.area}.{argument.key}"),
                "default": argument.default,
                "choices": list(argument.choices),
                "flag": argument.flag,
                "many": argument.many,
            }
            for argument in command.arguments
            if not argument.hidden
        ],
        "settings": list(command.settings),
    }


def usage(command: "Command") -> str:
    """Returns the usage line: required options, places, then the rest."""
    parts = ["textmill", *command.words]
    for argument in command.arguments:
        if argument.hidden:
            continue
        if not argument.by_name:
            shape = {"": "{}", "?": "[{}]", "*": "[{} …]", "+": "{} …"}[argument.many]
            parts.append(shape.format(value_name(argument)))
        elif argument.required:
            parts.append(f"{argument.name} {value_name(argument)}")
    return " ".join([*parts, t("cli.options_placeholder")])


def value_name(argument: "Argument") -> str:
    """Returns what stands for the argument's value in the usage line."""
    if argument.metavar:
        return argument.metavar
    if argument.by_name and argument.choices:
        return "|".join(argument.choices)
    return {int: "N", float: "X"}.get(argument.kind, argument.key.upper()) if argument.by_name else argument.key.upper()


def argument_row(command: "Command", argument: "Argument") -> tuple[str, str]:
    """Returns an argument and what its catalogue says about it."""
    name = argument.name if argument.by_name else value_name(argument)
    if argument.by_name and not argument.flag:
        name += " " + value_name(argument)
    text = t(f"{command.area}.{argument.key}")
    if argument.choices and not argument.by_name:
        text += t("cli.choices", choices=", ".join(argument.choices))
    if argument.default not in (None, "", ()) and not argument.flag:
        text += t("cli.default", value=argument.default)
    return name, text


def setting_rows(command: "Command") -> list[tuple[str, str]]:
    """Returns the settings that the command reads, with their defaults and their one-line reasons."""
    from textmill.config import all_settings
    from textmill.settings_file import setting_text, toml_value

    return [
        (f"--{name}", setting_text(name) + t("cli.default", value=toml_value(item.default)))
        for name, item in all_settings().items()
        if name.partition(".")[0] in command.settings
    ]


def common_options(columns: int) -> str:
    """Returns the options that every command knows."""
    return two_columns([(t(f"cli.form_{key(name)}"), t(f"cli.about_{key(name)}")) for name in COMMON], columns)


def key(option: str) -> str:
    """Returns an option's name as it stands in the catalogue."""
    return option.lstrip("-").replace("-", "_").replace(".", "_")
