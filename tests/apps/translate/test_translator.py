"""Sentences through a small model: what it learned, and that nothing loops, is empty or runs on whatever comes."""

import random
from dataclasses import replace
from pathlib import Path

import pytest
from small_translation import phrase_translator

from textmill.apps.translate.glossary import read_glossary
from textmill.apps.translate.judge import loops, most_tokens, says_something
from textmill.apps.translate.markers import in_order, markers_of, protect, uncut
from textmill.apps.translate.memory import Memory, store
from textmill.apps.translate.pairs import Direction, Pair
from textmill.apps.translate.texts import TextTranslator
from textmill.apps.translate.translator import Options, Sentence, Translator, pieces
from textmill.data.sentences import sentences
from textmill.errors import InputError, ModelError, UsageError

TO_ZH, TO_EN = Direction("en", "zh"), Direction("zh", "en")


def test_what_it_learned(translator: Translator) -> None:
    texts = [("I see two cats.", "我看见二只猫。"), ("I want five books.", "我想要五本书。")]  # text data
    for search in ("beam", "greedy", "mbr"):
        own = Translator(translator.engine, translator.card, Options(search=search, samples=4))
        made = own.translate([Sentence(text=en, direction=TO_ZH) for en, _ in texts])
        assert [one.text for one in made] == [zh for _, zh in texts]
        assert all(one.confidence > 0.9 and not one.problems for one in made)
        back = own.translate([Sentence(text=zh, direction=TO_EN) for _, zh in texts])
        assert [one.text for one in back] == [en for en, _ in texts]


def test_alternatives_and_wrong_options() -> None:
    translator = phrase_translator((TO_ZH, "I see two cats.", "我看见了二只猫。"))  # text data
    own = Translator(translator.engine, translator.card, Options(alternatives=1))
    (made,) = own.translate([Sentence(text="I see two cats.", direction=TO_ZH)])
    assert (made.text, made.alternatives) == ("我看见二只猫。", ("我看见了二只猫。",))  # text data
    for wrong in ({"search": "x"}, {"beams": 0}, {"samples": 1}, {"alternatives": -1}, {"alternatives": 99}):
        with pytest.raises(UsageError):
            Options(**wrong)
    with pytest.raises(ModelError, match="en-zh, zh-en"):
        translator.translate([Sentence(text="x", direction=Direction("en", "fr"))])


HOSTILE = [
    *("a" * 24, "😀😀", "!!!", "", "1234567", "שלום", "\u202eab\u202c", "x\x00y"),
    *("？", "的" * 8),  # text data
]


def check(text: str, translated: str, own: Translator) -> None:
    assert bool(translated.strip()) == bool(text.strip())
    assert not loops(translated) or loops(text)
    if says_something(text):
        cap = most_tokens(own.card.known(TO_ZH), len(own.tokenizer.encode(text)))
        assert len(own.tokenizer.encode(translated)) <= 2 * cap + 4 * len(markers_of(text)) + 8


def run_hostile(translator: Translator, texts: list[str]) -> None:
    own = Translator(translator.engine, translator.card, Options(search="greedy"))
    marked = [protect(text) for text in texts]
    made = own.translate([Sentence(text=one.text, direction=TO_ZH) for one in marked])
    for one, translated in zip(marked, made, strict=True):
        check(one.text, translated.text, own)
        assert in_order(translated.text, markers_of(one.text))
        assert 0 <= translated.confidence <= 1


def test_hostile_texts(translator: Translator) -> None:
    run_hostile(translator, HOSTILE)


@pytest.mark.slow
def test_random_hostile_texts(translator: Translator) -> None:
    drawn = random.Random(0)
    signs = "ab I see cats 12%s<>{}/.,!\n\t猫😀é\u200f\x01"  # text data
    run_hostile(translator, ["".join(drawn.choices(signs, k=drawn.randint(1, 20))) for _ in range(200)])


def test_markers_are_kept(translator: Translator) -> None:
    text = "I see <1>two</1> cats at <2>."
    (made,) = translator.translate([Sentence(text=text, direction=TO_ZH)])
    assert in_order(made.text, markers_of(text))


def test_a_text_longer_than_the_context() -> None:
    own = phrase_translator((TO_ZH, "I see two cats,", "我看见二只猫，"), context=128)  # text data
    text = "I see two cats, " * 30 + "I see two cats."
    (made,) = own.translate([Sentence(text=text, direction=TO_ZH)])
    assert made.text == "我看见二只猫，" * 30 + "我看见二只猫。"  # text data
    assert "".join(pieces("abc def " * 9 + "x" * 50, 20)) == "abc def " * 9 + "x" * 50


def test_what_loops_or_drops_is_made_again() -> None:
    long = "I see two cats, I want five books, I have one dogs."
    clauses = [("I see two cats,", "我看见二只猫，"), ("I want five books,", "我想要五本书，")]  # text data
    known = [(TO_ZH, en, zh) for en, zh in clauses]
    for bad in ("猫。", "猫" * 30):  # text data
        own = phrase_translator((TO_ZH, long, bad), *known)
        (made,) = own.translate([Sentence(text=long, direction=TO_ZH)])
        assert made.text != bad
        assert not set(made.problems) & {"loop", "short", "empty"}


def test_whole_texts(translator: Translator) -> None:
    texts = TextTranslator(translator=translator)
    text = "  I see two cats. I want five books.\n\nI have one dogs.  \n"
    (made,) = texts.translate([protect(text)], TO_ZH)
    assert made.text == "  我看见二只猫。我想要五本书。\n\n我有一只狗。  \n"  # text data
    assert len(made.sentences) == 3
    streamed = "".join(piece for piece, _ in texts.stream(protect(text), TO_ZH))
    assert streamed == made.text
    (back,) = texts.translate([protect("我看见二只猫。我想要五本书。")], TO_EN)  # text data
    assert back.text == "I see two cats. I want five books."

    text = "a <1>bit. Cats</1> do. Ends."
    assert list(uncut(sentences(text), text)) == ["a <1>bit. Cats</1> do. ", "Ends."]


def test_mixed_languages(translator: Translator) -> None:
    texts = TextTranslator(translator=translator, mixed=True)
    (made,) = texts.translate([protect("我想要五本书。 I see two cats.")], TO_ZH)  # text data
    assert made.text == "我想要五本书。我看见二只猫。"  # text data
    assert made.reused == 1


def test_glossaries(translator: Translator, tmp_path: Path) -> None:
    file, kept = tmp_path / "terms.csv", tmp_path / "kept.txt"
    file.write_text("en,zh\ncats,小猫|猫咪\nblack cats,黑猫\n", encoding="utf-8")  # text data
    kept.write_text("five books\n")
    glossary = read_glossary(file, kept, ())
    assert glossary.terms("Black cats and cats, not catsup", TO_ZH) == (("黑猫",), ("小猫", "猫咪"))  # text data
    assert glossary.terms("小猫来了", TO_EN) == (("cats",),)  # text data
    texts = TextTranslator(translator=translator, glossary=glossary)
    first, second = texts.translate([protect("I see two cats."), protect("I want five books.")], TO_ZH)
    assert "小猫" in first.text or "猫咪" in first.text  # text data
    assert "five books" in second.text
    file.write_text("cats,猫\ndogs,狗\nCats,小猫\n", encoding="utf-8")  # text data
    with pytest.raises(InputError, match=r"contradicts itself about “Cats”.*terms.csv:1.*terms.csv:3"):
        read_glossary(file, None, ("en", "zh"))
    file.write_text("en,zh\nalone\n", encoding="utf-8")
    with pytest.raises(InputError, match="Line 2"):
        read_glossary(file, None, ())


def test_tbx(tmp_path: Path) -> None:
    file = tmp_path / "terms.tbx"
    file.write_text(
        '<martif><text><body><termEntry id="1"><langSet xml:lang="en"><tig><term>bank</term></tig></langSet>'
        '<langSet xml:lang="zh"><tig><term>银行</term></tig><tig><term>岸</term></tig></langSet>'  # text data
        "</termEntry></body></text></martif>",
        encoding="utf-8",
    )
    glossary = read_glossary(file, None, ())
    assert glossary.terms("the Bank", TO_ZH) == (("银行", "岸"),)  # text data
    file.write_text("<martif><text>", encoding="utf-8")
    with pytest.raises(InputError, match="is broken"):
        read_glossary(file, None, ())


def test_memories(translator: Translator, tmp_path: Path) -> None:
    file = tmp_path / "memory.sqlite"
    pair = Pair(first="I see two cats.", second="瞧，两只猫！", languages=("en", "zh"))  # text data
    assert store(file, [pair]) == 1
    assert store(file, [pair, replace(pair, first="Hello")]) == 2
    memory = Memory.open(file)
    texts = TextTranslator(translator=translator, memory=memory)
    (made,) = texts.translate([protect("I see  two cats. I want five books.")], TO_ZH)
    assert made.text == "瞧，两只猫！我想要五本书。"  # text data
    assert made.reused == 1
    assert memory.find("瞧，两只猫！", TO_EN) == "I see two cats."  # text data
    assert memory.near("I see two cats!", TO_ZH) == ("I see two cats.", "瞧，两只猫！")  # text data
    assert memory.near("Something else", TO_ZH) is None
    file.write_bytes(b"no database at all, only text" * 50)
    with pytest.raises(InputError, match="no translation memory"):
        Memory.open(file)
    with pytest.raises(InputError):
        Memory.open(tmp_path / "missing.tmx")


def test_clauses_and_pieces_never_cut_a_pair_of_markers(translator: Translator) -> None:
    text = "a <1>see one, see two cats, have <2></2> it, then</1> go home now, want three; <3> see you all, have more"
    for room in (text, "word " * 40 + text, f"<1>{'word, ' * 120}</1>"):
        made = translator.translate([Sentence(text=room, direction=Direction("en", "zh"))])[0]
        assert in_order(made.text, markers_of(room))
