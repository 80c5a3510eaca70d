"""Where sentences end, in two languages; nothing of a text is lost."""

import random

import pytest

from textmill.data.sentences import clauses, sentences


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Dr. Smith left. He was tired.", 2),
        ("It cost $3.50 today! Then e.g. this, i.e. that. See fig. 3 for more.", 3),
        ('"Why?" she asked. "Go." A. B. Smith came.', 3),
        ("The U.S. is big. So is China.", 2),
        ("1. First\n2. Second item.", 2),
        ("他说：“走吧！”然后走了。天黑了。真的吗？是的……也许。", 5),  # text data
        ("Hello! 你好！I am Tom. 我是汤姆。", 4),  # text data
        ("no end", 1),
        ("", 0),
        ("Visit www.example.org. Now.", 2),
    ],
)
def test_how_many(text: str, count: int) -> None:
    assert len(list(sentences(text))) == count


def test_a_text_comes_together_again() -> None:
    drawn = random.Random(0)
    signs = 'ab A.!?。！？；…，, \n\t“”’"()（）1Dr. é 猫\u200f\U0001f600'  # text data
    for _ in range(500):
        text = "".join(drawn.choices(signs, k=drawn.randint(0, 60)))
        assert "".join(sentences(text)) == text
        assert "".join(clauses(text)) == text


def test_clauses_of_a_long_sentence() -> None:
    text = "When the rain came, everybody ran inside; the dog, of course, stayed where it was."
    assert len(list(clauses(text))) == 4
