"""Documents that nobody would write, drawn by lot: tags in tags, strays, placeholders, three scripts, in every form."""

import csv
import io
import json
import random
import re
from collections.abc import Callable
from html import escape

from sample_documents import docx

WORDS = [
    "Press",
    "the button",
    "now.",
    "Then",
    "wait,",
    "a_b",
    "5",
    "猫和狗。",
    "🙂",
    "שלום",
    "e\u0301",
    "Tom's",
    "etc.",
]  # text data
THINGS = ["%s", "{{ x }}", "${y}", "%1$d", "https://a.example/b?c=1", "me@example.org", "{0}"]
VOID = {"br", "img", "wbr"}
Made = Callable[[random.Random], str]


def text(drawn: random.Random) -> str:
    """Returns some words and placeholders."""
    return " ".join(drawn.choice(WORDS if drawn.random() < 0.8 else THINGS) for _ in range(drawn.randint(1, 4)))


def inline(
    drawn: random.Random, pairs: list[tuple[str, str]], alone: list[str], write: Callable[[str], str] = str
) -> str:
    """Returns text with pairs of tags, some in one another, and tags that stand alone."""
    parts = []
    for _ in range(drawn.randint(1, 4)):
        kind = drawn.random()
        if kind < 0.5:
            parts.append(write(text(drawn)))
        elif kind < 0.8 or not alone:
            opens, closes = drawn.choice(pairs)
            number = str(drawn.randint(100, 10**9))
            inner = inline(drawn, pairs, alone, write) if drawn.random() < 0.6 else write(text(drawn))
            parts.append(opens.replace("#", number) + inner + closes.replace("#", number))
        else:
            parts.append(drawn.choice(alone).replace("#", str(drawn.randint(100, 10**9))))
    return " ".join(parts)


HTML_PAIRS = [("<b>", "</b>"), ('<a href="u?v=1&amp;w" title="x > y">', "</a>"), ("<span class='q'>", "</span>")]
HTML_ALONE = ["<br>", '<img src="a.png" alt="p > q">', "<code>x < y</code>", "&nbsp;", "<!-- no <p> -->", "<wbr/>"]
STRAYS = ["<i>", "</u>", "<", "a < b"]
MARKDOWN_PAIRS = [("**", "**"), ("[", '](u#.md "t")'), ("~~", "~~"), ("![", "](p#.png)"), ("<b>", "</b>")]
MARKDOWN_ALONE = ["`x  *y*`", "[^1]", "\\*", "<br>", "2 * 3"]
XLIFF_1 = [
    ('<g id="#">', "</g>"),
    ('<bpt id="#">&lt;b&gt;</bpt>', '<ept id="#">&lt;/b&gt;</ept>'),
    ('<mrk mtype="x" mid="#">', "</mrk>"),
]
XLIFF_2 = [('<pc id="#">', "</pc>"), ('<mrk id="#" type="term">', "</mrk>"), ('<sc id="#"/>', '<ec startRef="#"/>')]
PLAIN_PAIRS = [("<b>", "</b>"), ('<a href="u">', "</a>")]


def lines(drawn: random.Random, make: Made) -> str:
    """Returns some blocks, one after another."""
    return "".join(make(drawn) for _ in range(drawn.randint(1, 5)))


def html(drawn: random.Random) -> str:
    """Returns a page."""
    strays = STRAYS if drawn.random() < 0.2 else []

    def block(drawn: random.Random) -> str:
        name = drawn.choice(["p", "h2", "li", "td", "div"])
        return f"<{name}>{inline(drawn, HTML_PAIRS, HTML_ALONE + strays, escape)}</{name}>\n"

    return f"<!DOCTYPE html><body>{lines(drawn, block)}<script>if (a<b) {{}}</script></body>"


def markdown(drawn: random.Random) -> str:
    """Returns Markdown."""

    def block(drawn: random.Random) -> str:
        start = drawn.choice(["", "# ", "- ", "> ", "1. ", "- [ ] "])
        return f"{start}{text(drawn)} {inline(drawn, MARKDOWN_PAIRS, MARKDOWN_ALONE)}\n\n"

    return lines(drawn, block) + "```\ncode *x*\n```\n\n    indented\n"


def xliff(drawn: random.Random, *, newer: bool) -> str:
    """Returns XLIFF."""

    def unit(drawn: random.Random) -> str:
        alone = ['<ph id="#"/>', "&lt;br/&gt;"] if newer else ['<x id="#"/>', '<ph id="#">{0}</ph>']
        said = inline(drawn, XLIFF_2 if newer else XLIFF_1, alone, escape)
        target = drawn.choice(["", "<target/>", "<target></target>"])
        name = "segment" if newer else "trans-unit"
        return f'<{name} id="{drawn.randint(1, 9**9)}">\n <source>{said}</source>{target}\n</{name}>'

    if newer:
        return f'<xliff version="2.0" srcLang="en" trgLang="de"><file><unit>{lines(drawn, unit)}</unit></file></xliff>'
    head = '<file source-language="en" target-language="de"><body>'
    return f'<xliff version="1.2">{head}{lines(drawn, unit)}</body></file></xliff>'


def po(drawn: random.Random) -> str:
    """Returns a PO file."""

    def entry(drawn: random.Random) -> str:
        said = [inline(drawn, PLAIN_PAIRS, ["\n", '"']).replace("\\", "") for _ in range(2)]
        one, two = (json.dumps(each, ensure_ascii=False) for each in said)
        if drawn.random() < 0.3:
            return f'\n#. note\n#, c-format\nmsgid {one}\nmsgid_plural {two}\nmsgstr[0] ""\nmsgstr[1] ""\n'
        return f'\n#: a.c:{drawn.randint(1, 99)}\nmsgid {one}\nmsgstr ""\n'

    return 'msgid ""\nmsgstr "Language: de\\n"\n' + lines(drawn, entry)


def cues(drawn: random.Random, *, web: bool) -> str:
    """Returns subtitles."""
    made, at = ["WEBVTT\n\nNOTE no\n" if web else ""], 0
    for number in range(drawn.randint(1, 6)):
        said = inline(drawn, [("<i>", "</i>")], [] if web else ["{\\an8}"])
        said = re.sub(" ", lambda match: "\n" if drawn.random() < 0.1 else " ", said)
        start = f"00:00:{at:02},000 --> 00:00:{at + 1:02},500"
        made.append(f"{number + 1}\n{start.replace(',', '.') if web else start}\n{said}\n")
        at += drawn.choice([2, 2, 9])
    return "\n".join(filter(None, made))


def table(drawn: random.Random, separator: str) -> str:
    """Returns a table."""
    out = io.StringIO()
    quoting = csv.QUOTE_NONE if separator == "\t" else csv.QUOTE_MINIMAL
    writer = csv.writer(out, delimiter=separator, quoting=quoting, quotechar=None if separator == "\t" else '"')
    writer.writerow(["id", "text", "note"])
    for number in range(drawn.randint(1, 6)):
        alone = ["x"] if separator == "\t" else ['"', "a;b", "\n"]
        writer.writerow([number, inline(drawn, [("<b>", "</b>")], alone), "stays; so"])
    return out.getvalue()


def values(drawn: random.Random) -> str:
    """Returns JSON."""
    some = [inline(drawn, PLAIN_PAIRS, ["\n", '"', "\\"]) for _ in range(3)]
    whole = {"a": some[0], "b": [some[1], drawn.random(), None, {"c": some[2], "": True}]}
    return json.dumps(whole, ensure_ascii=drawn.random() < 0.5, indent=drawn.choice([None, 2]))


def runs(drawn: random.Random) -> str:
    """Returns a Word document's body."""

    def run(said: str) -> str:
        look = drawn.choice(["", "<w:rPr><w:b/></w:rPr>", "<w:rPr><w:i/></w:rPr>"])
        return f'<w:r>{look}<w:t xml:space="preserve"> {escape(said)} </w:t></w:r>'

    def paragraph(drawn: random.Random) -> str:
        pairs = [('<w:hyperlink w:anchor="#">', "</w:hyperlink>"), ('<w:ins w:id="#">', "</w:ins>")]
        alone = ["<w:r><w:tab/></w:r>", '<w:bookmarkStart w:id="#"/>', "<w:r><w:br/></w:r>"]
        box = "<w:r><w:pict><w:txbxContent><w:p><w:r><w:t>In a box</w:t></w:r></w:p></w:txbxContent></w:pict></w:r>"
        body = inline(drawn, pairs, [*alone, box], run).replace("> <", "><")
        return f"<w:p><w:pPr><w:jc/></w:pPr>{body}</w:p>"

    head = '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>'
    return f"{head}{lines(drawn, paragraph)}</w:body></w:document>"


def plain(drawn: random.Random) -> str:
    """Returns plain text."""
    return lines(drawn, lambda drawn: inline(drawn, PLAIN_PAIRS, ["<", "\x07"]) + drawn.choice(["\n", "\r\n", "\n\n"]))


FORMS: dict[str, Made] = {
    "a.txt": plain,
    "a.md": markdown,
    "a.html": html,
    "one.xlf": lambda drawn: xliff(drawn, newer=False),
    "two.xliff": lambda drawn: xliff(drawn, newer=True),
    "a.po": po,
    "a.srt": lambda drawn: cues(drawn, web=False),
    "a.vtt": lambda drawn: cues(drawn, web=True),
    "a.csv": lambda drawn: table(drawn, ";"),
    "a.tsv": lambda drawn: table(drawn, "\t"),
    "a.json": values,
}
NAMES = [*FORMS, "a.docx"]


def invented(name: str, drawn: random.Random) -> bytes:
    """Returns a document."""
    return docx(runs(drawn).encode()) if name == "a.docx" else FORMS[name](drawn).encode()


def nested(source: str) -> bool:
    """True where every tag that opens is closed in order."""
    stack: list[str] = []
    bare = re.sub(r"<!--.*?-->|<(script|code)>.*?</\1>|<[!?][^>]*>", "", source, flags=re.S)
    for slash, name, rest in re.findall(r"<(/?)([A-Za-z][\w:]*)((?:[^<>\"']|\"[^\"]*\"|'[^']*')*)>", bare):
        if name in VOID or rest.endswith("/"):
            continue
        if not slash:
            stack.append(name)
        elif not stack or stack.pop() != name:
            return False
    return not stack
