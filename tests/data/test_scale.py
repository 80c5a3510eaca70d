"""The same build by datatrove's executors: here, on Slurm (a stand-in for its two commands), on Ray."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from corpus_helpers import write
from test_corpus import folder_bytes

from textmill.config import CorpusSettings, RunSettings, Settings
from textmill.data.build import build_corpus
from textmill.data.journal import jobs_folder
from textmill.data.plan import SLICE_FILES
from textmill.data.scale import digest_task, finish_task, submit_corpus, write_job
from textmill.errors import CorpusError, InputError, MissingExtraError, ResourceError

LARGE = "".join(f"Line {n} of a long text about the bridge and the rain.\n" for n in range(9_000))

TABLE = "text,url\n" + "".join(f"Cell {n} about the quiet town.,http://town.example/{n}\n" for n in range(300))


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of some slices: files are small, but there are many."""
    folder = tmp_path_factory.mktemp("scale")
    files: dict[str, str | bytes] = {
        f"{n % 40}/{n}.txt": f"Text {n}, {n * n % 977}." for n in range(2 * SLICE_FILES + 50)
    }
    rows = "\n".join(json.dumps({"text": f"Row {n}."}) for n in range(500))
    return write(
        folder / "in", files | {"rows.jsonl": rows, "held_out/h.txt": "Held out.", "zz.txt": LARGE, "z.csv": TABLE}
    )


def chosen(executor: str, **values) -> Settings:
    return Settings(corpus=CorpusSettings(workers=2), run=RunSettings(executor=executor, **values))


@pytest.fixture(scope="module")
def whole(inputs: Path) -> dict[str, bytes]:
    """What a local build makes of them."""
    return folder_bytes(build_corpus([inputs], inputs.parent / "local", chosen("local")).folder)


def left(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


def test_by_datatrove_on_this_machine(inputs: Path, whole: dict[str, bytes], tmp_path: Path):
    pytest.importorskip("datatrove")
    corpus = build_corpus([inputs], tmp_path / "out", chosen("datatrove", tasks=3))
    assert folder_bytes(corpus.folder) == whole
    assert left(tmp_path) == []


@pytest.mark.slow
def test_by_ray(inputs: Path, whole: dict[str, bytes], tmp_path: Path):
    """As a user starts it: warnings that are errors here would end threads of Ray's, for which datatrove then waits."""
    for package in ("ray", "datatrove"):
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    words = ["corpus", "build", inputs, "--out", "out", "--corpus.workers=2", "--run.executor=ray", "--run.tasks=3"]
    done = subprocess.run(
        [sys.executable, "-m", "textmill", *words], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert "Started a local Ray instance" in done.stderr
    assert folder_bytes(tmp_path / "out") == whole
    assert left(tmp_path) == []


STAND_IN = """#!{python}
import os, subprocess, sys
words = [word for word in sys.argv[1:] if not word.startswith("--")]
script = open(words[-1]).read()
count = sum(name.startswith("script") for name in os.listdir("{folder}")) + 1
open(f"{folder}/script{{count}}.slurm", "w").write(script)
open(f"{folder}/words{{count}}.txt", "w").write(" ".join(sys.argv[1:]))
array = next(line for line in script.splitlines() if "--array" in line).partition("=")[2].partition("%")[0]
for number in range(int(array.split("-")[1]) + 1):
    environment = os.environ | {{"SLURM_ARRAY_TASK_ID": str(number), "SLURM_NODELIST": "node1", "SLURM_NODEID": "0"}}
    subprocess.run(["bash", words[-1]], env=environment, check="merge_stats" not in script, stdout=sys.stderr)
print("Submitted batch job", count)
"""


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an ``sbatch`` that runs its tasks at once, one after another, and keeps its scripts there."""
    folder = tmp_path / "slurm"
    write(folder, {"sbatch": STAND_IN.format(python=sys.executable, folder=folder)})
    (folder / "scontrol").write_text("#!/bin/sh\necho node1\n")
    (folder / "srun").write_text('#!/bin/sh\nshift 3\nexec "$@"\n')
    for name in ("sbatch", "srun", "scontrol"):
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{Path(sys.executable).parent}:{os.environ['PATH']}")
    return folder


def test_on_slurm(inputs: Path, whole: dict[str, bytes], tmp_path: Path, slurm: Path):
    pytest.importorskip("datatrove")
    settings = chosen("slurm", partition="cpu", tasks=2, at_once=7, time="03:00:00", cpus=2, qos="low")
    made = submit_corpus([inputs], tmp_path / "out", settings)
    assert folder_bytes(tmp_path / "out") == whole
    script, words = (slurm / "script1.slurm").read_text(), (slurm / "words1.txt").read_text()
    lines = script.splitlines()
    for line in ("partition=cpu", "array=0-1%7", "time=03:00:00", "cpus-per-task=2", "mem-per-cpu=4G", "qos=low"):
        assert f"#SBATCH --{line}" in lines
    assert "job-name=textmill-digest" in script
    assert f"launch_pickled_pipeline {jobs_folder(tmp_path / 'out') / 'digest' / 'executor.pik'}" in script
    assert "--dependency" not in words
    finishing = [path for path in slurm.glob("script*.slurm") if "job-name=textmill-finish" in path.read_text()]
    assert any("--dependency=afterok:" in (slurm / f"words{path.stem[6:]}.txt").read_text() for path in finishing)
    assert [Path(path).is_file() for path in made["scripts"]] == [True, True]
    assert made["tasks"] == 2
    assert made["job_id"]


def test_scripts_that_are_only_written(run_textmill, inputs: Path, tmp_path: Path):
    pytest.importorskip("datatrove")
    words = ["corpus", "build", inputs, "--out", tmp_path / "out", "--run.executor=slurm", "--run.partition=big"]
    made = run_textmill(*words, "--run.submit=false", "--json").ok().document
    first, second = (Path(path).read_text() for path in made["scripts"])
    assert "#SBATCH --array=0-2" in first
    assert "#SBATCH --partition=big" in first
    assert "digest/executor.pik" in first
    assert "#SBATCH --array=0-0" in second
    assert "finish/executor.pik" in second
    assert not (tmp_path / "out").exists()
    assert made["job_id"] == ""


def test_what_a_cluster_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write(tmp_path / "in", {"a.txt": "A text."})
    paths, out = [tmp_path / "in"], tmp_path / "out"
    with pytest.raises(InputError, match="does not wait"):
        build_corpus(paths, out, chosen("slurm"))
    with pytest.raises(InputError, match="partition"):
        submit_corpus(paths, out, chosen("slurm"))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ResourceError, match="sbatch"):
        submit_corpus(paths, out, chosen("slurm", partition="x"))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'textmill\[cluster\]'") as raised:
        build_corpus(paths, out, chosen("ray"))
    assert "datatrove, ray" in str(raised.value)
    assert list(tmp_path.iterdir()) == [tmp_path / "in"]


def test_tasks_by_themselves(inputs: Path, whole: dict[str, bytes], tmp_path: Path):
    from textmill.data.build import begin

    source, plan, journal = begin([inputs], tmp_path / "out", chosen("local"), lambda *_: None, lambda line: None)
    job = str(write_job(source, plan))
    journal.let_go(keep=True)
    digest_task(None, 1, 2, job=job)
    with pytest.raises(CorpusError, match="not done"):
        finish_task(None, 0, 1, job=job)
    digest_task(None, 0, 2, job=job)
    digest_task(None, 0, 2, job=job)  # a task that is started again finds that all is there
    finish_task(None, 0, 1, job=job)
    assert folder_bytes(tmp_path / "out") == whole
    (inputs / "new.txt").write_text("New.")
    try:
        with pytest.raises(CorpusError, match="inputs"):
            digest_task(None, 0, 2, job=job)
    finally:
        (inputs / "new.txt").unlink()
