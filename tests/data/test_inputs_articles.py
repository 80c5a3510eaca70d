"""MediaWiki dumps and wikitext, RSS and Atom, and the XML parser that all of them share."""

import bz2
import io
from pathlib import Path

import pytest
from corpus_helpers import build, by_source, dropped, texts
from input_samples import wiki

from textmill.data import safe_xml
from textmill.data.formats_in.wikitext import plain_text


def test_mediawiki(tmp_path: Path):
    dump = wiki(
        ("Rain", "0", "'''Rain''' is [[water|liquid water]].\n\n== Where ==\nIt falls on [[town]]s."),
        ("Talk:Rain", "1", "Who wrote that?"),
        ("Rainfall", "0", "#REDIRECT [[Rain]]"),
        ("小镇", "0", "小镇在[[河]]边。"),
    )
    corpus = build(tmp_path, {"wiki.xml.bz2": bz2.compress(dump.encode()), "other.xml": dump[:900]}, deduplicate=False)
    found = by_source(corpus)
    rain = found["in/wiki.xml.bz2:1"]
    assert rain.text == "# Rain\n\nRain is liquid water.\n\n## Where\n\nIt falls on towns."
    assert (rain.title, rain.url, rain.date, rain.language) == (
        "Rain",
        "https://wiki.example/wiki/Rain",
        "2031-03-27",
        "en",
    )
    assert found["in/wiki.xml.bz2:4"].url == "https://wiki.example/wiki/%E5%B0%8F%E9%95%87"
    assert dropped(corpus) == {
        "in/wiki.xml.bz2:2": "not_content",
        "in/wiki.xml.bz2:3": "not_content",
        "in/other.xml:2": "not_content",
        "in/other.xml": "bad_xml",
    }


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("A{{Infobox|a=[[b]]|c={{d|e}}}} b.", "A b."),
        ("{{lang|fr|bonjour}} and {{convert|5|km|mi}} {{nowrap|a b}}", "bonjour and 5 km a b"),
        ("[[File:a.jpg|thumb|A [[picture]] of it]]Text[[Category:X]][[fr:Texte]]", "Text"),
        ("See [http://x.example the site] and [http://y.example].", "See the site and ."),
        ("* one\n** two\n# first\n; term\n: said", "- one\n  - two\n1. first\nterm\nsaid"),
        ("a<ref name=x>note</ref> b<ref name=y /> c<!-- no -->.", "a b c."),
        ("E is <math>m c^2</math> and <code>x[[1]]</code>", "E is $m c^2$ and x1"),
        ("<syntaxhighlight lang=py>\nx = [[1]]\n</syntaxhighlight>", "```\nx = [[1]]\n```"),
        ("-{zh-hans:软件;zh-hant:軟體}-很好，-{原文}-。", "软件很好，原文。"),
        (
            "{| class=x\n|+ Towns\n! A !! B\n|-\n| 1 || style=y | 2\n|}\nafter",
            "| Towns |\n| A | B |\n| 1 | 2 |\n\nafter",
        ),
        (
            "Text.\n== Gone ==\n{{refs}}\n== Stays ==\nx\n=== Sub ===\ny\n== End ==\n",
            "Text.\n\n## Stays\n\nx\n\n### Sub\n\ny",
        ),
        ("a &amp; b &lt;c&gt; '''''d'''''", "a & b <c> d"),
        ("[[文件:a.jpg|缩略图|图]]小镇[[分类:镇]]在[[河|大河]]边。", "小镇在大河边。"),
    ],
)
def test_wikitext(source: str, text: str):
    assert plain_text(source) == text


@pytest.mark.parametrize("part", ["{{", "[[", "{|\n", "<ref>", "-{", "'''", "==", "{{{", "<!--", "|}\n"])
def test_wikitext_of_malice_takes_no_time(part: str):
    plain_text(part * 20_000 + "end")


RSS = """<?xml version="1.0" encoding="gb2312"?><rss version="2.0" xmlns:content="c" xmlns:dc="d"><channel><title>小镇新闻</title>
<language>zh-cn</language><item><title>下雨了 &amp; 停了</title><link>http://a/1</link><dc:creator>小安</dc:creator>
<pubDate>Thu, 27 Mar 2031 10:00:00 GMT</pubDate><description>短</description><content:encoded><![CDATA[<p>今天早上小镇下雨了。</p>
<p>后来&nbsp;停了。</p>]]></content:encoded></item><item><title>只有标题</title></item></channel></rss>"""  # noqa: E501
ATOM = """<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en"><title>Town</title><rights>CC0</rights>
<entry><title type="html">Rain &amp;amp; sun</title><link rel="self" href="http://no"/><link href="http://a/2"/>
<updated>2031-03-28T00:00:00Z</updated><published>2031-03-27T00:00:00Z</published><author><name>Ann</name></author>
<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>It <b>rained</b>.</p><ul><li>a lot</li></ul></div></content></entry>
<entry><title>Two</title><summary>caf&eacute; &hellip;</summary></entry></feed>"""  # noqa: E501
RDF = """<rdf:RDF xmlns:rdf="r" xmlns="http://purl.org/rss/1.0/"><channel><title>T</title></channel><item><title>Old</title>
<link>http://a/3</link><description>An old feed.</description></item></rdf:RDF>"""


def test_feeds(tmp_path: Path):
    files: dict[str, str | bytes] = {"a.rss": RSS.encode("gb2312"), "b.xml": ATOM, "c.rdf": RDF, "d.xml": ATOM[:300]}
    corpus = build(tmp_path, files)
    found = by_source(corpus)
    first = found["in/a.rss:1"]
    assert first.text == "下雨了 & 停了\n\n今天早上小镇下雨了。\n\n后来 停了。"
    assert (first.title, first.url, first.date) == ("下雨了 & 停了", "http://a/1", "2031-03-27")
    assert first.meta["feed"] == "小镇新闻"
    second = found["in/b.xml:1"]
    assert second.text == "Rain & sun\n\nIt rained.\n\n  - a lot"
    assert (second.url, second.date, second.licence) == ("http://a/2", "2031-03-27", "CC0")
    assert found["in/b.xml:2"].text == "Two\n\ncafé …"
    assert found["in/c.rdf:1"].text == "Old\n\nAn old feed."
    assert dropped(corpus) == {"in/a.rss:2": "empty", "in/d.xml": "bad_xml"}


@pytest.mark.parametrize(
    "document",
    [
        '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
        '<!DOCTYPE a [<!ENTITY % p SYSTEM "http://x.example/d"> %p;]><a/>',
        '<!DOCTYPE a [<!ATTLIST a b CDATA "c">]><a/>',
        "<a>&unknown;</a>",
        "<a>" * 300 + "</a>" * 300,
        "<a",
        "<a><b></a></b>",
        '<?xml version="1.0" encoding="no-such"?><a/>',
        "",
    ],
)
def test_xml_that_is_refused(document: str):
    with pytest.raises(safe_xml.XMLProblem):
        safe_xml.tree(document.encode())


def test_xml_in_bounds():
    root = safe_xml.tree(b'<!DOCTYPE a SYSTEM "http://x.example/a.dtd"><x:a xmlns:x="u"><x:b c="d">t</x:b></x:a>')
    assert (root.tag, root[0].tag, root[0].get("c"), safe_xml.text_of(root)) == ("a", "b", "d", "t")
    with pytest.raises(safe_xml.XMLProblem, match="too_large"):
        list(safe_xml.events(io.BytesIO(b"<a b='" + b"x" * 1_000_000), 300_000))


def test_large_attributes_do_not_stop_a_feed_of_rows(tmp_path: Path):
    assert texts(build(tmp_path, {"a.xml": RDF}))
