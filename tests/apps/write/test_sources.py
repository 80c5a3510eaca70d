"""Sources: read, cut into passages, found by words; a sentence is held against them."""

from pathlib import Path

import pytest

from textmill.apps.write.sources import Finder, passages, read_sources, stem, text_sources
from textmill.apps.write.support import support
from textmill.errors import InputError

BAKERY = (
    "The bakery on Mill Street opened in 1994. It is run by Ana Torres. They bake 300 loaves every morning. "
    "The bakery does not sell cakes. Yes.\n"
)
LIBRARY = "镇上的图书馆在三月重新开放。馆长林娜说，新馆有四万册图书。读者可以借书两周。"


def test_documents_in_another_language_are_left_out_and_named(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# Bread\n\n" + BAKERY, encoding="utf-8")
    (tmp_path / "b.txt").write_text(LIBRARY, encoding="utf-8")
    found, other = read_sources([tmp_path], "en")
    assert [(source.number, source.title) for source in found] == [(1, "Bread")]
    assert len(other) == 1
    chinese, _ = read_sources([tmp_path], "zh")
    assert chinese[0].text.strip() == LIBRARY


@pytest.mark.parametrize(("name", "text", "key"), [("a.txt", LIBRARY, "language"), ("a.txt", " \n", "empty")])
def test_nothing_to_cite_is_an_error(tmp_path: Path, name: str, text: str, key: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_sources([tmp_path], "en")
    assert caught.value.key == f"write.sources_{key}"
    with pytest.raises(InputError) as missing:
        read_sources([tmp_path / "nowhere"], "en")
    assert missing.value.key == "write.no_source"


def test_passages_are_sentences_with_their_places() -> None:
    source = text_sources([("B", BAKERY), ("empty", " "), ("L", LIBRARY)], "en")
    found = passages(source)
    assert [each.source for each in found] == [1, 1, 1, 1, 2, 2, 2]
    for each in found:
        text = source[each.source - 1].text
        assert text[each.start :].startswith(each.text)


def test_the_fitting_passage_comes_first() -> None:
    finder = Finder(text_sources([("B", BAKERY), ("L", LIBRARY)], "en"))
    assert finder.best("how many loaves are baked", 1)[0].text.startswith("They bake")
    assert finder.best("新馆有多少册图书", 1)[0].text.startswith("馆长")
    first = finder.best("cakes", 1)
    assert "cakes" not in finder.best("cakes", 1, first)[0].text


@pytest.mark.parametrize(
    ("sentence", "supported", "missing"),
    [
        ("Every morning 300 loaves are baked.", True, ()),
        ("Every morning 400 loaves are baked.", False, ("400",)),
        ("Every morning Lisa bakes 300 loaves.", False, ("Lisa",)),
        ("They do not bake 300 loaves every morning.", False, ("negation",)),
        ("The weather was lovely all week long.", False, ()),
        ("The bakery is a bakery.", False, ()),
        ("They are the only bakers in town.", False, ()),
    ],
)
def test_what_a_source_does_not_say_is_seen(sentence: str, supported: bool, missing: tuple[str, ...]) -> None:
    found = support(sentence, "They bake 300 loaves every morning.", "The bakery")
    assert (found.supported, found.missing) == (supported, missing)


def test_a_number_stays_with_its_words() -> None:
    passage = "Opened in 1994 by two brothers, the bakery closed for nine days after a flood in March."
    assert support("In 1994 two brothers opened the bakery.", passage).supported
    assert not support("In March 1994, they closed their bakery after a flood.", passage).supported
    assert not support("The bakery closed for ten days after a flood.", passage).supported
    assert support("After a flood the bakery closed for nine days.", passage).supported
    chinese = "图书馆1994年开放，三月因洪水关闭了九天。"
    assert support("图书馆因洪水关闭了九天。", chinese).supported
    assert not support("图书馆因洪水关闭了八天。", chinese).supported


def test_support_in_chinese() -> None:
    passage = "馆长林娜说，新馆有四万册图书。"
    assert support("新馆有四万册图书。", passage).supported
    assert not support("新馆没有四万册图书。", passage).supported
    assert not support("读者每天都来这里喝茶聊天。", passage).supported


def test_stems_join_the_forms_of_a_word() -> None:
    assert len({stem(word) for word in ("bake", "bakes", "baked", "baking")}) == 1
    assert stem("cities") == "city"
    assert len({stem(word) for word in ("stop", "stops", "stopped", "stopping")}) == 1
