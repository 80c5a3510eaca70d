"""What is asked of both writers, and the writers: ours, and the same model asked plainly through transformers.

A task is a piece of human text as the only source, its title as topic, two headings, a length and a word that must be
there. English pieces are sections of Wikipedia articles (lm/wikitext2.valid.raw), Chinese ones reports of the People's
Daily (lm/peoples_daily_199801.txt): so human text of the kind is there to be counted beside.
"""

import re
import time
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WORDS = {"en": 90, "zh": 140}
LONGEST_SOURCE = {"en": 220, "zh": 400}
"""Words (characters) of a source: with the request around it, it fits a context of 2,048 tokens."""
HEADINGS = {"en": ("What it is about", "More details"), "zh": ("主要内容", "详细情况")}  # text data
KINDS = {"en": "summary", "zh": "news"}
ASKED = {
    "en": 'Write a {kind} titled "{title}" with the two sections "## {first}" and "## {second}". Write between {least} '
    'and {most} words. Use the word "{word}". Say only what the source says, and cite it as [1] in every sentence.\n\n'
    "Source [1]: {source}",
    "zh": "请写一篇新闻，标题是《{title}》，分两节：“## {first}”和“## {second}”。{least}到{most}字。"  # text data
    "必须用到“{word}”。只写资料中有的内容，每句话注明出处[1]。\n\n资料[1]：{source}",  # text data
}
SEED = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One article to be written."""

    number: int
    language: str
    title: str
    source: str
    word: str


def tasks(data: Path, language: str, count: int) -> list[Task]:
    """Returns `count` tasks, evenly spread over the file."""
    pieces = list(
        english(data / "lm/wikitext2.valid.raw") if language == "en" else chinese(data / "lm/peoples_daily_199801.txt")
    )
    chosen = [pieces[at * len(pieces) // count] for at in range(min(count, len(pieces)))]
    return [
        Task(number=at, language=language, title=title, source=text, word=frequent(text, title, language))
        for at, (title, text) in enumerate(chosen)
    ]


def english(path: Path) -> Iterator[tuple[str, str]]:
    """Yields (title, text) of the sections that are long enough, in ordinary spelling."""
    article = heading = ""
    lines: list[str] = []
    for line in [*path.read_text(encoding="utf-8").splitlines(), " = end = "]:
        match = re.fullmatch(r" (=(?: =)*) (.+?) \1 ", line)
        if match is None:
            lines.append(line)
            continue
        text = cut(" ".join(" ".join(lines).split()), "en")
        if article and len(text.split()) >= 1.3 * WORDS["en"]:
            yield (f"{article}: {heading}" if heading else article), text
        lines = []
        article, heading = (spelled(match[2]), "") if match[1] == "=" else (article, spelled(match[2]))


def spelled(text: str) -> str:
    """Returns text without the spaces and marks of the set's tokens."""
    text = re.sub(r" @([-,.])@ ", r"\1", text)
    text = re.sub(r" ([,.;:!?)\]'’])", r"\1", text).replace("( ", "(").replace(" n't", "n't").replace(" 's", "'s")
    return re.sub(r'" ([^"]*?) "', r'"\1"', text).strip()


def chinese(path: Path) -> Iterator[tuple[str, str]]:
    """Yields (title, text) of the reports that are long enough, figures in ordinary width."""
    title, lines = "", list[str]()
    for line in [*path.read_text(encoding="utf-8", errors="ignore").splitlines(), "end"]:
        line = unicodedata.normalize("NFKC", line.strip()).replace(",", "，").replace(":", "：")  # text data
        if len(line) > 60:
            lines.append(line)
            continue
        text = cut("".join(lines), "zh")
        if 6 <= len(title) <= 28 and len(text) >= 1.5 * WORDS["zh"] and not re.search(r"[。!?();；:：]", title):
            yield title, text
        title, lines = line, []


def cut(text: str, language: str) -> str:
    """Returns the whole sentences at the beginning of a text that a source has room for."""
    from textmill.apps.write.order import length
    from textmill.data.sentences import sentences

    kept, words = [], 0
    for sentence in sentences(spelled(text) if language == "en" else text):
        words += length(sentence)
        if words > LONGEST_SOURCE[language]:
            break
        kept.append(sentence)
    return "".join(kept).strip()


def frequent(text: str, title: str, language: str) -> str:
    """Returns a word that the text has more than once and the title does not."""
    from textmill.apps.write.support import COMMON

    if language == "en":
        found = [word for word in re.findall(r"[a-z]{5,}", text) if word not in COMMON and word not in title.lower()]
    else:
        runs = re.findall(r"[\u4e00-\u9fff]+", text)
        pairs = [run[at : at + 2] for run in runs for at in range(len(run) - 1)]
        found = [
            pair for pair in pairs if pair not in title and not re.search("[的了在是和有为这一不]", pair)
        ]  # text data
    return Counter(found).most_common(1)[0][0]


class Ours:
    """`textmill write` with the outline of the task."""

    name = "textmill"

    def __init__(self, model: str, weights: str) -> None:
        from textmill.cli.command import Context
        from textmill.cli.model_engine import load_model, make_engine
        from textmill.config import Settings

        self.loaded = load_model(Context(settings=Settings()), model, "cpu")
        self.engine = make_engine(self.loaded, weights, texts=4)

    def write(self, task: Task, *, sources: bool = True, watermark: str = "", words: int = 0) -> dict[str, Any]:
        """Returns the article and how long it took."""
        from textmill.apps.write.kinds import load_kind
        from textmill.apps.write.order import Order
        from textmill.apps.write.outline import Outline, Section
        from textmill.apps.write.piece import Piece
        from textmill.apps.write.render import markdown
        from textmill.apps.write.sources import text_sources
        from textmill.cli import write_task
        from textmill.cli.write import make_writer

        began = time.perf_counter()
        required = (task.word,) if sources else ()
        order = Order(kind=KINDS[task.language], topic=task.title, language=task.language, required=required,
                      words=words or WORDS[task.language], seed=SEED)  # fmt: skip
        sections = tuple(Section(heading=heading) for heading in HEADINGS[task.language])
        outline = Outline(title=task.title, sections=sections).allotted(order)
        given = text_sources([(task.title, task.source)], task.language) if sources else []
        wanted = write_task.Task(order=order, kind=load_kind(order.kind), outline=outline, sources=given, out=None,
                                 watermark=watermark)  # fmt: skip
        piece = Piece(order=order, outline=outline, sources=given)
        piece.begin(self.name)
        make_writer(self.loaded, self.engine, wanted).write(piece)
        quoted = sum(sentence.quoted for section in piece.sections for sentence in section)
        return {"text": markdown(piece, headings=True), "quoted": quoted, "seconds": time.perf_counter() - began}


class Plain:
    """The same weights through transformers, asked for the whole article at once."""

    name = "transformers"

    def __init__(self, model: str) -> None:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self.tokenizer = AutoTokenizer.from_pretrained(model)
        self.model: Any = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32).eval()

    def write(self, task: Task) -> dict[str, Any]:
        """Returns the article and how long it took."""
        import torch

        began = time.perf_counter()
        words, (first, second) = WORDS[task.language], HEADINGS[task.language]
        least, most = round(0.9 * words), round(1.1 * words)
        request = ASKED[task.language].format(kind=KINDS[task.language], title=task.title, first=first, second=second,
                                              least=least, most=most, word=task.word, source=task.source)  # fmt: skip
        messages = [{"role": "user", "content": request}]
        given: Any = self.tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
        torch.manual_seed(SEED * 1000 + task.number)
        with torch.inference_mode():
            ids = self.model.generate(**given, do_sample=True, temperature=0.7, top_p=0.95, max_new_tokens=4 * words)
        text = self.tokenizer.decode(ids[0, given["input_ids"].shape[1] :], skip_special_tokens=True)
        return {"text": text, "quoted": 0, "seconds": time.perf_counter() - began}
