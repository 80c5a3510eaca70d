"""A judge that has read a few hundred sentences made of words of praise and blame."""

import random
from functools import cache

import numpy as np

from textmill.apps.sentiment.form import WORDS, Blend, Form
from textmill.apps.sentiment.judge import Judge
from textmill.apps.sentiment.words import train_words

THINGS = ("room", "staff", "breakfast", "pool", "screen", "battery", "story", "parcel")
GOOD = ("clean", "friendly", "delicious", "lovely", "bright", "excellent", "quick", "perfect")
BAD = ("dirty", "rude", "awful", "broken", "boring", "terrible", "slow", "useless")
THINGS_ZH = ("房间", "服务员", "早餐", "泳池", "屏幕", "电池", "故事", "包裹")
GOOD_ZH = ("干净", "热情", "好吃", "漂亮", "清晰", "出色", "满意", "完美")
BAD_ZH = ("肮脏", "粗鲁", "难吃", "破旧", "无聊", "糟糕", "失望", "没用")


def sentences(count: int, seed: int = 0) -> list[tuple[str, int]]:
    """Returns sentences with 1 for praise, 0 for blame."""
    lot = random.Random(seed)
    made = []
    for number in range(count):
        good = number % 2
        if number % 4 < 2:
            made.append((f"The {lot.choice(THINGS)} was {lot.choice(GOOD if good else BAD)}.", good))
        else:
            made.append((f"{lot.choice(THINGS_ZH)}很{lot.choice(GOOD_ZH if good else BAD_ZH)}。", good))
    return made


@cache
def judge() -> Judge:
    """Returns the judge."""
    rows = sentences(400)
    words = train_words([text for text, _ in rows], np.array([label for _, label in rows]), 2)
    form = Form(labels=("negative", "positive"), answers=(" negative", " positive"), use=WORDS, blend=Blend(words=1.0))
    return Judge(form, words=words)
