"""Articles of one's own: read as orders, learned from, and a kind that writes more of them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from small_tuning import model_folder
from tiny_models import tiny_config, tiny_model

from textmill.apps.write.asking import section_request
from textmill.apps.write.examples import held_out, parse, points, read_examples
from textmill.apps.write.kinds import read_kind
from textmill.apps.write.learning import conversations, make_kind_of, person_of, write_kind
from textmill.apps.write.order import Order
from textmill.errors import InputError
from textmill.model.hub import save_model
from textmill.project import Project
from textmill.tokenizer.tokenizer import Tokenizer

HEADED = """---
topic: boats of the river
language: en
---
# The old boats

## Wood

We build them of oak, which lasts. Ana plans every plank.

## Paint

I paint mine blue. Others like red better than blue.
"""
PLAIN = "河边的渡船\n\n老渡船每天早上六点开。船工林娜说，今年的水很大。\n\n人们坐船过河去上班，也去看望朋友。\n"
FEW = (
    *("--train.compile=off", "--train.threads=1", "--train.steps=8", "--train.batch_tokens=192"),
    *("--checkpoint.every=8", "--evaluate.every=8", "--evaluate.sample_every=0", "--train.learning_rate=0.01"),
)


def write_articles(folder: Path, count: int) -> Path:
    folder.mkdir()
    for number in range(count):
        text = (
            f"# Boat {number}\n\nWe built boat {number} of oak. It left at {number} and we all saw it leave the town.\n"
        )
        (folder / f"{number}.md").write_text(text + "\nI still like it more than all the others that we had.\n")
    return folder


def test_an_article_is_read_as_its_order() -> None:
    found = parse(HEADED, "file")
    assert found is not None and (found.topic, found.title, found.language) == (
        "boats of the river",
        "The old boats",
        "en",
    )
    assert [heading for heading, _ in found.sections] == ["Wood", "Paint"] and found.headed
    section = found.outline.sections[0]
    assert section.points == ("We build them of oak", "Ana plans every plank") and section.words == 11
    plain = parse(PLAIN, "file")
    assert plain is not None and (plain.title, plain.language, plain.headed) == ("河边的渡船", "zh", False)
    assert plain.sections[0][1].startswith("老渡船") and plain.sections[0][1].endswith("朋友。")
    untitled = parse("One line that is no title. It goes on.\n", "my-file_name")
    assert untitled is not None and untitled.title == "my file name"
    assert parse("# Only a title\n", "x") is None
    assert all(len(each) <= 80 for each in points("word " * 200 + ".", "en"))


def test_what_is_learned_is_what_the_writer_will_ask(tmp_path: Path) -> None:
    examples, unread = read_examples([write_articles(tmp_path / "a", 12)])
    (tmp_path / "a" / "short.txt").write_text("Too short.\n")
    assert (len(examples), unread, read_examples([tmp_path / "a"])[1]) == (12, 0, 1)
    kind = make_kind_of("boats", examples)
    assert (kind.person, kind.headings) == ("first", False)
    write_kind(kind, tmp_path / "kind.toml")
    assert read_kind(tmp_path / "kind.toml", "boats") == kind
    kept_out = held_out(examples, 0.02)
    rows = conversations(examples, kind, kept_out)
    assert sum(row["split"] == "validation" for row in rows) == len(kept_out) == 1
    first = examples[0]
    order = Order(kind="boats", topic=first.topic, language="en")
    asked = section_request(kind, order, first.outline, first.outline.sections[0])
    assert rows[0]["messages"][0]["content"].endswith(asked)
    assert rows[0]["messages"][1]["content"] == first.sections[0][1]
    third = [parse("# Boats\n\nThe boat left the town. It came back at noon.\n", "x")]
    assert person_of([each for each in third if each]) == "third"


def test_too_little_to_learn_from_is_named(tmp_path: Path) -> None:
    for count, key in ((0, "write.examples_none"), (3, "write.examples_few")):
        with pytest.raises(InputError) as caught:
            read_examples([write_articles(tmp_path / str(count), count)])
        assert caught.value.key == key


def test_a_voice_is_tuned_measured_and_used(project: Project, run_textmill: Callable, tmp_path: Path) -> None:
    model_folder(tmp_path / "base")
    vocabulary = Tokenizer.load(tmp_path / "base").vocabulary_size
    save_model(tiny_model(tiny_config(vocabulary_size=vocabulary, context=512)), tmp_path / "base")
    write_articles(tmp_path / "articles", 12)
    words = ("tune", "write", "--model", tmp_path / "base", "--data", tmp_path / "articles", "--name", "boats")
    told = run_textmill(*words, *FEW, "--method", "lora", "--json", cwd=project.root).ok().document
    assert set(told["articles"]) == {"before", "after"} and told["articles"]["after"] < told["articles"]["before"]
    assert Path(told["kind"]) == project.runs / "boats" / "kind.toml" and told["step"] == 8
    # the kind is found by the run's name, and what it is asked for is refused before a model is loaded
    unknown = run_textmill("write", "--kind", "ships", "--topic", "x", "--json", cwd=project.root).document
    refused = run_textmill(
        "write", "--kind", "boats", "--topic", "x", "--out", "a.pdf", "--json", cwd=project.root
    ).document
    assert (unknown["error"]["code"], refused["error"]["code"]) == ("write.kind", "write.form")
    assert (
        run_textmill("tune", "write", "--json", cwd=project.root).document["error"]["code"] == "cli_tune_write.no_data"
    )
