"""What tests of translation share: pairs in two languages, a runner that knows them, and a folder with a model."""

import json
from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import torch
from hash_runner import HashRunner
from tiny_models import tiny_config, tiny_model
from torch import Tensor

from textmill.apps.translate.card import CARD_FILE, TASK, Card, Known
from textmill.apps.translate.pairs import Direction
from textmill.apps.translate.prompt import Asked, prompt_of
from textmill.apps.translate.translator import Translator
from textmill.config import TokenizerSettings
from textmill.infer.engine.engine import Engine
from textmill.model.config import modern
from textmill.model.hub import save_model
from textmill.tokenizer.tokenizer import Tokenizer
from textmill.tokenizer.train import train_tokenizer

NUMBERS = ["one", "two", "three", "four", "five", "six"]
ZH = ["一", "二", "三", "四", "五", "六"]  # text data
VERBS = {"see": "看见", "have": "有", "want": "想要"}  # text data
THINGS = {"cats": "只猫", "dogs": "只狗", "books": "本书", "birds": "只鸟"}  # text data
SMALL = (
    *("--tokenizer.vocabulary_size=420", "--model.layers=1", "--model.width=32", "--model.heads=1"),
    *("--model.context=128", "--train.compile=off", "--train.native=off", "--train.threads=1"),
    *("--train.precision=fp32", "--tune.context=128", "--train.batch_tokens=512", "--tune.held_out_share=0.05"),
    *("--evaluate.tokens=256", "--tune.prompts=Hello?", "--evaluate.sample_tokens=4"),
)


def rows() -> list[tuple[str, str]]:
    """Pairs such as "I see two cats." with what it is in Chinese."""
    return [
        (f"I {verb} {number} {thing}.", f"我{chinese_verb}{chinese}{chinese_thing}。")  # text data
        for verb, chinese_verb in VERBS.items()
        for number, chinese in zip(NUMBERS, ZH, strict=True)
        for thing, chinese_thing in THINGS.items()
    ]


def write_pairs(file: Path) -> Path:
    """Writes the pairs as a table."""
    file.write_text("en\tzh\n" + "".join(f"{en}\t{zh}\n" for en, zh in rows()), encoding="utf-8")
    return file


@cache
def pair_tokenizer() -> Tokenizer:
    """A joint vocabulary of the pairs."""
    texts = [text for pair in rows() for text in pair]
    return train_tokenizer(texts, settings=TokenizerSettings(), vocabulary_size=420)


CARD = Card(
    form=TASK,
    pairs=(
        Known(source="en", target="zh", ratio=1.0, characters=1.0, examples=72),
        Known(source="zh", target="en", ratio=1.0, characters=1.2, examples=72),
    ),
)


class PhraseRunner(HashRunner):
    """Knows some translations by heart and says something of its own about everything else."""

    def __init__(self, phrases: Iterable[tuple[Direction, str, str]], *, context: int = 256) -> None:
        super().__init__(page_count=400, page_size=8, context=context)
        tokenizer = pair_tokenizer()
        self.size = tokenizer.vocabulary_size
        self.config = modern(vocabulary_size=self.size, context=context, layers=1, width=8, heads=1)
        self.next: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for direction, source, target in phrases:
            ids = prompt_of(tokenizer, TASK, Asked(text=source, direction=direction))
            for id in (*tokenizer.encode(target), tokenizer.end_of_text_id):
                self.next[tuple(ids)].append(id)
                ids = [*ids, id]

    def _scores(self, seen: bytes) -> Tensor:
        ids = tuple(int(entry.split()[0]) for entry in seen.split(b"|"))
        seed = hash(ids) & 0xFFFFFFFF
        scores = torch.randn(self.size, generator=torch.Generator().manual_seed(seed))
        for place, id in enumerate(dict.fromkeys(self.next.get(ids, ()))):
            scores[id] += 14.0 - 2 * place
        return scores


def phrases() -> list[tuple[Direction, str, str]]:
    """All pairs in both directions."""
    return [one for en, zh in rows() for one in ((Direction("en", "zh"), en, zh), (Direction("zh", "en"), zh, en))]


def phrase_translator(*more: tuple[Direction, str, str], context: int = 256) -> Translator:
    """Translates the pairs, and what is given besides, without a fault."""
    return Translator(Engine(PhraseRunner([*phrases(), *more], context=context), pair_tokenizer()), CARD)


def translating_model(folder: Path) -> Path:
    """Writes a random model that takes itself for a translator."""
    folder.mkdir(parents=True)
    pair_tokenizer().write_files(folder)
    save_model(tiny_model(tiny_config(vocabulary_size=pair_tokenizer().vocabulary_size, context=128)), folder)
    (folder / CARD_FILE).write_text(json.dumps(CARD.as_dict()), encoding="utf-8")
    return folder
