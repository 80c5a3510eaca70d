"""`corpus build`: files in, a corpus out.

    find ─▶ slices ─▶ units ─▶ digest (all cores) ─▶ journal
    journal ─▶ spool ─▶ settle duplicates and splits ─▶ shards, dropped, manifest

The new corpus takes the place of the old one only when it is whole. The same files and settings give the same bytes,
for any number of workers, and for a build that was stopped and went on.
"""

import shutil
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import islice
from pathlib import Path
from typing import Any

from textmill.config import Settings
from textmill.data import cleaning, language
from textmill.data import digest as digesting
from textmill.data.corpus import MANIFEST, Corpus, is_corpus
from textmill.data.document import Draft, Drop
from textmill.data.drops import MEGABYTE, ended
from textmill.data.duplicates import contamination
from textmill.data.duplicates.minhash import signed
from textmill.data.duplicates.passages import without_repeats
from textmill.data.hub_datasets import with_datasets
from textmill.data.journal import Journal, jobs_folder, journal_folder
from textmill.data.limits import countdown
from textmill.data.manifest import describe
from textmill.data.opener import Opener
from textmill.data.packing import pack
from textmill.data.plan import Plan, plan_of, slices
from textmill.data.pool import Task, available_workers, ordered_map
from textmill.data.settle import settle
from textmill.data.shards import write_shards
from textmill.data.sources import Given, SourceFile, find_files
from textmill.data.spool import Spool
from textmill.data.units import Unit, units
from textmill.errors import CorpusError, InputError
from textmill.files import atomic_folder, clear_leftovers, write_json
from textmill.i18n import t
from textmill.progress import Progress, silent

Outcome = Draft | Drop
Tell = Callable[[str], None]


def build_corpus(
    paths: Sequence[Path | Given],
    target: Path,
    settings: Settings,
    progress: Progress = silent,
    tell: Tell = lambda line: None,
) -> Corpus:
    """Builds a corpus of the files, folders and datasets (`hf:…`) in the folder `target` and returns it.

    A build of the same that was stopped goes on; `tell` is given a line that says so.
    """
    if settings.run.executor == "slurm":
        raise InputError("corpus.not_built_here")
    source, plan, journal = begin(paths, target, settings, progress, tell)
    try:
        fill(journal, source, plan, progress)
        corpus = finish_corpus(journal, source, plan)
        journal.remove()
    finally:
        journal.let_go()
    return corpus


def begin(
    paths: Sequence[Path | Given], target: Path, settings: Settings, progress: Progress, tell: Tell
) -> tuple["Source", Plan, Journal]:
    """Returns what is read, what the corpus is made from, and the journal, which is this process's alone now."""
    check_target(target.resolve())
    cleaning.check(settings)
    contamination.check(settings)
    if settings.run.executor != "local":
        from textmill.data.scale import need

        need(settings.run)
    inputs, datasets = with_datasets(paths, settings.corpus, progress)
    source = Source(paths=tuple(inputs), target=target.resolve(), settings=settings, datasets=tuple(datasets))
    clear_leftovers(source.target)
    plan = plan_of(source.found(), settings)
    journal = Journal(source.target)
    tell_state(journal.begin(plan), journal, plan, tell)
    return source, plan, journal


def fill(journal: Journal, source: "Source", plan: Plan, progress: Progress) -> None:
    """Brings all slices of the input into the journal, by the executor of the settings."""
    if source.settings.run.executor != "local":
        from textmill.data.scale import digest_by_executor

        digest_by_executor(journal, source, plan)
        return
    for done in digest_slices(journal, enumerate(slices(source.found())), source.settings):
        progress(min(done, plan.size) / MEGABYTE, plan.size / MEGABYTE)


def tell_state(changed: list[str], journal: Journal, plan: Plan, tell: Tell) -> None:
    """Says whether the build goes on where one was stopped, or why it does not."""
    if changed:
        tell(t("corpus.starting_over", changed=", ".join(t(f"corpus.changed_{name}") for name in changed)))
    elif journal.size:
        tell(t("corpus.going_on", done=f"{journal.size / MEGABYTE:.1f}", total=f"{plan.size / MEGABYTE:.1f}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What is read, and where the corpus will be."""

    paths: tuple[Path | Given, ...]
    target: Path
    settings: Settings
    datasets: tuple[dict[str, Any], ...] = ()
    """What the manifest says of the datasets that came from a hub."""

    def found(self) -> Iterator[SourceFile | Drop]:
        """Yields the files, in the same order each time."""
        skip = frozenset([str(self.target)])
        unseen = frozenset([str(journal_folder(self.target)), str(jobs_folder(self.target))])
        return find_files(list(self.paths), self.settings.corpus.validation_folder, skip, unseen)


Slice = tuple[int, list[SourceFile | Drop]]


def digest_slices(journal: Journal, chosen: Iterable[Slice], settings: Settings) -> Iterator[int]:
    """Digests the slices that are not in the journal yet; yields the bytes that are done, after every unit."""
    ahead: deque[tuple[int, bool]] = deque()
    """What was handed out and is not back yet: the number of its slice, and whether this is the slice's end."""

    opener = Opener(settings.corpus)

    def work() -> Iterator[Unit]:
        for number, items in chosen:
            if journal.finished(number):
                continue
            for unit in islice(units(items, settings.corpus, opener), journal.units_done(number), None):
                ahead.append((number, False))
                yield unit
            ahead.append((number, True))

    done = journal.size
    try:
        for size, packed in digested(work(), settings):
            close_slices(journal, ahead)
            journal.add(ahead.popleft()[0], size, packed)
            done += size
            yield done
    except KeyboardInterrupt:
        journal.flush()
        raise
    finally:
        opener.stop()
    close_slices(journal, ahead)


def close_slices(journal: Journal, ahead: deque[tuple[int, bool]]) -> None:
    """Closes the slices whose ends come next."""
    while ahead and ahead[0][1]:
        journal.close(ahead.popleft()[0], last=True)


def finish_corpus(journal: Journal, source: Source, plan: Plan) -> Corpus:
    """Makes the corpus of what is in the journal: the second half of a build, which one process does."""
    settings = source.settings
    with atomic_folder(source.target) as folder:
        spool = Spool(folder / "spool", folder / "dropped.parquet")
        for outcome in without_repeats(journal.outcomes, spool.path.parent, settings):
            spool.add(outcome)
        spool.close_drafts()
        settled = settle(spool, settings)
        if not settled.keep.any():
            journal.remove()
            raise nothing_left(source.paths, spool)
        written = write_shards(folder, spool, settled, settings)
        spool.close()
        shutil.rmtree(spool.path.parent)
        hub = {"hub": list(source.datasets)} if source.datasets else {}
        manifest = describe(written, spool, settled, settings, {"files": plan.files, "bytes": plan.size, **hub})
        write_json(folder / MANIFEST, manifest)
    return Corpus.open(source.target)


def digested(work: Iterable[Unit], settings: Settings) -> Iterator[tuple[int, bytes]]:
    """Yields (bytes read, packed outcomes) in the order of the work, from as many processes as the settings say."""
    task = Task(
        function=partial(digest_unit, settings=settings),
        split=split_unit,
        give_up=partial(given_up, settings=settings),
        merge=merge_packed,
        memory_gigabytes=settings.corpus.worker_memory_gigabytes,
    )
    yield from ordered_map(task, work, settings.corpus.workers or available_workers())


def digest_unit(unit: Unit, settings: Settings) -> tuple[int, bytes]:
    """Returns a unit's size and packed outcomes.

    Runs in a worker: a document that takes longer than `corpus.document_seconds` ends the process.
    """
    outcomes = []
    get_ready()
    with countdown(settings.corpus.document_seconds) as restart:
        for outcome in digesting.digest(unit, settings.corpus):
            outcomes.append(prepare(outcome, settings))
            restart()
        return unit.size, pack(signed(contamination.decontaminated(outcomes, settings), settings))


@cache
def get_ready() -> None:
    """Loads, once a process and on no document's time, what takes longer than a document: the detector, and pandas.

    pyarrow imports pandas with the first table where it is installed.
    """
    language.model()
    pack([])


def prepare(outcome: Outcome, settings: Settings) -> Outcome:
    """Returns what becomes of one document by itself, once it is read; runs in any process."""
    return outcome if isinstance(outcome, Drop) else cleaning.clean_document(outcome, settings.clean)


def split_unit(unit: Unit) -> list[Unit]:
    """Returns a unit's files or records one by one, to find the one that ends a worker."""
    if unit.records:
        return [replace(unit, records=(record,), size=record.size) for record in unit.records]
    return [replace(unit, files=(file,), size=file.size) for file in unit.files]


def given_up(unit: Unit, why: str, settings: Settings) -> tuple[int, bytes]:
    """Returns the outcome of a file or record that ended its process: it took too long, too much memory, or crashed."""
    position = unit.records[0].position if unit.records else 0
    file = unit.files[0]
    if not isinstance(file, Drop):
        file = ended(file, why, settings.corpus, step="extract", position=position)
    return unit.size, pack([file])


def merge_packed(parts: list[tuple[int, bytes]]) -> tuple[int, bytes]:
    """Returns the sum of what single files or records gave."""
    return sum(size for size, _ in parts), b"".join(packed for _, packed in parts)


def check_target(target: Path) -> None:
    """Raises InputError when `target` holds something that is not a corpus: it would be replaced."""
    if target.is_dir() and (not any(target.iterdir()) or is_corpus(target)):
        return
    if target.exists():
        raise InputError("corpus.target_taken", folder=target)


def nothing_left(paths: Sequence[Path | Given], spool: Spool) -> CorpusError:
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
