"""What was decoded wrongly is put right, what only looks odd stays; Unicode forms and Chinese scripts."""

import pytest
from cleaning_texts import CHINESE, ENGLISH

from textmill.data.cleaning.mending import convert, normalise, repair

QUOTED = "“Don’t,” she said — naïve café, 5 €…"


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
@pytest.mark.parametrize("text", [CHINESE, "naïve café – 5 €", "«Où est-il ?»"])
def test_utf8_read_as_a_western_encoding(text: str, encoding: str) -> None:
    wrong = text.encode().decode(encoding, "replace" if encoding == "cp1252" else "strict")
    if "\ufffd" in wrong:
        pytest.skip("these bytes are lost in this encoding")
    assert repair(wrong) == text


def test_utf8_read_as_gbk() -> None:
    text = "我们的船在大海上，看见了灯塔"
    wrong = text.encode().decode("gb18030")
    assert wrong != text
    assert repair(f"前文正常。{'x'}{wrong}") == f"前文正常。x{text}"


@pytest.mark.parametrize(
    "text", [QUOTED, CHINESE, ENGLISH, "鐨勭 is rare", "ÄÖÜ äöü ß", "Ãlvarez", "全角ＡＢＣ，ﬁ", ""]
)
def test_what_is_right_stays(text: str) -> None:
    assert repair(text) == text


def test_unicode_forms() -> None:
    text = "Cafe\u0301 ﬁn ＡＢＣ，。"
    assert normalise(text, "keep") == text
    assert normalise(text, "NFC") == "Café ﬁn ＡＢＣ，。"
    assert normalise(text, "NFKC") == "Café fin ABC,。"


def test_chinese_scripts() -> None:
    assert convert("頭髮和發財，後來在裡面", "simplified") == "头发和发财，后来在里面"
    assert convert("头发和发财", "traditional") == "頭髮和發財"
    assert convert("English stays", "simplified") == "English stays"
