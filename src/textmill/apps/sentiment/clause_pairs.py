"""Aspects and opinions without a model that writes: where they stand in a clause, and what the judge decides by.

    the staff | was rude            what stands before the verb, what is said of it
    friendly | staff                a word that decides, and the noun behind it
    酒店的早餐 | 很丰富              what stands before the word of degree, and the rest

Of the clauses only those count in which the judge sees something: the likeliest label is clear and not neutral.
It knows no grammar and misses what is said in a roundabout way.
"""

import re
from collections.abc import Sequence

import numpy as np

from textmill.apps.sentiment.calibration import softmax
from textmill.apps.sentiment.clauses import HAN, Span, clauses
from textmill.apps.sentiment.reasons import Reason, Scores, reasons

CLEAR, CLEAR_ALONE = 0.6, 0.8
"""Probability from which a clause says something; from which it does without naming what it is about."""
SILENT = frozenset(("neutral", "mixed", "中性", "中立", "中评"))  # text data
MOST_WORDS, MOST_SIGNS = 7, 12
"""Of an opinion."""
VERBS = (
    r"is|are|was|were|isn['’]t|wasn['’]t|aren['’]t|weren['’]t|looks?|looked|feels?|felt|seems?|seemed|tastes?|tasted"
    r"|smells?|smelled|sounds?|sounded|works?|worked|became|got|gets|could|can|took|takes|broke|arrived|came|made|has|had"
)
ENGLISH = re.compile(rf"(?P<aspect>\b[\w'’-]+(?:\s+[\w'’-]+){{0,3}}?)\s+(?P<opinion>(?:{VERBS})\b\s+.+)", re.I)
ARTICLES = """
a an the this that these those my our your his her their its all both some any every each one's and but so or also as if
when while because however although overall of in at on for with to from by"""
PRONOUNS = """
i you he she it we they there here what which who this that everything nothing something anything one ones me us them
where how not no very really too quite so just only even still never always more most much many than about like into
out up down off over after before again away being own such other another same enough well good bad better best worse
worst great big little long short old new first last ever almost perhaps maybe lot bit kind sort way thing things time
times rather far less least few whole real true made make makes get gets got go goes going come comes done seen said"""
DETERMINERS, NOT_NAMED = frozenset(ARTICLES.split()), frozenset(PRONOUNS.split())
FELT = r"loved?|hated?|liked?|enjoy(?:ed)?|disliked?|despised?|adored?|recommend(?:ed)?"
FEELING = re.compile(
    rf"\b(?P<opinion>(?:really |absolutely |just )?(?:{FELT}))\s+(?P<aspect>(?:\w+\s+){{0,2}}[\w'’-]+)$", re.I
)
CHINESE = re.compile(
    "(?P<aspect>[\u4e00-\u9fff]{2,12}?)"
    "(?P<opinion>(?:都|也|还|就|却|又|是)?(?:真的|真|很|太|非常|特别|比较|挺|相当|十分|极|不|没|有点|"  # text data
    "有些|实在|超|更|最|蛮|够|好|差|一般|让人).*)"  # text data
)
HEAD = re.compile(
    ".*(?:的|了|和|跟|把|被|对|在|感觉|觉得|这个|这家|那个|我们|他们|虽然|但是|而且|就是|不过|可是)"  # text data
)
NOT_NAMED_CHINESE = frozenset(  # one sign of a pronoun or an adverb is no thing
    "我你他她它们这那都也还就却又很太真不没有是说去来看到会能要想可以因所而且"  # text data
    "但如果一个每次总体整体一般其实"  # text data
)
ADVERBS = "非常 根本 特别 相当 绝对 确实 实在 居然 竟然 简直 完全 基本 有些 的确 结果 现在 今天 有点"  # text data
NO_THINGS = frozenset(ADVERBS.split())
Pair = tuple[Span | None, Span]


def pairs_of_clauses(judge: Scores, texts: Sequence[str]) -> list[list[Pair]]:
    """Returns the (aspect, opinion) spans of each text."""
    places = [(number, span) for number, text in enumerate(texts) for span in clauses(text)]
    said = [texts[number][slice(*span)] for number, span in places]
    clear = clear_ones(judge, said)
    why = reasons(judge, [said[place] for place, _ in clear])
    made: list[list[Pair]] = [[] for _ in texts]
    for (place, chance), found in zip(clear, why, strict=True):
        number, (start, _) = places[place]
        pair = chinese_pair(said[place], found) if HAN.search(said[place]) else english_pair(said[place], found)
        if pair is not None and (pair[0] is not None or chance >= CLEAR_ALONE):
            made[number].append(moved(pair, start))
    return made


def moved(pair: Pair, by: int) -> Pair:
    """Returns a pair whose clause begins at `by`."""
    aspect, (low, high) = pair
    return (aspect[0] + by, aspect[1] + by) if aspect else None, (low + by, high + by)


def clear_ones(judge: Scores, said: Sequence[str]) -> list[tuple[int, float]]:
    """Returns the places of the clauses that say something good or bad, and how surely."""
    if not said:
        return []
    chances = np.concatenate([softmax(judge.label_scores(said[low : low + 512])) for low in range(0, len(said), 512)])
    best = chances.argmax(axis=1)
    return [
        (place, float(chances[place, label]))
        for place, label in enumerate(best)
        if chances[place, label] >= CLEAR and str(judge.labels[label]).lower() not in SILENT
    ]


def english_pair(clause: str, why: Sequence[Reason]) -> Pair | None:
    """Returns the pair of an English clause; None where the judge names no word either."""
    found = ENGLISH.fullmatch(clause)
    if found and (aspect := named(clause, found.span("aspect"))):
        return aspect, first_words(clause, found.span("opinion"))
    found = FEELING.search(clause)
    if found and (aspect := named(clause, found.span("aspect"))):
        return aspect, found.span("opinion")
    if not why:
        return None
    best = max(why, key=lambda reason: reason.effect)
    behind = re.compile(r" ([\w'’-]+)").match(clause, best.end)
    return named(clause, behind.span(1)) if behind else None, (best.start, best.end)


def named(clause: str, span: Span) -> Span | None:
    """Returns the span without articles and the like; None where no thing is left that has a name."""
    words = [(word.start(), word.end()) for word in re.finditer(r"[\w'’-]+", clause[slice(*span)])]
    while words and clause[span[0] + words[0][0] : span[0] + words[0][1]].lower() in DETERMINERS:
        words.pop(0)
    if not words or any(clause[span[0] + low : span[0] + high].lower() in NOT_NAMED for low, high in words):
        return None
    low, high = span[0] + words[0][0], span[0] + words[-1][1]
    return (low, high) if high - low > 2 else None


def first_words(clause: str, span: Span) -> Span:
    """Returns the beginning of a long opinion."""
    words = list(re.finditer(r"\S+", clause[slice(*span)]))
    return span[0], span[0] + words[:MOST_WORDS][-1].end()


def chinese_pair(clause: str, why: Sequence[Reason]) -> Pair | None:
    """Returns the pair of a Chinese clause; a short one without an aspect is an opinion of the whole."""
    for found in CHINESE.finditer(clause):
        low, high = found.span("aspect")
        head = HEAD.match(clause, low, high)
        low = head.end() if head else low
        if high - low >= 2 and clause[low:high] not in NO_THINGS and not set(clause[low:high]) & NOT_NAMED_CHINESE:
            start, end = found.span("opinion")
            return (low, high), (start, min(end, start + MOST_SIGNS))
    return (None, (0, len(clause))) if why and len(clause) <= MOST_SIGNS else None
