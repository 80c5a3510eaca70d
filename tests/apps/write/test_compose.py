"""Whatever the model, an article has its length, its words and no citation of what is not there.

The model of these tests is untrained and knows bytes only, or says one and the same thing: nothing that holds here is
owed to it.
"""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from serving import script_runner
from tiny_models import TEXTS, tiny_config, tiny_model

from textmill.apps.write import candidates
from textmill.apps.write.asking import Asker, knows_template
from textmill.apps.write.checking import check, personal_data
from textmill.apps.write.compose import Writer
from textmill.apps.write.grammar import sentence_grammar
from textmill.apps.write.kinds import load_kind
from textmill.apps.write.order import Order, has_word
from textmill.apps.write.outline import Outline, Section
from textmill.apps.write.piece import Piece, take_up
from textmill.apps.write.render import docx, html, markdown
from textmill.apps.write.sources import Finder, text_sources
from textmill.config import TokenizerSettings
from textmill.data import personal
from textmill.errors import InputError, MissingExtraError
from textmill.infer.engine.engine import Engine
from textmill.infer.engine.torch_runner import TorchRunner
from textmill.infer.events import END, Generation
from textmill.tokenizer.train import SMALLEST_VOCABULARY, train_tokenizer

pytest.importorskip("llguidance")

BAKERY = (
    "The bakery on Mill Street opened in 1994. It is run by Ana Torres and her sons. They bake 300 loaves every "
    "morning. The bakery does not sell cakes. A new oven from Lyon costs a lot. The council paid for it."
)


@pytest.fixture(scope="module")
def engine() -> Engine:
    tokenizer = train_tokenizer(TEXTS, settings=TokenizerSettings(), vocabulary_size=SMALLEST_VOCABULARY)
    return Engine(TorchRunner(tiny_model(tiny_config(context=1024)), page_count=256), tokenizer)


def writer_of(engine: Engine, order: Order, sources: list | None = None, *, chat: bool = False) -> Writer:
    asker = Asker(
        tokenizer=engine.tokenizer,
        kind=load_kind(order.kind),
        order=order,
        chat=chat,
        context=engine.runner.config.context,
    )
    return Writer(engine=engine, asker=asker, finder=Finder(sources) if sources else None)


def piece_of(order: Order, *headings: str, **more: object) -> Piece:
    outline = Outline(title="Title", sections=tuple(Section(heading=each) for each in headings)).allotted(order)
    piece = Piece(order=order, outline=outline, **more)  # type: ignore[arg-type]
    piece.begin("tiny")
    return piece


def order(**changes: object) -> Order:
    plain = {"kind": "post", "topic": "Boats", "words": 24, "candidates": 1, "level": "simple", "language": "en"}
    return Order(**(plain | changes))  # type: ignore[arg-type]


def test_an_untrained_model_is_not_asked_through_a_template(engine: Engine) -> None:
    assert not knows_template(engine)


@pytest.mark.parametrize("language", [pytest.param("en", marks=pytest.mark.slow), "zh"])
def test_length_and_words_hold_and_a_stopped_article_ends_the_same(
    engine: Engine, tmp_path: Path, language: str
) -> None:
    words = {"en": ("old harbour",), "zh": ("老港口",)}[language]
    wanted = order(language=language, required=words)
    writer = writer_of(engine, wanted)
    whole = piece_of(wanted, "One", "Two")
    writer.write(whole)
    found = check(whole)
    assert found.right, found
    assert all(has_word(whole.body, word) for word in words)

    place = tmp_path / "a.md.textmill.json"
    stopped = piece_of(wanted, "One", "Two", place=place)

    def stop(piece: Piece, number: int) -> None:
        if sum(map(len, piece.sections)) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        writer.write(stopped, stop)
    again = take_up(place, wanted, [], None)
    assert again is not None
    assert again.words == stopped.words > 0
    writer.write(again)
    assert again.body == whole.body

    again.clear(1)
    assert (again.joined(0), again.joined(1)) == ("", whole.joined(1))
    with pytest.raises(InputError):
        take_up(place, replace(wanted, words=60), [], None)
    with pytest.raises(InputError):
        again.clear(3)


def test_every_sentence_of_a_sourced_article_cites_and_is_supported(engine: Engine) -> None:
    sources = text_sources([("Bread", BAKERY)], "en")
    wanted = order(required=("loaves",), kind="news", words=40)
    piece = piece_of(wanted, "The bakery", sources=sources)
    scripted = Engine(script_runner(engine.tokenizer, "The weather was lovely today."), engine.tokenizer)
    writer_of(scripted, wanted, sources, chat=True).write(piece)
    said = [sentence for section in piece.sections for sentence in section]
    found = check(piece)
    assert found.right, found
    assert found.cited == found.quoted == len(said)  # what the model says, no source supports
    for sentence in said:
        assert sentence.text.count("[1]") == 1
        assert sentence.text.replace(" [1]", "").strip('".') + "." in BAKERY.replace('"', "")
    text = markdown(piece, headings=True)
    assert text.startswith("# Title\n\n## The bakery\n\n")
    assert text.endswith("## Sources\n\n- [1] Bread\n")


def test_sources_that_hold_too_little_make_a_short_article_that_is_told(engine: Engine) -> None:
    sources = text_sources([("B", "They bake 300 loaves every morning.")], "en")
    wanted = order(words=200)
    piece = piece_of(wanted, "Bread", sources=sources)
    scripted = Engine(script_runner(engine.tokenizer, "Every morning 300 loaves are baked."), engine.tokenizer)
    writer_of(scripted, wanted, sources, chat=True).write(piece)
    assert piece.body == "Every morning 300 loaves are baked [1]."
    found = check(piece)
    assert (found.words, found.right, found.dangling) == (6, False, 0)


@pytest.mark.parametrize(
    ("language", "title", "old", "new"),
    [
        ("en", "Boats", ("Old boats", "wood"), ("New boats", "steel", "speed")),
        ("zh", "渡船", ("老船", "木头"), ("新船", "钢板")),
    ],
)
def test_the_model_plans_under_a_grammar(
    engine: Engine, language: str, title: str, old: tuple[str, ...], new: tuple[str, ...]
) -> None:
    wanted = order(sections=2, language=language)
    sections = [{"heading": heading, "points": points} for heading, *points in (old, new)]
    said = json.dumps({"title": title, "sections": sections}, ensure_ascii=False)
    scripted = Engine(script_runner(engine.tokenizer, said, context=1024), engine.tokenizer)
    outline = writer_of(scripted, wanted, chat=True).outline(wanted)
    assert outline.as_dict() == {"title": title, "sections": sections}


def test_pages_escape_what_they_are_given() -> None:
    wanted = order(topic="<b>")
    piece = piece_of(wanted, "<script>")
    assert "<script>" not in html(piece, headings=True)
    assert docx(piece, headings=True)[:2] == b"PK"


def test_a_plan_has_no_forbidden_words_and_headings_are_checked(engine: Engine) -> None:
    wanted = order(forbidden=("steel",), sections=1)
    said = json.dumps({"title": "Boats", "sections": [{"heading": "Of steel", "points": ["wood"]}]})
    scripted = Engine(script_runner(engine.tokenizer, said, context=1024), engine.tokenizer)
    assert not has_word(writer_of(scripted, wanted, chat=True).outline(wanted).text, "steel")
    assert check(piece_of(wanted, "Of steel")).forbidden == ("steel",)


@pytest.mark.parametrize(
    ("text", "stutters"),
    [
        ("The boat and the boat house burned.", False),
        ("The boat left and then the boat left and stayed.", True),
        ("The boat boat left.", True),
        ("船走了，人也走了。", False),
        ("船走了，船走了。", False),
        ("老船走了，老船走了。", True),
    ],
)
def test_sentences_that_repeat_themselves_are_seen(text: str, stutters: bool) -> None:
    assert candidates.stutters(text) == stutters


def test_what_is_left_of_a_request_or_of_a_longer_sentence_is_not_taken() -> None:
    def said(text: str) -> Generation:
        return Generation(sample=0, seed=0, text=text, ids=(1, 2), log_probability=-1.0, finish_reason=END)

    wanted = order()
    found = candidates.judge(
        [said("The boat left, but,."), said("It should say: the boat left.")], wanted, "", "", None
    )
    assert [each.text for each in found] == ["The boat left, but."]
    assert candidates.judge([said("内容：渡船开了。")], order(language="zh"), "", "", None) == []


def test_personal_data_is_told_also_without_the_library_of_phone_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "Write to ana@example.org or call +1 650 253 0000."
    assert personal_data(text, "en")["email"] == 1

    def absent() -> None:
        raise MissingExtraError("corpus.missing_for", what="corpus.personal", package="phonenumbers")

    monkeypatch.setattr(personal, "library", absent)
    assert personal_data(text, "en") == {"email": 1}


@pytest.mark.parametrize("space", [False, True])
def test_the_grammar_of_a_sentence(space: bool) -> None:
    head = " " if space else ""
    english = re.compile(sentence_grammar("en", 3, 5, space=space))
    for text, fits in (
        ("The old boat left.", True),
        ("The boat.", False),
        ("The boat left at 3.5 knots.", False),
        ("The boat made 3.5 knots!", True),
        ("the old boat left.", False),
        ("The old boat left", False),
        ("The [1] boat left.", False),
    ):
        assert bool(english.fullmatch(head + text)) == fits, text
    chinese = re.compile(sentence_grammar("zh", 3, 6, word="渡船"))
    assert chinese.fullmatch("老渡船开了。")
    assert not chinese.fullmatch("老船开走了。")


def test_rows_and_a_file_from_the_command(run_textmill: Callable, tmp_path: Path) -> None:
    assert run_textmill("write", "--topic", "Boats", "--words", 0).code == 2
    assert run_textmill("write", "--topic", "Boats", "--out", "a.pdf").code == 2
    assert run_textmill("write", "--topic", "Boats", "--section", 2).code == 2
    (tmp_path / "there.md").write_text("mine", encoding="utf-8")
    taken = run_textmill("write", "--topic", "Boats", "--out", "there.md")
    assert taken.code == 2
    assert (tmp_path / "there.md").read_text(encoding="utf-8") == "mine"
    refused = run_textmill("write", "--topic", "Boats", "--sections", 999, "--json")
    assert refused.document["error"]["code"] == "write.sections"
