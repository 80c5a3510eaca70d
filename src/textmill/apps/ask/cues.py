"""What a question asks to be done with what is found: count it, take the first or last, compare, or say yes or no.

"How many streets lie in Riverton?"     counting
"Which street is the longest?"          the last by a value; "length" is the word that is looked for
"… longer than 200"                     a comparison with 200
"Does Ann live in Riverton?"            yes or no
"""

import re
from dataclasses import dataclass

from textmill.apps.ask.neighbourhood import DATE, NUMBER, YEAR
from textmill.apps.graph import folding
from textmill.apps.graph.terms import XSD

FIRST, LAST = "ASC", "DESC"
COUNTING = re.compile(
    r"\bhow many\b|\bnumber of\b|\bcount\b"
    r"|多少[个部位条名座家只本种件次]?|几[个部位条名座家只本种件次]|[总共]数"  # text data
)  # text data
WHICH = re.compile(r"哪一?[个部位条名座家只本种件次些]")  # text data
BESIDE = re.compile(r"\band (?:what|when|where|who|how|its|their|his|her)\b|以及|分别|及其")  # text data
YES_NO = re.compile(
    r"^\W*(?:is|are|was|were|do|does|did|has|have|can)\b|吗\W*$|是不是|有没有|是否"  # text data
)
# word: (way by a number, way by a date or a year, what the predicate may be called)
EXTREMES = {
    "longest": (LAST, LAST, "length long"), "shortest": (FIRST, FIRST, "length short height"),
    "tallest": (LAST, LAST, "height tall"), "highest": (LAST, LAST, "height high elevation price"),
    "lowest": (FIRST, FIRST, "height low elevation price"), "oldest": (LAST, FIRST, "age born birth founded date"),
    "youngest": (FIRST, LAST, "age born birth date"), "newest": (FIRST, LAST, "age date founded released"),
    "earliest": (FIRST, FIRST, "date year"), "latest": (LAST, LAST, "date year"),
    "first": (FIRST, FIRST, "date year"), "last": (LAST, LAST, "date year"),
    "cheapest": (FIRST, FIRST, "price cost"), "most expensive": (LAST, LAST, "price cost"),
    "dearest": (LAST, LAST, "price cost"), "largest": (LAST, LAST, "size area population large"),
    "biggest": (LAST, LAST, "size area population big"), "smallest": (FIRST, FIRST, "size area population small"),
    "heaviest": (LAST, LAST, "weight mass"), "lightest": (FIRST, FIRST, "weight mass"),
    "deepest": (LAST, LAST, "depth deep"), "widest": (LAST, LAST, "width wide"),
    "most": (LAST, LAST, ""), "least": (FIRST, FIRST, ""), "fewest": (FIRST, FIRST, ""),
    "最长": (LAST, LAST, "长度 length"), "最短": (FIRST, FIRST, "长度 length"),  # text data
    "最高": (LAST, LAST, "高度 身高 海拔 height"), "最低": (FIRST, FIRST, "高度 海拔 height"),  # text data
    "最老": (LAST, FIRST, "年龄 出生 age born"), "年龄最大": (LAST, FIRST, "年龄 出生 age born"),  # text data
    "年纪最大": (LAST, FIRST, "年龄 出生 age born"), "最年长": (LAST, FIRST, "年龄 出生 age born"),  # text data
    "最年轻": (FIRST, LAST, "年龄 出生 age born"), "年龄最小": (FIRST, LAST, "年龄 出生 age born"),  # text data
    "年纪最小": (FIRST, LAST, "年龄 出生 age born"), "最早": (FIRST, FIRST, "日期 年份 date year"),  # text data
    "最晚": (LAST, LAST, "日期 年份 date year"), "最近": (LAST, LAST, "日期 年份 date year"),  # text data
    "最新": (FIRST, LAST, "日期 年份 date year"), "最便宜": (FIRST, FIRST, "价格 price"),  # text data
    "最贵": (LAST, LAST, "价格 price"), "最大": (LAST, LAST, "面积 人口 大小 size area"),  # text data
    "最小": (FIRST, FIRST, "面积 人口 大小 size area"), "最多": (LAST, LAST, ""),  # text data
    "最少": (FIRST, FIRST, ""),  # text data
}  # fmt: skip
ADJECTIVES = {
    "longer": "length long", "shorter": "length height", "taller": "height", "higher": "height", "older": "age born",
    "younger": "age born", "dearer": "price", "cheaper": "price", "heavier": "weight", "larger": "size area",
    "长于": "长度", "高于": "高度", "早于": "日期", "晚于": "日期",  # text data
}  # fmt: skip
VALUE_TEXT = r"(\d{4}-\d{2}-\d{2}|\d+(?:\.\d+)?)"
MORE = re.compile(
    r"(?:more than|over|above|(?:long|tall|high|old|heavi|larg|great|big|dear)er than|exceed(?:s|ing)?|after|later than"
    r"|超过|大于|多于|高于|长于|晚于)\s*"  # text data
    + VALUE_TEXT
    + r"|"
    + VALUE_TEXT
    + r"\s*\w{0,2}?(?:以上|之后|以后)"  # text data
)
LESS = re.compile(
    r"(?:less than|fewer than|under|below|(?:short|low|young|light|small|cheap)er than|before|earlier than"
    r"|少于|小于|低于|不到|早于|短于)\s*"  # text data
    + VALUE_TEXT
    + r"|"
    + VALUE_TEXT
    + r"\s*\w{0,2}?(?:以下|之前|以前)"  # text data
)
LEAST = re.compile(r"(?:at least|since|from|至少|不少于)\s*" + VALUE_TEXT)  # text data
MOST = re.compile(r"(?:at most|until|up to|至多|最多|不超过)\s*" + VALUE_TEXT)  # text data
COMPARISONS = ((MOST, "<="), (LEAST, ">="), (MORE, ">"), (LESS, "<"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cues:
    """What a question asks for beside a path."""

    counting: bool = False
    yes_no: bool = False
    beside: bool = False
    """It asks for something of each answer too."""
    extreme: tuple[str, str] | None = None
    """The way by a number, and by a date."""
    operator: str = ""
    bound: str = ""
    hints: str = ""
    """Words that the predicate of the value may be called by."""
    spoken: tuple[str, ...] = ()
    """The words that said so: they ask for no predicate."""

    def literal(self, kind: str) -> str:
        """Returns the value to compare with as SPARQL writes it, "" where it is of another kind."""
        whole = re.fullmatch(r"\d{4}-\d{2}-\d{2}", self.bound)
        if kind == NUMBER:
            return "" if whole else self.bound
        year = re.fullmatch(r"\d{4}", self.bound)
        if kind == YEAR:
            return f'"{self.bound}"^^<{XSD}gYear>' if year else ""
        if kind == DATE and (whole or year):
            end = "12-31" if self.operator in (">", "<=") else "01-01"
            return f'"{self.bound if whole else f"{self.bound}-{end}"}"^^<{XSD}date>'
        return ""

    def way(self, kind: str) -> str:
        """Returns ASC or DESC for values of a kind, "" where nothing is to be ordered."""
        return "" if self.extreme is None else self.extreme[kind in (DATE, YEAR)]


def cues_of(question: str) -> Cues:
    """Returns the cues of a question whose names have been taken out."""
    text = folding.fold(question)
    spoken: list[str] = []
    hints: list[str] = []
    operator = bound = ""
    for pattern, sign in COMPARISONS:
        if match := pattern.search(text):
            operator, bound = sign, next(group for group in match.groups() if group)
            spoken.append(match[0])
            hints += [words for word, words in ADJECTIVES.items() if word in match[0]]
            text = text.replace(match[0], " ")
            break
    yes_no = YES_NO.search(text) is not None
    spoken += WHICH.findall(text)
    counting = COUNTING.search(text)
    if counting:
        spoken.append(counting[0])
        text = text.replace(counting[0], " ")
    extreme = None
    for word, (number, date, called) in EXTREMES.items():
        if re.search(rf"\b{word}\b" if word.isascii() else word, text):
            extreme = (number, date)
            spoken.append(word)
            hints.append(called)
            break
    beside = BESIDE.search(text) is not None
    return Cues(counting=counting is not None, yes_no=yes_no, beside=beside, extreme=extreme, operator=operator,
                bound=bound, hints=" ".join(hints), spoken=tuple(spoken))  # fmt: skip
