"""The words that tell content from the rest: in names of elements, and in short texts.

A vocabulary gives each word a weight; it is learned (tools/train_extraction.py), so what "nav", "related" or "entry"
is worth is not a matter of opinion. Chinese phrases speak through the English word that says the same.
"""

import re

NAMES = ("class", "id", "role", "itemprop", "aria-label", "data-testid", "data-component", "data-module", "data-type",
         "data-block")  # fmt: skip
NAMED = re.compile(
    "(?:" + "|".join(rf"{name}(?<=\b{name})" for lower in NAMES for name in (lower, lower.upper())) + ")"
    r"""\s*=\s*("[^"]*"|'[^']*'|[^\s"'>]+)"""
)
"""What begins with one of few letters is searched for many times as fast as what begins with a border of a word."""
PART, LOWER_PART = re.compile(r"[A-Z]?[a-z]{2,24}|[A-Z]{2,24}"), re.compile(r"[a-z]{2,24}")
HIDDEN = re.compile(
    r"""display\s*:\s*none|\shidden(?:[\s=]|$)|aria-hidden\s*=\s*["']?true|visibility\s*:\s*hidden""", re.I
)
MOST_NAMES = 16
LONGEST_ATTRIBUTES = 2000
BETWEEN = "\x00"
"""Parts texts that are looked at as one."""
WORD = re.compile(r"[a-z]{2,}|©|\x00")
CHINESE = {
    "分享": "share", "相关": "related", "推荐": "recommended", "评论": "comments",  # text data
    "版权": "copyright", "广告": "advertisement", "登录": "login", "注册": "register",  # text data
    "订阅": "subscribe", "关注": "follow", "责任编辑": "editor", "责编": "editor",  # text data
    "编辑：": "editor", "来源：": "source", "作者：": "author", "发布时间": "published",  # text data
    "上一篇": "previous", "下一篇": "next", "首页": "home", "更多": "more", "扫码": "scan",  # text data
    "扫一扫": "scan", "二维码": "scan", "微信": "facebook", "微博": "twitter", "点击": "click",  # text data
    "下载": "download", "热门": "trending", "热点": "trending", "排行": "popular",  # text data
    "声明": "disclaimer", "免责": "disclaimer", "联系我们": "contact us",  # text data
    "关于我们": "about us", "隐私": "privacy", "举报": "report", "投诉": "report",  # text data
    "搜索": "search", "收藏": "save", "点赞": "like", "转载": "copyright", "标签": "tags",  # text data
    "备案": "copyright", "返回": "back", "打印": "print", "浏览": "views", "阅读量": "views",  # text data
    "字号": "print", "导航": "menu", "友情链接": "links", "网站地图": "sitemap", "回复": "reply",  # text data
    "发表于": "posted",  # text data
}  # fmt: skip
CHINESE_SIGN = re.compile(r"[\u3400-\u9fff]")
WORD_OR_PHRASE = re.compile("|".join([WORD.pattern, *CHINESE]))
MOST_KNOWN = 50_000


def hint_words(attributes: str) -> list[str]:
    """Returns the words of class, id and role in lower case, each once, split where they are joined.

    "navBar-left" gives nav, bar, left. An element that is not shown has the word "hidden!".
    """
    values = " ".join(NAMED.findall(attributes, 0, LONGEST_ATTRIBUTES))
    parts = LOWER_PART.findall(values) if values.islower() else [part.lower() for part in PART.findall(values)]
    found = list(dict.fromkeys(parts))[:MOST_NAMES]
    if "idden" in attributes or "none" in attributes:
        found += ["hidden!"] if HIDDEN.search(attributes) else []
    return found


def text_words(text: str) -> list[str]:
    """Returns the words of a short text in lower case, those of Chinese phrases in English, and each BETWEEN."""
    if text.isascii() or not CHINESE_SIGN.search(text):
        return WORD.findall(text.lower())
    words: list[str] = []
    for word in WORD_OR_PHRASE.findall(text.lower()):
        words += CHINESE[word].split() if word in CHINESE else [word]
    return words


class Vocabulary:
    """The weights of words in names and in short texts; remembers what it has seen, up to a limit."""

    def __init__(self, names: dict[str, float], texts: dict[str, float]) -> None:
        self.names, self.texts = names, texts
        self.of_tag = {word[1:]: weight for word, weight in names.items() if word.startswith("<")}.get
        self.known: dict[str, float] = {}

    def of_attributes(self, attributes: str) -> float:
        """Returns the sum of the weights of an element's names."""
        value = self.known.get(attributes)
        if value is None:
            get = self.names.get
            value = 0.0
            for word in hint_words(attributes):
                value += get(word, 0.0)
            if len(self.known) >= MOST_KNOWN:
                self.known.clear()
            self.known[attributes] = value
        return value

    def of_texts(self, texts: list[str]) -> list[tuple[float, float, float]]:
        """Returns of each short text the sum, least and most of its words' weights."""
        joined = BETWEEN.join(texts)
        if joined.count(BETWEEN) >= len(texts):
            joined = BETWEEN.join(text.replace(BETWEEN, " ") for text in texts)
        get, found, values = self.texts.get, [], []
        for word in [*text_words(joined), BETWEEN]:
            value = get(word)
            if value is not None:
                values.append(value)
            elif word == BETWEEN:
                found.append((sum(values) / 2, min(values) / 2, max(values) / 2) if values else (0.0, 0.0, 0.0))
                values = []
        return found
