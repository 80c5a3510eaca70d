"""The quality model: what it learns in both languages, what it says of itself, its file, and its command."""

import json
import random
from pathlib import Path

import numpy as np
import pytest

from textmill.cli.main import main
from textmill.data.cleaning import quality_training
from textmill.data.cleaning.quality import QualityModel, features, load, save
from textmill.data.cleaning.quality_training import area_under_curve, fit, rows_of, train, wilson
from textmill.data.corpus import Corpus
from textmill.errors import InputError

GOOD_WORDS = {
    "en": "the harbour was quiet and old man carved a small ship from driftwood while women mended nets",
    "zh": "港口 安静 老人 用 木头 刻 了 一只 小船 女人 在 码头 补 渔网 孩子 敲钟",
}
BAD_WORDS = {
    "en": "buy cheap click now best price free offer deal win bonus code online sale today",
    "zh": "免费 点击 领取 优惠 加微信 秒杀 代理 赚钱 立即 下单 包邮 返利 红包 注册",
}


def texts_of(language: str, count: int, seed: int = 0) -> tuple[list[str], list[bool]]:
    """Returns texts of which the good ones have mostly good words and the bad ones mostly bad ones."""
    choose, glue = random.Random(seed), " " if language == "en" else ""
    texts, labels = [], []
    for number in range(count):
        good = number % 2 == 0
        share = 0.65 if good else 0.35
        words = [
            choose.choice((GOOD_WORDS if choose.random() < share else BAD_WORDS)[language].split()) for _ in range(40)
        ]
        texts.append(glue.join(words) + (f" {number}" if language == "en" else f"{number}"))
        labels.append(good)
    return texts, labels


@pytest.fixture(scope="module")
def models() -> dict[str, QualityModel]:
    return {language: train(*texts_of(language, 120)) for language in ("en", "zh")}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_it_tells_new_texts_apart_as_well_as_it_says(models: dict[str, QualityModel], language: str) -> None:
    model = models[language]
    texts, labels = texts_of(language, 400, seed=1)
    scores = np.array([model.score(text) for text in texts])
    good = np.array(labels)
    area, low, high = area_under_curve(scores[good], scores[~good])
    assert area > 0.9
    assert low <= model.facts["auc_high"] and high >= model.facts["auc_low"]
    assert model.facts["accuracy_low"] < model.facts["accuracy"] < model.facts["accuracy_high"]
    assert model.facts["accuracy_of_guessing"] == 0.5
    # Calibrated: of the texts scored about p, about p are good.
    for lower, upper in ((0.0, 0.3), (0.7, 1.0)):
        chosen = (scores >= lower) & (scores <= upper)
        assert abs(good[chosen].mean() - scores[chosen].mean()) < 0.12


def test_what_has_nothing_to_learn_is_scored_at_chance() -> None:
    texts, labels = texts_of("en", 120)
    random.Random(3).shuffle(labels)
    facts = train(texts, labels).facts
    assert facts["auc_low"] < 0.5 < facts["auc_high"]


def test_equal_texts_never_stand_on_both_sides_of_a_fold() -> None:
    folds = quality_training.folds_of(["a", "b", "a", "c", "b"])
    assert folds[0] == folds[2] and folds[1] == folds[4]


def test_the_fit_is_at_the_minimum() -> None:
    """No small step in any direction of its features lowers the loss that it says it minimises."""
    rows = rows_of(*texts_of("en", 40))
    weights, bias = fit(rows)

    def loss(weights: np.ndarray, bias: float) -> float:
        margins = rows.margins(weights, bias)
        signs = np.where(rows.labels > 0, 1.0, -1.0)
        each = np.log1p(np.exp(-signs * margins))
        return float(each.mean() + (weights**2).sum() / 2 / (quality_training.STRENGTH * len(rows.labels)))

    least = loss(weights, bias)
    choose = np.random.default_rng(0)
    for _ in range(20):
        step = np.zeros_like(weights)
        step[np.unique(rows.places)] = choose.normal(size=len(np.unique(rows.places)))
        assert loss(weights + 0.1 * step / np.linalg.norm(step), bias) > least - 1e-6
    assert loss(weights, bias + 0.05) > least and loss(weights, bias - 0.05) > least


def test_features_are_of_one_length_and_the_same_everywhere() -> None:
    for text in ("", "x", "字", "The old man.\n\n字" * 5000, "\ud800 lone"):
        places, values = features(text)
        assert np.linalg.norm(values) == pytest.approx(1, abs=1e-5)
        assert len(np.unique(places)) == len(places)
    assert features("The harbour, 港口")[0][:5].tolist() == features("The harbour, 港口")[0][:5].tolist()


def test_the_area_counts_pairs() -> None:
    choose = np.random.default_rng(0)
    good, bad = choose.normal(1, 1, 30).round(1), choose.normal(0, 1, 40).round(1)
    pairs = [(a > b) + (a == b) / 2 for a in good for b in bad]
    area, low, high = area_under_curve(good, bad)
    assert area == pytest.approx(np.mean(pairs))
    assert 0 <= low < area < high <= 1
    assert wilson(0.5, 100) == (pytest.approx(0.4038, abs=1e-3), pytest.approx(0.5962, abs=1e-3))


def test_a_saved_model_scores_the_same(models: dict[str, QualityModel], tmp_path: Path) -> None:
    file = tmp_path / "quality.safetensors"
    save(models["zh"], file)
    again = load(file)
    assert again.score("老人在港口敲钟") == models["zh"].score("老人在港口敲钟")
    assert again.facts == models["zh"].facts


@pytest.mark.parametrize("damage", ["cut", "text", "missing", "other"])
def test_a_file_that_is_no_model(models: dict[str, QualityModel], tmp_path: Path, damage: str) -> None:
    from safetensors.numpy import save_file

    file = tmp_path / "quality.safetensors"
    save(models["en"], file)
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:1000])
    elif damage == "text":
        file.write_text("not a model")
    elif damage == "missing":
        file.unlink()
    else:
        save_file({"weights": np.zeros(3, dtype=np.float32)}, file)
    with pytest.raises(InputError) as caught:
        load(file)
    assert caught.value.key == "cleaning.quality_damaged"


def test_the_command_learns_from_labels_and_a_build_uses_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts, labels = texts_of("en", 60)
    rows = [{"text": text, "label": "good" if label else 0} for text, label in zip(texts, labels, strict=True)]
    file, model = tmp_path / "labels.jsonl", tmp_path / "q.safetensors"
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    assert main(["corpus", "quality", "train", str(file), "--out", str(model), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["good"], shown["bad"]) == (30, 30) and shown["auc"] > 0.8
    (tmp_path / "in").mkdir()
    (tmp_path / "in/good.txt").write_text(texts[0], encoding="utf-8")
    (tmp_path / "in/bad.txt").write_text(texts[1], encoding="utf-8")
    command = ["corpus", "build", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--json"]
    assert main([*command, "--clean.quality_model", str(model), "--clean.minimum_quality", "0.5"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["documents"] == 1
    assert [row["reason"] for row in shown["dropped"]] == ["quality"]
    (kept,) = Corpus.open(tmp_path / "out").documents()
    assert kept.text == texts[0]
    assert kept.meta["quality"] == round(load(model).score(texts[0]), 4) >= 0.5


def test_the_command_learns_from_folders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts, labels = texts_of("zh", 50)
    for number, (text, label) in enumerate(zip(texts, labels, strict=True)):
        folder = tmp_path / ("good" if label else "bad")
        folder.mkdir(exist_ok=True)
        (folder / f"{number}.txt").write_text(text, encoding="utf-8")
    folders = ["--good", str(tmp_path / "good"), "--bad", str(tmp_path / "bad")]
    assert main(["corpus", "quality", "train", *folders, "--out", str(tmp_path / "m")]) == 0
    assert "25" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ('{"text": "x", "label": "good"}', "cleaning.quality_few"),
        ('{"text": "x", "label": "maybe"}', "cleaning.labels_line"),
        ('{"text": "x"}', "cleaning.labels_line"),
        ("not json", "cleaning.labels_line"),
        ("[1]", "cleaning.labels_line"),
    ],
)
def test_bad_labels_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str], lines: str, code: str) -> None:
    file = tmp_path / "labels.jsonl"
    file.write_text(lines, encoding="utf-8")
    assert main(["corpus", "quality", "train", str(file), "--out", str(tmp_path / "m"), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == code
    assert not (tmp_path / "m").exists()


def test_nothing_to_learn_from(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["corpus", "quality", "train", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "cli_corpus_quality_train.nothing"
