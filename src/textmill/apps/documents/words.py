"""What of a text is looked up: English words by their stems, Chinese in pairs of characters.

indexed("新图书馆 opened in 1999")   "新图 图书 书馆 新 图 书 馆 open in 1999"
asked("图书馆是什么时候开放的？")      ["图书", "书馆", "开放"]

A question's own words (who, how many, 什么, 哪里) are no part of what it asks about.
"""

import re

from textmill.apps.write.order import CHARACTER
from textmill.apps.write.sources import terms
from textmill.apps.write.support import COMMON
from textmill.evaluate.text_quality import units

ASKING = frozenset(
    """
who whom whose what which when where why how many much did does do is are was were tell me about give name list
please show explain describe any there s t
""".split()  # noqa: SIM905  (a list of words reads better without quotes)
)
PHRASES = (
    "请问 告诉我 什么时候 什么时间 什么地方 什么样 为什么 是不是 有没有 什么 怎么样 怎么 怎样 "  # text data
    "哪里 哪儿 哪个 哪些 哪位 哪年 哪天 哪 谁 多少钱 多少 多大 多久 多长 多高 多远 几个 几点 几年 几月 "  # text data
    "几位 几 如何 是否 可以 吗 呢 吧 啊 的 地 得 了 着 过 是 在 有 和 与 及 由 把 被 对 从 到 于 里 这 那 "  # text data
    "一个 叫 名字 名称"  # text data
)
QUESTION_CHINESE = re.compile("|".join(sorted(PHRASES.split(), key=len, reverse=True)))


def indexed(text: str) -> str:
    """Returns the terms of a text for the full-text index; Chinese characters also one by one."""
    single = [unit for unit in units(text) if CHARACTER.fullmatch(unit)]
    return " ".join([*(term for term in terms(text) if term not in single), *single])


def asked(question: str) -> list[str]:
    """Returns the terms that a question is about, each once; all of its terms where it has no others."""
    found: list[str] = []
    for part in QUESTION_CHINESE.split(question):
        kept = " ".join(unit for unit in units(part) if unit not in COMMON and unit not in ASKING)
        made = terms(kept)
        lead = made[:1] if len(made) > 1 and CHARACTER.fullmatch(made[0]) else []
        found += made[len(lead) :]  # the first character alone only stands before its pairs
    return list(dict.fromkeys(found or terms(question)))


def held(text: str) -> frozenset[str]:
    """Returns the terms that a sentence holds."""
    return frozenset(indexed(text).split())
