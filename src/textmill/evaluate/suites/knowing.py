"""Examinations: MMLU, C-Eval, CMMLU. Choices are listed, the model goes on with a letter; a group is a subject."""

import tomllib
from functools import cache
from importlib.resources import files

from textmill.evaluate.items import Item
from textmill.evaluate.suites.choosing import LETTERS, choice
from textmill.evaluate.suites.suite import Row

SUBJECT = "subject"
"""The column with the subject, or what the reader of files puts there: the file's name without its split."""


def letters(question: str, texts: list[str], answer: int, ending: str, group: str) -> Item:
    """Returns an item that lists its choices by letter and asks for the letter."""
    listed = "".join(f"{letter}. {text}\n" for letter, text in zip(LETTERS, texts, strict=False))
    return choice(f"{question.strip()}\n{listed}{ending}", list(LETTERS[: len(texts)]), answer, group=group)


def mmlu(row: Row) -> Item:
    """57 subjects, in English."""
    answer = row["answer"] if isinstance(row["answer"], int) else LETTERS.index(row["answer"])
    texts = row["choices"] if "choices" in row else [row[letter] for letter in "ABCD"]
    return letters(row["question"], list(texts), answer, "Answer:", str(row.get(SUBJECT, "")))


def ceval(row: Row) -> Item:
    """52 subjects, in Chinese."""
    texts = [str(row[letter]) for letter in "ABCD"]
    ending = "答案："  # text data
    return letters(row["question"], texts, "ABCD".index(row["answer"]), ending, str(row.get(SUBJECT, "")))


def cmmlu(row: Row) -> Item:
    """67 subjects, in Chinese."""
    texts = [str(row[letter]) for letter in "ABCD"]
    ending = "答案："  # text data
    return letters(row["Question"], texts, "ABCD".index(row["Answer"]), ending, str(row.get(SUBJECT, "")))


def about(item: Item) -> str:
    """Returns what stands at the head of an MMLU prompt."""
    return f"The following are multiple choice questions (with answers) about {item.group.replace('_', ' ')}.\n\n"


@cache
def chinese_names() -> dict[str, dict[str, str]]:
    """Returns what the Chinese sets' own prompts call their subjects."""
    return tomllib.loads(files("textmill.evaluate.suites").joinpath("subjects.toml").read_text(encoding="utf-8"))


def about_ceval(item: Item) -> str:
    """Returns what stands at the head of a C-Eval prompt."""
    subject = chinese_names()["ceval"].get(item.group, item.group)
    return f"以下是中国关于{subject}的单项选择题，请选出其中的正确答案。\n\n"  # text data


def about_cmmlu(item: Item) -> str:
    """Returns what stands at the head of a CMMLU prompt."""
    subject = chinese_names()["cmmlu"].get(item.group, item.group)
    return f"以下是关于{subject}的单项选择题，请直接给出正确答案的选项。\n\n"  # text data
