"""`corpus build`: files in, a corpus out.

    find ─▶ units ─▶ digest (all cores) ─▶ spool ─▶ settle duplicates and splits ─▶ shards, dropped, manifest

The new corpus takes the place of the old one only when it is whole. The same files and settings give the same bytes,
for any number of workers.
"""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from textmill.config import Settings
from textmill.data import digest as digesting
from textmill.data.corpus import MANIFEST, Corpus, is_corpus
from textmill.data.document import Draft, Drop
from textmill.data.duplicates.minhash import signed
from textmill.data.limits import MEMORY, TIMEOUT, countdown
from textmill.data.manifest import describe
from textmill.data.pool import Task, available_workers, ordered_map
from textmill.data.settle import settle
from textmill.data.shards import write_shards
from textmill.data.sources import SourceFile, find_files
from textmill.data.spool import Spool
from textmill.data.units import MEGABYTE, Unit, drop, units
from textmill.errors import CorpusError, InputError
from textmill.files import atomic_folder, write_json
from textmill.i18n import t
from textmill.progress import Progress, silent

Outcome = Draft | Drop


def build_corpus(paths: list[Path], target: Path, settings: Settings, progress: Progress = silent) -> Corpus:
    """Builds a corpus of the files and folders `paths` in the folder `target` and returns it."""
    target = target.resolve()
    check_target(target)
    skip = frozenset([str(target)])
    files, size = 0, 0
    for item in find_files(paths, settings.corpus.validation_folder, skip):
        if isinstance(item, SourceFile):
            files, size = files + 1, size + item.size
    with atomic_folder(target) as folder:
        spool = Spool(folder / "spool", folder / "dropped.parquet")
        found = find_files(paths, settings.corpus.validation_folder, skip)
        done = 0
        for unit_size, outcomes in digested(units(found, settings.corpus), settings):
            for outcome in outcomes:
                spool.add(outcome)
            done += unit_size
            progress(min(done, size) / MEGABYTE, size / MEGABYTE)
        spool.close_drafts()
        settled = settle(spool, settings)
        if not settled.keep.any():
            raise nothing_left(paths, spool)
        written = write_shards(folder, spool, settled, settings)
        spool.close()
        shutil.rmtree(spool.path.parent)
        manifest = describe(written, spool, settled, settings, {"files": files, "bytes": size})
        write_json(folder / MANIFEST, manifest)
    return Corpus.open(target)


def digested(work: Iterator[Unit | Drop], settings: Settings) -> Iterator[tuple[int, list[Outcome]]]:
    """Yields (bytes read, outcomes) in the order of the work, from as many processes as the settings say."""
    task = Task(
        function=partial(digest_or_pass, settings=settings),
        split=split_unit,
        give_up=partial(given_up, settings=settings),
        merge=merge_outcomes,
        memory_gigabytes=settings.corpus.worker_memory_gigabytes,
    )
    yield from ordered_map(task, work, settings.corpus.workers or available_workers())


def digest_or_pass(item: Unit | Drop, settings: Settings) -> tuple[int, list[Outcome]]:
    """Returns a unit's size and outcomes; what was dropped before goes through, so that the order stays.

    Runs in a worker: a document that takes longer than `corpus.document_seconds` ends the process.
    """
    if isinstance(item, Drop):
        return 0, [item]
    outcomes = []
    with countdown(settings.corpus.document_seconds) as restart:
        for outcome in digesting.digest(item, settings.corpus):
            outcomes.append(prepare(outcome, settings))
            restart()
    return item.size, signed(outcomes, settings)


def prepare(outcome: Outcome, settings: Settings) -> Outcome:
    """Returns what becomes of one document by itself, once it is read; runs in any process."""
    return outcome


def split_unit(item: Unit | Drop) -> list[Unit | Drop]:
    """Returns a unit's files or records one by one, to find the one that ends a worker."""
    if isinstance(item, Drop):
        return [item]
    if item.records:
        return [replace(item, records=(record,), size=record.size) for record in item.records]
    return [replace(item, files=(file,), size=file.size) for file in item.files]


def given_up(item: Unit | Drop, why: str, settings: Settings) -> tuple[int, list[Outcome]]:
    """Returns the outcome of a file or record that ended its process: it took too long, too much memory, or crashed."""
    if isinstance(item, Drop):
        return 0, [item]
    position = item.records[0].position if item.records else 0
    most = {TIMEOUT: settings.corpus.document_seconds, MEMORY: settings.corpus.worker_memory_gigabytes}.get(why, "")
    value = f"> {most}" if most else ""
    return item.size, [drop(item.files[0], why, step="extract", position=position, value=value, threshold=most)]


def merge_outcomes(parts: list[tuple[int, list[Outcome]]]) -> tuple[int, list[Outcome]]:
    """Returns the sum of what single files or records gave."""
    return sum(size for size, _ in parts), [outcome for _, outcomes in parts for outcome in outcomes]


def check_target(target: Path) -> None:
    """Raises InputError when `target` holds something that is not a corpus: it would be replaced."""
    if target.is_dir() and (not any(target.iterdir()) or is_corpus(target)):
        return
    if target.exists():
        raise InputError("corpus.target_taken", folder=target)


def nothing_left(paths: list[Path], spool: Spool) -> CorpusError:
    """Returns the error that says what was found instead of documents."""
    counts = spool.tally.dropped
    folder = ", ".join(str(path) for path in paths)
    if not counts:
        return CorpusError("corpus.no_files", folder=folder)
    found = ", ".join(f"{t(f'corpus.reason_{reason}')}: {count}" for (_, reason), count in sorted(counts.items()))
    hints = sorted(spool.tally.endings) + sorted(spool.tally.fields_found)
    detail = f" ({'; '.join(hints[:5])})" if hints else ""
    return CorpusError("corpus.nothing_left", folder=folder, found=found + detail)


def summary(manifest: dict[str, Any]) -> dict[str, Any]:
    """Returns the manifest's main fields, which `--json` prints."""
    return {name: value for name, value in manifest.items() if name not in ("settings", "shards")}
