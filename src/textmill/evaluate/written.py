"""What a model writes for an item, and whether it is right: exact answers, translations, programs that pass tests.

Asked through a chat template, a model ends its answer itself: a suite's own stops, which are made for texts, do not
count then.
"""

import re
import string
from collections.abc import Iterator, Sequence
from typing import Any

from textmill.evaluate.items import ANSWER, CODE, TRANSLATION, Item
from textmill.evaluate.pairs import user_turn
from textmill.evaluate.subject import Subject
from textmill.evaluate.suites.writing import number_in
from textmill.infer.answers import answers
from textmill.infer.engine.request import Request
from textmill.infer.prompts import prompt_ids, turn_stops
from textmill.infer.sampling import SamplingSettings
from textmill.tokenizer.chat_template import encode_chat

MAX_TOKENS = 128
SPACE = re.compile(r"\s+")
PUNCTUATION = str.maketrans("", "", string.punctuation + "，。！？；：、“”‘’（）《》【】")  # text data
FENCED = re.compile(r"^```\w*\n(.*?)(?:^```|\Z)", re.DOTALL | re.MULTILINE)
ARTICLES = re.compile(r"\b(?:a|an|the)\b")


def write(
    subject: Subject, items: Sequence[Item], *, stop: tuple[str, ...], max_tokens: int
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yields (place, record) of each item in order: the likeliest text at every step, up to a stop or the limit."""
    room = max(1, min(max_tokens or MAX_TOKENS, subject.context - 1))
    tokenizer = subject.loaded.tokenizer
    stop = turn_stops(tokenizer) if subject.chat else stop
    settings = SamplingSettings(temperature=0, max_tokens=room, stop=stop, slide=False, seed=0)
    cuts: list[int] = []

    def read(prompt: str) -> list[int]:
        if subject.chat and prompt:
            return encode_chat(tokenizer, [user_turn(prompt)], add_generation_prompt=True)
        return prompt_ids(tokenizer, prompt)

    def requests() -> Iterator[Request]:
        for item in items:
            ids = read(item.prompts[0])
            cut = max(0, len(ids) + room - subject.context)
            cuts.append(cut)
            yield Request(ids=tuple(ids[cut:]), settings=settings)

    for place, answer in enumerate(answers(subject.engine, requests())):
        if answer.error is not None:
            raise answer.error
        sample = answer.samples[0]
        yield (
            place,
            {
                "text": sample.text,
                "tokens": len(sample.ids),
                "finish": sample.finish_reason,
                "log_probability": sample.log_probability,
                "cut": cuts[place],
            },
        )


def figures_of_text(item: Item, record: dict[str, Any]) -> dict[str, float]:
    """Returns an item's figures from what was written for it."""
    if item.kind == CODE:
        return {"pass_at_1": float(record["passed"])}
    if item.kind == TRANSLATION:
        return {"sentence_chrf": sentence_chrf(record["text"], item.references[0])}
    if item.kind == ANSWER:
        said = record["text"]
        right = any(matches(said, reference) for reference in item.references)
        bare = plain(said)
        inside = any(plain(reference) in bare for reference in item.references)
        return {"exact_match": float(right), "contains": float(right or inside)}
    raise ValueError(item.kind)


def matches(said: str, reference: str) -> bool:
    """True where the written answer is the reference: the same number, or the same text but for its form."""
    if re.fullmatch(r"-?[\d.,]+", reference):
        return number_in(said) == number_in(reference)
    return plain(said) == plain(reference)


def plain(text: str) -> str:
    """Returns a text in small letters without punctuation, English articles and double spaces (SQuAD's rule)."""
    return SPACE.sub(" ", ARTICLES.sub(" ", text.lower().translate(PUNCTUATION))).strip()


def sentence_chrf(said: str, reference: str, *, order: int = 6, beta: float = 2.0) -> float:
    """Returns chrF of one sentence, 0 … 1: the F-score of character n-grams, recall counting `beta`² times as much.

    For drill-down and pairs of models; the figure of the whole set comes from sacrebleu where it is installed.
    """
    said, reference = SPACE.sub("", said), SPACE.sub("", reference)
    precisions, recalls = [], []
    for size in range(1, order + 1):
        ours, theirs = grams(said, size), grams(reference, size)
        if not ours and not theirs:
            continue
        shared = sum(min(count, theirs.get(gram, 0)) for gram, count in ours.items())
        precisions.append(shared / max(1, sum(ours.values())))
        recalls.append(shared / max(1, sum(theirs.values())))
    precision = sum(precisions) / len(precisions) if precisions else 0.0
    recall = sum(recalls) / len(recalls) if recalls else 0.0
    weight = beta * beta
    return (1 + weight) * precision * recall / (weight * precision + recall) if precision + recall else 0.0


def grams(text: str, size: int) -> dict[str, int]:
    """Returns how often each run of `size` characters occurs."""
    counts: dict[str, int] = {}
    for start in range(len(text) - size + 1):
        gram = text[start : start + size]
        counts[gram] = counts.get(gram, 0) + 1
    return counts


def program_of(item: Item, written: str) -> tuple[str, str]:
    """Returns the program that a model's continuation makes, and the tests' program.

    Where it wrote the whole function, in a block of code as chat models do, that stands in the prompt's place, behind
    what the prompt has before the function.
    """
    tests, name = item.code
    prompt, begins = item.prompts[0][item.examples :], f"def {name}("
    whole = next((block for block in FENCED.findall(written) if begins in block), "")
    program = prompt[: prompt.rfind(begins)] + whole if whole else prompt + written
    return program, f"{tests}\n\ncheck({name})\n"
