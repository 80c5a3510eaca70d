"""Supervised tuning from the command line: it learns, goes on exactly, and is then a model to all commands."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from small_tuning import chat, model_folder, write_rows

from textmill.checkpoints import list_checkpoints
from textmill.infer.resolve import load
from textmill.project import Project
from textmill.train.events import read_events

FEW = (
    *("--train.compile=off", "--train.threads=1", "--train.steps=8", "--train.batch_tokens=192"),
    *("--checkpoint.every=4", "--evaluate.every=4", "--evaluate.sample_every=8", "--evaluate.sample_tokens=4"),
    *("--tune.rank=4", "--tune.prompts=Hello?", "--train.learning_rate=0.01", "--train.precision=fp32"),
)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a base model, chats to learn from and text that is not learned."""
    folder = tmp_path_factory.mktemp("sft")
    model_folder(folder / "base")
    rows = [chat(f"What is {n} plus one?", f"It is {n + 1}.", "Sure?", "Yes.") for n in range(40)]
    write_rows(folder / "chats.jsonl", rows)
    write_rows(folder / "others.jsonl", [chat(f"Name number {n}", f"{n}!") for n in range(100, 104)])
    (folder / "general.txt").write_text("The cat sat on the mat.\n\nA dog.\n", encoding="utf-8")
    return folder


@pytest.fixture
def sft(run_textmill: Callable, project: Project, files: Path) -> Callable:
    """Runs ``textmill tune sft`` in a project with the small settings and the given words."""

    def run(*words: str, **more):
        given = ("--model", str(files / "base"), "--data", str(files / "chats.jsonl"))
        return run_textmill("tune", "sft", *given, *FEW, *words, cwd=project.root, **more)

    return run


def tensors(project: Project, name: str) -> dict[str, torch.Tensor]:
    newest = list_checkpoints(project.runs / name)[-1].folder
    found = newest.glob("*.safetensors")
    return {f"{file.name}/{key}": value for file in found for key, value in load_file(file).items()}


def of(project: Project, name: str, kind: str) -> list[dict]:
    return [event for event in read_events(project.runs / name) if event["type"] == kind]


@pytest.mark.parametrize("method", ["full", "lora", "dora", "qlora"])
def test_it_learns_tells_and_is_a_model_to_others(
    method: str, sft: Callable, project: Project, files: Path, run_textmill: Callable
) -> None:
    words = ("--method", method, "--name", "t", "--train.steps=30", "--general", str(files / "general.txt"))
    result = sft(*words, "--validation", str(files / "others.jsonl"), "--json").ok().document
    assert (result["method"], result["step"]) == (method, 30)
    losses = [event["loss"] for event in of(project, "t", "step")]
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])
    assert set(result["general_bits_per_byte"]) == {"before", "after"}
    assert result["held_out_loss"] == of(project, "t", "held_out")[-1]["loss"]
    assert of(project, "t", "general")[0]["documents"] == 2
    assert {event["prompt"] for event in of(project, "t", "sample")} == {"Hello?"}
    assert "examples" in of(project, "t", "start")[0]["data"]
    assert Path(result["report"]).read_text(encoding="utf-8").count("<figure") >= 3
    merged, base = load("t", project), load(str(files / "base"), None)
    ids = torch.arange(20)[None]
    with torch.no_grad():
        tuned, plain = merged.model(ids), base.model(ids)
    assert float((tuned - plain).abs().max()) > 0.01
    assert not any("lora" in name for name, _ in merged.model.named_parameters())
    run_textmill("export", "t", "--to", "hf", "--out", str(project.root / "out"), cwd=project.root).ok()
    with torch.no_grad():
        assert torch.equal(load(str(project.root / "out"), None).model(ids), tuned)


@pytest.mark.parametrize("words", [("--method=full",), ("--method=lora", "--tune.dropout=0.3"), ("--method=dora",)])
def test_a_resumed_tuning_is_bit_equal_to_one_never_stopped(
    words: tuple[str, ...], sft: Callable, project: Project
) -> None:
    sft("--name", "whole", *words).ok()
    shutil.copytree(project.runs / "whole", project.runs / "parts")
    shutil.rmtree(list_checkpoints(project.runs / "parts")[-1].folder)
    sft("--name", "parts", "--resume", *words).ok()
    one, two = tensors(project, "whole"), tensors(project, "parts")
    assert one.keys() == two.keys()
    assert [key for key, value in one.items() if not torch.equal(value, two[key])] == []
    first, second = ([event["loss"] for event in of(project, name, "step")] for name in ("whole", "parts"))
    assert first == second
    assert first


def test_micro_batches_change_only_rounding(sft: Callable, project: Project) -> None:
    for size in (2, 1):
        sft("--name", f"by{size}", "--method=lora", f"--train.micro_batch={size}").ok()
    one, two = ([event["loss"] for event in of(project, f"by{size}", "step")] for size in (2, 1))
    assert one == pytest.approx(two, rel=1e-3)


def test_a_tuned_run_is_tuned_further_and_its_base_stays_known(sft: Callable, project: Project, files: Path) -> None:
    sft("--name", "first", "--method=lora").ok()
    data = ("--data", str(files / "others.jsonl"))
    second = ("--name", "second", "--method=lora", "--model", "first", *data)
    sft(*second, "--train.batch_tokens=96").ok()
    base = json.loads((project.runs / "second" / "base.json").read_text())
    assert base["reference"] == "first@8"
    ids = torch.arange(20)[None]
    with torch.no_grad():
        assert not torch.equal(load("second", project).model(ids), load("first", project).model(ids))


def test_an_adapter_for_another_base_is_refused_by_name(sft: Callable, project: Project, files: Path) -> None:
    sft("--name", "t", "--method=lora").ok()
    folder = list_checkpoints(project.runs / "t")[-1].folder
    other = project.root / "other"
    shutil.copytree(folder, other)
    (other / "checksums.json").unlink()
    base = json.loads((other / "base.json").read_text())
    (other / "base.json").write_text(json.dumps(base | {"fingerprint": "0" * 64}))
    from textmill.errors import ModelError

    with pytest.raises(ModelError) as caught:
        load(str(other), project)
    assert caught.value.key == "hub.other_base"
    (other / "base.json").write_text(json.dumps(base | {"folder": "/nowhere", "reference": "/nowhere"}))
    with pytest.raises(ModelError) as caught:
        load(str(other), project)
    assert caught.value.key == "hub.no_base"
    assert "/nowhere" in str(caught.value)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--budget", "1M tokens"), "tune.epochs"),
        (("--method=lora", "--tune.modules=nothing"), "nothing"),
        (("--general", "nowhere.txt"), "nowhere.txt"),
        (("--data", "nowhere.jsonl"), "nowhere.jsonl"),
    ],
)
def test_what_cannot_be_is_refused_before_the_first_step(words: tuple[str, ...], told: str, sft: Callable) -> None:
    result = sft(*words)
    assert result.code == 2
    assert told in result.err


def test_without_data_and_with_a_run_that_is_there(sft: Callable, run_textmill: Callable, project: Project) -> None:
    assert run_textmill("tune", "sft", cwd=project.root).code == 2
    sft("--method=lora").ok()
    again = sft("--method=lora")
    assert again.code == 2
    assert "--resume" in again.err
    other = sft("--method=lora", "--resume", "--tune.rank=8")
    assert other.code == 2
    assert "tune.rank" in other.err
    assert "done" in sft("--method=lora", "--resume").ok().out


def test_a_budget_cuts_the_epochs_short(sft: Callable, project: Project) -> None:
    words = [word for word in FEW if "steps" not in word]
    result = sft(*words, "--method=lora", "--budget", "5s", "--tune.epochs=100000", "--json")
    # the small settings name the steps, which a budget then leaves alone
    assert result.ok().document["step"] == 8
