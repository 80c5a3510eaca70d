"""A build that is stopped goes on where it was, and ends as one that never was stopped; what changed starts it over."""

import dataclasses
import json
from pathlib import Path

import pytest
from corpus_helpers import texts, write
from test_corpus import folder_bytes

from textmill.config import CorpusSettings, Settings
from textmill.data import build as building
from textmill.data.build import build_corpus
from textmill.data.corpus import Corpus
from textmill.data.document import Document, Draft, Drop
from textmill.data.journal import Journal, journal_folder, read_header
from textmill.data.packing import pack, unpack
from textmill.data.plan import plan_of, slices
from textmill.data.sources import find_files
from textmill.errors import InputError

FILES: dict[str, str | bytes] = {
    **{f"{n:03}.txt": f"Text number {n}, which is like no other: {n * n}." for n in range(40)},
    "held_out/h.txt": "This text is held out.",
    "rows.jsonl": "\n".join(json.dumps({"text": f"Row {n} of {n + 7}."}) for n in range(60)),
    "picture.png": b"\x89PNG\r\n\x1a\n",
    "empty.txt": "",
}


class Stop(Exception):
    """Stands for whatever ends a build."""


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes many slices, units and segments of little input."""
    monkeypatch.setattr("textmill.data.plan.SLICE_FILES", 15)
    monkeypatch.setattr("textmill.data.units.UNIT_FILES", 4)
    monkeypatch.setattr("textmill.data.units.UNIT_BYTES", 300)
    monkeypatch.setattr("textmill.data.journal.SEGMENT_SECONDS", 0.0)


def build(folder: Path, stop_after: int = 0, told: list[str] | None = None, **settings) -> Corpus:
    """Builds a corpus of `folder/in`, and stops after so many units."""
    done = 0

    def progress(*_: object) -> None:
        nonlocal done
        done += 1
        if done == stop_after:
            raise Stop

    values = {"workers": 2, "validation_share": 0.0} | settings
    chosen = Settings(corpus=CorpusSettings(**values))
    tell = (lambda line: None) if told is None else told.append
    return build_corpus([folder / "in"], folder / "out", chosen, progress, tell)


def outcomes_of(journal: Journal) -> list[Draft | Drop]:
    journal.look()
    return list(journal.outcomes())


def test_a_stopped_build_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write(tmp_path / "in", FILES)
    whole = folder_bytes(build(tmp_path).folder)
    for path in (tmp_path / "out").iterdir():
        path.unlink()
    handed_out = 0
    real = building.digested

    def counted(work, settings):
        def counting():
            nonlocal handed_out
            for unit in work:
                handed_out += 1
                yield unit

        return real(counting(), settings)

    monkeypatch.setattr(building, "digested", counted)
    kept = 0
    for stop in (3, 5, 1):
        with pytest.raises(Stop):
            build(tmp_path, stop_after=stop)
        found = outcomes_of(Journal(tmp_path / "out"))
        assert len(found) > kept
        kept = len(found)
        assert len({(type(outcome), repr(outcome)) for outcome in found}) == kept
    told: list[str] = []
    before, handed_out = handed_out, 0
    corpus = build(tmp_path, told=told)
    assert folder_bytes(corpus.folder) == whole
    assert 0 < handed_out < 40
    assert before > 0
    assert len(told) == 1
    assert told[0].startswith("Going on with the build that was stopped")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_build_that_stopped_in_its_second_half_reads_nothing_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write(tmp_path / "in", FILES)
    whole = folder_bytes(build(tmp_path).folder)

    def fails(*_: object) -> None:
        raise Stop

    with monkeypatch.context() as patch:
        patch.setattr(building, "write_shards", fails)
        with pytest.raises(Stop):
            build(tmp_path)
    assert folder_bytes(tmp_path / "out") == whole  # the old one stays
    monkeypatch.setattr("textmill.data.build.units", fails)
    assert folder_bytes(build(tmp_path).folder) == whole


@pytest.mark.parametrize("change", ["inputs", "settings", "code"])
def test_what_changed_starts_it_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str):
    write(tmp_path / "in", FILES)
    with pytest.raises(Stop):
        build(tmp_path, stop_after=6)
    told: list[str] = []
    if change == "inputs":
        write(tmp_path / "in", {"000.txt": "Another text."})
    elif change == "code":
        monkeypatch.setattr("textmill.data.plan.code", lambda: "another version")
    corpus = build(tmp_path, told=told, **({"minimum_characters": 12} if change == "settings" else {}))
    words = {"inputs": "the files", "settings": "the settings", "code": "the program"}[change]
    assert told == [f"A build was stopped here before, but since then {words} changed: it starts over."]
    assert ("Another text." in texts(corpus)) == (change == "inputs")
    assert ("Row 0 of 7." in texts(corpus)) == (change != "settings")


def test_a_file_that_a_setting_names_is_an_input(tmp_path: Path):
    words = tmp_path / "words.txt"
    words.write_text("one")
    settings = Settings(corpus=CorpusSettings(text_field=str(words)))
    first = plan_of([], settings).hashes["inputs"]
    assert plan_of([], settings).hashes["inputs"] == first
    words.write_text("two, and more")
    assert plan_of([], settings).hashes["inputs"] != first


def test_a_damaged_segment_is_made_again(tmp_path: Path):
    write(tmp_path / "in", FILES)
    whole = folder_bytes(build(tmp_path).folder)
    with pytest.raises(Stop):
        build(tmp_path, stop_after=12)
    segments = sorted(journal_folder(tmp_path / "out").glob("*.segment"))
    data = bytearray(segments[1].read_bytes())
    data[-9] ^= 1
    segments[1].write_bytes(data)
    segments[-1].write_bytes(segments[-1].read_bytes()[:-1])
    (journal_folder(tmp_path / "out") / ".tmp-left-over").write_bytes(b"x")
    assert read_header(segments[0]) is not None
    assert read_header(segments[1]) is read_header(segments[-1]) is None
    assert folder_bytes(build(tmp_path).folder) == whole


def test_a_journal_is_removed_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write(tmp_path / "in", FILES)

    def killed(path: Path, **_: object) -> None:
        if ".building" in Path(path).name:
            raise Stop

    with monkeypatch.context() as patch, pytest.raises(Stop):
        patch.setattr("textmill.data.journal.shutil.rmtree", killed)
        build(tmp_path)
    assert not journal_folder(tmp_path / "out").exists()
    told: list[str] = []
    build(tmp_path, told=told)
    assert told == []
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_two_at_once_are_one_too_many(tmp_path: Path):
    write(tmp_path / "in", FILES)
    journal = Journal((tmp_path / "out").resolve())
    journal.begin(plan_of([], Settings()))
    with pytest.raises(InputError, match="Another process"):
        build(tmp_path)
    journal.let_go()
    assert build(tmp_path).count() == 101


def test_the_work_in_progress_is_no_input(tmp_path: Path):
    write(tmp_path, FILES)
    chosen = Settings(corpus=CorpusSettings(workers=1))
    corpus = build_corpus([tmp_path], tmp_path / "out", chosen)
    assert not any(item["reason"] == "hidden" for item in corpus.manifest["dropped"])


def test_slices_part_the_input(tmp_path: Path):
    write(tmp_path / "in", FILES)
    found = list(find_files([tmp_path / "in"], "held_out", frozenset()))
    parts = list(slices(found))
    assert len(parts) == 3
    assert [item for part in parts for item in part] == found


def test_outcomes_travel_unchanged():
    document = Document(id="0" * 32, text="小镇\U0001f600", meta={"a": [1, {"b": None}], "score": 0.5}, title="é")
    draft = Draft(
        document=document, kind="html", digest=bytes(16), held_out=True, masked=(("email", 2), ("ip", 1)),
        signature=b"\x00\xff", controls_removed=3,
    )  # fmt: skip
    drop = Drop(id="1" * 32, source="a", step="read", reason="empty", value="0", size=7)
    packed = pack([draft, drop, draft]) + pack([]) + pack([drop])
    assert list(unpack(packed)) == [draft, draft, drop, drop]
    for kind in (Draft, Drop, Document):
        assert {item.name for item in dataclasses.fields(kind)}
