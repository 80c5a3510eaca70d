"""Outlines: from a person's file or under a grammar; words for every section."""

import json
import re
from pathlib import Path

import pytest

from textmill.apps.write.order import Order
from textmill.apps.write.outline import Outline, Section, from_json, outline_schema, read_outline, sections_wanted
from textmill.errors import InputError


def order(words: int = 100) -> Order:
    return Order(kind="post", topic="Boats", words=words)


def test_json_and_markdown_say_the_same(tmp_path: Path) -> None:
    value = {"title": "Boats", "sections": [{"heading": "Old", "points": ["wood", "sail"]}, {"heading": "New"}]}
    first, second = tmp_path / "a.json", tmp_path / "b.md"
    first.write_text(json.dumps(value), encoding="utf-8")
    second.write_text("# Boats\n\nwords\n\n## Old\n- wood\n- sail\n\n## New\n", encoding="utf-8")
    assert read_outline(first) == read_outline(second)
    assert from_json(read_outline(first).as_dict()) == read_outline(first)


@pytest.mark.parametrize(
    ("name", "text", "key"),
    [
        ("a.json", "{", "write.outline"),
        ("a.json", '{"title": 1, "sections": []}', "write.outline"),
        ("a.json", '{"title": "T", "sections": [{"heading": "H", "words": -1}]}', "write.outline"),
        ("a.md", "# Only a title", "write.outline"),
        ("a.md", "# T\n" + "## H\n" * 500, "write.outline_long"),
        ("a.md", b"# \xff", "usage.file_not_utf8"),
    ],
)
def test_what_is_no_outline_is_refused(tmp_path: Path, name: str, text: str | bytes, key: str) -> None:
    file = tmp_path / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError) as caught:
        read_outline(file)
    assert caught.value.key == key


@pytest.mark.parametrize(
    ("language", "right", "wrong"),
    [("en", "Boats of wood, and sails", "渡船"), ("zh", "老渡船：木头和帆", "6 it is"), ("en", "Café", "[1] Boats")],
)
def test_headings_are_in_the_articles_language(language: str, right: str, wrong: str) -> None:
    pattern = outline_schema(1, language)["properties"]["title"]["pattern"]
    assert re.search(pattern, right) and not re.search(pattern, wrong)


def test_every_section_gets_its_words() -> None:
    sections = tuple(Section(heading=str(number), words=words) for number, words in enumerate((0, 40, 0)))
    allotted = Outline(title="T", sections=sections).allotted(order())
    assert [section.words for section in allotted.sections] == [30, 40, 30]
    with pytest.raises(InputError):
        Outline(title="T", sections=(Section(heading="a", words=200),)).allotted(order())
    with pytest.raises(InputError):
        Outline(title="T", sections=tuple(Section(heading="a") for _ in range(20))).allotted(order())
    assert (sections_wanted(order(30)), sections_wanted(order(600)), sections_wanted(order(50_000))) == (1, 5, 12)
