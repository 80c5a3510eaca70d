"""Both languages say the same, every key that the code uses exists, and no text for people hides in the code."""

import ast
import io
import re
import string
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

import textmill
from textmill import errors, i18n
from textmill.cli import registry
from textmill.errors import PARTS

SOURCE = Path(textmill.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))
ERRORS = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, BaseException)}
CHINESE = re.compile(r"[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]")
QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”")
KEY = re.compile(r"[a-z0-9_]+\.[a-z0-9_]+")


def placeholders(text: str) -> set[str]:
    return {field.partition(".")[0].partition("[")[0] for _, field, _, _ in string.Formatter().parse(text) if field}


def texts(value: str | dict[str, str]) -> dict[str, str]:
    return {"": value} if isinstance(value, str) else value


def entries() -> list[str]:
    return [f"{area}.{name}" for area in i18n.areas() for name in i18n.catalog(area)]


@pytest.mark.parametrize("key", entries())
def test_both_languages_say_the_same(key):
    english, chinese = (texts(i18n.entry(key, language)) for language in i18n.LANGUAGES)
    assert set(i18n.catalog(key.partition(".")[0])[key.partition(".")[2]]) == set(i18n.LANGUAGES)
    assert set(english) == set(chinese)
    assert set(english) <= {"", *PARTS}
    assert "" in english or "what" in english
    for part, text in english.items():
        assert placeholders(text) == placeholders(chinese[part])
        assert text.strip() and chinese[part].strip()
        assert not CHINESE.search(QUOTED.sub("", text)), "an English text shows Chinese only as a quoted example"


def calls() -> Iterator[tuple[Path, ast.Call, str]]:
    """Yields every t("area.name", …) and SomeError("area.name", …) of the code."""
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            key = node.args[0]
            if called in ERRORS | {"t"} and isinstance(key, ast.Constant) and isinstance(key.value, str):
                yield file, node, key.value


def test_every_key_in_the_code_exists_and_is_given_what_it_shows():
    known = set(entries())
    wrong: list[str] = []
    for file, node, key in calls():
        place = f"{file.relative_to(SOURCE)}:{node.lineno}: {key}"
        if key not in known:
            wrong.append(f"{place} is in no catalogue")
            continue
        given = {keyword.arg for keyword in node.keywords}
        shown = set().union(*(placeholders(text) for text in texts(i18n.entry(key, "en")).values()))
        if None not in given and given != shown:
            wrong.append(f"{place} shows {sorted(shown)} but is given {sorted(map(str, given))}")
        is_error = not isinstance(i18n.entry(key, "en"), str)
        called = node.func.id if isinstance(node.func, ast.Name) else ""
        if is_error == (called == "t"):
            wrong.append(f"{place} is {'an error' if is_error else 'a text'}")
    assert not wrong, "\n".join(wrong)


def test_errors_are_raised_with_a_key():
    wrong = [
        f"{file.relative_to(SOURCE)}:{node.lineno}: {key!r}" for file, node, key in calls() if not KEY.fullmatch(key)
    ]
    assert not wrong, "\n".join(wrong)


def chinese_in_code(file: Path) -> Iterator[int]:
    """Yields the lines of string literals with Chinese in them that no `# text data` marks; docstrings may have it."""
    source = file.read_text(encoding="utf-8")
    lines = source.splitlines()
    documentation: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            documentation |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    kinds = {tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in kinds or not CHINESE.search(token.string) or token.start[0] in documentation:
            continue
        if not any("# text data" in line for line in lines[token.start[0] - 1 : token.end[0]]):
            yield token.start[0]


def test_texts_for_people_stand_in_the_catalogues():
    wrong = [
        f"{file.relative_to(SOURCE)}:{line}"
        for file in FILES
        if not {"i18n", "little_world"} & set(file.relative_to(SOURCE).parts)
        for line in chinese_in_code(file)
    ]
    assert not wrong, "Chinese in code; move it to a catalogue or mark the line with `# text data`:\n" + "\n".join(
        wrong
    )


@pytest.mark.parametrize("words", list(registry.commands()))
def test_every_command_has_its_texts(words):
    command = registry.load(words)
    assert command.words == words
    catalog = i18n.catalog(command.area)
    for argument in command.arguments:
        assert argument.hidden or argument.key in catalog, f"{command.area}.{argument.key}"
    for language in i18n.LANGUAGES:
        first = str(i18n.entry(f"{command.area}.help", language)).strip().splitlines()[0]
        assert len(first) <= 72


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_TW.UTF-8"}, "zh"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LC_ALL": "C", "LANG": "zh_CN.UTF-8"}, "en"),
        ({"LC_ALL": "", "LC_MESSAGES": "zh_CN", "LANG": "en_US.UTF-8"}, "zh"),
        ({"TEXTMILL_UI_LANGUAGE": "zh", "LC_ALL": "C"}, "zh"),
        ({"TEXTMILL_UI_LANGUAGE": "en", "LANG": "zh_CN.UTF-8"}, "en"),
        ({"TEXTMILL_UI_LANGUAGE": "zh-CN"}, "zh"),
        ({"TEXTMILL_UI_LANGUAGE": "fr", "LANG": "zh_CN.UTF-8"}, "zh"),
    ],
)
def test_language_of_the_interface(environment, language):
    assert i18n.detect_language(environment) == language


def test_texts_are_filled_and_errors_are_not_texts():
    i18n.set_language("zh")
    assert i18n.t("cli.default", value=5) == "（默认：5）"
    with pytest.raises(TypeError):
        i18n.t("files.disk_full", path="x")
    with pytest.raises(ValueError):
        i18n.set_language("fr")
