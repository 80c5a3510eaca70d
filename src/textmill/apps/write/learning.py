"""From somebody's articles to a kind of article and what a model learns it from.

    Examples ──reversed──▶ conversations: a section's request and its text, an outline's request and the outline
             ──counted───▶ Kind: its requests, who speaks, whether there are headings ──▶ runs/NAME/kind.toml

The requests are those that the writer makes of the tuned model later, made by the same functions. What is measured is
bits per byte of the held-out articles' own text, before the first step and behind the last.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textmill.apps.write.asking import outline_request, section_request, with_role
from textmill.apps.write.examples import Example
from textmill.apps.write.kinds import PARTS, Kind
from textmill.apps.write.manner import FIRST_PERSON, SECOND_PERSON, unquoted
from textmill.apps.write.order import FEWEST, MOST, MOST_SECTIONS, Order, length
from textmill.data.sentences import sentences
from textmill.evaluate.bits_per_byte import bits_per_byte
from textmill.files import write_bytes
from textmill.model.gpt import GPT
from textmill.train.evaluation import undisturbed
from textmill.train.run import Run
from textmill.tune.looks import LONGEST_GENERAL, TuningLooks

REQUESTS = {
    "en": {
        "role": "You write articles of the kind {name}.",
        "outline": "Plan an article of the kind {name} about: {{topic}}. Give a title and {{sections}} sections. "
        "Answer in JSON.",
        "section": 'Write the part "{{heading}}" of the {name} "{{title}}" about {{topic}}. It should say: {{points}}.',
    },
    "zh": {
        "role": "你写的文章属于这一类：{name}。",  # text data
        "outline": "为一篇“{name}”类的文章拟提纲，题目是：{{topic}}。"  # text data
        "给出标题和 {{sections}} 个部分。用 JSON 回答。",  # text data
        "section": "写《{{title}}》（{name}，关于{{topic}}）的“{{heading}}”部分。内容：{{points}}。",  # text data
    },
}
PERSONAL = 0.15
"""Of the sentences, how many say I or we in a text in the first person."""
EVENT = "articles"


@dataclass(frozen=True, slots=True, kw_only=True)
class WritingLooks(TuningLooks):
    """`Looks` that also score the held-out articles, before and after."""

    articles: Sequence[str] = ()

    def before(self, run: Run) -> None:
        """Scores them before the first step."""
        TuningLooks.before(self, run)
        with run.looked_at() as model:
            scored = self.score(run, model) if model is not None else None
        if scored is not None:
            run.event(EVENT, when="before", **scored)

    def evaluate(self, run: Run, *, last: bool) -> None:
        """Scores them behind the last step."""
        TuningLooks.evaluate(self, run, last=last)
        if not last:
            return
        with run.shown(), run.looked_at() as model:
            scored = self.score(run, model) if model is not None else None
        if scored is not None:
            run.event(EVENT, when="after", **scored)

    def score(self, run: Run, model: GPT) -> dict[str, Any]:
        """Returns bits per byte of the articles with their interval."""
        tokenizer = run.tokenizer
        documents = [(tokenizer.encode(text), len(text.encode())) for text in self.articles]
        with undisturbed(model):
            context = min(model.config.context, LONGEST_GENERAL)
            found = bits_per_byte(model, documents, end_of_text_id=tokenizer.end_of_text_id, context=context).as_dict()
        return {"bits_per_byte": found["value"]} | {name: found[name] for name in ("low", "high", "documents")}


def make_kind_of(name: str, examples: Sequence[Example]) -> Kind:
    """Returns the kind that the examples are of."""
    languages = sorted({each.language for each in examples})
    words = {language: {part: REQUESTS[language][part].format(name=name) for part in PARTS} for language in languages}
    headed = sum(each.headed for each in examples)
    return Kind(name=name, words=words, person=person_of(examples), headings=2 * headed > len(examples))


def person_of(examples: Sequence[Example]) -> str:
    """Returns who speaks: "first", "third", or "" where neither can be said."""
    said = [unquoted(sentence) for each in examples for sentence in sentences(each.text)]
    first = sum(FIRST_PERSON.search(each) is not None for each in said) / max(1, len(said))
    second = sum(SECOND_PERSON.search(each) is not None for each in said) / max(1, len(said))
    if first >= PERSONAL:
        return "first"
    return "third" if first + second < PERSONAL / 3 else ""


def write_kind(kind: Kind, path: Path) -> None:
    """Writes a kind as the TOML file that `read_kind` reads."""
    lines = [f"person = {json.dumps(kind.person)}", f"headings = {json.dumps(kind.headings)}"]
    for language, texts in kind.words.items():
        lines += ["", f"[{language}]", *(f"{part} = {json.dumps(texts[part], ensure_ascii=False)}" for part in PARTS)]
    write_bytes(path, ("\n".join(lines) + "\n").encode())


def conversations(examples: Sequence[Example], kind: Kind, kept_out: set[str]) -> list[dict[str, Any]]:
    """Returns a row for each section and each outline; those of held-out articles say so."""
    rows: list[dict[str, Any]] = []
    for each in examples:
        outline = each.outline
        words = min(MOST, max(FEWEST, length(each.text)))
        order = Order(kind=kind.name, topic=each.topic, language=each.language, words=words)
        if len(outline.sections) > MOST_SECTIONS:
            continue
        told = [(section_request(kind, order, outline, section), text)
                for section, (_, text) in zip(outline.sections, each.sections, strict=True)]  # fmt: skip
        if each.headed:
            plan = outline.as_dict()
            plan["sections"] = [{name: one[name] for name in ("heading", "points")} for one in plan["sections"]]
            told.append((outline_request(kind, order, len(outline.sections)), json.dumps(plan, ensure_ascii=False)))
        for request, answer in told:
            messages = [
                {"role": "user", "content": with_role(kind, each.language, request)},
                {"role": "assistant", "content": answer},
            ]
            split = "validation" if each.place in kept_out else "train"
            rows.append({"messages": messages, "split": split})
    return rows


def counts(examples: Sequence[Example]) -> dict[str, int]:
    """Returns how many articles there are of each language."""
    return dict(Counter(each.language for each in examples))
