"""Lists that the user brings: addresses by domain, path, word and expression; words and phrases in both languages."""

from pathlib import Path

import pytest

from textmill.data.cleaning.lists import addresses, blocked_words, plain_address
from textmill.errors import InputError


def lists(folder: Path, **files: str) -> tuple[str, ...]:
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return (str(folder),)


@pytest.fixture
def ut1(tmp_path: Path) -> tuple[str, ...]:
    """A folder of categories as the UT1 lists have them."""
    return lists(
        tmp_path,
        games__domains="# a comment\ncasino.example\nWWW.Lotto.example\n*.wild.example\n例子.测试\n10.0.0.7\n",
        games__urls="mixed.example/bad\nhttp://mixed.example/also/bad/\n",
        games__expressions=r"(^|[./-])p[o0]ker[./-]",
        own__words="jackpot\n",
        own__usage="black",
        own__note="see the manual",
    )


@pytest.mark.parametrize(
    ("address", "entry"),
    [
        ("https://casino.example/", "casino.example"),
        ("http://www.casino.example:8080/a?b=1", "casino.example"),
        ("HTTPS://user:pass@play.CASINO.example./x", "casino.example"),
        ("lotto.example", "lotto.example"),
        ("https://a.wild.example", "wild.example"),
        ("http://10.0.0.7/x", "10.0.0.7"),
        ("https://例子.测试/页", "xn--fsqu00a.xn--0zwm56d"),
        ("http://mixed.example/bad", "mixed.example/bad"),
        ("http://mixed.example/bad/page.html", "mixed.example/bad"),
        ("http://mixed.example/also/bad", "mixed.example/also/bad"),
        ("http://other.example/big-jackpot/1", "jackpot"),
        ("http://free.p0ker.example/", r"(^|[./-])p[o0]ker[./-]"),
        ("http://mycasino.example/", ""),
        ("http://casino.example.org/", ""),
        ("http://mixed.example/badge", ""),
        ("http://mixed.example/", ""),
        ("http://other.example/jackpots", ""),
        ("http://other.example/black", ""),
        ("http://example/", ""),
        ("", ""),
        ("http://[broken", ""),
        ("not an address at all " * 500, ""),
    ],
)
def test_addresses(ut1: tuple[str, ...], address: str, entry: str) -> None:
    assert addresses(ut1).found(address) == entry


def test_an_address_has_one_plain_form() -> None:
    assert plain_address("HTTP://WWW.Example.org:80/A%20b/?q#f") == "example.org/a b"
    assert plain_address("example.org") == "example.org"


def test_one_file_may_mix_domains_addresses_and_words(tmp_path: Path) -> None:
    file = tmp_path / "mine.txt"
    file.write_text("bad.example\nother.example/path\njackpot\n", encoding="utf-8")
    found = addresses((str(file),))
    assert found.found("http://x.bad.example") == "bad.example"
    assert found.found("http://other.example/path/1") == "other.example/path"
    assert found.found("http://third.example/jackpot") == "jackpot"
    assert found.found("http://third.example/path") == ""


def test_words_and_phrases(tmp_path: Path) -> None:
    file = tmp_path / "words"
    file.write_text("# mine\nheck\nDarn it\n坏话\nC++\n***\n", encoding="utf-8")
    words = blocked_words((str(file),))
    assert words.found("What the HECK!") == "heck"
    assert words.found("Oh darn  it, again") == "darn it"
    assert words.found("这是一句坏话吗") == "坏话"
    assert words.found("stars: ***") == "***"
    for text in ("checked", "darn", "it darn", "坏的话", ""):
        assert words.found(text) == ""


@pytest.mark.parametrize("read", [addresses, blocked_words])
def test_lists_that_cannot_be_used(tmp_path: Path, read) -> None:
    empty = tmp_path / "empty.txt"
    empty.write_text("# nothing\n\n", encoding="utf-8")
    for path, key in ((tmp_path / "none.txt", "list_missing"), (empty, "list_empty")):
        with pytest.raises(InputError) as caught:
            read((str(path),))
        assert caught.value.key == f"cleaning.{key}"
        assert str(path) in caught.value.parts()["what"]


def test_an_expression_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        addresses(lists(tmp_path, expressions="(unclosed"))
    assert caught.value.key == "cleaning.list_missing"
