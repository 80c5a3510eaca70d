"""A judge on tiny models: labels' scores are the model's own, prior and blend do what they say, windows are even."""

from pathlib import Path

import numpy as np
import pytest
import torch
from small_tuning import model_folder

from textmill.apps.sentiment.calibration import softmax
from textmill.apps.sentiment.form import BOTH, Blend, Form, read_form
from textmill.apps.sentiment.judge import Judge, open_judge
from textmill.apps.sentiment.labels import answers_of, form_of, in_order, told_apart
from textmill.apps.sentiment.reading import LabelReader, parts_of
from textmill.apps.sentiment.screening import screened
from textmill.apps.sentiment.words import train_words
from textmill.config_sentiment import SentimentSettings
from textmill.errors import InputError, ModelError
from textmill.infer.resolve import LoadedModel, load

TEXTS = ("the cat sat on the mat and was happy", "the dog sat", "猫坐在垫子上", "a" * 3 + " cat " * 60)  # text data
SEQUENCES = ("the cat", "the dog", "a log")
"""Labels that begin alike, so that their words are scored whole."""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    return load(str(model_folder(tmp_path_factory.mktemp("models") / "tiny")), None)


def form(labels: tuple[str, ...], **changes: object) -> Form:
    made = form_of(labels, SentimentSettings())
    values = {name: getattr(made, name) for name in ("labels", "answers")}
    return Form(**values | {"suffix": " cat", "window": 24} | changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("labels", [("a", "t", "s"), SEQUENCES])
def test_scores_are_the_models_own(loaded: LoadedModel, labels: tuple[str, ...]) -> None:
    """By hand: every label behind every part, through the plain forward pass."""
    reader = LabelReader(loaded, form(labels), precision="fp32")
    assert reader.prompt.one_token == (labels != SEQUENCES)
    scores, windows = reader.scores(TEXTS)
    for number, text in enumerate(TEXTS):
        ids = loaded.tokenizer.encode(text)
        parts = parts_of(ids, reader.window)
        assert windows[number] == len(parts)
        by_hand = np.zeros(len(labels))
        for part in parts:
            read = [*reader.prompt.before, *part, *reader.prompt.after]
            for place, answer in enumerate(reader.prompt.answers):
                with torch.no_grad():
                    logits = loaded.model(torch.tensor([[*read, *answer]]))[0]
                if reader.prompt.one_token:
                    told = float(logits[len(read) - 1, answer[0]])
                else:
                    rows = logits[len(read) - 1 : -1].log_softmax(dim=-1)
                    told = float(rows[range(len(answer)), list(answer)].mean())
                by_hand[place] += told * len(part) / len(ids)
        assert np.allclose(scores[number], by_hand, atol=1e-4)


def test_long_texts_are_cut_into_even_parts() -> None:
    ids = list(range(1000))
    parts = parts_of(ids, 300)
    assert [len(part) for part in parts] == [250] * 4
    assert [id for part in parts for id in part] == ids
    assert parts_of([], 300) == [()]


def test_a_plain_judge_takes_its_prior_off(loaded: LoadedModel) -> None:
    """What a model would answer to nothing at all must not decide: texts without content are judged evenly."""
    from textmill.apps.sentiment.judge import plain_judge
    from textmill.apps.sentiment.reading import CONTENT_FREE

    judge = plain_judge(loaded, form(("a", "t", "s")), precision="fp32")
    scores = judge.label_scores(CONTENT_FREE)
    centred = scores - scores.mean(axis=1, keepdims=True)
    assert np.allclose(centred.mean(axis=0), 0, atol=1e-4)
    assert max(abs(value) for value in judge.form.prior) > 0.01


def test_what_is_told(loaded: LoadedModel) -> None:
    judge = Judge(form(("a", "t", "s"), threshold=0.4), reader=LabelReader(loaded, form(("a", "t", "s"))))
    german = "Das ist ein wirklich schlechter Film gewesen, leider."
    texts = ["the cat sat on the mat", "", "!?!", german, "猫坐在垫子上"]  # text data
    found = judge.judge(texts)
    assert [one.abstained for one in found] == ["", "empty", "empty", "language", ""]
    chances = softmax(judge.label_scores(texts))
    for number in (0, 4):
        one = found[number]
        assert list(one.probabilities.values()) == pytest.approx(chances[number].tolist(), abs=1e-3)
        assert sum(one.probabilities.values()) == pytest.approx(1)
        assert one.set == tuple(label for label, value in one.probabilities.items() if value >= 0.4)
        assert one.unsure == (len(one.set) != 1)
    assert found[1].label == "" and found[1].unsure and found[1].as_dict()["label"] is None
    assert judge.judge([]) == []


def test_sets_without_calibration_reach_the_coverage(loaded: LoadedModel) -> None:
    judge = Judge(form(("a", "t", "s"), coverage=0.8), reader=LabelReader(loaded, form(("a", "t", "s"))))
    for one in judge.judge(["the cat sat", "a dog on a log", "the mat"]):
        kept = [one.probabilities[label] for label in one.set]
        assert sum(kept) >= 0.8 - 1e-9
        assert sum(kept) - min(kept) < 0.8


def test_a_blend_is_a_weighted_sum(loaded: LoadedModel) -> None:
    labels = ("a", "t", "s")
    texts = ["good cat", "bad dog", "so so log"] * 4
    words = train_words(texts, np.array([0, 1, 2] * 4), 3)
    reader = LabelReader(loaded, form(labels))
    shift = (0.5, -0.25, -0.25)
    made = form(labels, use=BOTH, prior=(1.0, 2.0, 3.0), blend=Blend(model=0.3, words=2.0, shift=shift))
    read, said = reader.scores(texts)[0] - np.array([1.0, 2.0, 3.0]), words.scores(texts)
    read, said = (part - part.mean(axis=1, keepdims=True) for part in (read, said))
    expected = 0.3 * read + 2 * said + np.array(shift)
    assert np.allclose(Judge(made, reader=reader, words=words).label_scores(texts), expected)


def test_forms_come_back(tmp_path: Path) -> None:
    made = form(("0", "1"), blend=Blend(model=2.0, words=0.5, shift=(0.1, -0.1)), prior=(1.0, 2.0), threshold=0.3)
    made.write(tmp_path)
    assert read_form(tmp_path) == made
    (tmp_path / "sentiment.json").write_text('{"format": 1, "labels": 3}')
    with pytest.raises(ModelError):
        read_form(tmp_path)
    (tmp_path / "sentiment.json").write_text('{"format": 99}')
    with pytest.raises(ModelError, match="version"):
        open_judge(str(tmp_path), None)


def test_labels_and_their_words() -> None:
    assert in_order(["10", "9", "1"]) == ("1", "9", "10")
    assert in_order(["positive", "mixed", "negative"]) == ("negative", "positive", "mixed")
    assert in_order(["好评", "差评"]) == ("差评", "好评")  # text data
    assert in_order(["refund", "delivery"]) == ("delivery", "refund")
    assert answers_of(("0", "1")) == (" negative", " positive")
    assert answers_of(("差评", "好评")) == (" negative", " positive")  # text data
    assert answers_of(("delivery", "refund")) == (" delivery", " refund")
    for labels in ((), ("one",), ("same", "same"), ("a", " ")):
        with pytest.raises(InputError):
            form_of(labels, SentimentSettings())


def test_labels_that_begin_alike_are_told_by_letters(loaded: LoadedModel) -> None:
    alike = form(SEQUENCES)
    assert told_apart(alike, loaded.tokenizer).answers == (" A", " B", " C")
    assert told_apart(form(("a", "t")), loaded.tokenizer).answers == (" a", " t")
    with pytest.raises(InputError):
        told_apart(form(tuple(f"the {number}" for number in range(60))), loaded.tokenizer)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        (" \n\t", "empty"),
        ("......", "empty"),
        ("👍", ""),
        ("ok", ""),
        ("hmm, pfft", ""),
        ("不错", ""),  # text data
        ("5/5", ""),
        ("asdkjh qwlkjzz xcvbnm", "nonsense"),
        ("x" * 400, "nonsense"),
        ("good " * 100, ""),
        ("老板很友好，房间干净。" * 100, ""),  # text data
        ("啊" * 400, "nonsense"),  # text data
        ("el servicio fue muy malo y la comida estaba fría, no volveremos", "language"),
        ("このホテルはとても良かったです", "language"),  # text data
        ("The room was clean and the staff were friendly.", ""),
        ("房间很干净，wifi 也很快", ""),  # text data
    ],
)
def test_what_is_not_judged(text: str, why: str) -> None:
    assert screened(text, ("en", "zh")) == why
    if why == "language":
        assert screened(text, ()) == ""
