"""`textmill launch KIND`: writes the job file that starts torchrun on a cluster; submits nothing.

The document of ``--json``: ``kind, file, nodes [least, most], processes, text, submit``.
"""

import re
import shlex
import sys
from pathlib import Path
from typing import Any

from textmill.cli.command import Argument, Command, Context
from textmill.config import all_settings, value_type
from textmill.errors import UsageError
from textmill.i18n import t


def positive(value: str) -> int:
    """Returns a whole number from 1 on."""
    if not re.fullmatch(r"[1-9]\d{0,5}", value):
        raise ValueError(value)
    return int(value)


def nodes_range(value: str) -> tuple[int, int]:
    """Returns (least, most) of "4" or "2:4"."""
    least, _, most = value.partition(":")
    found = positive(least), positive(most or least)
    if found[0] > found[1]:
        raise ValueError(value)
    return found


def run(
    context: Context,
    *,
    kind: str,
    nodes: tuple[int, int],
    processes: int,
    cores: int,
    device: str,
    name: str,
    time: str,
    partition: str,
    image: str,
    claim: str,
    out: Path | None,
) -> dict[str, Any]:
    """Writes the job file and says how it is submitted."""
    from textmill.files import write_bytes
    from textmill.train.launch import FILE_NAMES, KINDS, SUBMIT, Job

    project = context.need_project()
    if kind == "kubernetes" and not (image and claim):
        raise UsageError("cli_launch.kubernetes")
    job = Job(
        least=nodes[0],
        most=nodes[1],
        processes=processes,
        cores=cores,
        gpus=device == "cuda",
        project=project.root,
        programs=Path(sys.executable).parent,
        run=name,
        words=tuple(given_settings(context)),
        time=time,
        partition=partition,
        image=image,
        claim=claim,
    )
    text, file = KINDS[kind](job), out or Path(FILE_NAMES[kind].format(name=job.name))
    file = file.absolute()
    write_bytes(file, text.encode())
    submit = SUBMIT[kind].format(file=shlex.quote(str(file)))
    context.print(t("cli_launch.written", file=file, nodes=nodes_shown(nodes), processes=processes))
    context.print(t("cli_launch.next", command=submit))
    return {
        "kind": kind,
        "file": str(file),
        "nodes": list(nodes),
        "processes": processes,
        "text": text,
        "submit": submit,
    }


def nodes_shown(nodes: tuple[int, int]) -> str:
    """Returns the number of nodes as it was given."""
    return str(nodes[0]) if nodes[0] == nodes[1] else f"{nodes[0]}:{nodes[1]}"


def given_settings(context: Context) -> list[str]:
    """Returns the settings of this command line as words, for the command that the job runs."""
    words = []
    for name in all_settings():
        if context.origins.get(name) != "command line":
            continue
        section, _, key = name.partition(".")
        value = getattr(getattr(context.settings, section), key)
        if value_type(name) is bool:
            value = str(value).lower()
        words += [f"--{name}={','.join(value) if isinstance(value, tuple) else value}"]
    return words


COMMAND = Command(
    words=("launch",),
    run=run,
    example="textmill launch slurm --nodes 2 --processes 8 --device cuda --parallel.shard 8",
    arguments=(
        Argument(name="kind", choices=("slurm", "kubernetes", "ray")),
        Argument(name="--nodes", kind=nodes_range, default=(1, 1), metavar="N|MIN:MAX"),
        Argument(name="--processes", kind=positive, default=1, metavar="N"),
        Argument(name="--cores", kind=positive, default=1, metavar="N"),
        Argument(name="--device", default="cpu", choices=("cpu", "cuda")),
        Argument(name="--name", default="main", metavar="NAME"),
        Argument(name="--time", default="24:00:00", metavar="TIME"),
        Argument(name="--partition", default="", metavar="NAME"),
        Argument(name="--image", default="", metavar="IMAGE"),
        Argument(name="--claim", default="", metavar="NAME"),
        Argument(name="--out", kind=Path, metavar="FILE"),
    ),
    settings=("parallel", "train", "model", "checkpoint", "evaluate"),
)
