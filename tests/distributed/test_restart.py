"""What torchrun's restart leaves behind does not mislead the processes that come after it."""

import os
import subprocess
import sys
from datetime import timedelta

import torch.distributed as dist

JOINS = """
from textmill.train.parallel.world import open_world
with open_world("cpu", patience=20) as world:
    print(world.largest(world.rank))
"""


def start(rank: int, restart: int, port: int) -> subprocess.Popen[str]:
    """Starts one of two processes as torchrun's agent does, its store being the agent's and the same every time."""
    place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2, "MASTER_PORT": port}
    agent = {"TORCHELASTIC_RESTART_COUNT": restart, "TORCHELASTIC_USE_AGENT_STORE": True, "OMP_NUM_THREADS": 1}
    values = {"MASTER_ADDR": "127.0.0.1", **{name: str(value) for name, value in (place | agent).items()}}
    command = [sys.executable, "-c", JOINS]
    return subprocess.Popen(command, env=os.environ | values, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_the_processes_of_a_restart_look_for_each_other_under_keys_of_their_own() -> None:
    """Under the old ones a quick process finds where the killed one listened; gloo then fails for every other port."""
    store = dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False, timeout=timedelta(seconds=60))
    for restart in range(2):
        processes = [start(rank, restart, store.port) for rank in range(2)]
        for process in processes:
            out, err = process.communicate(timeout=60)
            assert (process.returncode, out) == (0, "[1]\n"), err
    assert {key.split("/")[0] for key in store.list_keys()} == {"start_0", "start_1"}
