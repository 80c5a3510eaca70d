"""Lines that are taken out, and near ones that stay."""

import pytest
from cleaning_texts import GOOD, judged

from textmill.data.cleaning.boilerplate import boilerplate_lines

OUT = [
    "Share this article on Facebook",
    "» Read more…",
    "[Skip to main content]",
    "We use cookies to give you the best experience on our site.",
    "Accept all cookies",
    "© 2021 The Harbour Gazette. All rights reserved.",
    "Previous post: The old man and the boat",
    "3,214 views",
    "Sign in to comment",
    "Privacy Policy | Cookie Settings",
    "You may also like:",
    "上一篇：港口的早晨",
    "下一页",
    "版权所有 © 2021 海港日报社 未经授权禁止转载",
    "京ICP备12345678号-1",
    "责任编辑：王小明",
    "分享到：微信 微博 QQ空间",
    "相关阅读：",
    "欢迎关注我们的微信公众号",
    "【返回首页】",
    "您现在的位置：首页 > 新闻 > 正文",
    "扫一扫，手机看新闻",
    "阅读：1290次",
    "本文未经授权不得转载",
]
STAY = [
    "We use cookies in this chapter to show how a browser keeps its state between two requests.",
    "Please share this article with your class and let them read more about the tide.",
    "The next post was a hundred miles away.",
    "Cookies need flour, butter and sugar.",
    "She signed in to the hotel under another name.",
    "# Search",
    "| Save | Saves the file |",
    "    return home",
    "他在上一篇文章里已经解释过这个问题。",
    "这本书的版权所有者是谁？法院花了三年才弄清楚，这其中的曲折足以再写一本书，作者后来也确实这样做了，并且在序言里感谢了所有的证人和律师们的耐心。",
    "分享是一种美德。",
    "编辑部的灯一直亮到深夜。",
    "## 注册",
    "扫描仪必须支持 TWAIN 标准。",
    "首页上有一张老人的照片。",
]


@pytest.mark.parametrize("line", OUT)
def test_boilerplate_goes(line: str) -> None:
    assert boilerplate_lines([line]) == [True]


@pytest.mark.parametrize("line", STAY)
def test_what_only_resembles_it_stays(line: str) -> None:
    assert boilerplate_lines(["Read more", line, "Read more"]) == [True, False, True]


def test_a_word_of_menus_goes_only_beside_others() -> None:
    assert boilerplate_lines(["Save", "Saves the file to the disk.", "打印", "把文件送到打印机。"]) == [False] * 4
    assert boilerplate_lines(["Home", "News", "Contact"]) == [True] * 3
    assert boilerplate_lines(["首页", "登录", "注册"]) == [True] * 3


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_text_around_keeps_its_paragraphs(language: str) -> None:
    first, *others = GOOD[language].split("\n\n")
    spoiled = "\n\n".join(["Home\nNews", first, "Read more »", "上一篇：早晨", *others, "分享到：微信", ""]).strip("\n")
    judgement = judged(spoiled, language, "boilerplate_lines=on")
    assert judgement.text == GOOD[language]
    assert judgement.removed == {"boilerplate_lines": 5}


@pytest.mark.parametrize(
    ("rule", "language", "bad", "near"),
    [
        ("terminal_punctuation", "en", "no end", "An end."),
        ("terminal_punctuation", "en", "To be continued...", "“To be continued”"),
        ("terminal_punctuation", "zh", "没有句号", "有句号。”"),
        ("minimum_line_words", "en", "two words", "now three words"),
        ("minimum_line_words", "zh", "只四个字", "正好五个字"),
        ("javascript_lines", "en", "Please enable JavaScript to go on.", "She wrote the script in Java."),
        ("javascript_lines", "zh", "请启用 JavaScript 后继续。", "请启用脚本后继续。"),
        ("policy_lines", "en", "Read our Privacy Policy first.", "A policy of privacy."),
        ("policy_lines", "zh", "请先阅读隐私政策。", "隐私很重要。"),
        ("maximum_word_characters", "en", "x" * 1001, "x" * 1000),
        ("maximum_word_characters", "zh", "字" + "x" * 1001, "字" * 2000),
    ],
)
def test_lines_of_c4(rule: str, language: str, bad: str, near: str) -> None:
    text = f"{GOOD[language]}\n{bad}\n{near}"
    judgement = judged(text, language, f"{rule}=on")
    assert judgement.removed == {rule: 1}
    assert judgement.text == f"{GOOD[language]}\n{near}"


def test_citation_marks_go_and_their_lines_stay() -> None:
    judgement = judged("A harbour.[12] It is old.[citation needed]\nNo mark [sic] here.", "en", "citation_marks=on")
    assert judgement.text == "A harbour. It is old.\nNo mark [sic] here."
    assert judgement.removed == {"citation_marks": 1}


def test_a_text_of_nothing_else_is_dropped() -> None:
    judgement = judged("Home\nNews\n首页", "en", "boilerplate_lines=on", "curly_bracket=on")
    assert judgement.finding is not None and judgement.finding[0] == "no_lines"
