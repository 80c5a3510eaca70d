"""The same build by datatrove's executors: on this machine, on Slurm, on Ray.

    job.json ──▶ task 0: slices 0, T, 2T … ─┐
             ──▶ task 1: slices 1, T+1 …   ─┼─▶ journal ──▶ one last task: settle, shards ──▶ corpus
             ──▶ task T-1                  ─┘

A task does what a local build does, for some of the slices, and writes into the same journal; the last step reads it in
the order of the input. So the corpus is the same, byte for byte, and a task that is started again goes on. The folder
beside the target must lie where all machines see it.
"""

import dataclasses
import json
import shlex
import shutil
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from textmill.config import SECTIONS, RunSettings, Settings
from textmill.data.build import Source, Tell, begin, digest_slices, finish_corpus
from textmill.data.journal import Journal, jobs_folder
from textmill.data.plan import Plan, plan_of, slices
from textmill.data.pool import available_workers
from textmill.data.sources import Given
from textmill.errors import CorpusError, InputError, MissingExtraError, ResourceError
from textmill.files import write_json
from textmill.progress import Progress, silent

JOB = "job.json"
LAUNCH = "launch_pickled_pipeline"
"""datatrove's command, which each Slurm task runs."""


def write_job(source: Source, plan: Plan) -> Path:
    """Writes what a task must know and returns the file."""
    inputs = [dataclasses.asdict(path) if isinstance(path, Given) else str(path.absolute()) for path in source.paths]
    path = jobs_folder(source.target) / JOB
    write_json(
        path,
        {
            "inputs": inputs,
            "target": str(source.target),
            "datasets": list(source.datasets),
            "settings": source.settings.as_dict(),
            "files": plan.files,
            "size": plan.size,
        },
    )
    return path


def read_job(path: Path) -> tuple[Source, Plan]:
    """Returns what a task works on; CorpusError when the input is no longer what the job was made for."""
    job: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    kinds = {section: type(getattr(Settings(), section)) for section in SECTIONS}
    sections = {
        name: kinds[name](**{key: tuple(item) if isinstance(item, list) else item for key, item in values.items()})
        for name, values in job["settings"].items()
    }
    source = Source(
        paths=tuple(Given(**each) if isinstance(each, dict) else Path(each) for each in job["inputs"]),
        target=Path(job["target"]),
        settings=Settings(**sections),
        datasets=tuple(job["datasets"]),
    )
    plan = plan_of(source.found(), source.settings)
    begun = Journal(source.target).hashes()
    changed = [name for name, value in plan.hashes.items() if begun.get(name) != value]
    if changed:
        raise CorpusError("corpus.job_changed", file=path, changed=", ".join(changed))
    return source, plan


def digest_task(data: object, rank: int, world_size: int, *, job: str) -> list[object]:
    """Is task `rank` of `world_size`: digests every so-manyth slice; in the form of datatrove's steps."""
    source, _ = read_job(Path(job))
    journal = Journal(source.target)
    journal.look()
    run = source.settings.run
    settings = source.settings.replace({"corpus.workers": run.cpus})
    chosen = ((number, items) for number, items in enumerate(slices(source.found())) if number % world_size == rank)
    for _ in digest_slices(journal, chosen, settings):
        pass
    return []


def finish_task(data: object, rank: int, world_size: int, *, job: str) -> list[object]:
    """Is the last task: makes the corpus of the journal, which goes away then."""
    source, plan = read_job(Path(job))
    journal = Journal(source.target)
    journal.begin(plan)
    try:
        check_whole(journal, source)
        finish_corpus(journal, source, plan)
        journal.remove()
    finally:
        journal.let_go()
    return []


def check_whole(journal: Journal, source: Source) -> None:
    """Raises CorpusError when a slice is missing: a task failed."""
    missing = [number for number, _ in enumerate(slices(source.found())) if not journal.finished(number)]
    if missing:
        raise CorpusError("corpus.tasks_failed", missing=len(missing), folder=jobs_folder(source.target))


def need(run: RunSettings) -> None:
    """Raises MissingExtraError when what the executor needs is not installed."""
    from importlib.util import find_spec

    packages = ["datatrove", *(["ray"] if run.executor == "ray" else [])]
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        raise MissingExtraError("corpus.missing_cluster", executor=run.executor, package=", ".join(missing))


def tasks_of(source: Source) -> int:
    """Returns `run.tasks`, or as many as there are slices, a thousand at most."""
    return source.settings.run.tasks or max(1, min(1000, sum(1 for _ in slices(source.found()))))


def digest_by_executor(journal: Journal, source: Source, plan: Plan) -> None:
    """Fills the journal by datatrove on this machine or by Ray, and waits for it."""
    job, run = write_job(source, plan), source.settings.run
    step, tasks = partial(digest_task, job=str(job)), tasks_of(source)
    logs = str(jobs_folder(source.target) / "digest")
    workers = max(1, (source.settings.corpus.workers or available_workers()) // run.cpus)
    if run.executor == "ray":
        from datatrove.executor.ray import RayPipelineExecutor

        executor: Any = RayPipelineExecutor(
            pipeline=[step], tasks=tasks, workers=-1, cpus_per_task=run.cpus, logging_dir=logs, skip_completed=False
        )
    else:
        from datatrove.executor.local import LocalPipelineExecutor

        executor = LocalPipelineExecutor(
            pipeline=[step], tasks=tasks, workers=min(workers, tasks), logging_dir=logs, skip_completed=False
        )
    executor.run()
    journal.look()
    check_whole(journal, source)
    shutil.rmtree(jobs_folder(source.target), ignore_errors=True)


def submit_corpus(
    paths: Sequence[Path | Given],
    target: Path,
    settings: Settings,
    progress: Progress = silent,
    tell: Tell = lambda line: None,
) -> dict[str, Any]:
    """Hands a build to Slurm, or only writes its scripts; returns the job, its tasks and scripts, the last job's id.

    The first job is an array of tasks, the second makes the corpus in `target` when all of them went well.
    """
    run = settings.run
    if not run.partition:
        raise InputError("corpus.no_partition")
    if run.submit and shutil.which("sbatch") is None:
        raise ResourceError("corpus.no_sbatch")
    source, plan, journal = begin(paths, target, settings, progress, tell)
    journal.let_go(keep=True)  # the tasks' from here on
    return submit(source, plan)


def submit(source: Source, plan: Plan) -> dict[str, Any]:
    """Makes the two jobs of a build, and hands them to Slurm unless `run.submit` is false."""
    from datatrove.executor.slurm import SlurmPipelineExecutor

    job, run = write_job(source, plan), source.settings.run
    folder = jobs_folder(source.target)

    def executor(name: str, step: Any, tasks: int, **more: Any) -> Any:
        return SlurmPipelineExecutor(
            pipeline=[partial(step, job=str(job))], tasks=tasks, time=run.time, partition=run.partition,
            cpus_per_task=run.cpus, mem_per_cpu_gb=run.memory_gigabytes, job_name=f"textmill-{name}", qos=run.qos,
            logging_dir=str(folder / name), slurm_logs_folder=str(folder / name / "slurm"), skip_completed=False,
            env_command=f"export PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH", **more,
        )  # fmt: skip

    digesting = executor("digest", digest_task, tasks_of(source), workers=run.at_once or -1)
    finishing = executor("finish", finish_task, 1, depends=digesting)
    if run.submit:
        finishing.launch_job()
    jobs = {"digest": (digesting, digesting.tasks), "finish": (finishing, 1)}
    scripts = [
        script_of(executor, tasks, folder / name, write=not run.submit) for name, (executor, tasks) in jobs.items()
    ]
    return {"job": str(job), "tasks": digesting.tasks, "scripts": scripts, "job_id": finishing.job_id or ""}


def script_of(executor: Any, tasks: int, folder: Path, *, write: bool) -> str:
    """Returns the path of a job's script as datatrove has written it, or writes the one that it would."""
    path = folder / "launch_script.slurm"
    if write:
        command = f"srun -l -n 1 {LAUNCH} {folder / 'executor.pik'}"
        path.write_text(executor.get_launch_file_contents(executor.get_sbatch_args(tasks), command), encoding="utf-8")
    return str(path)
