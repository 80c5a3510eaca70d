"""Texts to train on, texts that are hard, and a corpus made of plain lists."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

ENGLISH = """The town lay by the river, and in the morning the baker opened her shop before anyone was awake.
It's 1998, they said; we'll see what the year brings. Prices rose by 12.5%, and nobody knew why.
"""
CHINESE = """清晨，河边的小镇还没有醒来，面包师已经打开了店门。
一九九八年，物价上涨了12.5%，没有人知道原因。小镇的人们说：等着看吧！
"""
TEXTS = [ENGLISH * 3, CHINESE * 3, ENGLISH.upper() * 2]
MULTILINGUAL = [
    "",
    " ",
    "The year 1998, it's 12.5% — we'll SEE'LL.",
    "清晨，小镇还没有醒来。龘𠮷㐀１２３",
    "👩‍👩‍👧‍👦 🇨🇳 👍🏽 é é ﬁ Å",
    "مرحبا بالعالم ١٢٣ שלום नमस्ते ไทย 한국어 にほんご",
    "a\x00b\x01\x7f\x85\u200b\u2028\u2029\ufeff\xa0c",
    " \n\n \t\r\n  x  \n",
    "<|endoftext|>a<|im_start|>user\nhi<|im_end|><|reserved_0|><|nope|>",
    "ſ's 'S 'ſ 'LL 'K",
    "\U0010ffff\ue000\ufffd",
]


@dataclass(frozen=True)
class FakeDocument:
    id: str
    text: str
    language: str = "und"
    source: str = ""
    meta: dict[str, Any] = field(default_factory=dict)


@dataclass
class FakeCorpus:
    train: list[tuple[str, str]]
    validation: list[tuple[str, str]] = field(default_factory=list)
    content_hash: str = "corpus-1"

    def documents(self, split: str | None = None, columns: Iterable[str] = ()) -> Iterator[FakeDocument]:
        for number, (text, language) in enumerate(self.train if split == "train" else self.validation):
            yield FakeDocument(f"{number:032x}", text, language if "language" in columns else "und")

    def measure(self, measure: str, split: str | None = None) -> int:
        rows = self.train if split == "train" else self.validation
        return len(rows) if measure == "documents" else sum(len(text.encode()) for text, _ in rows)
