"""A task that both have gets the same scores through lm-evaluation-harness and through our suite, offline."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_runs import write_run

from textmill.project import Project

pytest.importorskip("lm_eval")
pytestmark = [
    pytest.mark.slow,  # importing it takes seconds
    pytest.mark.filterwarnings("ignore"),  # its own and its packages'
]
TASK = """
task: local_piqa
dataset_path: json
dataset_kwargs: {data_files: {validation: FILE}}
validation_split: validation
output_type: multiple_choice
doc_to_text: "Question: {{goal}}\\nAnswer:"
doc_to_target: label
doc_to_choice: "{{[sol1, sol2]}}"
metric_list: [{metric: acc}, {metric: acc_norm}]
"""
WRITING = """
task: local_words
dataset_path: json
dataset_kwargs: {data_files: {test: FILE}}
test_split: test
output_type: generate_until
doc_to_text: "{{goal}}"
doc_to_target: "{{sol1}}"
generation_kwargs: {until: ["\\n"], max_gen_toks: 4, do_sample: false}
metric_list: [{metric: exact_match}]
"""


def test_equal_scores(project: Project, run_textmill: Callable[..., Any], tmp_path: Path) -> None:
    write_run(project, "main", 20, context=96)
    rows = [{"goal": f"Do {n} ", "sol1": f"this {n * n}", "sol2": f"that, {n}", "label": n % 2} for n in range(30)]
    file = tmp_path / "piqa.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    tasks = tmp_path / "tasks"
    tasks.mkdir()
    (tasks / "piqa.yaml").write_text(TASK.replace("FILE", str(file)))
    (tasks / "words.yaml").write_text(WRITING.replace("FILE", str(file)))
    words = ("evaluate", "--suite", "piqa", "--suite-files", file, "--precision", "fp32", "--json")
    harness = ("--harness", "local_piqa", "--harness", "local_words", "--harness-files", tasks)
    env = {
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "HF_HOME": str(tmp_path / "cache"),
        "PATH": os.environ["PATH"],
    }
    document = run_textmill(*words, *harness, cwd=project.root, env=env).ok().document
    ours, theirs, written = document["results"]
    assert theirs["suite"]["name"] == "harness_local_piqa"
    for figure in ("accuracy", "accuracy_normalised"):
        assert theirs["scores"][figure] == ours["scores"][figure]
    assert theirs["harness"]["acc_norm,none"] == ours["scores"]["accuracy_normalised"]["value"]
    assert written["n"] == 30 and written["scores"]["exact_match"]["value"] == 0.0
    lines = {}
    for name in ("piqa", "harness_local_piqa"):
        text = (Path(document["folder"]) / f"{name}.jsonl").read_text().splitlines()[1:]
        lines[name] = {record["place"]: record["log_probabilities"] for record in map(json.loads, text)}
    for place, sums in lines["piqa"].items():
        assert lines["harness_local_piqa"][place] == pytest.approx(sums, rel=1e-5)
    missing = run_textmill(
        "evaluate", "--harness", "none", "--harness-files", tasks, "--json", cwd=project.root, env=env
    )
    assert missing.document["error"]["code"] == "evaluate.no_task"
