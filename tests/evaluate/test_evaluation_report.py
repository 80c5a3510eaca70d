"""The report of evaluations: figures of the results, models compared on the same items, text that cannot break out."""

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
from evaluation_results import write_results

from textmill.errors import InputError
from textmill.evaluate.evaluation_report.gather import gather
from textmill.evaluate.evaluation_report.markdown import evaluation_markdown
from textmill.evaluate.evaluation_report.page import evaluation_page
from textmill.i18n import set_language


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    good = [(-1.0, -2.0)] * 28 + [(-2.0, -1.0)] * 2
    poor = [(-1.0, -2.0)] * 12 + [(-2.0, -1.0)] * 18
    return [
        write_results(tmp_path, "good", good),
        write_results(tmp_path, "poor", poor),
        write_results(tmp_path, "other", good[:5], items="another"),
    ]


def test_what_is_compared(folders: list[Path]) -> None:
    (suite,) = gather(folders, items=4)["suites"]
    (pair,) = suite["pairs"]
    assert (pair["first"], pair["second"], pair["n"]) == ("good", "poor", 30)
    assert (pair["only_first"], pair["only_second"], pair["test"]) == (16, 0, "mcnemar")
    assert pair["p"] < 0.001 and pair["difference"] == pytest.approx(16 / 30)
    assert suite["other_items"] == ["other"]
    assert [item["name"] for item in suite["items"]] == ["q:12", "q:13", "q:14", "q:15"]  # where they differ
    said = suite["items"][0]["said"]
    assert said["good"]["figure"] == 1.0 and said["poor"]["figure"] == 0.0
    assert said["good"]["shares"] == pytest.approx([0.7310586, 0.2689414])


class Balanced(HTMLParser):
    """Sees that elements are closed in order and which there are."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.seen.add(tag)
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page(folders: list[Path], language: str) -> None:
    set_language(language)
    text = evaluation_page(gather(folders))
    page = Balanced()
    page.feed(text)
    assert not page.open and "script" not in page.seen and "http" not in text.split("</style>")[1]
    for shown in ("93.3%", "40.0%", "good", "poor", "q:12", "-1.00"):
        assert shown in text
    assert ("no difference" not in text) and (("scores higher" in text) == (language == "en"))


def test_markdown(folders: list[Path]) -> None:
    text = evaluation_markdown(gather(folders))
    assert "| quiz | good | 93.3% | 78.7% – 98.2% | 30 | accuracy | chance 50.0%; longest choice: 40.0% |" in text
    assert "good scores higher" in text and "10 drawn for each item (seed 1234 + its place)" in text
    assert "2 prompts are longer than the model's context" in text


def test_nothing_to_show(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        gather([tmp_path])


def test_results_of_one_model_are_told_apart(tmp_path: Path) -> None:
    places = [tmp_path / name for name in ("a/main", "b/main", "c/main", "a/main-chat", "a/other")]
    made = [write_results(place.parent, place.name, [(-1.0, -2.0)]) for place in places]
    for place, path, chat in zip(
        made,
        ("fp32 (torch on cpu)", "bf16 (compiled kernels)", "bf16 (torch on cpu)", "bf16", "bf16"),
        "   x ",
        strict=True,
    ):
        result = json.loads((place / "quiz.json").read_text())
        result["model"] |= {"name": place.name.removesuffix("-chat"), "chat": "own" if chat == "x" else ""}
        result["path"] = path
        (place / "quiz.json").write_text(json.dumps(result))
    set_language("en")
    names = [model["name"] for model in gather(made)["models"]]
    assert names == ["main · fp32", "main · bf16 · b", "main · bf16 · c", "main · chat template", "other"]
    again = [model["name"] for model in gather([made[0], made[0]])["models"]]
    assert again == ["main · fp32 · a (1)", "main · fp32 · a (2)"]
    text = evaluation_markdown(gather(made))
    assert "main · chat template: Asked through the checkpoint's own chat template" in text
    assert {pair["first"] for pair in gather(made)["suites"][0]["pairs"]} == set(names[:4])
