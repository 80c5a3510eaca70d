"""Every quote is a piece of its text, whoever found it; aspects are judged by what their clause says."""

import json
import random

import pytest
from praise_and_blame import judge, sentences
from small_tuning import model_folder

from textmill.apps.sentiment.aspects import find, find_all
from textmill.apps.sentiment.extraction import ITEM, Extractor, grammar_of, spans_of, written
from textmill.infer.constraints import LARK, compile_grammar
from textmill.infer.engine.build import EngineSettings, build_engine
from textmill.infer.resolve import LoadedModel, load


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    """A model with random weights."""
    folder = model_folder(tmp_path_factory.mktemp("models") / "tiny")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"max_position_embeddings": 2048}))  # rotary: any will do
    return load(str(folder), None)


def test_what_is_praised_and_what_is_blamed():
    found = find(judge(), None, "The room was clean, but the staff was rude. Delicious breakfast!")
    assert [(aspect.aspect, aspect.label) for aspect in found] == [
        ("room", "positive"), ("staff", "negative"), ("breakfast", "positive"),
    ]  # fmt: skip
    assert "rude" in found[1].opinion
    assert 0.5 < found[1].probability <= 1


def test_chinese_aspects():
    found = find(judge(), None, "酒店的房间很干净，就是服务员很粗鲁。早餐太难吃了！")
    assert [(aspect.aspect, aspect.label) for aspect in found] == [
        ("房间", "positive"), ("服务员", "negative"), ("早餐", "negative"),
    ]  # fmt: skip
    assert found[0].opinion == "很干净"


@pytest.mark.parametrize("text", ["", "?!", "We came on Monday.", "a" * 5000, "他" * 3000])
def test_texts_that_say_nothing(text):
    assert all(quotes_are_true(text, find(judge(), None, text)) for text in [text])


def quotes_are_true(text, found) -> bool:
    return all(
        text[slice(*aspect.at)] == aspect.aspect and text[slice(*aspect.opinion_at)] == aspect.opinion
        for aspect in found
    )


def mixed_texts(count: int) -> list[str]:
    """Returns texts of sentences with whatever signs between them."""
    lot = random.Random(3)
    signs = ['"', "\\", "\n", "{", "'", "😀", " ", "…", "\u202e", "é", "，", "0"]
    rows = [text for text, _ in sentences(2 * count, 5)]
    lot.shuffle(rows)
    return [
        "".join(lot.choice(signs) + part for part in f"{first} {second}".split(" "))
        for first, second in zip(rows[:count], rows[count:], strict=True)
    ]


def test_quotes_without_a_model_are_verbatim():
    texts = mixed_texts(300)
    found = find_all(judge(), None, texts)
    assert sum(map(len, found)) > 100
    assert all(quotes_are_true(text, aspects) for text, aspects in zip(texts, found, strict=True))


def test_the_grammar_knows_no_other_words(loaded):
    for text in mixed_texts(12):
        grammar = compile_grammar(loaded.tokenizer, LARK, grammar_of(text))
        lot = random.Random(text)
        for _ in range(3):
            matcher, ids = grammar.matcher(), list[int]()
            while not matcher.complete and len(ids) < 200:
                ids.append(lot.choice(matcher.allowed().nonzero().flatten().tolist()))
                matcher.take(ids[-1])
            answer = loaded.tokenizer.decode(ids)
            for quotes in ITEM.findall(answer):
                assert all(quote in text for quote in quotes), (text, answer)
            for aspect, opinion in spans_of(text, answer):
                assert text[slice(*opinion)] in answer
                assert aspect is None or text[slice(*aspect)] in answer


def test_the_examples_of_the_prompt_are_quotes_too():
    from textmill.apps.sentiment.extraction import EXAMPLES

    for examples in EXAMPLES.values():
        for text, pairs in examples:
            assert len(list(spans_of(text, written(pairs)))) == len(pairs)


def test_of_two_places_the_nearest_is_meant():
    text = "The bar was fine. The pool bar was loud."
    ((aspect, opinion),) = spans_of(text, '[{"aspect": "bar", "opinion": "was loud"}]')
    assert text[slice(*opinion)] == "was loud"
    assert aspect == (27, 30)


@pytest.mark.parametrize("answer", ["", "[", '[{"aspect": "x', '[{"aspect": "gone", "opinion": "never said"}]'])
def test_answers_that_were_cut_or_are_wrong_hold_nothing(answer):
    assert list(spans_of("The bar was fine.", answer)) == []


def test_a_model_writes_nothing_but_quotes(loaded):
    texts = [*mixed_texts(6), "The room was clean. " * 60, "", "😀"]
    engine = build_engine(loaded, EngineSettings(weights="fp32"))
    extractor = Extractor(engine, loaded.tokenizer, loaded.model.config.context)
    found = find_all(judge(), extractor, texts)
    assert len(found) == len(texts)
    assert sum(map(len, found)) > 0
    assert extractor.failed == 0
    assert all(quotes_are_true(text, aspects) for text, aspects in zip(texts, found, strict=True))


def test_a_text_that_does_not_fit_the_context_is_counted(tmp_path):
    loaded = load(str(model_folder(tmp_path / "tiny")), None)  # with a context of 96 tokens
    extractor = Extractor(
        build_engine(loaded, EngineSettings(weights="fp32")), loaded.tokenizer, loaded.model.config.context
    )
    assert extractor.pairs(["The room was clean. " * 30]) == [[]]
    assert extractor.failed == 1
    extractor.pairs(["fine"])
    assert extractor.failed == 1, "fewer examples, and it fits"
