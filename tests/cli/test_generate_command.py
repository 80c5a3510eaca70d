"""`textmill generate` and `textmill runs list`, in process and as real processes."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest
from command_runs import write_run

from textmill.kernels.build import can_build_inference
from textmill.project import Project

Run = Callable[..., Any]


@pytest.fixture
def trained(project: Project) -> Project:
    """A project with one run of one checkpoint."""
    write_run(project, "main", 20)
    return project


def test_text_on_stdout_and_the_rest_on_stderr(trained: Project, run_textmill: Run) -> None:
    done = run_textmill("generate", "the cat", "--max-tokens", 8, "--seed", 3, cwd=trained.root).ok()
    assert done.out.startswith("the cat")
    assert done.out.endswith("\n")
    assert "\x1b" not in done.out.replace(done.out[7:], "")
    assert "main@20" in done.err
    assert "seed 3" in done.err
    again = run_textmill("generate", "the cat", "--max-tokens", 8, "--generate.seed", 3, cwd=trained.root).ok()
    assert again.out == done.out


def test_the_json_document(trained: Project, run_textmill: Run) -> None:
    arguments = ("--max-tokens", 6, "--seed", 5, "--temperature", 1.5, "--json")
    four = run_textmill("generate", "猫", "--n", 4, *arguments, cwd=trained.root).ok().document
    assert set(four) == {
        *("model", "step", "folder", "device", "path", "prompt", "samples", "seconds", "tokens_per_second"),
        *("weights_read", "notes"),
    }
    assert four["path"].startswith(("fp32", "bf16"))
    assert (four["weights_read"] is not None) == ("cache" in four["path"])
    assert all(value > 0 for value in (four["weights_read"] or {}).values())
    assert (four["model"], four["step"], four["prompt"], four["notes"]) == ("main", 20, "猫", [])
    assert [sample["seed"] for sample in four["samples"]] == [5, 6, 7, 8]
    for sample in four["samples"]:
        assert set(sample) == {"text", "finish_reason", "tokens", "seed", "logprob"}
        assert sample["tokens"] == 6 or sample["finish_reason"] == "end"
        assert sample["logprob"] < 0
    one = run_textmill("generate", "猫", *arguments, cwd=trained.root).ok().document
    assert one["samples"] == four["samples"][:1]


def test_several_samples_have_headings(trained: Project, run_textmill: Run) -> None:
    done = run_textmill("generate", "the", "--n", 2, "--max-tokens", 3, "--seed", 1, cwd=trained.root).ok()
    assert "--- sample 1 of 2 ---\nthe" in done.out
    assert "--- sample 2 of 2 ---\nthe" in done.out


@pytest.mark.parametrize("arguments", [("-",), ()])
def test_the_prompt_from_stdin(arguments: tuple[str, ...], trained: Project, run_textmill: Run) -> None:
    more = ("--json", "--max-tokens", 2, "--seed", 1)
    piped = run_textmill("generate", *arguments, *more, cwd=trained.root, stdin="猫坐\n").ok().document
    assert piped["prompt"] == "猫坐"
    assert piped["samples"] == run_textmill("generate", "猫坐", *more, cwd=trained.root).ok().document["samples"]
    wrong = run_textmill("generate", *arguments, *more, cwd=trained.root, stdin="一只猫在睡".encode("gb18030"))
    assert (wrong.code, wrong.document["error"]["code"]) == (2, "text_input.not_utf8")


def test_no_prompt_at_all(trained: Project, start_process: Run) -> None:
    arguments = ("--max-tokens", "3", "--json", "--seed", "1")
    process = start_process("generate", *arguments, cwd=trained.root, stdin=subprocess.DEVNULL)
    out, _ = process.communicate(timeout=100)
    assert json.loads(out)["prompt"] == ""


def test_settings_of_the_project_count(trained: Project, run_textmill: Run) -> None:
    file = trained.settings_file
    text = file.read_text(encoding="utf-8")
    assert "max_tokens = 200" in text
    file.write_text(text.replace("max_tokens = 200", "max_tokens = 4"), encoding="utf-8")
    document = run_textmill("generate", "a", "--seed", 2, "--json", cwd=trained.root).ok().document
    assert document["samples"][0]["tokens"] == 4
    document = run_textmill("generate", "a", "--seed", 2, "--max-tokens", 5, "--json", cwd=trained.root).ok().document
    assert document["samples"][0]["tokens"] == 5


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--top-p", 1.5), "settings_errors.range"),
        (("--n", 0), "infer.samples"),
        (("--stop", ""), "infer.empty_stop"),
        (("--model", "mian"), "infer.unknown_model"),
        (("--model", "hf:a"), "hub.reference"),
        (("--device", "cuda:99"), "hardware.no_device"),
        (("--temperature", "warm"), "usage.value"),
        (("--weights", "int9"), "usage.value"),
        (("--out", "o.jsonl"), "usage.goes_with"),
        (("--in", "p.jsonl"), "usage.together"),
        (("--choice", "a", "--regex", "b"), "usage.together"),
        (("--schema", "none.json"), "usage.no_file"),
        (("--regex", "(a"), "infer.grammar"),
    ],
)
def test_mistakes_are_told(arguments: tuple[Any, ...], code: str, trained: Project, run_textmill: Run) -> None:
    done = run_textmill("generate", "a", *arguments, "--json", cwd=trained.root)
    assert (done.code, done.document["error"]["code"]) == (2, code)
    assert "Traceback" not in done.err


def test_a_long_prompt_warns_and_goes_on(trained: Project, run_textmill: Run) -> None:
    done = run_textmill("generate", "the cat " * 5000, "--max-tokens", 40, "--seed", 1, cwd=trained.root).ok()
    assert "its last 32 tokens" in done.err
    document = run_textmill("generate", "-", "--max-tokens", 100, "--json", cwd=trained.root, stdin="a").ok().document
    assert len(document["notes"]) == 1 or document["samples"][0]["finish_reason"] == "end"


def test_one_changed_byte(trained: Project, run_textmill: Run) -> None:
    folder = write_run(trained, "main", 30, seed=1)
    file = folder / "model.safetensors"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))
    done = run_textmill("generate", "a", "--max-tokens", 2, "--json", cwd=trained.root).ok()
    assert (done.document["step"], len(done.document["notes"])) == (20, 1)
    assert "model.safetensors" in done.err
    done = run_textmill("generate", "a", "--model", "main@30", "--json", cwd=trained.root)
    assert (done.code, done.document["error"]["code"]) == (2, "checkpoints.damaged")
    assert "model.safetensors" in done.document["error"]["what"]
    listed = run_textmill("runs", "list", "--verify", "--json", cwd=trained.root).ok().document
    assert listed["runs"][0]["damaged"] == [30]


def test_runs_list(trained: Project, run_textmill: Run) -> None:
    folder = write_run(trained, "story", 7)
    events = [
        {"type": "step", "step": 5, "time": 1, "loss": 3.25, "bits_per_byte": 1.5},
        {"type": "evaluation", "step": 5, "time": 2, "bits_per_byte": 1.75},
        {"type": "step", "step": 8, "time": 3, "loss": 3.125, "bits_per_byte": 1.4},
    ]
    lines = "".join(json.dumps(event) + "\n" for event in events)
    (trained.runs / "story" / "events.jsonl").write_text(lines + '{"type": "st')
    os.utime(folder, (time.time() + 9, time.time() + 9))
    (trained.runs / "begun").mkdir()
    document = run_textmill("runs", "list", "--json", cwd=trained.root).ok().document
    assert document["newest"] == "story"
    assert [run["name"] for run in document["runs"]] == ["begun", "main", "story"]
    story = document["runs"][-1]
    assert (story["step"], story["checkpoints"], story["damaged"]) == (8, [7], None)
    assert (story["loss"], story["bits_per_byte"], story["held_out_bits_per_byte"]) == (3.125, 1.4, 1.75)
    assert document["runs"][1]["loss"] is None
    assert document["runs"][1]["bytes"] > 10_000
    shown = run_textmill("runs", "list", "--ui-language", "zh", cwd=trained.root).ok().out
    assert "训练损失" in shown
    assert len(shown.splitlines()) == 4


def test_runs_list_without_runs(project: Project, run_textmill: Run) -> None:
    done = run_textmill("runs", "list", cwd=project.root).ok()
    assert "textmill train" in done.out
    assert run_textmill("runs", "list", "--json", cwd=project.root).document == {"runs": [], "newest": None}


def started_writing(process: "subprocess.Popen[str]") -> str:
    """Waits until the process has shown some text beyond the prompt."""
    assert process.stdout is not None
    shown = ""
    while len(shown) < 40:
        piece = os.read(process.stdout.fileno(), 4096).decode(errors="replace")
        assert piece, "the process ended too early"
        shown += piece
    return shown


LONG = ("--max-tokens", "1000000", "--seed", "1", "--top-k", "40")


def test_text_streams_and_ctrl_c_ends_it_cleanly(trained: Project, start_process: Run) -> None:
    process = start_process("generate", "the cat", *LONG, cwd=trained.root, stdin=subprocess.DEVNULL)
    shown = started_writing(process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=100)
    assert process.returncode == 130
    assert shown.startswith("the cat")
    assert (shown + out).endswith("\n")
    assert "Stopped after" in err
    assert "Traceback" not in err


def test_ctrl_c_with_json_gives_what_there_is(
    trained: Project, run_textmill: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from textmill.infer.engine.engine import Engine

    step, steps = Engine.step, []

    def interrupted(self: Engine) -> bool:
        if len(steps) > 15:
            raise KeyboardInterrupt
        steps.append(None)
        return step(self)

    monkeypatch.setattr(Engine, "step", interrupted)
    done = run_textmill("generate", "the cat", "--json", *LONG, cwd=trained.root)
    assert done.code == 130
    sample = done.document["samples"][0]
    assert sample["finish_reason"] == "interrupted"
    assert 10 < sample["tokens"] < 20


def test_a_reader_that_goes_away_ends_it_quietly(trained: Project, start_process: Run) -> None:
    process = start_process("generate", "the cat", *LONG, cwd=trained.root, stdin=subprocess.DEVNULL)
    started_writing(process)
    process.stdout.close()
    process.stdout = None
    _, err = process.communicate(timeout=100)
    assert process.returncode == 141
    assert "Traceback" not in err


def test_weights_are_held_as_they_are_stored_or_as_asked(trained: Project, run_textmill: Run) -> None:
    run_textmill("export", "main", "--to", "hf", "--quantize", "bf16", "--out", "half", cwd=trained.root).ok()
    more = ("--max-tokens", 3, "--seed", 1, "--json")

    def path(model: str, *options: str) -> str:
        done = run_textmill("generate", "a", "--model", model, *options, *more, cwd=trained.root)
        return done.ok().document["path"]

    possible, _ = can_build_inference()
    assert path("main").startswith("fp32")
    assert path("half").startswith("bf16" if possible else "fp32")
    assert path("half", "--weights", "fp32").startswith("fp32")
    if possible:
        assert path("half", "--weights", "int8").startswith("int8")
        assert path("main", "--weights", "int4").startswith("int4")
