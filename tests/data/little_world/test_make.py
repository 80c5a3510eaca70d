"""What make_little_world writes: the same bytes always, held-out apart, encodings, ratings, pairs, triples."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from textmill.data.little_world import World, build_world, make_little_world
from textmill.data.little_world.measure import decode


def digest(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_any_number_of_workers_makes_the_same_bytes(tmp_path: Path) -> None:
    one = make_little_world(tmp_path / "one", megabytes=0.2, workers=1)
    two = make_little_world(tmp_path / "two", megabytes=0.2, workers=2)
    assert digest(one.folder) == digest(two.folder)
    assert one.text_bytes == two.text_bytes


def test_the_hash_seed_of_python_does_not_matter(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from textmill.data.little_world import make_little_world;"
        "make_little_world(Path(sys.argv[1]), megabytes=0.1, workers=1)"
    )
    for name in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": name, "PYTHONPATH": os.pathsep.join(sys.path)}
        subprocess.run([sys.executable, "-c", script, str(tmp_path / name)], check=True, env=environment)
    assert digest(tmp_path / "1") == digest(tmp_path / "2")


def test_another_seed_makes_another_world() -> None:
    assert build_world(1).people != build_world(0).people


def test_train_never_names_a_held_out_person(sample: Path, world: World) -> None:
    hidden = [person for person in world.people.values() if person.held_out]
    assert 0.02 <= len(hidden) / len(world.people) <= 0.07
    pets = [world.pets[person.pet] for person in hidden if person.pet]
    names = [*hidden, *pets]
    pattern = re.compile(
        rf"\b(?:{'|'.join(item.english for item in names)})\b|{'|'.join(item.chinese for item in names)}"
    )
    held_out_seen = 0
    for path in sample.rglob("*.*"):
        parts = path.relative_to(sample).parts
        if "train" in parts:
            assert not (found := pattern.search(decode(path.read_bytes()))), f"{path} names {found}"
        elif "held_out" in parts:
            held_out_seen += 1
    assert held_out_seen > 20


@pytest.mark.parametrize("kind", ["pages", "articles", "stories", "forum", "reviews", "parallel"])
def test_every_kind_has_both_sides(sample: Path, kind: str) -> None:
    assert any((sample / kind / "train").rglob("*.*"))
    assert any((sample / kind / "held_out").rglob("*.*"))


def test_articles_come_in_several_encodings(sample: Path) -> None:
    kinds: set[str] = set()
    for path in (sample / "articles").rglob("*.*"):
        data = path.read_bytes()
        try:
            data.decode("utf-8")
            kinds.add("utf-8")
        except UnicodeDecodeError:
            kinds.add("utf-16" if data[:2] == b"\xff\xfe" else f"other {path.name[:2]}")
    assert kinds == {"utf-8", "utf-16", "other en", "other zh"}


def rows(folder: Path) -> list[dict[str, object]]:
    return [
        json.loads(line) for path in sorted(folder.rglob("*.jsonl")) for line in path.read_text("utf-8").splitlines()
    ]


def test_reviews_have_the_label_of_their_rating(sample: Path) -> None:
    reviews = rows(sample / "reviews")
    labels = {1: "negative", 2: "negative", 3: "neutral", 4: "positive", 5: "positive"}
    assert len(reviews) > 200
    assert {review["rating"] for review in reviews} == {1, 2, 3, 4, 5}
    for review in reviews:
        assert review["label"] == labels[int(str(review["rating"]))]
        assert set(review) == {"text", "language", "shop", "product", "rating", "label", "date"}


def test_reviews_say_what_they_rate(sample: Path) -> None:
    praise = re.compile("five stars|recommend it to everyone|recommend it to|一定再来|只有夸的份|friendliest")
    anger = re.compile("Never again|my money back|One star is|再也不去|退钱|给一颗星")
    for review in rows(sample / "reviews"):
        text, rating = str(review["text"]), int(str(review["rating"]))
        assert not (praise.search(text) and rating < 3), text
        assert not (anger.search(text) and rating > 3 and "price" not in text), text


def test_pairs_grow_with_the_size(sample: Path) -> None:
    pairs = rows(sample / "parallel")
    assert len(pairs) >= 20_000 / 32
    assert all(re.search(r"[\u4e00-\u9fff]", str(pair["zh"])) for pair in pairs)
    assert not any(re.search(r"[\u4e00-\u9fff{|]", str(pair["en"])) for pair in pairs)


def test_the_graph_is_well_formed(sample: Path) -> None:
    iri = r"<https?://[^<>\s]+>"
    literal = r'"(?:[^"\\\n]|\\.)*"(?:@(?:en|zh)|\^\^<[^<>\s]+>)?'
    line_pattern = re.compile(rf"{iri} {iri} (?:{iri}|{literal}) \.")
    lines = (sample / "graph" / "world.nt").read_text(encoding="utf-8").splitlines()
    assert len(lines) > 20_000
    assert all(line_pattern.fullmatch(line) for line in lines)
    assert len(set(lines)) == len(lines)


def test_no_template_shows(sample: Path) -> None:
    for path in sample.rglob("*.txt"):
        text = decode(path.read_bytes())
        assert not re.search(r"[{}|~^<>]", text), path
        if path.name.startswith("zh"):
            assert not re.search(r"[\u4e00-\u9fff] [\u4e00-\u9fff]|，，|，。|。。", text), path
        else:
            assert not re.search(r" ,|,,|,\.|  |\ba [aeio]|[\u4e00-\u9fff]", text), path


def test_foreign_files_are_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious", encoding="utf-8")
    with pytest.raises(FileExistsError):
        make_little_world(tmp_path, megabytes=0.1, workers=1)
    assert (tmp_path / "mine.txt").read_text(encoding="utf-8") == "precious"
