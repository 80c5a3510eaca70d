"""Whole models, weights and tokenizer, through import and export; the table of all families."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from parity import Parity, measure
from peer_models import INTERNLM, MODELS
from transformers.utils import logging

from textmill.project import Project

TOLERANCE = 1e-5
QUICK = ("gpt2", "gpt_neox", "llama 3", "mistral", "qwen3", "gemma3", "bloom", "falcon 40b", "starcoder2", *INTERNLM)
"""A model a kind of tokenizer, and those that transformers has no code of."""


@pytest.fixture(autouse=True)
def no_gradients() -> Iterator[None]:
    logging.disable_progress_bar()
    with torch.no_grad():
        yield


@pytest.mark.parametrize("name", QUICK)
def test_what_came_in_goes_out(name: str, tmp_path: Path, project: Project, run_textmill: Callable[..., Any]) -> None:
    row = measure(name, tmp_path / "theirs", project, run_textmill)
    assert max(row.plain, row.padded, row.long, row.cached) < TOLERANCE


@pytest.mark.slow
def test_all_families(
    tmp_path: Path, project: Project, run_textmill: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """Prints the table: ./textmill test --slow tests/model/hub/test_whole_way.py -n 0"""
    rows = [measure(name, tmp_path / name, project, run_textmill) for name in (*MODELS, *INTERNLM)]
    with capsys.disabled():
        print("\n" + Parity.heading(), *(row.line() for row in rows), sep="\n")
    assert all(max(row.plain, row.padded, row.long, row.cached) < TOLERANCE for row in rows)
