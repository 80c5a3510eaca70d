"""dpo, orpo, kto, grpo and distill from the command line: they learn, tell, go on exactly, and leave a model behind."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from small_tuning import chat, model_folder, write_rows

from textmill.checkpoints import list_checkpoints
from textmill.project import Project
from textmill.train.events import read_events

FEW = (
    *("--train.compile=off", "--train.threads=1", "--train.steps=6", "--train.batch_tokens=192"),
    *("--checkpoint.every=3", "--checkpoint.keep=9", "--evaluate.every=3", "--evaluate.sample_every=0"),
    *("--tune.rank=4", "--train.learning_rate=0.01", "--train.precision=fp32", "--tune.held_out_share=0.2"),
    *("--grpo.questions=2", "--grpo.samples=4", "--grpo.max_tokens=6", "--grpo.at_once=8", "--grpo.held_out=4"),
)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base model, another with its vocabulary, one without, and data of every kind."""
    folder = tmp_path_factory.mktemp("ways")
    model_folder(folder / "base")
    pairs = [{"prompt": f"Say {n}", "chosen": f"{n} {n}.", "rejected": f"No, {n + 1}!"} for n in range(40)]
    write_rows(folder / "pairs.jsonl", pairs)
    judged = [{"prompt": f"Say {n}", "completion": f"{n}." if n % 2 else "No!", "label": n % 2 == 1} for n in range(40)]
    write_rows(folder / "judged.jsonl", judged)
    write_rows(folder / "problems.jsonl", [{"question": f"{n} + 1?", "answer": str(n + 1)} for n in range(30)])
    write_rows(folder / "chats.jsonl", [chat(f"What is {n}?", f"It is {n}.") for n in range(40)])
    (folder / "general.txt").write_text("The cat sat on the mat.\n\nA dog.\n", encoding="utf-8")
    (folder / "reward.py").write_text("def vowels(answer, row):\n    return sum(c in 'aeiou' for c in answer) / 9\n")
    return folder


WAYS = {
    "dpo": ("pairs.jsonl", ()),
    "orpo": ("pairs.jsonl", ()),
    "kto": ("judged.jsonl", ()),
    "grpo": ("problems.jsonl", ("--reward", "{files}/reward.py:vowels")),
    "distill": ("chats.jsonl", ("--teacher", "{files}/base", "--distill.text_weight", "0.5")),
}


@pytest.fixture
def tuned(run_textmill: Callable, project: Project, files: Path) -> Callable:
    """Runs a way of tuning in a project with small settings."""

    def run(way: str, *words: str, data: str = "", **more):
        given, own = WAYS[way]
        own = tuple(word.format(files=files) for word in own)
        common = ("--model", str(files / "base"), "--data", str(files / (data or given)))
        general = ("--general", str(files / "general.txt"))
        return run_textmill("tune", way, *common, *general, *own, *FEW, *words, cwd=project.root, **more)

    return run


def events(project: Project, name: str, kind: str) -> list[dict]:
    return [event for event in read_events(project.runs / name) if event["type"] == kind]


def tensors(folder: Path) -> dict[str, torch.Tensor]:
    return {
        f"{file.name}/{key}": value for file in folder.glob("*.safetensors") for key, value in load_file(file).items()
    }


@pytest.mark.parametrize(("way", "method"), [(way, "full") for way in WAYS] + [("dpo", "qlora"), ("grpo", "dora")])
def test_it_learns_and_goes_on_exactly(way, method, tuned, project, run_textmill):
    tuned(way, "--name", "whole", "--method", method).ok()
    steps = events(project, "whole", "step")
    assert len(steps) == 6
    assert {event["when"] for event in events(project, "whole", "general")} == {"before", "after"}
    if way in ("dpo", "orpo", "kto"):
        compared = events(project, "whole", "compared")
        assert [event["step"] for event in compared] == [0, 3, 6]
        if way == "dpo":
            assert compared[0]["accuracy"] == 0.5
    if way == "grpo":
        assert len(events(project, "whole", "rollouts")) == 6
        assert [event["step"] for event in events(project, "whole", "solved")] == [0, 3, 6]
        assert len(list((project.runs / "whole/rollouts").glob("*.jsonl"))) == 6
    tuned(way, "--name", "cut", "--method", method).ok()
    for point in list_checkpoints(project.runs / "cut")[-1:]:
        shutil.rmtree(point.folder)
    for file in (project.runs / "cut").glob("rollouts/*"):
        file.unlink()
    tuned(way, "--name", "cut", "--method", method, "--resume").ok()
    last = [list_checkpoints(project.runs / name)[-1].folder for name in ("whole", "cut")]
    first, again = map(tensors, last)
    assert set(first) == set(again)
    assert [name for name, value in first.items() if not torch.equal(value, again[name])] == []
    told = run_textmill("generate", "Say 3", "--model", "whole", "--generate.max_tokens", "3", cwd=project.root)
    told.ok()


def test_a_teacher_on_disk_is_there_for_the_next_time(tuned, project):
    tuned("distill", "--distill.top", "8").ok()
    assert (project.runs / "tuned/teacher-top.safetensors").is_file()
    steps = events(project, "tuned", "step")
    assert steps[-1]["divergence"] >= 0


def test_a_teacher_that_writes(tuned, project):
    tuned("distill", "--distill.answers", "teacher", data="problems.jsonl").ok()
    lines = (project.runs / "tuned/training-teacher-answers.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) > 10
    assert events(project, "tuned", "start")[0]["objective"] == "next_token"


@pytest.mark.parametrize(
    ("way", "words", "said"),
    [
        ("grpo", ("--reward", "exakt"), "no reward exakt"),
        ("grpo", ("--reward", "tests"), "--allow-code-execution"),
        ("grpo", ("--grpo.max_tokens", "96"), "leaves room"),
    ],
)
def test_what_cannot_be_is_said_before_the_first_step(way, words, said, tuned, project):
    result = tuned(way, *words)
    assert result.code == 2
    assert said in result.err


def test_a_reward_that_raises_ends_the_run_and_loses_nothing(tuned, project, files):
    wrong = files / "wrong.py"
    wrong.write_text("def f(answer, row):\n    raise KeyError('colour')\n")
    result = tuned("grpo", "--reward", f"{wrong}:f", "--name", "bad")
    assert result.code == 2
    assert "KeyError: 'colour' (line 2)" in result.err
    tuned("grpo", "--reward", f"{wrong}:f", "--grpo.bad_rewards", "skip", "--name", "skipped").ok()
    assert events(project, "skipped", "rollouts")[0]["left_out"] == 8


@pytest.mark.parametrize("way", WAYS)
def test_dividing_anything_but_rows_is_refused_by_name(way: str, tuned: Callable) -> None:
    result = tuned(way, "--parallel.shard=2")
    assert result.code == 2
    assert f"tune {way}" in result.err and "parallel.data" in result.err
