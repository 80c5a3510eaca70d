"""Conversations to tune on: true to the world, in both languages, what is held out apart."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from textmill.data.little_world import World, make_instructions
from textmill.data.little_world.casts import made_up_names
from textmill.data.little_world.chinese import JOB_NAMES as CHINESE_JOBS
from textmill.data.little_world.english import JOB_NAMES as ENGLISH_JOBS
from textmill.data.little_world.facts_asked import questions
from textmill.data.little_world.instructions import LONGEST, TASKS
from textmill.data.little_world.parallel import bank

Row = dict[str, Any]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("chats") / "chats"
    counts = make_instructions(out, rows=1600, workers=1)
    assert sum(counts.values()) == 1600
    return out


@pytest.fixture(scope="module")
def rows(folder: Path) -> dict[str, list[Row]]:
    return {
        split: [
            json.loads(line)
            for path in sorted((folder / split).iterdir())
            for line in path.read_text("utf-8").splitlines()
        ]
        for split in ("train", "held_out")
    }


def said(row: Row) -> list[str]:
    return [message["content"] for message in row["messages"]]


def test_all_tasks_in_both_languages(rows: dict[str, list[Row]]) -> None:
    found = {(row["task"], row["language"]) for row in rows["train"]}
    assert found == {(task, language) for task in TASKS for language in ("en", "zh")}
    assert {row["task"] for row in rows["held_out"]} == set(TASKS) - {"talk"}
    for row in (*rows["train"], *rows["held_out"]):
        assert [message["role"] for message in row["messages"]] == ["user", "assistant"] * (len(row["messages"]) // 2)
        assert all(text.strip() and not re.search(r"[{}|]|\\\\n", text) for text in said(row))


def test_train_names_nobody_who_is_held_out(rows: dict[str, list[Row]], world: World) -> None:
    hidden = [person for person in world.people.values() if person.held_out]
    names = [*hidden, *(world.pets[person.pet] for person in hidden if person.pet)]
    english, chinese = "|".join(item.english for item in names), "|".join(item.chinese for item in names)
    pattern = re.compile(rf"\b(?:{english})\b|{chinese}")
    for row in rows["train"]:
        assert not pattern.search("\n".join(said(row)))
    assert sum(bool(pattern.search("\n".join(said(row)))) for row in rows["held_out"]) > 10


def test_a_question_is_answered_on_one_side_only(rows: dict[str, list[Row]]) -> None:
    answers = {
        split: {text for row in found if row["task"] == "ask" for text in said(row)[1::2]}
        for split, found in rows.items()
    }
    unsure = re.compile("I do not know|Nobody called|不认识|没有叫|你好|Hello|Hi!|嗨")
    assert not {text for text in answers["train"] & answers["held_out"] if not unsure.search(text)}


def test_answers_are_true(world: World) -> None:
    by_relation: dict[str, int] = {}
    for question in questions(0):
        by_relation[question.relation] = by_relation.get(question.relation, 0) + 1
        person = world.people.get(question.subject)
        if person is not None and question.relation == "job" and person.job != "retired":
            assert question.words["job"][0].endswith(ENGLISH_JOBS[person.job])
            assert question.words["job0"][1] == CHINESE_JOBS[person.job]
        if person is not None and question.relation == "friends":
            assert all(world.people[key].english in question.words["friends"][0] for key in person.friends)
        if question.relation == "keeper":
            assert question.words["A"][0] == world.people[world.shops[question.subject].owner].english
        if question.relation == "owner":
            assert person is not None and world.pets[person.pet].english == question.words["P"][0]
    assert set(by_relation) == {"job", "street", "hobby", "age", "trait", "work", "spouse", "friends", "pet", "owner",
                                "shopstreet", "keeper", "sells"}  # fmt: skip
    held_out = sum(question.held_out for question in questions(0)) / sum(by_relation.values())
    assert 0.07 < held_out < 0.13
    made_up = {name for names in made_up_names().values() for pair in names for name in pair}
    assert not made_up & {name for question in questions(0) for name in question.words.get("A", ())}


def test_every_line_of_the_banks_fills_its_slots() -> None:
    words = {question.answer.partition(".")[0]: question.words for question in questions(0)}
    for section, lines in bank("questions").items():
        relation = section.partition(".")[0]
        known = {"A": ("", "")} if relation == "unknown" else words[relation]
        for pair in lines:
            for side in pair:
                assert set(re.findall(r"{(\w+)}", side)) <= set(known), (section, side)


def test_answers_of_the_other_tasks(rows: dict[str, list[Row]]) -> None:
    feelings = {"Positive.", "Negative.", "Neutral.", "正面。", "负面。", "中性。"}
    for row in rows["train"]:
        last = said(row)[-1]
        chinese = bool(re.search(r"[\u4e00-\u9fff]", last))
        if row["task"] == "sentiment":
            assert last in feelings and chinese == (row["language"] == "zh")
        if row["task"] == "write":
            assert len(last) <= LONGEST[row["language"]] and chinese == (row["language"] == "zh")
        if row["task"] == "translate":
            asked = said(row)[0]
            assert chinese == ("Chinese" in asked or "译成中文" in asked or "用中文" in asked or "翻译成中文" in asked)


def test_the_same_bytes_for_any_number_of_workers(tmp_path: Path) -> None:
    for name, workers in (("one", 1), ("two", 2)):
        make_instructions(tmp_path / name, rows=80, seed=3, workers=workers)
    one, two = (
        {path.relative_to(root): path.read_bytes() for path in root.rglob("*.*")}
        for root in (tmp_path / "one", tmp_path / "two")
    )
    assert one == two


def test_only_its_own_gives_way(tmp_path: Path) -> None:
    out = tmp_path / "chats"
    make_instructions(out, rows=40, workers=1)
    make_instructions(out, rows=80, workers=1)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError):
        make_instructions(tmp_path / "mine", rows=40, workers=1)
    assert (tmp_path / "mine" / "notes.txt").read_text() == "mine"
