"""Things become markers and come back; a grammar lets each appear once and well nested; lost ones are put back."""

import random
from functools import cache

import pytest
from small_tuning import tokenizer

from textmill.apps.translate.markers import (
    Marked,
    Marking,
    in_order,
    markers_of,
    placed_again,
    protect,
    with_markers,
    without_markers,
)
from textmill.apps.translate.weaving import weaving_grammar
from textmill.infer.constraints import LARK, CompiledGrammar, compile_grammar

THINGS = [
    "https://a.example/x?y=1&z=%20#top",
    "www.example.org/a",
    "me@example.org",
    "{{ name }}",
    "${path}",
    "{0}",
    "%s",
    "%1$d",
    "%(count)s",
    "%.2f",
    "$HOME",
    "&nbsp;",
    "<",
    "\x07",
]


@pytest.mark.parametrize("thing", THINGS)
def test_things(thing: str) -> None:
    text = f"See {thing} here"
    marked = protect(text)
    assert marked.text == "See <1> here"
    assert marked.restore(marked.text) == text


def test_what_is_no_thing() -> None:
    for text in ("50% of it", "a {b, c} set", "costs $5", "AT&T; no", "7 > 5", "e.g. this"):
        assert protect(text).text == text
    assert protect("in 2024, 3.5 km", numbers=True).text == "in <1>, <2> km"


def test_restoring_anything_loses_nothing() -> None:
    drawn = random.Random(1)
    for _ in range(300):
        text = "".join(
            drawn.choices(["<", ">", "1", "/", "</1>", "<2>", "%s", "a", " ", "猫", "&amp;"], k=12)
        )  # text data
        marked = protect(text)
        assert marked.restore(marked.text) == text
        assert "<" not in without_markers(marked.text)


def test_escaping_and_parts() -> None:
    marking = Marking(lambda text: text.replace("&", "&amp;"))
    marking.say("a & b at http://x.y/?p&q ")
    number = marking.opens("<b>")
    marking.say("bold")
    marking.closes(number, "</b>")
    marking.thing("<br/>")
    marked = marking.marked()
    assert marked.text == "a & b at <1> <2>bold</2><3>"
    assert marked.restore("<3><2>B & B</2> <1>") == "<br/><b>B &amp; B</b> http://x.y/?p&amp;q"
    part = marked.part("<2>bold</2><3>")
    assert part.text == "<1>bold</1><2>"
    assert part.restore(part.text) == "<b>bold</b><br/>"


def test_order() -> None:
    source = markers_of("a <1>b <2>c</2></1> <3>")
    assert in_order("<3><1><2></2>x</1>", source)
    for wrong in ("<3><1><2></1></2>", "<1><2></2></1>", "<3><3><1><2></2></1>", "<3></1><2></2><1>", "<4>"):
        assert not in_order(wrong, source)


def test_lost_markers_are_put_back_by_place() -> None:
    drawn = random.Random(2)
    sources = ["a <1>b <2>c</2> d</1> e <3>", "<1>", "x<1></1>y", "<1><2><3>", "one <1>two</1> three four five"]
    for source in sources:
        for _ in range(50):
            said = "".join(
                drawn.choices(["<1>", "</1>", "<9>", "word ", "字", "<"], k=drawn.randint(0, 8))
            )  # text data
            assert in_order(placed_again(source, said), markers_of(source))


@cache
def grammar(source: str, *terms: tuple[str, ...]) -> CompiledGrammar:
    return compile_grammar(tokenizer(), LARK, weaving_grammar(source, terms))


def fits(compiled: CompiledGrammar, text: str) -> bool:
    walk = compiled.matcher()
    for id in tokenizer().encode(text):
        if not walk.allowed()[id]:
            return False
        walk.take(id)
    return bool(walk.allowed()[tokenizer().end_of_text_id])


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("a <1>b <2>c</2></1> <3>", True),
        ("<3>词“<1><2></2>b</1>”", True),  # text data
        ("<3> <1>b</1> <2>c</2>", False),
        ("<1><2></2></1>", False),
        ("<3><3><1><2></2></1>", False),
        ("<3><1><2></1></2>", False),
        ("<3> < <1><2></2></1>", False),
    ],
)
def test_the_grammar_of_markers(text: str, good: bool) -> None:
    assert fits(grammar("a <1>b <2>c</2></1> <3>"), text) is good


def test_many_markers_keep_their_order() -> None:
    source = " ".join(f"<{number}>" for number in range(1, 10))
    assert fits(grammar(source), source)
    assert not fits(grammar(source), source.replace("<1>", "").replace("<9>", "<9><1>"))


def test_terms_in_the_grammar() -> None:
    terms = (("database", "store"), ("server",))
    assert fits(grammar("x", *terms), "the Server has a store.")
    assert not fits(grammar("x", *terms), "the server has a base.")
    assert fits(grammar("x <1>", *terms), "a database <1> for servers")
    assert not fits(grammar("x <1>", *terms), "a database <1> for all")
    assert fits(grammar("x", ("数据库 (本地)",)), "这个数据库 (本地)。")  # text data


def test_pairs_with_markers_to_learn_from() -> None:
    drawn = random.Random(3)
    both = with_markers("Tom paid 25 at https://a.b/c", "汤姆在 https://a.b/c 付了 25", drawn)  # text data
    assert both is not None
    assert sorted(markers_of(both[0])) == sorted(markers_of(both[1]))
    assert in_order(both[1], markers_of(both[0]))
    assert with_markers("no thing", "没有", drawn) is None  # text data
    assert with_markers("a < 5 b", "a < 5 c", drawn) is None


def test_an_unknown_marker_stays_as_it_is() -> None:
    assert Marked(text="<1>", things=(("x", ""),)).restore("<1><2>") == "x<2>"
