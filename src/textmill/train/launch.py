"""Job files that start `torchrun` on a cluster: Slurm, Kubernetes, Ray. Our own in them are only the words of train.

torchrun finds the nodes at one rendezvous, starts the processes of each, and when one is lost starts all again (at most
`RESTARTS` times), also with fewer nodes where a range was asked for; `--resume` then goes on from the last checkpoint.
"""

import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

RESTARTS = 3
PORT = 29500
GRACE_SECONDS = 120
"""From the scheduler's SIGTERM to its SIGKILL: a step and a save fit in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is to be started: `processes` on each of `least` … `most` nodes; `words` go to `textmill train`."""

    least: int
    most: int
    processes: int
    cores: int
    gpus: bool
    project: Path
    programs: Path
    """Where torchrun lies on the nodes."""
    run: str
    words: tuple[str, ...] = ()
    time: str = "24:00:00"
    partition: str = ""
    image: str = ""
    claim: str = ""

    @property
    def name(self) -> str:
        """A name that every scheduler takes: small letters, digits and hyphens."""
        return re.sub(r"[^a-z0-9]+", "-", f"textmill-{self.run}".lower()).strip("-")[:52]


def torchrun(job: Job, *, endpoint: str, identity: str, project: str) -> list[str]:
    """Returns the command that every node runs once."""
    nodes = str(job.most) if job.least == job.most else f"{job.least}:{job.most}"
    device = "cuda" if job.gpus else "cpu"
    return [
        *("torchrun", "--nnodes", nodes, "--nproc-per-node", str(job.processes), "--max-restarts", str(RESTARTS)),
        *("--rdzv-backend", "c10d", "--rdzv-endpoint", endpoint, "--rdzv-id", identity),
        *("-m", "textmill", "train", "--project", project, "--name", job.run, "--resume", "--device", device),
        *job.words,
    ]


def slurm(job: Job) -> str:
    """Returns a batch script for `sbatch`: one task a node, which is torchrun."""
    wanted = [
        f"--job-name={job.name}",
        f"--nodes={job.least}-{job.most}" if job.least != job.most else f"--nodes={job.most}",
        "--ntasks-per-node=1",
        f"--cpus-per-task={job.processes * job.cores}",
        *([f"--gpus-per-node={job.processes}"] if job.gpus else []),
        *([f"--partition={job.partition}"] if job.partition else []),
        f"--time={job.time}",
        f"--signal=TERM@{GRACE_SECONDS}",
        "--requeue",
        "--open-mode=append",
        f"--output={job.name}-%j.log",
    ]
    command = torchrun(job, endpoint="HEAD", identity="JOB", project=str(job.project))
    shown = shlex.join(command).replace("HEAD", f'"$head":{PORT}', 1).replace("JOB", '"$SLURM_JOB_ID"', 1)
    return "\n".join(
        [
            "#!/bin/bash",
            *(f"#SBATCH {line}" for line in wanted),
            "set -eu",
            f"export OMP_NUM_THREADS={job.cores} PATH={shlex.quote(str(job.programs))}:$PATH",
            'head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)',
            f"srun --kill-on-bad-exit=1 {shown}",
            "",
        ]
    )


def kubernetes(job: Job) -> str:
    """Returns a headless Service and an indexed Job for `kubectl apply`; the project is a volume claim."""
    endpoint = f"{job.name}-0.{job.name}:{PORT}"
    command = torchrun(job, endpoint=endpoint, identity=job.name, project="/project")
    amounts = {"cpu": str(job.processes * job.cores)} | ({"nvidia.com/gpu": str(job.processes)} if job.gpus else {})
    container = {
        "name": "train",
        "image": job.image,
        "command": command,
        "env": [{"name": "OMP_NUM_THREADS", "value": str(job.cores)}],
        "resources": {"limits": amounts},
        "volumeMounts": [
            {"name": "project", "mountPath": "/project"},
            {"name": "shared-memory", "mountPath": "/dev/shm"},
        ],
    }
    pod = {
        "subdomain": job.name,
        "restartPolicy": "OnFailure",
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "containers": [container],
        "volumes": [
            {"name": "project", "persistentVolumeClaim": {"claimName": job.claim}},
            {"name": "shared-memory", "emptyDir": {"medium": "Memory"}},
        ],
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": job.name},
        "spec": {"clusterIP": "None", "selector": {"job-name": job.name}, "publishNotReadyAddresses": True},
    }
    indexed = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": job.name},
        "spec": {
            "completions": job.most,
            "parallelism": job.most,
            "completionMode": "Indexed",
            "backoffLimit": RESTARTS * job.most,
            "template": {"spec": pod},
        },
    }
    documents = {"apiVersion": "v1", "kind": "List", "items": [service, indexed]}
    return json.dumps(documents, indent=2, ensure_ascii=False) + "\n"


RAY = '''"""Starts torchrun on each node of a Ray cluster; `ray job submit -- python THIS_FILE`."""

import os
import subprocess

import ray
from ray.util.placement_group import placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

COMMAND = {command}
PROGRAMS = {programs}
NODES, CORES, GPUS, PORT = {nodes}, {cores}, {gpus}, {port}


def address() -> str:
    return ray.util.get_node_ip_address()


def train(command: list[str]) -> int:
    path = PROGRAMS + os.pathsep + os.environ["PATH"]
    return subprocess.run(command, env={{**os.environ, "PATH": path, "OMP_NUM_THREADS": "{threads}"}}).returncode


ray.init()
group = placement_group([{{"CPU": CORES, "GPU": GPUS}}] * NODES, strategy="STRICT_SPREAD")
ray.get(group.ready())


def on(node: int, task):
    place = PlacementGroupSchedulingStrategy(placement_group=group, placement_group_bundle_index=node)
    return ray.remote(task).options(num_cpus=CORES, num_gpus=GPUS, scheduling_strategy=place, max_retries=0)


head = ray.get(on(0, address).remote())
command = [word.replace("HEAD", f"{{head}}:{{PORT}}") for word in COMMAND]
codes = ray.get([on(node, train).remote(command) for node in range(NODES)])
raise SystemExit(max(codes))
'''


def ray(job: Job) -> str:
    """Returns a Python script for `ray job submit`: one task a node, which is torchrun."""
    command = torchrun(job, endpoint="HEAD", identity=job.name, project=str(job.project))
    return RAY.format(
        command=json.dumps(command, ensure_ascii=False, indent=4),
        programs=json.dumps(str(job.programs), ensure_ascii=False),
        threads=job.cores,
        nodes=job.most,
        cores=job.processes * job.cores,
        gpus=job.processes if job.gpus else 0,
        port=PORT,
    )


KINDS = {"slurm": slurm, "kubernetes": kubernetes, "ray": ray}
FILE_NAMES = {"slurm": "{name}.sbatch", "kubernetes": "{name}.json", "ray": "{name}_ray.py"}
SUBMIT = {
    "slurm": "sbatch {file}",
    "kubernetes": "kubectl apply -f {file}",
    "ray": "ray job submit -- python {file}",
}
