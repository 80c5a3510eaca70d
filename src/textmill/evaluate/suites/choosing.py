"""Tests of common sense and language in which a choice is made by its likelihood: a row to an item.

Prompts are those of lm-evaluation-harness, so that figures compare. A row has the columns of the set on the hub, or
the fields of the sets as DCLM and MosaicML hand them out ("query", "choices", "gold").
"""

import re

from textmill.evaluate.items import CHOICE, Item
from textmill.evaluate.suites.suite import Row

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def choice(prompt: str, texts: list[str], answer: int, *, space: str = " ", group: str = "") -> Item:
    """Returns an item whose choices stand behind `space`; ValueError where the answer is none of them."""
    if not 0 <= answer < len(texts) or not all(isinstance(text, str) for text in [prompt, *texts]):
        raise ValueError(answer)
    choices = tuple(space + text for text in texts)
    return Item(name="", kind=CHOICE, prompts=(prompt,), choices=choices, answer=answer, group=group)


def hellaswag(row: Row) -> Item:
    """How a description of something that people do goes on."""
    if "query" in row:
        return choice(cleaned(row["query"]), [cleaned(text) for text in row["choices"]], int(row["gold"]))
    context = f"{row['activity_label']}: {row['ctx_a']} {row['ctx_b'].capitalize()}"
    return choice(cleaned(context), [cleaned(ending) for ending in row["endings"]], int(row["label"]))


def cleaned(text: str) -> str:
    """Returns a text without the marks that WikiHow's pages left in HellaSwag."""
    text = re.sub(r"\[.*?\]", "", text.strip().replace(" [title]", ". "))
    return text.replace("  ", " ")


def piqa(row: Row) -> Item:
    """Which of two ways to do something works."""
    if "query" in row:
        goal, texts, answer = bare_question(row["query"]), row["choices"], int(row["gold"])
    else:
        goal, texts, answer = row["goal"], [row["sol1"], row["sol2"]], int(row["label"])
    return choice(f"Question: {goal}\nAnswer:", texts, answer)


def arc(row: Row) -> Item:
    """Questions of science at school."""
    if "query" in row:
        return choice(f"Question: {bare_question(row['query'])}\nAnswer:", row["choices"], int(row["gold"]))
    labels = list(row["choices"]["label"])
    return choice(f"Question: {row['question']}\nAnswer:", row["choices"]["text"], labels.index(row["answerKey"]))


def bare_question(query: str) -> str:
    """Returns the question of a "query" field."""
    return query.strip().removeprefix("Question:").removesuffix("Answer:").strip()


def winogrande(row: Row) -> Item:
    """What stands in a gap, by how likely the rest of the sentence is behind either name."""
    if "context_options" in row:
        prompts, rest, answer = row["context_options"], row["continuation"], int(row["gold"])
    else:
        before, after = row["sentence"].split("_", 1)
        prompts, rest = [before + row["option1"], before + row["option2"]], after
        answer = {"1": 0, "2": 1}[str(row["answer"])]
    if len(prompts) < 2 or not 0 <= answer < len(prompts):
        raise ValueError(answer)
    return Item(name="", kind=CHOICE, prompts=tuple(prompts), choices=(" " + rest.strip(),), answer=answer)


def blimp(row: Row) -> Item:
    """Which of two sentences is grammatical; the groups are the phenomena."""
    group = str(row.get("UID", ""))
    return choice("", [row["sentence_good"], row["sentence_bad"]], 0, space="", group=group)
