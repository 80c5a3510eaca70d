"""Every way to divide a run gives the losses of one process, in float64 to nine digits, twenty steps long."""

from pathlib import Path
from typing import Any

import pytest
from matrix import MORE, QUICK, differences, table


def held(rows: list[dict[str, Any]], count: int) -> None:
    print(table(rows))
    assert len(rows) == count
    for row in rows:
        assert {"fp64", "fp32"} & set(row), row
        assert row.get("fp64", 0.0) < 1e-9, row
        assert row.get("fp32", 0.0) < 0.02, row  # Muon doubles a rounding every few steps


@pytest.mark.xdist_group("torchrun")
def test_each_strategy_on_two_processes(tokens_root: Path) -> None:
    held(differences(tokens_root, QUICK, ["fp64"]), len(QUICK))


@pytest.mark.slow
@pytest.mark.xdist_group("torchrun")
def test_combinations_optimizers_and_presets(tokens_root: Path) -> None:
    held(differences(tokens_root, MORE, ["fp64"]), len(MORE))  # matrix.py prints float32 beside all of them


@pytest.mark.slow
@pytest.mark.xdist_group("torchrun")
def test_each_strategy_in_float32(tokens_root: Path) -> None:
    held(differences(tokens_root, QUICK, ["fp32"]), len(QUICK))
