"""Job files say what was asked for, in the schedulers' own words, and start torchrun and nothing else."""

import ast
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from textmill.project import Project

WORDS = ("--nodes", "2", "--processes", "8", "--cores", "4", "--parallel.shard", "8", "--train.steps", "500")
TRAIN = ["-m", "textmill", "train", "--project"]


def written(run_textmill: Callable, project: Project, kind: str, *words: str) -> str:
    document = run_textmill("launch", kind, *WORDS, *words, "--json", cwd=project.root).ok().document
    assert Path(document["file"]).read_text() == document["text"]
    assert document["file"] in document["submit"]
    return document["text"]


def test_slurm(run_textmill: Callable, project: Project) -> None:
    text = written(run_textmill, project, "slurm", "--device", "cuda", "--partition", "gpu", "--time", "2:00:00")
    wanted = {line.removeprefix("#SBATCH --") for line in text.splitlines() if line.startswith("#SBATCH")}
    assert {
        "job-name=textmill-main",
        "nodes=2",
        "ntasks-per-node=1",
        "cpus-per-task=32",
        "gpus-per-node=8",
        "partition=gpu",
        "time=2:00:00",
        "signal=TERM@120",
        "requeue",
    } <= wanted
    last = text.splitlines()[-1]
    assert last.startswith("srun --kill-on-bad-exit=1 torchrun --nnodes 2 --nproc-per-node 8 --max-restarts 3")
    assert '--rdzv-endpoint "$head":29500 --rdzv-id "$SLURM_JOB_ID" -m textmill train --project' in last
    assert last.endswith("--name main --resume --device cuda --train.steps=500 --parallel.shard=8")
    checked = subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True)
    assert checked.returncode == 0, checked.stderr


def test_slurm_runs_with_a_stand_in_for_its_commands(run_textmill: Callable, project: Project, tmp_path: Path) -> None:
    """`scontrol` and `srun` are replaced by ones that show what they were given."""
    written(run_textmill, project, "slurm", "--name", "it's a run")
    (tmp_path / "bin").mkdir()
    for name, body in (("scontrol", "echo n7; echo n8"), ("srun", 'shift; printf "%s\\n" "$@"')):
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    environment = {"PATH": f"{tmp_path}/bin:/usr/bin:/bin", "SLURM_JOB_NODELIST": "n[7-8]", "SLURM_JOB_ID": "41"}
    (file,) = project.root.glob("*.sbatch")
    # the environment's own programs come first in PATH, and have neither
    done = subprocess.run(["bash", str(file)], env=environment, capture_output=True, text=True)
    words = done.stdout.splitlines()
    assert words[:3] == ["torchrun", "--nnodes", "2"], done.stderr
    assert words[words.index("--rdzv-endpoint") + 1] == "n7:29500"
    assert words[words.index("--rdzv-id") + 1] == "41"
    assert words[words.index("--name") + 1] == "it's a run"


def test_a_range_of_nodes_is_torchruns_elastic_one(run_textmill: Callable, project: Project) -> None:
    text = written(run_textmill, project, "slurm", "--nodes", "2:4")
    assert "#SBATCH --nodes=2-4" in text
    assert "torchrun --nnodes 2:4" in text
    assert "gpus" not in text


def test_kubernetes(run_textmill: Callable, project: Project) -> None:
    words = ("--device", "cuda", "--image", "registry.example/textmill:1", "--claim", "books")
    service, job = json.loads(written(run_textmill, project, "kubernetes", *words))["items"]
    assert service["spec"] == {
        "clusterIP": "None",
        "selector": {"job-name": "textmill-main"},
        "publishNotReadyAddresses": True,
    }
    assert (job["apiVersion"], job["kind"], job["spec"]["completionMode"]) == ("batch/v1", "Job", "Indexed")
    assert job["spec"]["completions"] == job["spec"]["parallelism"] == 2
    pod = job["spec"]["template"]["spec"]
    assert pod["subdomain"] == service["metadata"]["name"]
    (container,) = pod["containers"]
    assert container["image"] == "registry.example/textmill:1"
    assert container["resources"]["limits"] == {"cpu": "32", "nvidia.com/gpu": "8"}
    command = container["command"]
    assert command[:5] == ["torchrun", "--nnodes", "2", "--nproc-per-node", "8"]
    assert command[command.index("--rdzv-endpoint") + 1] == "textmill-main-0.textmill-main:29500"
    assert command[command.index("-m") :][:5] == [*TRAIN, "/project"]
    assert pod["volumes"][0]["persistentVolumeClaim"]["claimName"] == "books"


def test_ray(run_textmill: Callable, project: Project) -> None:
    tree = ast.parse(written(run_textmill, project, "ray"))
    values = [node.value for node in tree.body if isinstance(node, ast.Assign)]
    command, _, sizes = (ast.literal_eval(value) for value in values[:3])
    assert command[:5] == ["torchrun", "--nnodes", "2", "--nproc-per-node", "8"]
    assert command[command.index("--rdzv-endpoint") + 1] == "HEAD"
    assert command[command.index("-m") :][:5] == [*TRAIN, str(project.root)]
    assert sizes == (2, 32, 0, 29500)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("kubernetes",), "--image"),
        (("slurm", "--nodes", "4:2"), "--nodes"),
        (("slurm", "--processes", "0"), "--processes"),
        (("pbs",), "slurm"),
    ],
)
def test_what_cannot_be_launched(words: tuple[str, ...], told: str, run_textmill: Callable, project: Project) -> None:
    result = run_textmill("launch", *words, cwd=project.root)
    assert result.code == 2
    assert told in result.err
