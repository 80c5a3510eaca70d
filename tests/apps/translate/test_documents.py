"""Documents of every form: nothing but what is said changes; a stop costs a batch; what is broken is refused."""

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from sample_documents import NAMES, SAMPLES, bones, docx, kept, sample, shouted, shuffled, translated

from textmill.apps.translate.forms.document import open_document, translate_document
from textmill.apps.translate.forms.journal import Journal
from textmill.apps.translate.forms.piece import FormOptions, Said
from textmill.apps.translate.markers import Marked
from textmill.errors import InputError, ResourceError, UsageError


def through(folder: Path, name: str, data: bytes, *arguments, **more) -> bytes:
    """Returns a document as it comes out."""
    (folder / name).write_bytes(data)
    out = folder / f"out.{name}"
    translated(folder / name, out, *arguments, **more)
    return out.read_bytes()


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.html", "a.srt", "a.vtt", "a.csv", "a.tsv", "a.json"])
def test_the_same_words_are_the_same_bytes(tmp_path: Path, name: str) -> None:
    # a link that is found by its text gets its label, as the text will be another one
    wanted = SAMPLES[name].replace(b"[a label] and", b"[a label][a label] and")
    assert through(tmp_path, name, SAMPLES[name]) == wanted


@pytest.mark.parametrize("name", NAMES)
def test_the_form_stays(tmp_path: Path, name: str) -> None:
    source = sample(name)
    before = bones(name, through(tmp_path, name, source))
    for said in (shouted, shuffled):
        after = through(tmp_path, name, source, said)
        assert bones(name, after) == before
        assert after != source


def test_what_is_said_in_markdown(tmp_path: Path) -> None:
    made = through(tmp_path, "a.md", SAMPLES["a.md"], shouted).decode()
    lines = (
        "title: Not this",
        'PRESS **SAVE & [CLOSE](a.md "x y")** NOW,',
        "- [ ] ONE [^1], 2 * 3",
        "| `a|b` | CELL **TWO** |",
        "<b>INSIDE</b> HTML",
        "> QUOTED, WITH [A LABEL][a label] AND \\* STAR.",
        "[^1]: A NOTE.",
    )
    for line in lines:
        assert line in made
    signs = through(
        tmp_path, "b.md", b"One\n", lambda texts: [Said(text=text.escape("# a *b* [c] 1. _d_")) for text in texts]
    )
    assert signs == b"\\# a \\*b\\* \\[c\\] 1. \\_d\\_\n"


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("see <1> the cat </1>.", "see  **the cat** ."),
        ("他说<1>你好。</1>然后", "他说**你好**。然后"),  # text data
        ("说<1>“你好”</1>。", "说“**你好”**。"),  # text data
        ("nothing<1></1> here", "nothing here"),
        ("<1>x</1>", "**x**"),
    ],
)
def test_signs_of_markdown_still_mark(tmp_path: Path, said: str, written: str) -> None:
    for sign in ("**", "__"):
        source = f"A {sign}b{sign} c\n".encode()
        made = through(tmp_path, "s.md", source, lambda texts: [Said(text=text.restore(said)) for text in texts])
        assert made.decode().replace("__", "**") == f"{written}\n"
    assert (
        through(tmp_path, "u.md", b"A _b_ c\n", lambda texts: [Said(text=texts[0].restore("你<1>好</1>吗"))])
        == "你*好*吗\n".encode()
    )  # text data


def test_lines_broken_at_a_width_are_broken_again(tmp_path: Path) -> None:
    text = "A paragraph of plain text that somebody broke into\nlines of fifty columns long ago, as one used to do\nit."
    text += " So.\n\nTitle\n"
    for name in ("w.txt", "w.md"):
        made = through(tmp_path, name, text.encode(), shouted).decode()
        assert made == text.upper()
        chinese = through(
            tmp_path, name, text.encode(), lambda texts: [Said(text="一" * 60) for _ in texts], target="zh"
        )  # text data
        assert [len(line) for line in chinese.decode().split("\n")][:2] == ([25, 25] if name == "w.txt" else [60, 0])


def test_states_of_xliff(tmp_path: Path) -> None:
    unsure = through(
        tmp_path, "one.xlf", SAMPLES["one.xlf"], lambda texts: [Said(text="x", confidence=0.1) for _ in texts]
    )
    assert unsure.count(b'state="needs-review-translation"') == 4
    assert b'<target state="translated">Fertig</target>' in unsure
    assert b"<source>Keep</source></trans-unit>" in unsure
    newer = through(tmp_path, "two.xliff", SAMPLES["two.xliff"], shouted)
    assert newer.count(b'state="translated"') == 2
    with pytest.raises(UsageError, match="de"):
        through(tmp_path, "fr.xlf", SAMPLES["one.xlf"], target="fr")
    assert open_document(tmp_path / "one.xlf", FormOptions(target="de")).source == "en"


def test_plurals_and_flags_of_po(tmp_path: Path) -> None:
    made = through(
        tmp_path, "a.po", SAMPLES["a.po"], lambda texts: [Said(text="x", confidence=0.1) for _ in texts]
    ).decode()
    assert '#, fuzzy, c-format\nmsgid "%d file"' in made
    assert '#, fuzzy\nmsgctxt "menu"' in made
    assert 'msgstr "Sichern"' in made
    one_form = SAMPLES["a.po"].replace(b"nplurals=2", b"nplurals=1")
    made = through(tmp_path, "b.po", one_form, shouted).decode()
    assert 'msgstr[0] "%d FILES"\n\n' in made
    assert '"OPEN THE <b>FILE</b>\\n"\n"AND READ \\"IT\\".\\n"' in made


def test_a_sentence_over_several_cues(tmp_path: Path) -> None:
    seen: list[str] = []

    def said(texts: Sequence[Marked]) -> list[Said]:
        seen.extend(text.text for text in texts)
        return [Said(text="Ich ging gerade zum Markt dort.") for _ in texts]

    made = through(tmp_path, "a.srt", SAMPLES["a.srt"], said).decode("utf-8-sig").split("\r\n")
    assert "I was going to the market." in seen
    assert (made[2], made[6]) == ("{\\an8}<i>Ich ging gerade</i>", "zum Markt dort.")
    assert made[10:12] == ["- Ich ging gerade zum Markt dort."] * 2


def test_runs_of_word(tmp_path: Path) -> None:
    made = through(tmp_path, "a.docx", docx(), shouted)
    (tmp_path / "made.docx").write_bytes(made)
    with zipfile.ZipFile(tmp_path / "made.docx") as package:
        text = package.read("word/document.xml").decode()
        assert b"ABOVE" in package.read("word/header1.xml")
    assert '<w:pStyle w:val="Heading1"/></w:pPr><w:r><w:t xml:space="preserve">THE OLD MILL</w:t></w:r></w:p>' in text
    assert '<w:r><w:rPr><w:b/></w:rPr><w:t xml:space="preserve">SAVE &amp; CLOSE</w:t></w:r>' in text
    assert ">INSIDE<" in text and "<w:delText>gone<" in text
    assert (
        '"u"</w:instrText></w:r><w:r><w:fldChar w:fldCharType="separate"/></w:r><w:r><w:t xml:space="preserve">A LINK<'
        in text
    )


def test_encodings(tmp_path: Path) -> None:
    chinese = "第一行。\r\n第二行。\r\n".encode("gb18030")  # text data
    assert through(tmp_path, "g.txt", chinese, target="en") == chinese
    broken = b"Hello you all\nThis is text \xff here and more" + b"\xc3\xa9" * 150 + b"\n"
    assert through(tmp_path, "b.txt", broken, shouted) == broken.upper().replace(b"\xc3\xa9", b"\xc3\x89")
    page = b'<meta charset="iso-8859-1"><p>caf\xe9</p>'
    said = lambda texts: [Said(text="好é") for _ in texts]  # noqa: E731  # text data
    assert through(tmp_path, "p.html", page, said) == b'<meta charset="iso-8859-1"><p>&#22909;\xe9</p>'
    latin = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=ISO-8859-1\\n"\n\nmsgid "café"\nmsgstr ""\n'
    made = through(tmp_path, "l.po", latin.encode("latin-1"), said, target="zh").decode()
    assert "charset=UTF-8" in made and 'msgstr "好é"' in made  # text data
    with pytest.raises(InputError, match=r"x\.txt"):
        through(tmp_path, "x.txt", bytes(range(256)) * 20)


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("x.xlf", b"<xliff>\n<file>\n</xliff>", "line 3"),
        ("x.xlf", b'<!DOCTYPE x [<!ENTITY a "b">]><xliff/>', "DTD"),
        ("x.json", b'{\n"a": }', "line 2"),
        ("x.json", b'{\n\n"a": "\xff' + b"\xc3\xa9" * 150 + b'"}', "line 3"),
        ("x.po", b'msgid "a"\nmsgstr oops\n', "line 2"),
        ("x.csv", b"a,b\n1,2\n", "text"),
        ("x.docx", b"PK nothing", "Word"),
    ],
)
def test_what_is_broken(tmp_path: Path, name: str, data: bytes, told: str) -> None:
    with pytest.raises((InputError, UsageError), match=f"(?i){told}"):
        through(tmp_path, name, data)
    assert not (tmp_path / f"out.{name}").exists()


def test_a_package_that_would_do_harm(tmp_path: Path) -> None:
    outside = docx(footnotes="<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><x>&a;</x>")
    bomb = docx(footnotes=f"<x>{' ' * (40 << 20)}</x>")
    for data, told in ((outside, "DTD"), (bomb, "bomb"), (docx()[:-40], "Word"), (docx(b"<w:p>"), "document.xml")):
        with pytest.raises(InputError, match=told):
            through(tmp_path, "x.docx", data)


def test_a_stop_costs_a_batch_and_no_byte(tmp_path: Path) -> None:
    place, out = tmp_path / "long.txt", tmp_path / "out.txt"
    place.write_text("".join(f"Line {number} of it.\n" for number in range(200)), encoding="utf-8")
    whole = through(tmp_path, "whole.txt", place.read_bytes(), shuffled)
    document = open_document(place, FormOptions(target="de"))
    asked: list[int] = []

    def stops(texts: Sequence[Marked]) -> list[Said]:
        asked.append(len(texts))
        if len(asked) == 3:
            raise KeyboardInterrupt
        return shuffled(texts)

    with pytest.raises(KeyboardInterrupt), Journal(out, {"n": 1}) as journal:
        translate_document(document, out, journal, stops, lambda done, whole: None)
    assert not out.exists()
    with open(journal.path, "ab") as file:
        file.write(b'[["half')
    with Journal(out, {"n": 1}) as journal, pytest.raises(ResourceError, match=r"out\.txt"):
        Journal(out, {"n": 1}).__enter__()
    with pytest.raises(InputError, match="translating"), Journal(out, {"n": 2}):
        pass
    shown: list[int] = []
    with Journal(out, {"n": 1}) as journal:
        counted = translate_document(document, out, journal, shuffled, lambda done, whole: shown.append(done))
    assert (counted.done_before, counted.units) == (128, 72)
    assert out.read_bytes() == whole
    assert shown == sorted(shown) and shown[-1] == document.size
    assert not journal.path.exists()


def test_fields_of_json_and_tables(tmp_path: Path) -> None:
    made = through(tmp_path, "a.json", SAMPLES["a.json"], shouted, fields=("items",))
    assert json.loads(made)["title"] == "Hello <b>you</b>"
    assert json.loads(made)["items"][2] == "THREE"
    made = through(tmp_path, "b.json", b'{"a": {"b": "x y", "c": "x"}, "b": "\\ud83d"}', shouted, fields=("a.b",))
    assert made == b'{"a": {"b": "X Y", "c": "x"}, "b": "\\ud83d"}'
    made = through(
        tmp_path, "c.csv", b"a,b\nOne,Two\n", lambda texts: [Said(text='x, "y"') for _ in texts], fields=("b",)
    )
    assert made == b'a,b\nOne,"x, ""y"""\n'


def test_odd_texts_stay_whole(tmp_path: Path) -> None:
    odd = "🙂 שלום עולם \x01 a\u202eb\u0000 <b>x</b> 你好, world\n\n\tﷺ e\u0301"  # text data
    for name in ("o.txt", "o.md", "o.srt"):
        assert through(tmp_path, name, odd.encode(), kept) == odd.encode()
    long = ("One sentence here. " * 400 + "x" * 50_000 + " end.\n").encode()
    assert through(tmp_path, "l.txt", long, kept) == long


@pytest.mark.parametrize("name", NAMES)
def test_what_a_model_must_not_write_is_not_written(tmp_path: Path, name: str) -> None:
    source = sample(name)

    def odd(texts: Sequence[Marked]) -> list[Said]:
        return [Said(text=text.restore(f"a\x01\x02\n\nb\u2028{text.text}\ud800")) for text in texts]

    assert bones(name, through(tmp_path, name, source, odd)) == bones(name, through(tmp_path, name, source))
