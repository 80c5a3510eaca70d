"""Pairs from every form of file, and what is wrong with broken ones."""

import gzip
import json
import struct
from pathlib import Path

import pytest

from textmill.apps.translate.gettext_files import escape, unescape
from textmill.apps.translate.pair_files import read_pairs
from textmill.apps.translate.pairs import Direction, Found, both_ways, parse_directions
from textmill.errors import InputError, UsageError

EN = ["The cat sleeps on the mat.", "It is raining in the old town today.", "We went to the market together."]
ZH = ["猫在垫子上睡觉。", "今天老城在下雨。", "我们一起去了市场。"]  # text data


def read(*paths: Path, languages: tuple[str, ...] = ()) -> list[tuple[str, str, tuple[str, str]]]:
    pairs = read_pairs(paths, languages=languages, found=Found())
    return [(pair.first, pair.second, pair.languages) for pair in pairs]


WANTED = [(en, zh, ("en", "zh")) for en, zh in zip(EN, ZH, strict=True)]


def test_tables(tmp_path: Path) -> None:
    rows = [f"{en}\t{zh}\n" for en, zh in zip(EN, ZH, strict=True)]
    headed, plain = tmp_path / "headed.tsv", tmp_path / "plain.tsv"
    headed.write_text("English\tzh\n" + "".join(rows), encoding="utf-8")
    plain.write_text("".join(rows), encoding="utf-16")
    assert read(headed) == read(plain) == WANTED
    three = tmp_path / "three.tsv"
    three.write_text("".join("manual\t" + row for row in rows * 4), encoding="utf-8")
    assert read(three) == WANTED * 4
    quoted = tmp_path / "quoted.csv"
    quoted.write_text('en,zh\n"Yes, he said.","是的，他说。"\n', encoding="utf-8")  # text data
    assert read(quoted) == [("Yes, he said.", "是的，他说。", ("en", "zh"))]  # text data
    with pytest.raises(InputError, match="languages of the columns"):
        alike = tmp_path / "alike.tsv"
        alike.write_text("".join(f"{en}\t{en} Yes.\n" for en in EN), encoding="utf-8")
        read(alike)


def test_files_beside_one_another(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "train.en.gz", "wt", encoding="utf-8") as file:
        file.write("\n".join(EN) + "\n")
    (tmp_path / "train.zh").write_text("\n".join(ZH), encoding="utf-8")
    (tmp_path / "train.de").write_text("Eins\nZwei\nDrei\n", encoding="utf-8")
    found = read(tmp_path / "train.en.gz", tmp_path / "train.zh", tmp_path / "train.de")
    assert found[::2] == WANTED
    assert {languages for *_, languages in found} == {("en", "zh"), ("en", "de")}
    with pytest.raises(InputError, match="stands alone"):
        read(tmp_path / "train.zh")
    (tmp_path / "train.de").write_text("Eins\n", encoding="utf-8")
    with pytest.raises(InputError, match="different numbers of lines"):
        read(tmp_path / "train.en.gz", tmp_path / "train.de")


def test_json_lines(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    rows = [
        {"en": EN[0], "zh": ZH[0]},
        {"translation": {"en": EN[1], "zh": ZH[1]}},
        {"source": EN[2], "target": ZH[2], "source_language": "en", "target_language": "zh-Hans"},
        {"en": "alone"},
        ["no row"],
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    found = Found()
    pairs = list(read_pairs([file], found=found))
    assert [(pair.first, pair.second, pair.languages) for pair in pairs] == WANTED
    assert found.left_out["form"] == 2


TMX = """<?xml version="1.0"?><tmx version="1.4"><header srclang="en"/><body>
<tu><tuv xml:lang="en-US"><seg>Press <bpt i="1">&lt;b&gt;</bpt>Save<ept i="1">&lt;/b&gt;</ept>.</seg></tuv>
<tuv xml:lang="zh-CN"><seg>按“保存”。</seg></tuv></tu><tu><tuv xml:lang="en"><seg>Lone</seg></tuv></tu></body></tmx>"""
XLIFF_1 = """<xliff version="1.2" xmlns="urn:oasis:names:tc:xliff:document:1.2"><file source-language="en"
target-language="zh"><body><trans-unit id="1"><source>Open <g id="1">file</g></source><target>打开<g id="1">文件</g>
</target><alt-trans><source>x</source><target>y</target></alt-trans></trans-unit></body></file></xliff>"""
XLIFF_2 = """<xliff version="2.1" srcLang="en" trgLang="de"><file id="f"><unit id="u"><segment>
<source>Good <pc id="1">day</pc></source><target>Guten <pc id="1">Tag</pc></target></segment>
<segment><source>None</source></segment></unit></file></xliff>"""


def test_tmx_and_xliff(tmp_path: Path) -> None:
    for name, text in (("a.tmx", TMX), ("b.xlf", XLIFF_1), ("c.xliff", XLIFF_2)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert read(tmp_path / "a.tmx") == [("Press Save.", "按“保存”。", ("en", "zh"))]  # text data
    assert [(a.strip(), b.strip(), c) for a, b, c in read(tmp_path / "b.xlf")] == [
        ("Open file", "打开文件", ("en", "zh"))  # text data
    ]
    assert [(a.strip(), b.strip(), c) for a, b, c in read(tmp_path / "c.xliff")] == [
        ("Good day", "Guten Tag", ("en", "de"))
    ]
    for spoiled in (TMX[:200], TMX.replace("<tmx", '<!DOCTYPE t [<!ENTITY e "x">]><tmx')):
        (tmp_path / "bad.tmx").write_text(spoiled, encoding="utf-8")
        with pytest.raises(InputError, match="is broken"):
            read(tmp_path / "bad.tmx")


PO = r"""# a head
msgid ""
msgstr ""
"Language: zh_CN\n"
"Content-Type: text/plain; charset=UTF-8\n"

#, fuzzy
msgid "Guess"
msgstr "猜"

#: main.c:1
msgctxt "menu"
msgid "Save "
"as\t…"
msgstr "另存为"

msgid "%d file"
msgid_plural "%d files"
msgstr[0] "%d 个文件"

#~ msgid "old"
#~ msgstr "旧"

msgid "Nothing yet"
msgstr ""
"""


def test_gettext(tmp_path: Path) -> None:
    (tmp_path / "zh.po").write_text(PO, encoding="utf-8")
    found = Found()
    pairs = [(pair.first, pair.second) for pair in read_pairs([tmp_path / "zh.po"], found=found)]
    assert pairs == [("Save as\t…", "另存为"), ("%d file", "%d 个文件")]  # text data
    assert found.left_out == {"fuzzy": 1, "form": 1}
    (tmp_path / "bad.po").write_text('msgid "a"\nwhat\n', encoding="utf-8")
    with pytest.raises(InputError, match="Line 2"):
        read(tmp_path / "bad.po")
    for text in ('a"b\\c\n\t', "\x01é"):
        assert unescape(escape(text)) == text


def mo_bytes(pairs: dict[str, str]) -> bytes:
    rows = [(a.encode(), b.encode()) for a, b in sorted(pairs.items())]
    at = 28 + 16 * len(rows)
    tables: list[list[bytes]] = [[], []]
    texts = b""
    for side in (0, 1):
        for row in rows:
            tables[side].append(struct.pack("<2I", len(row[side]), at + len(texts)))
            texts += row[side] + b"\0"
    head = struct.pack("<7I", 0x950412DE, 0, len(rows), 28, 28 + 8 * len(rows), 0, at)
    return head + b"".join(tables[0] + tables[1]) + texts


def test_compiled_gettext(tmp_path: Path) -> None:
    file = tmp_path / "app.mo"
    file.write_bytes(mo_bytes({"": "Language: de\n", "day": "Tag", "menu\4%d file\0%d files": "%d Datei\0%d Dateien"}))
    assert read(file) == [
        ("day", "Tag", ("en", "de")),
        ("%d file", "%d Datei", ("en", "de")),
        ("%d files", "%d Dateien", ("en", "de")),
    ]
    file.write_bytes(file.read_bytes()[:40])
    with pytest.raises(InputError, match="no gettext catalogue"):
        read(file)


def test_web_pages(tmp_path: Path) -> None:
    (tmp_path / "a.en.html").write_text("<title>T</title><h1>Cats</h1><p>They <b>sleep</b>.<p>Bye<script>x</script>")
    (tmp_path / "a.zh.html").write_text("<h1>猫</h1><p>它们睡觉。<p>再见", encoding="utf-8")  # text data
    assert [(a, b) for a, b, _ in read(tmp_path / "a.en.html", tmp_path / "a.zh.html")] == [
        ("Cats", "猫"),  # text data
        ("They sleep.", "它们睡觉。"),  # text data
        ("Bye", "再见"),  # text data
    ]


def test_what_is_no_file_of_pairs(tmp_path: Path) -> None:
    (tmp_path / "notes.doc").write_text("x")
    with pytest.raises(InputError, match="cannot be read as sentence pairs"):
        read(tmp_path / "notes.doc")
    with pytest.raises(InputError, match="missing"):
        read(tmp_path / "missing.tsv")
    (tmp_path / "bytes.tsv").write_bytes(bytes(range(256)) * 20)
    with pytest.raises(InputError, match="no text"):
        read(tmp_path / "bytes.tsv")


def test_directions() -> None:
    assert parse_directions(("en-zh,zh-en", "en-zh")) == (Direction("en", "zh"), Direction("zh", "en"))
    with pytest.raises(UsageError):
        parse_directions(("en",))
    found = Found()
    found.pairs["en-de"] = 2
    assert both_ways(found.pairs) == (Direction("en", "de"), Direction("de", "en"))
