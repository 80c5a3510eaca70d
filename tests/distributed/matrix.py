"""Trains the same small model divided in every way and compares the losses with those of one process.

    python tests/distributed/matrix.py              prints the parity matrix (2 and 4 processes; some minutes)
    python tests/distributed/matrix.py --quick      what the quick suite runs: 2 processes, float64
    python tests/distributed/matrix.py ×            only what has that in its name

It starts itself again under torchrun. Twenty steps each, eagerly; the figure is the largest relative difference of a
step's loss from one process without accumulation. In float32 the sums are the same but their order is not: rounding.
"""

import contextlib
import io
import json
import os
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
STEPS = 20
COMMON = {
    "train.steps": STEPS,
    "train.batch_tokens": 256,
    "train.micro_batch": 8,
    "train.compile": "off",
    "train.threads": 1,
    "model.layers": 2,
    "model.width": 32,
    "model.heads": 4,
    "model.kv_heads": 2,
    "model.context": 32,
    "checkpoint.every": 1000,
    "evaluate.every": 1000,
    "evaluate.sample_every": 0,
    "evaluate.tokens": 64,
}
CLASSIC = {"model.preset": "classic", "model.kv_heads": 0, "train.optimizer": "adamw"}
ADAMW = {"train.optimizer": "adamw", "train.cautious_decay": True, "train.average": 0.9, "train.z_loss": 1e-3}

Case = tuple[str, int, dict[str, Any]]
"""What it is called, how many processes, and its settings besides the common ones."""
Losses = dict[str, dict[str, list[float]]]
"""{case: {precision: losses}}"""


def sizes(**axes: int) -> dict[str, Any]:
    return {f"parallel.{axis}": size for axis, size in axes.items()}


QUICK: list[Case] = [
    ("gradient accumulation", 1, {"train.micro_batch": 1}),
    ("data", 2, {"train.micro_batch": 2}),
    ("shard", 2, sizes(shard=2) | {"train.micro_batch": 2}),
    ("tensor", 2, sizes(tensor=2)),
    ("context", 2, sizes(context=2)),
    ("pipeline", 2, sizes(pipeline=2) | {"train.micro_batch": 2}),
]
RECOMPUTE = {"train.activation_checkpointing": True}
MORE: list[Case] = [
    ("activation checkpointing", 1, RECOMPUTE),
    ("data, rows that do not divide evenly", 2, {"train.batch_tokens": 224, "train.micro_batch": 1}),
    ("shard, activation checkpointing", 2, sizes(shard=2) | RECOMPUTE),
    ("tensor, activation checkpointing", 2, sizes(tensor=2) | RECOMPUTE),
    ("context, activation checkpointing", 2, sizes(context=2) | RECOMPUTE),
    ("pipeline, activation checkpointing", 2, sizes(pipeline=2) | RECOMPUTE),
    ("data, AdamW and averages", 2, ADAMW),
    ("shard, AdamW and averages", 2, sizes(shard=2) | ADAMW),
    ("tensor, AdamW and averages", 2, sizes(tensor=2) | ADAMW),
    ("pipeline, AdamW and averages", 2, sizes(pipeline=2) | ADAMW),
    ("data, Adafactor", 2, {"train.optimizer": "adafactor"}),
    ("data, classic", 2, CLASSIC),
    ("shard, classic", 2, sizes(shard=2) | CLASSIC),
    ("tensor, classic", 2, sizes(tensor=2) | CLASSIC),
    ("context, classic", 2, sizes(context=2) | CLASSIC),
    ("data × shard", 4, sizes(data=2, shard=2)),
    ("data × tensor", 4, sizes(data=2, tensor=2)),
    ("data × context", 4, sizes(data=2, context=2)),
    ("data × pipeline", 4, sizes(data=2, pipeline=2)),
    ("shard × tensor", 4, sizes(shard=2, tensor=2)),
    ("shard × context", 4, sizes(shard=2, context=2)),
    ("shard × pipeline", 4, sizes(shard=2, pipeline=2)),
    ("tensor × context", 4, sizes(tensor=2, context=2)),
    ("tensor × pipeline", 4, sizes(tensor=2, pipeline=2)),
    ("context × pipeline", 4, sizes(context=2, pipeline=2)),
    ("shard × tensor, classic", 4, sizes(shard=2, tensor=2) | CLASSIC),
]


def make_tokens(folder: Path) -> Path:
    """Makes a project with tokens in `folder`; returns its root."""
    sys.path.insert(0, str(ROOT / "tests" / "train"))
    from small_run import sentences

    from textmill.cli.main import main
    from textmill.data.corpus import Corpus
    from textmill.project import Project
    from textmill.tokenizer.tokenizer import Tokenizer
    from textmill.tokenizer.tokens import write_tokens

    root, texts = folder / "project", folder / "texts.jsonl"
    texts.write_text("".join(json.dumps({"text": sentences(seed, 30)}) + "\n" for seed in range(60)), encoding="utf-8")
    for words in (
        ["new", str(root)],
        ["corpus", "build", str(texts), "--project", str(root)],
        ["tokenizer", "train", "--tokenizer.vocabulary_size=320", "--project", str(root)],
    ):
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            assert main(words) == 0
    project = Project(root=root)
    write_tokens(Corpus.open(project.corpus), Tokenizer.load(project.tokenizer), project.tokens)
    return root


def losses(root: Path, name: str, changes: dict[str, Any], world: Any) -> list[float]:
    """Trains the run `name` with the common settings and `changes`; returns the loss of each step (first process)."""
    from textmill.config import Settings
    from textmill.project import Project
    from textmill.tokenizer.tokenizer import Tokenizer
    from textmill.tokenizer.tokens import Tokens
    from textmill.train.loop import train
    from textmill.train.start import start

    project, found = Project(root=root), []
    run = start(
        project,
        Settings().replace(COMMON | changes),
        name=name,
        newest=None,
        tokens=Tokens.open(project.tokens),
        tokenizer=Tokenizer.load(project.tokenizer),
        listener=lambda event: found.append(event["loss"]) if event["type"] == "step" else None,
        device="cpu",
        world=world,
    )
    train(run)
    if run.log is not None:
        run.log.close()
    return found


def measure_here(root: Path, cases: list[Case], precisions: list[str], ports: list[int]) -> Losses:
    """Runs `cases` in this process, or in all processes of torchrun together, each run in children of its own."""
    from textmill.train.parallel.world import open_world

    def run(name: str, changes: dict[str, Any]) -> list[float]:
        with open_world("cpu") as world:
            return losses(root, name, changes, world)

    size, results = int(os.environ.get("WORLD_SIZE", "1")), Losses()
    for number, ((name, _, changes), precision) in enumerate((case, each) for case in cases for each in precisions):
        work = partial(run, f"{number}-of-{size}", changes | {"train.precision": precision})
        results.setdefault(name, {})[precision] = work() if size == 1 else in_a_child(work, ports[number])
    return results


def in_a_child(work: Callable[[], list[float]], port: int) -> list[float]:
    """Returns what `work` returns in a fork of this process, which has torch but has computed nothing yet.

    A run so has process groups of its own, as a user's has. Some hundred gloo groups of many runs in one process once
    ended in "malloc(): unaligned tcache chunk detected". They meet at a port of their own, because torchrun's store
    still has the addresses of the run before.
    """
    import sympy  # noqa: F401 - what each run asks for late, so that no child has to import it
    import torch.distributed.fsdp
    import torch.distributed.pipelining
    import torch.distributed.tensor.parallel  # noqa: F401

    import textmill.train.loop
    import textmill.train.start  # noqa: F401

    os.environ |= {"TORCHELASTIC_USE_AGENT_STORE": "False", "MASTER_PORT": str(port)}
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.write(writing, json.dumps(work()).encode())
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(writing)
    with open(reading, encoding="utf-8") as file:
        found = file.read()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    return json.loads(found)


def free_ports(count: int) -> list[int]:
    """Returns ports that nobody listened on a moment ago."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def measure(root: Path, cases: Iterable[Case], processes: int, precisions: list[str]) -> Losses:
    """Runs `cases` in so many processes of their own."""
    out = root / f"out-{processes}.json"
    cases = list(cases)
    ports = free_ports(len(cases) * len(precisions)) if processes > 1 else []
    given = json.dumps([str(root), cases, precisions, ports, str(out)])
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    command = [sys.executable, *(torchrun if processes > 1 else []), __file__, "--here", given]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(out.read_text(encoding="utf-8"))


def differences(root: Path, cases: list[Case], precisions: list[str]) -> list[dict[str, Any]]:
    """Returns {strategy, processes, fp64, fp32} of each case: the largest relative difference from one process."""
    alone = {name: json.dumps(undivided(changes), sort_keys=True) for name, _, changes in cases}
    expected = measure(root, [(each, 1, json.loads(each)) for each in dict.fromkeys(alone.values())], 1, precisions)
    rows = []
    for processes in sorted({count for _, count, _ in cases}):
        found = measure(root, [case for case in cases if case[1] == processes], processes, precisions)
        for name, by_precision in found.items():
            row: dict[str, Any] = {"strategy": name, "processes": processes}
            for precision, values in by_precision.items():
                wanted = expected[alone[name]][precision]
                assert len(values) == len(wanted) == STEPS
                assert wanted[-1] < wanted[0]  # it learned something
                row[precision] = max(abs(a - b) / abs(b) for a, b in zip(values, wanted, strict=True))
            rows.append(row)
    return rows


def undivided(changes: dict[str, Any]) -> dict[str, Any]:
    left_out = ("parallel.", "train.micro_batch", "train.activation_checkpointing")
    return {name: value for name, value in changes.items() if not name.startswith(left_out)}


def table(rows: list[dict[str, Any]]) -> str:
    """Returns the matrix for people."""
    lines = [f"{'strategy':<40} processes      fp64      fp32"]
    for row in rows:
        figures = "  ".join(f"{row[kind]:8.1e}" if kind in row else " " * 8 for kind in ("fp64", "fp32"))
        lines.append(f"{row['strategy']:<40} {row['processes']:>9}  {figures}")
    return "\n".join(lines)


def main() -> None:
    """Prints the matrix, or is one of the processes that measure it."""
    if sys.argv[1:2] == ["--here"]:
        root, cases, precisions, ports, out = json.loads(sys.argv[2])
        found = measure_here(Path(root), cases, precisions, ports)
        if os.environ.get("RANK", "0") == "0":
            Path(out).write_text(json.dumps(found), encoding="utf-8")
        return
    quick = "--quick" in sys.argv
    named = [word for word in sys.argv[1:] if not word.startswith("-")]
    cases = [case for case in (QUICK if quick else QUICK + MORE) if not named or any(word in case[0] for word in named)]
    with tempfile.TemporaryDirectory() as folder:
        root = make_tokens(Path(folder))
        print(table(differences(root, cases, ["fp64"] if quick else ["fp64", "fp32"])))


if __name__ == "__main__":
    main()
