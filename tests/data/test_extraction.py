"""Extraction: the frame of a page goes, its tables, lists, code and formulas stay; broken markup is read."""

import builtins
import time

import pytest

from textmill.data.extract import metadata
from textmill.data.extract.blocks import build
from textmill.data.extract.tokens import read
from textmill.data.html import read_page
from textmill.errors import MissingExtraError

SENTENCES = (
    "The bakery on the corner opened again on Monday after two weeks of repairs, and the line went round the block. "
    "Ann, who has baked there for thirty years, said that the new oven is quicker, but that she misses the old one."
)
CHINESE = (
    "街角的面包店停业修理两周之后，星期一重新开门，排队的人一直排到了街的另一头。安娜在这里做了三十年面包，"
    "她说新烤炉更快，可是她还是想念旧的那一个。镇长也来了，买走了第一个面包，并感谢大家的耐心。"
)


def article(inner: str, language: str = "en") -> str:
    frame = ("Home", "Sport", "Log in") if language == "en" else ("首页", "体育", "登录")
    items = "".join(f'<li><a href="/{number}">{word}</a></li>' for number, word in enumerate(frame))
    related = "You may also like" if language == "en" else "相关阅读"
    text = SENTENCES if language == "en" else CHINESE
    return (
        f'<html lang="{language}"><head><title>The oven</title></head>'
        f'<body><div class="top-menu"><ul>{items}</ul></div>'
        f'<div class="article-body"><h1>The oven</h1><p>{text}</p>{inner}<p>{text}</p></div>'
        f'<div class="related"><h3>{related}</h3><ul><li><a href="/9">Ten quick tricks</a></li></ul></div>'
        "</body></html>"
    )


def test_a_chinese_page_as_well_as_an_english_one():
    text = read_page(article("", "zh"), "fast").text
    assert text.count(CHINESE) == 2
    for word in ("首页", "登录", "相关阅读", "Ten quick tricks"):
        assert word not in text


def test_the_heading_is_the_first_line_and_is_known():
    page = read_page(article(""), "fast")
    assert page.heading == "The oven"
    assert page.text.startswith("The oven\n\nThe bakery")


def test_a_table_of_data_is_markdown():
    table = (
        "<table><tr><th>Bread</th><th>Price</th></tr><tr><td>Rye</td><td>3 | 4</td></tr>"
        "<tr><td>Oat<br>roll</td><td>1</td></tr></table>"
    )
    text = read_page(article(table), "fast").text
    assert "| Bread | Price |\n| --- | --- |\n| Rye | 3 \\| 4 |\n| Oat roll | 1 |" in text


def test_lists_keep_their_numbers_and_depth():
    steps = "<ol><li>Mix the flour with water.</li><li>Let it rest:<ul><li>for an hour when warm,</li></ul></li></ol>"
    text = read_page(article(steps), "fast").text
    assert "  1. Mix the flour with water.\n  2. Let it rest:\n    • for an hour when warm," in text


def test_code_keeps_its_indentation():
    code = "<pre><code>def bake(oven):\n    if oven.hot &gt; 200:\n        return <b>'bread'</b>\n</code></pre>"
    assert "def bake(oven):\n    if oven.hot > 200:\n        return 'bread'" in read_page(article(code), "fast").text


@pytest.mark.parametrize(
    ("markup", "latex"),
    [
        ('<math><semantics><mi>x</mi><annotation encoding="application/x-tex">x^2 &lt; 1</annotation></semantics>'
         '</math>', "$x^2 < 1$"),
        ('<math alttext="{\\displaystyle a_{i}}" display="block"><mi>a</mi></math>', "$$a_{i}$$"),
        ('<script type="math/tex; mode=display">\\int_0^1 f</script>', "$$\\int_0^1 f$$"),
        ('<script type="math/tex">a < b</script>', "$a < b$"),
        ('<img class="latex" src="/9.png" alt="e^{i\\pi}">', "$e^{i\\pi}$"),
        ('<span class="katex"><span class="katex-mathml"><math><semantics><mi>z</mi><annotation '
         'encoding="application/x-tex">z_0</annotation></semantics></math></span><span class="katex-html" '
         'aria-hidden="true"><span class="base"><span>z</span><span>0</span></span></span></span>', "$z_0$"),
        ('<span class="MathJax_Preview">y</span><span class="MathJax"><span>y</span></span>'
         '<script type="math/tex">y</script>', "$y$"),
    ],
)  # fmt: skip
def test_formulas_are_their_latex(markup: str, latex: str):
    sentence = f"<p>A long enough sentence says that {markup} holds for all of the bread.</p>"
    text = read_page(article(sentence), "fast").text
    assert " ".join(text.split()).count(f"says that {latex} holds") == 1


@pytest.mark.parametrize(
    ("markup", "texts"),
    [
        ("<p>a<!-- <p>no</p> -->b", ["ab"]),
        ("<!-- never closed <p>b", ["b"]),
        ('<p title="1 > 0">a</p>', ["a"]),
        ('<div data-tip="<p>x</p> <b>y</b>" class="z">a</div>', ["a"]),
        ("<P CLASS=x>a</P><DIV\nid=y>b</DIV>", ["a", "b"]),
        ("3 < 4 and <b>5</b> > 4", ["3 < 4 and 5 > 4"]),
        ("<script>if (a < b) { document.write('<p>no</p>') }</script>a", ["a"]),
        ("<script>never closed <p>a</p>", ["never closed", "a"]),
        ("<nav><a>Home</a><main><p>a</p></main>", ["a"]),
        ("<ul><li>a<li>b</ul><p>c<p>d", ["a", "b", "c", "d"]),
        ("a<br>b<br/>c", ["a\nb\nc"]),
        ("<x-card>a</x-card><x-card/>b", ["a", "b"]),
        ("", []),
        ("<", ["<"]),
    ],
)
def test_markup_as_people_write_it(markup: str, texts: list[str]):
    assert [block.text for block in build(read(markup)).blocks] == texts


def test_links_are_counted():
    first, second = build(read("<p>ab <a href='/'>cd</a> ef</p><p><a>gh")).blocks
    assert (first.linked, first.links, second.linked, second.links) == (2, 1, 2, 1)


@pytest.mark.parametrize(
    "markup",
    ["<div>" * 300_000, "<nav>" * 300_000, "<" * 300_000, "<!--" * 200_000, '<a b="' * 200_000, "<p a='" * 200_000,
     "</div>" * 300_000, "<script>" * 200_000, "<math>" * 200_000, "<table><tr><td>" * 60_000, "&" * 500_000,
     '<span class="katex-html">' * 100_000 + "<math>"],
)  # fmt: skip
def test_hostile_markup_takes_linear_time(markup: str):
    began = time.process_time()
    read_page(markup + "deep", "fast")
    assert time.process_time() - began < 30


@pytest.mark.parametrize(
    ("markup", "author"),
    [
        ('<meta name="author" content="By Ann Lee">', "Ann Lee"),
        ('<script type="application/ld+json">{"@type": "Article", "datePublished": "2024-01-02", '
         '"author": [{"name": "Ann"}, {"name": "Bob"}]}</script>', "Ann, Bob"),
        ('<p class="byline">by <a rel="author" href="/ann">Ann Lee</a></p>', "Ann Lee"),
        ("<p>2024-01-02　记者：王小明　来源：本报</p>", "王小明"),
        ('<meta name="author" content="https://ann.example">', ""),
    ],
)  # fmt: skip
def test_authors(markup: str, author: str):
    assert read_page(markup + "<p>x", "fast").meta.get("author", "") == author


def test_linked_data_that_is_no_json_is_passed_over():
    assert metadata.linked_objects(["{", '{"a": [{"b": 1}]}', "[" * 100_000]) == [{"a": [{"b": 1}]}, {"b": 1}]


@pytest.mark.parametrize("mode", ["quality", "union"])
def test_a_second_opinion(mode: str):
    pytest.importorskip("trafilatura")
    text = read_page(article(""), mode).text
    assert text.startswith("The oven")
    assert text.count(SENTENCES) == 2
    assert "Log in" not in text


def test_the_second_opinion_needs_the_extra(monkeypatch: pytest.MonkeyPatch):
    imported = builtins.__import__

    def without(name: str, *rest, **named):
        if name == "trafilatura":
            raise ImportError(name)
        return imported(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"pip install 'textmill\[data\]'"):
        read_page(article(""), "quality")
