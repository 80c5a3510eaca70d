"""hf: inputs: what a reference means, what is downloaded from a hub on loopback, and what happens when it goes wrong.

The hub is ours (tests/hub/local_hub.py), asked by processes of their own; the real one is never asked.
"""

import gzip
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest
from corpus_helpers import build
from local_hub import COMMIT, TOKEN, LocalHub

from textmill.data.corpus import Corpus
from textmill.data.hub_choice import Chosen, choose, parse, split_of
from textmill.errors import InputError

PATHS = [
    "README.md", ".gitattributes", "load.py", "LICENSE", "dataset_infos.json",
    "en/train-00000-of-00002.parquet", "en/train-00001-of-00002.parquet", "en/test-00000-of-00001.parquet",
    "zh/train.jsonl.gz", "zh/dev.jsonl.gz",
]  # fmt: skip
CARD = {
    "configs": [
        {
            "config_name": "en",
            "data_files": [{"split": "train", "path": "en/train-*"}, {"split": "test", "path": "en/test-*"}],
        },
        {"config_name": "zh", "data_dir": "zh"},
    ]
}


def chosen(text: str, card: dict[str, Any] | None = None) -> list[str]:
    return [file.path for file in choose(PATHS, card or {}, parse(text))]


def test_a_reference_in_its_parts() -> None:
    reference = parse("hf:a/b.c@refs/convert/parquet:en-US/train/x.parquet")
    assert (reference.name, reference.revision, reference.config, reference.part) == (
        "a/b.c", "refs/convert/parquet", "en-US", "train/x.parquet",
    )  # fmt: skip
    assert parse("hf:a/b/train").part == "train"
    for wrong in ("hf:a", "hf:a/", "hf:a/b@", "hf:a/b/../c", "hf:a b/c"):
        with pytest.raises(InputError):
            parse(wrong)


@pytest.mark.parametrize(
    ("text", "card", "found"),
    [
        ("hf:a/b", None, PATHS[5:]),
        ("hf:a/b:zh", None, PATHS[8:]),
        ("hf:a/b:en", CARD, PATHS[5:8]),
        ("hf:a/b:en/train", CARD, PATHS[5:7]),
        ("hf:a/b:zh/validation", CARD, PATHS[9:]),
        ("hf:a/b/validation", None, PATHS[9:]),
        ("hf:a/b/en", CARD, PATHS[5:8]),
        ("hf:a/b/zh/train.jsonl.gz", CARD, PATHS[8:9]),
        ("hf:a/b/**/train*", CARD, [PATHS[5], PATHS[6], PATHS[8]]),
        ("hf:a/b", {"configs": [{**CARD["configs"][0], "default": True}, CARD["configs"][1]]}, PATHS[5:8]),
    ],
)
def test_which_files_a_reference_means(text: str, card: dict[str, Any] | None, found: list[str]) -> None:
    assert sorted(chosen(text, card)) == sorted(found)


@pytest.mark.parametrize(
    ("text", "card", "key", "told"),
    [
        ("hf:a/b", CARD, "hub_data.config", "en, zh"),
        ("hf:a/b:fr", CARD, "hub_data.config", "en, zh"),
        ("hf:a/b:fr", {}, "hub_data.config", "en, zh"),
        ("hf:a/b:en/dev", CARD, "hub_data.no_part", "test, train"),
    ],
)
def test_what_a_reference_cannot_mean(text: str, card: dict[str, Any], key: str, told: str) -> None:
    with pytest.raises(InputError) as caught:
        chosen(text, card)
    assert caught.value.key == key and told in str(caught.value)


def test_splits_by_name_and_a_dataset_without_data() -> None:
    names = ("data/train-0.parquet", "x/valid_1.csv", "dev/a.txt", "contest.txt", "eval/x.json", "a.txt")
    assert [split_of(name) for name in names] == ["train", "validation", "validation", "", "test", ""]
    with pytest.raises(InputError) as caught:
        choose(["README.md", "load.py", "x.png"], {}, parse("hf:a/b"))
    assert caught.value.key == "hub_data.no_files" and "png" in str(caught.value)
    assert choose(["a.txt"], {}, parse("hf:a/b")) == [Chosen(path="a.txt")]


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[LocalHub]:
    """A hub with someone/stories: Parquet for training, compressed lines for tests, a card, a script, a picture."""
    place = tmp_path / "hub" / "datasets" / "someone" / "stories"
    (place / "data").mkdir(parents=True)
    table = arrow.table({"content": [f"A story of {n} cats and their house." for n in range(5)]})
    parquet.write_table(table, place / "data" / "train-00000-of-00001.parquet")
    lines = "".join(json.dumps({"text": f"A test of {n} dogs and their street."}) + "\n" for n in range(2))
    (place / "data" / "test.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    (place / "README.md").write_text("---\nlanguage: en\n---\n# Stories\nNot data.")
    (place / "load.py").write_text("raise SystemExit('never run')")
    hub = LocalHub(tmp_path / "hub")
    yield hub
    hub.close()


@pytest.fixture
def make(hub: LocalHub, tmp_path: Path, run_process: Callable[..., Any]) -> Callable[..., Any]:
    """Builds a corpus of the words given, from the hub on loopback."""

    def run(*words: object, **environment: str) -> Any:
        values = {"HF_ENDPOINT": hub.endpoint, "HF_HOME": str(tmp_path / "cache"), "HF_HUB_OFFLINE": "0"}
        words = ("corpus", "build", *words, "--out", tmp_path / "c", "--json")
        return run_process(*words, env=values | environment, timeout=400)

    return run


def test_a_dataset_becomes_a_corpus_with_its_commit_named(make, hub, tmp_path) -> None:
    document = make("hf:someone/stories").ok().document
    assert document["documents"] == 7
    assert document["read"]["hub"] == [
        {
            "dataset": "hf:someone/stories", "revision": COMMIT, "files": 2, "bytes": document["read"]["bytes"],
            "splits": {"test": 1, "train": 1},
        }
    ]  # fmt: skip
    sources = {document.source.rpartition(":")[0] for document in Corpus.open(tmp_path / "c").documents()}
    assert sources == {f"hf:someone/stories/data/{name}" for name in ("test.jsonl.gz", "train-00000-of-00001.parquet")}
    assert not any("load.py" in request for request in hub.asked)
    before = len(hub.asked)
    again = make("hf:someone/stories", HF_HUB_OFFLINE="1").ok().document
    assert again["content_hash"] == document["content_hash"] and len(hub.asked) == before


def test_splits_are_held_out_on_request(make, tmp_path) -> None:
    document = make("hf:someone/stories", "--corpus.hold_out_splits", "true").ok().document
    assert {name: split["documents"] for name, split in document["splits"].items()} == {"train": 5, "validation": 2}
    assert make("hf:someone/stories/train").ok().document["documents"] == 5


def test_a_broken_line_goes_on_where_it_stopped(make, hub) -> None:
    place = hub.root / "datasets/someone/stories/data/large.txt"  # the library keeps what it has got in pieces of 10 MB
    place.write_bytes(b"".join(f"Line {n} of a long text.\n".encode() for n in range(900_000)))
    hub.break_after = 12_000_000
    make("hf:someone/stories/data/large.txt", "--corpus.split_characters", 1_000_000).ok()
    assert any("large.txt bytes=" in request for request in hub.asked), hub.asked


def test_what_goes_wrong_is_said(make, hub, tmp_path) -> None:
    def code(*words: object, **environment: str) -> str:
        done = make(*words, **environment)
        assert done.code == 2, done.err
        return done.document["error"]["code"]

    assert code("hf:someone/else") == "hub_data.not_there"
    assert code("hf:someone") == "hub_data.reference"
    assert (
        code("hf:someone/stories", "--corpus.maximum_download_gigabytes", "0.001", HF_HUB_OFFLINE="1")
        == "hub_data.offline"
    )
    hub.lying.add("datasets/someone/stories")
    assert code("hf:someone/stories") == "hub_data.sum"
    hub.lying.clear()
    hub.gated.add("datasets/someone/stories")
    assert code("hf:someone/stories") == "hub_data.gated"
    make("hf:someone/stories", HF_TOKEN=TOKEN).ok()
    hub.close()
    assert code("hf:someone/stories", HF_HOME=str(tmp_path / "other")) == "hub_data.unreachable"


def test_a_large_dataset_is_not_downloaded_unasked(make, hub) -> None:
    (hub.root / "datasets/someone/stories/data/more.txt").write_bytes(b"x" * 1_200_000)
    done = make("hf:someone/stories", "--corpus.maximum_download_gigabytes", "0.001")
    assert (done.code, done.document["error"]["code"]) == (2, "hub_data.too_large")
    assert not any("more.txt" in request for request in hub.asked)


def test_the_text_is_found_under_its_usual_names(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "a.jsonl": '{"content": "one of these", "body": "not this"}\n{"text": "named text", "content": "not this"}\n',
        "b.csv": "id,正文\n1,小猫坐在垫子上\n",
        "c.jsonl": '{"note": "none of these"}\n',
    }
    corpus = build(tmp_path, files)
    assert sorted(document.text for document in corpus.documents()) == ["named text", "one of these", "小猫坐在垫子上"]
    assert os.listdir(tmp_path / "in") and corpus.manifest["dropped"][0]["reason"] == "missing_text_field"
