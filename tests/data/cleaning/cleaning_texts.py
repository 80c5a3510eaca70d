"""Two plain texts that every rule lets pass, and ways to spoil them a little or too much."""

from textmill.config import CleanSettings
from textmill.data.cleaning.judging import Judgement, judge
from textmill.data.cleaning.rules import limits, profile_of

ENGLISH = (
    "The harbour was quiet in the early morning, and only one boat had left with the tide. Its owner, an old man "
    "with a grey beard, had told nobody where he meant to go. People said that he knew every rock between here "
    "and the lighthouse.\n\n"
    "In the afternoon the wind turned and the clouds came in from the west. Two women who were mending nets on "
    "the quay looked up and counted the boats that had returned. There should have been nine of them, but there "
    "were only eight.\n\n"
    "They waited until the lamp at the end of the pier was lit. Then somebody saw a sail behind the island, small "
    "and brown, and a child ran up the hill to ring the bell. Nobody asked the old man what he had been looking "
    "for out there.\n\n"
    "The next day he sat in the sun and carved a little ship from a piece of driftwood. When it was finished he "
    "gave it to the child, who has kept it on the window sill to this day. It still smells of salt and tar when "
    "the weather is about to change."
)
CHINESE = (
    "清晨的港口十分安静，只有一条船随着潮水离开了岸边。船的主人是一位留着灰白胡子的老人，他没有告诉任何人自己"
    "要去哪里。大家都说，从这里到灯塔之间的每一块礁石他都认得。\n\n"
    "到了下午，风向变了，乌云从西边压过来。两个在码头上补渔网的女人抬起头，数了数已经回港的船。本来应该有九条"
    "，现在却只有八条。\n\n"
    "她们一直等到防波堤尽头的灯亮起来。后来有人看见小岛后面露出一片棕色的船帆，一个孩子便跑上山坡去敲钟。谁也"
    "没有问老人在海上找什么。\n\n"
    "第二天，老人坐在阳光下，用一块漂来的木头刻了一只小船。刻好以后，他把小船送给了那个孩子，孩子把它摆在窗台"
    "上，一直保存到今天。每当天气要变的时候，它还会散发出盐和焦油的气味。"
)
GOOD = {"en": ENGLISH, "zh": CHINESE}


def judged(text: str, language: str, *thresholds: str, rules: str = "none") -> Judgement:
    """Returns what a set of rules, changed by `thresholds`, makes of a text."""
    settings = CleanSettings(rules=rules, thresholds=thresholds)
    return judge(text, language, limits(settings)[profile_of(language)])


def reason(text: str, language: str, *thresholds: str, rules: str = "none") -> str:
    """Returns the rule that refuses a text, or ""."""
    finding = judged(text, language, *thresholds, rules=rules).finding
    return finding[0] if finding else ""
