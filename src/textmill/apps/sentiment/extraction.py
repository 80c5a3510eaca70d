"""Aspects by a model that may write nothing but quotes: JSON under a grammar whose strings are substrings of the text.

    examples, the text ─▶ [{"aspect": "room", "opinion": "clean"}, …] ─▶ spans

In the grammar a string is `%regex {"substring_words": text}` (for Chinese "substring_chars"), so that the model chooses
where a quote begins and ends and nothing else. It does not choose the sentiment either: a small model is a poor judge,
and the judge that was tuned is there.
"""

import json
import re
from collections.abc import Iterator, Sequence

from textmill.apps.sentiment.clauses import HAN, Span, parts
from textmill.infer.answers import answers
from textmill.infer.constraints import LARK, compile_grammar
from textmill.infer.engine.engine import Engine
from textmill.infer.engine.request import Request
from textmill.infer.prompts import prompt_ids
from textmill.infer.sampling import SamplingSettings
from textmill.tokenizer.tokenizer import Tokenizer

MOST_PAIRS = 6
LONGEST_PART = 800
"""Characters that are asked about at a time."""
MAX_TOKENS = 160
ASPECT_SIGNS, OPINION_SIGNS = 30, 60
EXAMPLES = {
    "en": (
        ("The room was spotless but the staff were rude to us.", (("room", "spotless"), ("staff", "rude"))),
        (
            "Great value! The battery dies quickly.",
            (("", "Great value"), ("battery", "dies quickly")),
        ),
        ("I ordered it last week.", ()),
        ("Loved the soundtrack, the plot drags.", (("soundtrack", "Loved"), ("plot", "drags"))),
    ),
    "zh": (
        ("房间很干净，就是服务员态度太差。", (("房间", "很干净"), ("服务员", "态度太差"))),  # text data
        ("性价比高！不过电池两个小时就没电了。", (("性价比", "高"), ("电池", "两个小时就没电了"))),  # text data
        ("上周下的单。", ()),  # text data
        ("很喜欢这本书的插图，情节有点拖沓。", (("插图", "很喜欢"), ("情节", "有点拖沓"))),  # text data
    ),
}
HEADS = {"en": ("Review: ", "Aspects: "), "zh": ("评论：", "方面：")}  # text data
ITEM = re.compile(r'\{"aspect": (?:"([^"\\]*)"|null), "opinion": "([^"\\]*)"\}')


def grammar_of(text: str) -> str:
    """Returns the Lark grammar of the pairs in a text."""
    kind = "substring_chars" if HAN.search(text) else "substring_words"
    return (
        f'start: "[" (item (", " item){{0,{MOST_PAIRS - 1}}})? "]"\n'
        'item: "{\\"aspect\\": " (null | "\\"" ASPECT "\\"") ", \\"opinion\\": \\"" OPINION "\\"}"\n'
        'null: "null"\n'
        f'ASPECT: SPAN & /[^"\\\\\\n\\r\\t]{{2,{ASPECT_SIGNS}}}/\n'
        f'OPINION: SPAN & /[^"\\\\\\n\\r\\t]{{2,{OPINION_SIGNS}}}/\n'
        f"SPAN: %regex {json.dumps({kind: text}, ensure_ascii=False)}\n"
    )


def prompt_of(text: str, examples: int = 4) -> str:
    """Returns some examples and the text."""
    language = "zh" if HAN.search(text) else "en"
    review, told = HEADS[language]
    shown = [f"{review}{example}\n{told}{written(pairs)}\n" for example, pairs in EXAMPLES[language][:examples]]
    return "\n".join([*shown, f"{review}{' '.join(text.split())}\n{told}"])


def written(pairs: Sequence[tuple[str, str]]) -> str:
    """Returns pairs as the grammar has them."""
    return json.dumps([{"aspect": aspect or None, "opinion": opinion} for aspect, opinion in pairs], ensure_ascii=False)


class Extractor:
    """A model that finds pairs of spans; it runs all texts over one engine.

    `failed` counts the parts of texts that it could not be asked about: its context is too short for them.
    """

    def __init__(self, engine: Engine, tokenizer: Tokenizer, context: int) -> None:
        self.engine, self.tokenizer, self.context = engine, tokenizer, context
        self.failed = 0

    def pairs(self, texts: Sequence[str]) -> list[list[tuple[Span | None, Span]]]:
        """Returns the (aspect, opinion) spans of each text; None: of the thing as a whole."""
        asked = [(number, span) for number, text in enumerate(texts) for span in parts(text, LONGEST_PART)]
        made: list[list[tuple[Span | None, Span]]] = [[] for _ in texts]
        requests = (self.request(texts[number][slice(*span)]) for number, span in asked)
        for (number, (start, end)), answer in zip(asked, answers(self.engine, requests), strict=True):
            part = texts[number][start:end]
            self.failed += answer.error is not None
            for sample in answer.samples:
                for aspect, opinion in spans_of(part, sample.text):
                    moved = (aspect[0] + start, aspect[1] + start) if aspect else None
                    made[number].append((moved, (opinion[0] + start, opinion[1] + start)))
        return made

    def request(self, part: str) -> Request:
        """Returns the request for one part of a text."""
        grammar = compile_grammar(self.tokenizer, LARK, grammar_of(part))
        ids: list[int] = []
        for examples in range(4, -1, -1):
            ids = prompt_ids(self.tokenizer, prompt_of(part, examples))
            if len(ids) + MAX_TOKENS <= self.context:
                break
        most = max(1, min(MAX_TOKENS, self.context - len(ids)))
        settings = SamplingSettings(temperature=0.0, max_tokens=most, seed=0)
        return Request(ids=tuple(ids), settings=settings, grammar=grammar)


def spans_of(text: str, answer: str) -> Iterator[tuple[Span | None, Span]]:
    """Yields the spans that an answer quotes, each opinion once; an item that was cut off is none."""
    seen = set[Span]()
    for found in ITEM.finditer(answer):
        opinion = place_of(text, found[2].strip(), 0)
        if opinion is None or opinion in seen:
            continue
        seen.add(opinion)
        aspect = place_of(text, (found[1] or "").strip(), opinion[0])
        yield (None if aspect == opinion else aspect), opinion


def place_of(text: str, quote: str, near: int) -> Span | None:
    """Returns where a quote stands, of several places the nearest to `near`."""
    if not re.search(r"\w", quote):
        return None
    found = [match.start() for match in re.finditer(re.escape(quote), text)]
    start = min(found, key=lambda place: abs(place - near), default=None)
    return None if start is None else (start, start + len(quote))
