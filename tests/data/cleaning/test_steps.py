"""Cleaning as part of a build: what is dropped and why, what is changed and counted, what comes back untouched."""

from dataclasses import replace
from pathlib import Path

import pytest
from cleaning_texts import CHINESE, ENGLISH, GOOD
from corpus_helpers import by_source, dropped_rows, write

from textmill.config import CleanSettings, CorpusSettings, Settings
from textmill.data.build import build_corpus
from textmill.data.cleaning import check, clean_document
from textmill.data.corpus import Corpus
from textmill.data.document import Document, Draft, Drop, text_digest
from textmill.errors import InputError, MissingExtraError, SettingsError


def draft(text: str, language: str = "en", **fields: str) -> Draft:
    document = Document(id="0" * 32, text=text, language=language, source="in/x.txt", **fields)
    return Draft(document=document, kind="text", digest=text_digest(text))


def cleaned(text: str, language: str = "en", url: str = "", **settings) -> Draft | Drop:
    return clean_document(draft(text, language, url=url), CleanSettings(**settings))


def build(folder: Path, files: dict[str, str | bytes], corpus: dict | None = None, **clean) -> Corpus:
    write(folder / "in", files)
    values = {"workers": 1, "validation_share": 0.0} | (corpus or {})
    settings = Settings(corpus=CorpusSettings(**values), clean=CleanSettings(**clean))
    return build_corpus([folder / "in"], folder / "out", settings)


def test_with_nothing_on_the_very_same_draft_comes_back() -> None:
    before = draft("x")
    assert clean_document(before, CleanSettings()) is before


def test_what_every_rule_lets_pass_is_not_touched() -> None:
    before = draft(ENGLISH)
    assert clean_document(before, CleanSettings(rules="light")) is before


def test_a_drop_tells_rule_value_threshold_and_text() -> None:
    drop = cleaned("One. Two.", thresholds=("minimum_sentences=5",))
    assert isinstance(drop, Drop)
    assert (drop.step, drop.reason, drop.value, drop.threshold) == ("clean", "minimum_sentences", "2", "5")
    assert (drop.excerpt, drop.source, drop.size) == ("One. Two.", "in/x.txt", 9)


def test_lines_out_change_text_digest_and_counts() -> None:
    after = cleaned(f"{ENGLISH}\n\nRead more", rules="light")
    assert isinstance(after, Draft)
    assert after.document.text == ENGLISH
    assert after.digest == text_digest(ENGLISH)
    assert after.mended == (("boilerplate_lines", 1),)


def test_languages() -> None:
    assert isinstance(cleaned(ENGLISH, languages=("en", "zh")), Draft)
    drop = cleaned("Ein Satz.", "de", languages=("en", "zh"))
    assert isinstance(drop, Drop)
    assert (drop.reason, drop.value, drop.threshold) == ("language", "de", "en, zh")
    drop = cleaned(CHINESE, "en", minimum_language_confidence=0.65)
    assert isinstance(drop, Drop)
    assert (drop.reason, drop.value, drop.threshold) == ("language_confidence", "0", "0.65")
    assert isinstance(cleaned(ENGLISH, minimum_language_confidence=0.65), Draft)


def test_addresses_and_words(tmp_path: Path) -> None:
    (tmp_path / "domains").write_text("bad.example\n", encoding="utf-8")
    (tmp_path / "words").write_text("driftwood\n", encoding="utf-8")
    blocked = (str(tmp_path / "domains"),)
    drop = cleaned(ENGLISH, url="http://www.bad.example/x", blocked_addresses=blocked)
    assert isinstance(drop, Drop)
    assert (drop.reason, drop.threshold) == ("blocked_address", "bad.example")
    assert isinstance(cleaned(ENGLISH, url="http://good.example/", blocked_addresses=blocked), Draft)
    assert isinstance(cleaned(ENGLISH, blocked_addresses=blocked), Draft)
    drop = cleaned(ENGLISH, blocked_words=(str(tmp_path / "words"),))
    assert isinstance(drop, Drop)
    assert (drop.reason, drop.value) == ("blocked_word", "driftwood")
    assert isinstance(cleaned(CHINESE, "zh", blocked_words=(str(tmp_path / "words"),)), Draft)


def test_forms_and_scripts_change_text_and_title() -> None:
    after = clean_document(draft("頭髮Ａ", "zh", title="後來"), CleanSettings(unicode="NFKC", chinese="simplified"))
    assert isinstance(after, Draft)
    assert (after.document.text, after.document.title) == ("头发A", "后来")
    assert after.mended == (("chinese", 1), ("unicode", 1))
    japanese = draft("頭髪", "ja")
    assert clean_document(japanese, CleanSettings(chinese="simplified")) is japanese


def test_a_build_cleans_counts_and_explains(tmp_path: Path) -> None:
    files = {
        "good.txt": f"{ENGLISH}\n\nRead more",
        "good-zh.txt": f"{CHINESE}\n\n上一篇：早晨",
        "short.txt": "Too short.",
        "code.txt": f"{ENGLISH} {{",
    }
    corpus = build(tmp_path, files, rules="fineweb", thresholds=("boilerplate_lines=on",))
    assert {name: document.text.split() for name, document in by_source(corpus).items()} == {
        "in/good.txt": ENGLISH.split(),
        "in/good-zh.txt": CHINESE.split(),
    }
    reasons = {
        row["source"]: (row["step"], row["reason"], row["value"], row["threshold"]) for row in dropped_rows(corpus)
    }
    assert reasons["in/short.txt"][:2] == ("clean", "top_2gram")
    assert reasons["in/code.txt"] == ("clean", "curly_bracket", "1", "0")
    assert corpus.manifest["cleaned"] == {"boilerplate_lines": 2}
    assert corpus.manifest["settings"]["clean"]["rules"] == "fineweb"


def test_a_build_repairs_before_control_characters_go(tmp_path: Path) -> None:
    wrong = "我们在港口等船。".encode().decode("latin-1")
    corpus = build(tmp_path, {"a.txt": wrong.encode()}, corpus={"repair": True, "maximum_control_share": 1.0})
    assert by_source(corpus)["in/a.txt"].text == "我们在港口等船。"
    assert by_source(corpus)["in/a.txt"].language == "zh"
    assert corpus.manifest["cleaned"] == {"repaired": 1}


def test_the_default_build_is_as_it_was(tmp_path: Path) -> None:
    corpus = build(tmp_path, {"a.txt": "Read more\n\n" + GOOD["en"]})
    assert by_source(corpus)["in/a.txt"].text == "Read more\n\n" + GOOD["en"]
    assert corpus.manifest["cleaned"] == {}


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"thresholds": ("nonsense=1",)}, SettingsError),
        ({"languages": ("English!",)}, SettingsError),
        ({"blocked_addresses": ("/nowhere/list",)}, InputError),
        ({"blocked_words": ("/nowhere/list",)}, InputError),
        ({"quality_model": "/nowhere/model"}, InputError),
    ],
)
def test_mistakes_are_told_before_anything_is_read(tmp_path: Path, values: dict, error: type[Exception]) -> None:
    with pytest.raises(error):
        build(tmp_path, {"a.txt": "x"}, **values)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("package", "settings"),
    [
        ("ftfy", Settings(corpus=CorpusSettings(repair=True))),
        ("OpenCC", Settings(clean=CleanSettings(chinese="simplified"))),
    ],
)
def test_a_missing_extra_is_named(package: str, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    from textmill.data.cleaning import mending

    mending.encoding_fixer.cache_clear()
    mending.converter.cache_clear()
    monkeypatch.setitem(__import__("sys").modules, package.lower(), None)
    with pytest.raises(MissingExtraError) as caught:
        check(replace(settings))
    assert package in caught.value.parts()["what"]
    assert "pip install 'textmill[data]'" in caught.value.parts()["next"]
