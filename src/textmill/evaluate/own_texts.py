"""A user's own texts: a file or a folder of plain text, each file a document, its language found out."""

from pathlib import Path

from textmill.data.charset import decode
from textmill.data.language import detect_language
from textmill.errors import InputError
from textmill.evaluate.items import TEXT, Item
from textmill.evaluate.suites.files import Found
from textmill.evaluate.suites.suite import Suite

ENDINGS = (".txt", ".md", ".text")


def text_suite(place: Path, *, limit: int = 0) -> tuple[Suite, Found]:
    """Returns a suite of the texts in a file or folder; InputError where there are none."""
    files = [place] if place.is_file() else sorted(path for path in place.rglob("*") if path.suffix.lower() in ENDINGS)
    files = files[:limit] if limit else files
    items = [item for file in files if (item := text_of(file, place)) is not None]
    if not items:
        raise InputError("evaluate.no_texts", place=place, endings=" ".join(ENDINGS))
    languages = {item.language for item in items}
    suite = Suite(
        name=place.stem or "texts",
        kind=TEXT,
        read=lambda row: Item(name="", kind=TEXT, prompts=(row["text"],)),
        files=(place.name,),
        hub="",
        metric="bits_per_byte",
        language=languages.pop() if len(languages) == 1 else "mul",
        rule="{text}",
    )
    return suite, Found(items=items)


def text_of(file: Path, root: Path) -> Item | None:
    """Returns a file's text, None for an empty one."""
    decoded = decode(file.read_bytes())
    text = decoded.text if decoded is not None else ""
    if not text.strip():
        return None
    name = file.relative_to(root).as_posix() if root.is_dir() else file.name
    return Item(name=name, kind=TEXT, prompts=(text,), group=name, language=detect_language(text))
