"""Web pages: the article stays, menus and advertisements go, and what the page says about itself is read."""

import pytest

from textmill.data.html import read_page

PAGE = """<!DOCTYPE html><html lang="en-GB"><head><meta charset="utf-8"><title>The lost key - Lark News</title>
<meta property="og:title" content="The lost &amp; found key"><meta name="author" content='Ann'>
<meta property="article:published_time" content="2031-03-27T10:00:00Z">
<link rel="canonical" href="https://lark.example/key">
<link rel="license" href="https://creativecommons.org/licenses/by/4.0/">
<script>var menu = "no text"</script><style>p { color: red }</style></head><body>
<div class="cookie-notice">We use cookies to improve your visit.</div>
<header><nav><ul><li><a href="/">Home</a></li><li><a href="/sport">Sport</a></li></ul></nav></header>
<div class="ad banner"><a href="https://ads.example">Buy one chair, get two!</a></div>
<main><article><h1>The lost key</h1><p>Tim lost a key on <b>Monday</b>.</p>
<ul><li>It was small.</li><li>It was made of brass.</li></ul>
<pre>if key:
    open(door)</pre><p>“Found it,” said Ann &amp; smiled.</p></article>
<aside class="sidebar"><h4>More</h4><ul><li><a href="/1">Another story</a></li></ul></aside></main>
<section id="comments" class="comments"><h3>Comments</h3><div class="comment"><p>Lovely!</p></div></section>
<p>Home | Terms of use | Help</p><footer><p>© 2031 Lark News</p></footer></body></html>"""


def test_the_article_and_nothing_else():
    page = read_page(PAGE, "fast")
    assert page.text == (
        "The lost key\n\nTim lost a key on Monday.\n\n  • It was small.\n  • It was made of brass.\n\n"
        "if key:\n    open(door)\n\n“Found it,” said Ann & smiled."
    )


def test_what_the_page_says_about_itself():
    page = read_page(PAGE, "fast")
    assert (page.title, page.date, page.language) == ("The lost & found key", "2031-03-27", "en-GB")
    assert page.url == "https://lark.example/key"
    assert page.licence == "https://creativecommons.org/licenses/by/4.0/"
    assert page.meta == {"author": "Ann"}


def test_everything_is_everything_visible():
    text = read_page(PAGE, "everything").text
    for part in ("Home", "Buy one chair", "Tim lost a key", "Another story", "Lovely!", "© 2031"):
        assert part in text
    assert "no text" not in text


def test_an_old_chinese_page_of_tables():
    page = read_page(
        """<html><head><title>旧报</title></head><body><table><tr><td class="leftnav"><ul><li><a href="/0">首页</a></li>
        <li><a href="/1">检索</a></li></ul></td><td><h1>丢了的信</h1><p>大卫丢了一封<b>信</b>。</p>
        <p>他说：“<b>找</b>。”</p>
        </td></tr></table></body></html>""",
        "fast",
    )
    assert page.title == "旧报"
    assert "大卫丢了一封信。" in page.text
    assert "他说：“找。”" in page.text
    assert "检索" not in page.text


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<html><body>Hello world</body></html>", "Hello world"),
        ("<p>One<p>Two", "One\n\nTwo"),
        ("<div>a<br>b</div>", "a\nb"),
        ("<p>你好<b>世界</b>。</p>", "你好世界。"),
        ("<p>「<i>甲</i>」。</p>", "「甲」。"),
        ("<h1>Cake</h1><ul><li>Two eggs</li><li>A cup of milk</li></ul>", "Cake\n\n  • Two eggs\n  • A cup of milk"),
        ("<body><h2>做法</h2><ol><li>打蛋</li><li>烤一小时</li></ol></body>", "做法\n\n  1. 打蛋\n  2. 烤一小时"),
        ('<div class="comment"><p>Only a post on a forum.</p></div>', "Only a post on a forum."),
    ],
)  # fmt: skip
def test_small_pages(markup: str, text: str):
    assert read_page(markup, "fast").text == text


def test_dates_in_other_places():
    assert read_page('<p>x</p><time datetime="2024/3/5">', "fast").date == "2024-03-05"
    assert read_page('<meta name="PubDate" content="2024年03月05日 10:00"><p>x', "fast").date == "2024-03-05"
    linked_data = '<script type="application/ld+json">{"datePublished": "2023-12-01T08:00"}</script><p>x'
    assert read_page(linked_data, "fast").date == "2023-12-01"
    assert read_page('<meta name="date" content="last Monday"><p>x', "fast").date == "last Monday"


@pytest.mark.parametrize("tag", ["div", "b", "table><tr><td", "ul><li", "x-y"])
def test_nesting_without_end_takes_no_time(tag: str):
    assert "deep" in read_page("<html><body>" + f"<{tag}>" * 20_000 + "deep", "fast").text or tag in ("ul><li", "x-y")
