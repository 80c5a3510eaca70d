"""Tests in which the model writes, or would have written: LAMBADA, GSM8K, HumanEval."""

import re

from textmill.evaluate.items import ANSWER, CLOZE, CODE, Item
from textmill.evaluate.suites.suite import Row

MARKED = re.compile(r"#### *(-?[\d.,]+)")
NUMBER = re.compile(r"-?\$?\d[\d,]*(?:\.\d+)?")


def lambada(row: Row) -> Item:
    """The last word of a passage from a novel."""
    if "continuation" in row:
        context, word = row["context"], row["continuation"]
    else:
        context, word = row["text"].rsplit(" ", 1)
    return Item(name="", kind=CLOZE, prompts=(context.rstrip(" "),), choices=(" " + word.strip(),))


def gsm8k(row: Row) -> Item:
    """Word problems; right is the number behind ####, or, where the model writes no such mark, its last number."""
    found = MARKED.search(row["answer"])
    if found is None:
        raise ValueError(row["answer"])
    prompt = f"Question: {row['question']}\nAnswer:"
    return Item(name="", kind=ANSWER, prompts=(prompt,), references=(number(found[1]),), solution=f" {row['answer']}")


def number_in(text: str) -> str:
    """Returns the number that an answer comes to, "" where there is none."""
    marked = MARKED.search(text)
    found = [marked[1]] if marked else NUMBER.findall(text)
    return number(found[-1]) if found else ""


def number(text: str) -> str:
    """Returns a number without separators, currency and a full stop or zeros at its end."""
    bare = re.sub(r"[,$]", "", text).rstrip(".")
    return bare.rstrip("0").rstrip(".") if "." in bare else bare


def human_eval(row: Row) -> Item:
    """Functions to write from their heads and comments; right is what passes the tests."""
    tests = (str(row["test"]), str(row["entry_point"]))
    return Item(
        name="", kind=CODE, prompts=(row["prompt"],), code=tests, solution=str(row.get("canonical_solution", ""))
    )
