"""Personal data: what is real is masked, what only looks like it stays, in both languages."""

import time

import pytest
from corpus_helpers import build, texts

from textmill.data.personal import is_card_number, is_identity_number, mask

CARD = "4111 1111 1111 1111"
IDENTITY = "11010519491231002X"
"""The standard's own example (GB 11643-1999)."""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Write to jane.doe+news@mail.example.co.uk, please.", "Write to [EMAIL], please."),
        ("邮箱zhang_san@qq.com，谢谢", "邮箱[EMAIL]，谢谢"),
        (f"Card {CARD}.", "Card [CARD]."),
        ("The server at 8.8.8.8 answered.", "The server at [IP] answered."),
        ("Address 2001:4860:4860::8888 too.", "Address [IP] too."),
        (f"身份证{IDENTITY}。", "身份证[IDENTITY]。"),
        ("Call (650) 253-0000 today.", "Call [PHONE] today."),
        ("Call +44 20 7031 3000 today.", "Call [PHONE] today."),
    ],
)
def test_what_is_real_is_masked(text: str, expected: str) -> None:
    assert mask(text, language="en")[0] == expected


def test_chinese_phones_by_the_language_or_the_setting() -> None:
    text = "请拨打13812345678或010-62770334。"
    assert mask(text, language="zh")[0] == "请拨打[PHONE]或[PHONE]。"
    assert mask(text, language="en", regions=("US", "CN"))[0] == "请拨打[PHONE]或[PHONE]。"
    assert mask(text, language="en")[0] == text


@pytest.mark.parametrize(
    "text",
    [
        "Twitter: @jane, a@b, x@.com",
        "Card 4111 1111 1111 1112, number 1234 5678 9012 3456, 0000000000000000",
        "At home 192.168.0.1, 127.0.0.1, 10.0.0.7; version 1.2.3.400; section 3.1.4.1.5",
        "At 12:30:45 the ratio was 1:2:3, std::vector<int>::iterator, fe80::1",
        "110105194912310021 and 999999194912310020",
        "In 1999 there were 1,234,567 people; ISBN 978-3-16-148410-0; 2024-01-15; 3.14159265358979",
        "2024年1月15日，人口1234567人。",
        "saved [6502530000/6502530000]; step [6502530000]",
    ],
)
def test_what_only_looks_like_it_stays(text: str) -> None:
    assert mask(text, language="en")[0] == text


def test_checksums() -> None:
    assert is_card_number(CARD)
    assert not is_card_number("4111111111111112")
    assert not is_card_number("0" * 16)
    assert is_identity_number(IDENTITY)
    assert is_identity_number(IDENTITY.lower())
    assert not is_identity_number("110105194912310029")
    assert not is_identity_number("11010519491331002X")


def test_counts_are_by_kind() -> None:
    text, counts = mask(f"a@b.com, c@d.org, {CARD}, 8.8.4.4", language="en")
    assert text == "[EMAIL], [EMAIL], [CARD], [IP]"
    assert dict(counts) == {"email": 2, "card": 1, "ip": 1}


@pytest.mark.parametrize("text", ["1" * 200_000, "1-" * 100_000, "a@" * 100_000, ":" * 200_000, "a." * 100_000 + "@"])
def test_hostile_texts_take_their_length(text: str) -> None:
    began = time.process_time()
    mask(text, language="en")
    assert time.process_time() - began < 20


def test_a_corpus_counts_what_it_masked(tmp_path) -> None:
    corpus = build(tmp_path, {"a.txt": "Mail to a@b.com now.", "b.txt": "邮箱c@d.cn。"}, personal="mask")
    assert texts(corpus) == ["Mail to [EMAIL] now.", "邮箱[EMAIL]。"]
    assert corpus.manifest["personal_data_masked"] == {"email": 2}
    kept = build(tmp_path, personal="keep")
    assert texts(kept)[0] == "Mail to a@b.com now."
    assert kept.manifest["personal_data_masked"] == {}
