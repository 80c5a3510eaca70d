"""Kinds of articles: plain TOML files, ours and those that a user adds.

    kinds/NAME.toml (in the project) or FILE.toml ──▶ Kind: what the model is told, in each language

`{topic}`, `{heading}`, `{points}` and the like are put in as they are; there is no template language.
"""

import re
import tomllib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from textmill.errors import InputError, UsageError

ENDING = ".toml"
KIND_FILE = "kind.toml"
"""What `textmill tune write` learned, in a run's folder."""
PLACE = re.compile(r"\{(\w+)\}")
PARTS = ("role", "outline", "section")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind: for each language, {"role", "outline", "section"}: what the model is, and what it is asked for."""

    name: str
    words: dict[str, dict[str, str]]
    person: str = ""
    headings: bool = True
    """False: an article of one stretch, whose sections show no heading."""

    def told(self, part: str, language: str, **values: str) -> str:
        """Returns what the model is told, with `values` in their places."""
        text = (self.words.get(language) or next(iter(self.words.values())))[part]
        return PLACE.sub(lambda match: values.get(match[1], match[0]), text).strip()


def kind_names() -> list[str]:
    """Returns the kinds that come with Textmill."""
    folder = resources.files("textmill.apps.write").joinpath("kinds")
    return sorted(item.name.removesuffix(ENDING) for item in folder.iterdir() if item.name.endswith(ENDING))


def load_kind(name: str, own: Path | None = None) -> Kind:
    """Returns the kind called `name`: a file, one in the folder `own`, or one of ours."""
    if name.endswith(ENDING):
        return read_kind(Path(name).expanduser())
    if own is not None and (own / f"{name}{ENDING}").is_file():
        return read_kind(own / f"{name}{ENDING}")
    if name not in kind_names():
        mine = sorted(path.stem for path in own.glob(f"*{ENDING}")) if own is not None and own.is_dir() else []
        raise UsageError("write.kind", known=", ".join([*kind_names(), *mine]), got=name)
    text = resources.files("textmill.apps.write").joinpath("kinds", f"{name}{ENDING}").read_text(encoding="utf-8")
    return make_kind(name, tomllib.loads(text), name)


def read_kind(path: Path, name: str = "") -> Kind:
    """Returns the kind in a file, called after it unless told otherwise."""
    try:
        value = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError:
        raise InputError("usage.no_file", option="--kind", file=path) from None
    except ValueError as error:  # also UnicodeDecodeError
        raise InputError("write.kind_file", file=path, detail=error) from None
    return make_kind(name or path.stem, value, path)


def make_kind(name: str, value: dict[str, Any], place: object) -> Kind:
    """Returns the kind that a file's tables make; `place` names it in errors."""
    words = {language: table for language, table in value.items() if isinstance(table, dict)}
    for language, table in words.items():
        missing = [part for part in PARTS if not isinstance(table.get(part), str)]
        if missing:
            raise InputError("write.kind_file", file=place, detail=f"[{language}] {', '.join(missing)}")
    if not words:
        raise InputError("write.kind_file", file=place, detail="[en], [zh]")
    return Kind(name=name, words=words, person=str(value.get("person", "")), headings=bool(value.get("headings", True)))
