"""Every string that a person reads, in English and Chinese, looked up by key.

A catalogue is one TOML file an area under ``catalog/``; both languages of a string stand together, so that whoever
changes one sees the other. A key is ``area.name``; ``area.name`` holds either a text per language

    [built]
    en = "Corpus of {documents} documents in {folder}"
    zh = "语料库已建成：{folder}，共 {documents} 篇文档"

or, for an error, its four parts (see `textmill.errors`). Tests hold both languages to the same placeholders, and every
key used in the code to an entry.
"""

import locale
import os
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

LANGUAGES = ("en", "zh")
_current = "en"


def set_language(name: str) -> None:
    """Sets the interface's language, ``en`` or ``zh``, for this process."""
    global _current
    if name not in LANGUAGES:
        raise ValueError(f"interface language must be one of {LANGUAGES}, got {name!r}")
    _current = name


def language() -> str:
    """Returns the interface's language, ``en`` or ``zh``."""
    return _current


def detect_language(environment: Mapping[str, str] | None = None) -> str:
    """Returns the interface's language from TEXTMILL_UI_LANGUAGE, else the locale variables, else English."""
    environment = os.environ if environment is None else environment
    for name in ("TEXTMILL_UI_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = environment.get(name, "")
        if value and name == "TEXTMILL_UI_LANGUAGE" and value[:2].lower() not in LANGUAGES:
            continue  # the command line says so; here a wrong value must not stop the error from being printed
        if value:
            return "zh" if (locale.normalize(value).split("_")[0] or value)[:2].lower() == "zh" else "en"
    return "en"


@cache
def catalog(area: str) -> dict:
    """Returns the entries of one area: {name: {"en": ..., "zh": ...}}."""
    path = resources.files(__name__).joinpath("catalog", f"{area}.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))


def areas() -> list[str]:
    """Returns the names of all catalogue files."""
    folder = resources.files(__name__).joinpath("catalog")
    return sorted(entry.name[:-5] for entry in folder.iterdir() if entry.name.endswith(".toml"))


def entry(key: str, in_language: str | None = None) -> str | dict[str, str]:
    """Returns the text, or the parts of an error, that belong to ``area.name``."""
    area, _, name = key.partition(".")
    return catalog(area)[name][in_language or _current]


def t(key: str, /, **values: object) -> str:
    """Returns the text of `key` in the interface's language with ``{placeholders}`` filled from `values`."""
    text = entry(key)
    if not isinstance(text, str):
        raise TypeError(f"{key} is an error's entry, not a text")
    return text.format(**values) if values else text
