"""Writes the reference pages of docs/ from the code and its catalogues, so that they cannot say something else.

    python tools/write_docs.py           writes them
    python tools/write_docs.py --check   says which are out of date; exit code 1 when there are any

docs/reference/ (commands.md, settings.md, server.md) and docs/errors.md, each of them in Chinese too (.zh-CN.md).
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from textmill.cli import registry
from textmill.cli.command import Argument, Command
from textmill.cli.help import COMMON, help_text, key, usage, value_name
from textmill.config import SECTIONS, all_settings, value_type
from textmill.errors import PARTS
from textmill.i18n import LANGUAGES, areas, catalog, set_language, t
from textmill.setting_values import type_name
from textmill.settings_file import setting_text, toml_value

DOCS = Path(__file__).resolve().parent.parent / "docs"
ENDINGS = {"en": ".md", "zh": ".zh-CN.md"}
WORDS = {
    "written": (
        "Written by `tools/write_docs.py` from the code; change it there.",
        "由 `tools/write_docs.py` 根据代码生成；请在代码中修改。",
    ),
    "commands": ("Commands", "命令"),
    "common": ("Every command knows these", "所有命令通用"),
    "arguments": ("Argument", "参数"),
    "meaning": ("Meaning", "含义"),
    "reads": ("Settings it reads", "读取的设置"),
    "settings": ("Settings", "设置"),
    "setting": ("Setting", "设置"),
    "type": ("Type", "类型"),
    "default": ("Default", "默认值"),
    "bounds": ("Values", "取值"),
    "why": ("What it is, and why this default", "说明与默认值的理由"),
    "server": ("The server's routes", "服务器的路由"),
    "server_intro": (
        "What each route of `textmill serve` takes. Every other parameter is answered with 400 by name, in OpenAI's "
        "form: "
        '`{"error": {"message", "type", "param", "code"}}`. null is the same as leaving a parameter out. Bounds that '
        "depend on the model are shown for a context of 4,096 tokens and 100,000 tokens in the vocabulary. The server "
        "itself shows them at `/` and `/openapi.json`. Without a body: GET `/v1/models`, `/health`, `/ready`, "
        "`/metrics`.",
        "`textmill serve` 各路由接受的参数。其他参数一律以 400 点名拒绝，格式与 OpenAI 相同："
        '`{"error": {"message", "type", "param", "code"}}`。null 等同于不给该参数。取决于模型的范围，'
        "此处按 4,096 个词元的上下文、100,000 个词元的词表列出。运行中的服务器在 `/` 和 `/openapi.json` 显示实际值。"
        "不带请求体的路由：GET `/v1/models`、`/health`、`/ready`、`/metrics`。",
    ),
    "parameter": ("Parameter", "参数"),
    "required": ("required", "必填"),
    "refused": ("Known to OpenAI's API and refused by name here:", "OpenAI 的 API 中有、此处点名拒绝的参数："),
    "errors": ("Errors", "错误"),
    "errors_intro": (
        "Every error that a person can meet: what happened, what was expected, what came, what to do next. "
        "Under `--json` the name in the heading is the error's `code`. Words in {braces} are filled in.",
        "用户可能遇到的每一个错误：发生了什么、应当怎样、实际怎样、下一步怎么办。"
        "使用 `--json` 时，标题中的名字就是错误的 `code`。{花括号}中的词会被替换为实际内容。",
    ),
    "what": ("What", "问题"),
    "expected": ("Expected", "应为"),
    "got": ("Got", "实际"),
    "next": ("Next", "下一步"),
}


def pages() -> Iterator[tuple[Path, str]]:
    """Yields (path, text) of every page."""
    for index, language in enumerate(LANGUAGES):
        set_language(language)
        words = {name: both[index] for name, both in WORDS.items()}
        for name, write in PAGES.items():
            text = "\n".join(write(words)).rstrip() + "\n"
            yield DOCS / f"{name}{ENDINGS[language]}", text
    set_language("en")


def table(*rows: tuple[str, ...]) -> Iterator[str]:
    """Yields a Markdown table; the first row is its head."""
    for number, row in enumerate(rows):
        yield "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |"
        if number == 0:
            yield "|" + " --- |" * len(row)


def commands(words: dict[str, str]) -> Iterator[str]:
    """Yields the lines of the page of commands."""
    yield from (f"# {words['commands']}", "", words["written"], "")
    for known in registry.commands():
        yield f"- [`textmill {' '.join(known)}`](#textmill-{'-'.join(known)})"
    yield from ("", f"## {words['common']}", "")
    rows = [(f"`{t(f'cli.form_{key(name)}').strip()}`", t(f"cli.about_{key(name)}")) for name in COMMON]
    yield from table((words["arguments"], words["meaning"]), *rows)
    for known in registry.commands():
        yield from ("", *command_lines(registry.load(known), words))


def command_lines(command: Command, words: dict[str, str]) -> Iterator[str]:
    """Yields the section of one command."""
    first, _, rest = help_text(command.words).partition("\n")
    yield from (f"## textmill {' '.join(command.words)}", "", f"**{first}**", "")
    if rest.strip():
        yield from (rest.strip(), "")
    yield from ("```text", usage(command), "", *command.example.splitlines(), "```")
    visible = [argument for argument in command.arguments if not argument.hidden]
    if visible:
        yield ""
        yield from table((words["arguments"], words["meaning"]), *(argument_row(command, item) for item in visible))
    if command.settings:
        links = ", ".join(f"[{name}](settings{ENDINGS[_language()]}#{name})" for name in command.settings)
        yield from ("", f"{words['reads']}: {links}")


def argument_row(command: Command, argument: Argument) -> tuple[str, str]:
    """Returns an argument and its meaning with choices and default."""
    name = argument.name if argument.by_name else value_name(argument)
    if argument.by_name and not argument.flag:
        name += " " + value_name(argument)
    text = t(f"{command.area}.{argument.key}")
    if argument.choices:
        text += t("cli.choices", choices=", ".join(argument.choices))
    if argument.default not in (None, "", ()) and not argument.flag:
        text += t("cli.default", value=argument.default)
    return f"`{name}`", text


def settings(words: dict[str, str]) -> Iterator[str]:
    """Yields the lines of the page of settings."""
    yield from (f"# {words['settings']}", "", words["written"], "", t("settings.file_head").strip())
    head = tuple(words[name] for name in ("setting", "type", "default", "bounds", "why"))
    for section in SECTIONS:
        yield from ("", f"## {section}", "", t(f"settings.section_{section}"), "")
        rows = []
        for name, item in all_settings().items():
            if name.partition(".")[0] == section:
                default = f"`{toml_value(item.default)}`"
                rows.append(
                    (f"`{name}`", type_name(value_type(name)), default, bounds(item.metadata), setting_text(name))
                )
        yield from table(head, *rows)


def server(words: dict[str, str]) -> Iterator[str]:
    """Yields the lines of the page of the server's routes."""
    from textmill.serve.openapi import about, kind_of
    from textmill.serve.parameters import Bounds
    from textmill.serve.routes import records

    shown = Bounds(context=4096, vocabulary=100_000, samples=16, tokens=4096)
    yield from (f"# {words['server']}", "", words["written"], "", words["server_intro"])
    for path, record in records(shown).items():
        yield from ("", f"## POST {path}", "", t(about(path)), "")
        document = record.document()
        rows = []
        for name, value in document["properties"].items():
            needed = name in document.get("required", ())
            default = words["required"] if needed else f"`{value['default']}`" if "default" in value else ""
            rows.append((f"`{name}`", kind_of(value), default, value["description"]))
        yield from table(tuple(words[name] for name in ("parameter", "type", "default", "meaning")), *rows)
        if record.refused:
            yield from ("", f"{words['refused']} " + ", ".join(f"`{name}`" for name in sorted(record.refused)))


def bounds(metadata) -> str:
    """Returns which values a setting takes."""
    if metadata["choices"]:
        return ", ".join(f'`"{choice}"`' for choice in metadata["choices"])
    low, high = metadata["minimum"], metadata["maximum"]
    if low is None and high is None:
        return ""
    return f"≥ {low}" if high is None else f"≤ {high}" if low is None else f"{low} … {high}"


def errors(words: dict[str, str]) -> Iterator[str]:
    """Yields the lines of the page of errors: all entries with parts."""
    yield from (f"# {words['errors']}", "", words["written"], "", words["errors_intro"])
    for area in areas():
        for name, entry in catalog(area).items():
            parts = entry[_language()]
            if isinstance(parts, dict):
                yield from ("", f"## {area}.{name}", "")
                yield from (f"- **{words[part]}**: {parts[part]}" for part in PARTS if part in parts)


def _language() -> str:
    """Returns the language that is being written."""
    from textmill.i18n import language

    return language()


PAGES = {
    "reference/commands": commands,
    "reference/settings": settings,
    "reference/server": server,
    "errors": errors,
}


def main() -> int:
    """Writes or checks all pages."""
    check = "--check" in sys.argv[1:]
    stale = []
    for path, text in pages():
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(path)
            if not check:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
    for path in stale:
        print(("out of date: " if check else "wrote ") + str(path.relative_to(DOCS.parent)))
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
