"""How a text speaks, counted; and where two texts differ."""

import pytest

from textmill.apps.write.manner import Manner, manner
from textmill.apps.write.order import Order
from textmill.apps.write.variants import GONE, KEPT, NEW, changes, changes_page, shared


def measured(*sentences: str, **changes: object) -> Manner:
    return manner(sentences, Order(**({"kind": "post", "topic": "Boats", "language": "en"} | changes)))  # type: ignore[arg-type]


def test_nothing_asked_for_is_nothing_kept_or_broken() -> None:
    found = measured("The old boat left [1].", "It was blue.")
    assert (found.level_kept, found.person_kept, found.tone_kept) == (None, None, None)
    assert found.sentence_length == 3.5
    assert measured("船走了。", language="zh").grade is None


def test_long_words_in_long_sentences_are_of_a_higher_grade() -> None:
    simple = "The cat sat on the mat and we all saw it."
    hard = "Contemporary administrative organisations considerably underestimate institutional communication."
    low, high = measured(simple, level="simple"), measured(hard, level="simple")
    assert low.grade is not None and high.grade is not None and low.grade < 4 < 12 < high.grade
    assert (low.level_kept, high.level_kept) == (True, False)


@pytest.mark.parametrize(
    ("sentence", "more", "name", "kept"),
    [
        ("We saw the boat.", {"person": "third"}, "person", False),
        ('She said "we saw the boat" twice.', {"person": "third"}, "person", True),
        ("We saw the boat.", {"person": "first"}, "person", True),
        ("They saw the boat.", {"person": "first"}, "person", False),
        ("你看见了船。", {"person": "third", "language": "zh"}, "person", False),
        ("It's a fine boat.", {"tone": "formal"}, "tone", False),
        ("The boat's mast is tall.", {"tone": "formal"}, "tone", True),
        ("The boat is fine!", {"tone": "warm"}, "tone", None),
        ("这条船真好啊。", {"tone": "正式", "language": "zh"}, "tone", False),
    ],
)
def test_person_and_tone(sentence: str, more: dict[str, object], name: str, kept: bool | None) -> None:
    assert getattr(measured(sentence, **more), f"{name}_kept") is kept


def test_changes_are_words_and_characters_and_lose_nothing() -> None:
    one, other = "The old boat left at noon.", "The new boat left at noon!"
    found = changes(one, other)
    assert (GONE, "old") in found and (NEW, "new") in found
    assert "".join(text for kind, text in found if kind != NEW) == one
    assert "".join(text for kind, text in found if kind != GONE) == other
    assert 0.7 < shared(found) < 1 == shared(changes(one, one))
    assert changes("老船走了。", "新船走了。") == [(GONE, "老"), (NEW, "新"), (KEPT, "船走了。")]
    page = changes_page("<b>", "en", [("2", changes("<i>", "<u>"))])
    assert "<i>" not in page and "&lt;" in page and "<ins>" in page
