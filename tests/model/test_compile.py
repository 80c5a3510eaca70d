"""Training compiles blocks one by one: all layers must share one compiled code, without graph breaks."""

import json
import subprocess
import sys
from pathlib import Path


def test_all_layers_share_one_compiled_code() -> None:
    script = Path(__file__).parent / "compiled_blocks.py"
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    for result in json.loads(done.stdout).values():
        assert (result["graphs"], result["breaks"]) == (1, 0)
        assert result["difference"] < 1e-5
