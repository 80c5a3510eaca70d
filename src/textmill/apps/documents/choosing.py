"""The words of an answer, chosen by a model that may write nothing but a stretch of the passage.

    examples, the passage, the question ─▶ a substring of the passage (llguidance's `substring_words`, for Chinese
    `substring_chars`) ─▶ its place

Whatever a document says ("ignore all that was said …"), the answer is a stretch of it with its place, and nothing else.
"""

import json
import re

from textmill.apps.documents.answering import Choice, Quote
from textmill.data.sentences import HAN
from textmill.infer.answers import answers
from textmill.infer.constraints import LARK, compile_grammar
from textmill.infer.engine.engine import Engine
from textmill.infer.engine.request import Request
from textmill.infer.prompts import prompt_ids
from textmill.infer.sampling import SamplingSettings
from textmill.tokenizer.tokenizer import Tokenizer

LONGEST_ANSWER = 100
"""Characters."""
MAX_TOKENS = 60
EXAMPLES = {
    "en": (
        ("The ferry to Hilltop leaves at nine. It costs two crowns.", "When does the ferry leave?", "at nine"),
        ("Ann Lee has been the mayor since 1998. She was born in Hilltop.", "Who is the mayor?", "Ann Lee"),
        ("The library keeps 12,000 books in two rooms.", "How many books are there?", "12,000"),
    ),
    "zh": (
        ("去山顶村的渡船九点开，票价两元。", "渡船几点开？", "九点"),  # text data
        ("李安从1998年起担任镇长，她出生在山顶村。", "镇长是谁？", "李安"),  # text data
        ("图书馆有两个房间，藏书一万二千册。", "图书馆有多少书？", "一万二千册"),  # text data
    ),
}
HEADS = {"en": ("Text: ", "Question: ", "Answer: "), "zh": ("文章：", "问题：", "答案：")}  # text data


class SpanChooser:
    """A model on its engine; `failed` counts the questions that its context was too short for."""

    def __init__(self, engine: Engine, tokenizer: Tokenizer, context: int) -> None:
        self.engine, self.tokenizer, self.context = engine, tokenizer, context
        self.failed = 0

    def choose(self, question: str, quote: Quote) -> Choice | None:
        """Returns where in the quote, or its passage where that is short, the answer stands."""
        part = " ".join(quote.text.split())
        grammar = compile_grammar(self.tokenizer, LARK, grammar_of(part))
        ids: list[int] = []
        for examples in range(len(EXAMPLES["en"]), -1, -1):
            ids = prompt_ids(self.tokenizer, prompt_of(part, question, examples))
            if len(ids) + MAX_TOKENS <= self.context:
                break
        else:
            self.failed += 1
            return None
        settings = SamplingSettings(temperature=0.0, max_tokens=MAX_TOKENS, seed=0)
        made = next(answers(self.engine, [Request(ids=tuple(ids), settings=settings, grammar=grammar)]))
        if made.error is not None or not made.samples:
            self.failed += 1
            return None
        sample = made.samples[0]
        place = place_in(quote, sample.text.strip().removesuffix('"'))
        if place is None:
            return None
        mean = sample.log_probability / max(1, len(sample.ids))
        return Choice(start=place[0], end=place[1], log_probability=round(mean, 4))


def grammar_of(part: str) -> str:
    """Returns the Lark grammar of the answers that a passage allows."""
    kind = "substring_chars" if HAN.search(part) else "substring_words"
    return (
        'start: ANSWER "\\n"\n'
        f"ANSWER: SPAN & /[^\\n\\r]{{1,{LONGEST_ANSWER}}}/\n"
        f"SPAN: %regex {json.dumps({kind: part}, ensure_ascii=False)}\n"
    )


def prompt_of(part: str, question: str, examples: int) -> str:
    """Returns some examples, the passage and the question."""
    language = "zh" if HAN.search(part) else "en"
    text, asked, told = HEADS[language]
    shown = [f"{text}{one}\n{asked}{two}\n{told}{three}\n" for one, two, three in EXAMPLES[language][:examples]]
    return "\n".join([*shown, f"{text}{part}\n{asked}{' '.join(question.split())}\n{told}"])


def place_in(quote: Quote, chosen: str) -> tuple[int, int] | None:
    """Returns where the chosen words stand in the document; blanks may be line breaks there."""
    words = chosen.split()
    if not words:
        return None
    pattern = r"\s+".join(map(re.escape, words))
    match = re.search(pattern, quote.text)
    return (quote.start + match.start(), quote.start + match.end()) if match else None
