"""Writes the whole sample: plans the documents, shares them among processes, writes beside the place, then renames."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from .graph import triples
from .instructions import GROUP
from .outputs import LANGUAGES, MAKERS, Output
from .simulation import build_world

VERSION = 2
CHUNK = 60
INSTRUCTIONS = "instructions"
PER_MEGABYTE: dict[str, dict[str, float]] = {
    "stories": {"en": 116, "zh": 124},
    "articles": {"en": 54, "zh": 60},
    "pages": {"en": 98, "zh": 106},
    "forum": {"en": 42, "zh": 42},
    "reviews": {"en": 6, "zh": 6},
    "parallel": {"en": 34},
}
"""How many documents (for reviews and parallel: groups of twenty) one megabyte of text has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What was made: documents and bytes of text (without markup) for each kind and language."""

    folder: Path
    seed: int
    documents: dict[str, int]
    text_bytes: dict[str, int]
    files: int
    seconds: float

    @property
    def total_text_bytes(self) -> int:
        """All text of both languages, without parallel rows."""
        return sum(self.text_bytes.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chunk:
    """A run of documents of one form and language."""

    folder: str
    seed: int
    kind: str
    language: str
    start: int
    stop: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """What a chunk left to do for the parent: shared lines, and counts."""

    chunk: _Chunk
    lines: dict[str, bytes]
    documents: int
    text_bytes: int
    files: int


def _plan(folder: Path, seed: int, megabytes: float) -> list[_Chunk]:
    chunks: list[_Chunk] = []
    for kind, rates in PER_MEGABYTE.items():
        counts = {language: max(2, round(rate * megabytes)) for language, rate in rates.items()}
        chunks += _chunks(folder, seed, kind, counts)
    return chunks


def _chunks(folder: Path, seed: int, kind: str, counts: dict[str, int]) -> Iterator[_Chunk]:
    """Yields a kind's documents in runs, so many of each language."""
    for language, count in counts.items():
        for start in range(0, count, CHUNK):
            stop = min(count, start + CHUNK)
            yield _Chunk(folder=str(folder), seed=seed, kind=kind, language=language, start=start, stop=stop)


def _make_chunk(chunk: _Chunk) -> _Made:
    world = build_world(chunk.seed)
    maker = MAKERS[chunk.kind]
    folder = Path(chunk.folder)
    lines: dict[str, list[bytes]] = {}
    documents = text_bytes = files = 0
    for number in range(chunk.start, chunk.stop):
        generator = random.Random(f"{chunk.seed}:{chunk.kind}:{chunk.language}:{number}")
        for output in maker(world, chunk.language, number, generator):
            documents += 1
            text_bytes += output.text_bytes
            if output.append:
                lines.setdefault(output.path, []).append(output.data)
            else:
                files += 1
                _write(folder, output)
    joined = {path: b"".join(data) for path, data in lines.items()}
    return _Made(chunk=chunk, lines=joined, documents=documents, text_bytes=text_bytes, files=files)


def _write(folder: Path, output: Output) -> None:
    path = folder / output.path
    try:
        path.write_bytes(output.data)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(output.data)


def _run(chunks: list[_Chunk], workers: int) -> Iterator[_Made]:
    if workers <= 1:
        yield from map(_make_chunk, chunks)
        return
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("fork" if "fork" in methods and os.name == "posix" else "spawn")
    with context.Pool(workers) as pool:
        yield from pool.imap(_make_chunk, chunks)


def _write_all(
    folder: Path, chunks: list[_Chunk], workers: int | None, progress: Callable[[str, int, int], None] | None
) -> Iterator[_Made]:
    """Makes the chunks, writes their shared lines, and yields what was made, the new shared files counted."""
    for done, made in enumerate(_run(chunks, workers or min(2, os.cpu_count() or 1)), start=1):
        files = made.files
        for path, data in made.lines.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            files += not target.exists()
            with target.open("ab") as stream:
                stream.write(data)
        yield replace(made, files=files)
        if progress is not None:
            progress(made.chunk.kind, done, len(chunks))


def make_instructions(
    out: Path,
    *,
    seed: int = 0,
    rows: int = 20_000,
    workers: int | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> dict[str, int]:
    """Writes conversations to tune on into ``out``, the same for the same seed; returns how many are in each file.

    Half are in English, half in Chinese, `rows` together, rounded to whole groups. A new or empty folder, or an older
    one of these, gives way.
    """
    out = Path(out)
    if out.exists() and any(out.iterdir()) and _made_before(out) != INSTRUCTIONS:
        raise FileExistsError(f"{out} holds other files; give an empty folder or a new one")
    beside = out.with_name(out.name + ".part")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    build_world(seed)
    groups = max(1, round(rows / (GROUP * len(LANGUAGES))))
    chunks = list(_chunks(beside, seed, INSTRUCTIONS, dict.fromkeys(LANGUAGES, groups)))
    for _ in _write_all(beside, chunks, workers, progress):
        pass
    files = sorted(beside.rglob("*.jsonl"))
    counts = {path.relative_to(beside).as_posix(): path.read_bytes().count(b"\n") for path in files}
    about = {"name": "little-world", "kind": INSTRUCTIONS, "version": VERSION, "seed": seed, "rows": counts}
    (beside / "manifest.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    shutil.rmtree(out, ignore_errors=True)
    beside.rename(out)
    return counts


def _made_before(folder: Path) -> str:
    """Returns the kind of what an earlier call wrote here, "" where it is somebody's own."""
    try:
        about = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        return str(about.get("kind", "")) if about.get("name") == "little-world" else ""
    except (OSError, ValueError, AttributeError):
        return ""


def make_little_world(
    out: Path,
    *,
    seed: int = 0,
    megabytes: float = 32,
    workers: int | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Summary:
    """Make the sample in ``out``: the same bytes for the same seed and size, whatever the number of workers."""
    started = time.perf_counter()
    out = Path(out)
    _check_replaceable(out)
    beside = out.with_name(out.name + ".part")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    build_world(seed)
    chunks = _plan(beside, seed, megabytes)
    documents: dict[str, int] = {}
    text_bytes: dict[str, int] = dict.fromkeys(LANGUAGES, 0)
    files = 0
    for made in _write_all(beside, chunks, workers, progress):
        documents[made.chunk.kind] = documents.get(made.chunk.kind, 0) + made.documents
        text_bytes[made.chunk.language] += made.text_bytes
        files += made.files
    files += _write_about(beside, seed, megabytes, documents, text_bytes)
    shutil.rmtree(out, ignore_errors=True)
    beside.rename(out)
    return Summary(
        folder=out,
        seed=seed,
        documents=documents,
        text_bytes=text_bytes,
        files=files,
        seconds=time.perf_counter() - started,
    )


def _check_replaceable(out: Path) -> None:
    """Only an empty folder or an older Little World is ever replaced; anything else in the place is someone's work."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    ours = {"pages", "articles", "stories", "forum", "reviews", "parallel", "graph", "README.md", "manifest.json"}
    manifest = out / "manifest.json"
    known = manifest.is_file() and json.loads(manifest.read_text(encoding="utf-8")).get("name") == "little-world"
    if not known or {path.name for path in out.iterdir()} - ours:
        raise FileExistsError(f"{out} holds other files; give an empty folder, a new one, or an older Little World")


def _write_about(
    folder: Path, seed: int, megabytes: float, documents: dict[str, int], text_bytes: dict[str, int]
) -> int:
    """The graph, the manifest and a page that says what lies here; returns how many files."""
    world = build_world(seed)
    (folder / "graph").mkdir()
    (folder / "graph" / "world.nt").write_text("\n".join(triples(world)) + "\n", encoding="utf-8")
    manifest = {
        "name": "little-world",
        "version": VERSION,
        "seed": seed,
        "megabytes": megabytes,
        "documents": documents,
        "text_bytes": text_bytes,
        "people": len(world.people),
        "held_out_people": len(world.people) - len(world.train_people),
        "events": len(world.events),
    }
    text = json.dumps(manifest, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    (folder / "manifest.json").write_text(text, encoding="utf-8")
    (folder / "README.md").write_text(_README.format(seed=seed, documents=documents), encoding="utf-8")
    return 3


_README = """# Little World

A small town over one year, made from seed {seed}: its people, shops, weather and events, told in English and Chinese.
Documents: {documents}.

- Four stories in ten are tales: in them everybody has a made-up name, and the facts of the graph do not hold.
- `pages/` web pages, `articles/` news in several encodings, `stories/` stories and diaries, `forum/` threads,
  `reviews/` customer reviews with ratings, `parallel/` sentence pairs, `graph/world.nt` the facts.
- Everything under a folder named `held_out` mentions people whom nothing under `train` mentions.
"""
