"""Dialogues out of threads: who is who, which answer, and how a thread's posts are found in its text again."""

import json
from pathlib import Path

import pytest
from corpus_helpers import build
from input_samples import dump_rows
from test_inputs_threads import COMMENTS, POSTS

from textmill.data.dialogues import Said, conversation, dialogues, posts_of


def said(id: str, author: str, text: str, answers: str = "", score: int | None = None, accepted: bool = False) -> Said:
    return Said(id=id, author=author, text=text, answers=answers, score=score, accepted=accepted)


QUESTION = said("1", "a", "Why?")


@pytest.mark.parametrize(
    ("posts", "expected"),
    [
        ([], []),
        ([QUESTION], []),
        ([QUESTION, said("2", "b", "So.", "1")], ["T\n\nWhy?", "So."]),
        ([QUESTION, said("2", "b", "So.", "1", 1), said("3", "c", "Best.", "1", 5)], ["T\n\nWhy?", "Best."]),
        ([QUESTION, said("2", "b", "So.", "1", -2, True), said("3", "c", "Best.", "1", 5)], ["T\n\nWhy?", "So."]),
        ([QUESTION, said("2", "b", "So.", "1", 0)], []),
        ([QUESTION, said("2", "a", "Myself.", "1")], []),
        (
            [QUESTION, said("2", "b", "So.", "1"), said("3", "c", "No!", "2"), said("4", "a", "Oh?", "2"),
             said("5", "c", "No.", "4"), said("6", "b", "Yes.", "4")],
            ["T\n\nWhy?", "So.", "Oh?", "Yes."],
        ),
        ([QUESTION, said("2", "b", "So.", "1"), said("3", "a", "Thanks.", "2")], ["T\n\nWhy?", "So."]),
        ([QUESTION, said("2", "b", "A flat forum."), said("3", "c", "Later.")], ["T\n\nWhy?", "A flat forum."]),
    ],
)  # fmt: skip
def test_conversation(posts: list[Said], expected: list[str]):
    messages = conversation(posts, "T", 1)
    assert [message["content"] for message in messages] == expected
    assert [message["role"] for message in messages] == ["user", "assistant"] * (len(expected) // 2)


def test_posts_are_found_again(tmp_path: Path):
    first = {"author": "A", "text": "one \r\n\r\nB: not a post", "score": 3}
    row = {"title": "T", "posts": [first, {"author": "B", "text": " two\x00 "}, {"author": "A", "text": "three"}]}
    document = next(build(tmp_path, {"t.jsonl": json.dumps(row)}).documents())
    assert [(post.author, post.text) for post in posts_of(document)][-1] == ("A", "three")
    corpus = build(tmp_path, {"Posts.xml": dump_rows("posts", POSTS), "Comments.xml": dump_rows("comments", COMMENTS)})
    thread = next(document for document in corpus.documents() if "Posts.xml" in document.source)
    assert [post.text for post in posts_of(thread)] == [
        "How do I store it?\n\n```\nx = 1\n```",
        "In the dark.",
        "In a jar.",
        "With a lid?",
    ]


def test_rows(tmp_path: Path):
    corpus = build(tmp_path, {"Posts.xml": dump_rows("posts", POSTS), "a.txt": "No thread."})
    row, nothing = dialogues(corpus, "train", 1)
    assert nothing is None
    assert row is not None
    assert (row["source"], row["licence"]) == ("in/Posts.xml:1", "CC BY-SA 4.0")
    assert row["messages"][0]["content"].startswith("Storing &amp; more\n\nHow do I store it?")
    assert row["messages"][1] == {"role": "assistant", "content": "In the dark."}
    assert list(dialogues(corpus, "validation", 1)) == []


def test_the_command(run_textmill, tmp_path: Path):
    build(tmp_path, {"Posts.xml": dump_rows("posts", POSTS)})
    out = tmp_path / "d.jsonl"
    result = run_textmill("corpus", "dialogues", "--corpus", tmp_path / "out", "--out", out, "--json").ok()
    assert result.document == {"file": str(out), "dialogues": 1, "messages": 2, "threads": 2}
    assert len(out.read_text(encoding="utf-8").splitlines()) == 1
    build(tmp_path / "in", {"a.txt": "No thread."})
    failed = run_textmill("corpus", "dialogues", "--corpus", tmp_path / "in" / "out", "--out", tmp_path / "n.jsonl")
    assert failed.code == 2
    assert not (tmp_path / "n.jsonl").exists()
