"""`textmill chat`: piped line by line, its commands, and on a terminal of its own."""

import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from command_runs import write_run

from textmill.cli.chat_commands import COMMANDS, completions
from textmill.i18n import LANGUAGES, entry
from textmill.project import Project

Run = Callable[..., Any]
PROMPT = r"> \x1b\[0m$"
FAST = ("chat", "--max-tokens", 6, "--seed", 2, "--top-k", 40)
KEYS = {
    *("role", "content", "finish_reason", "tokens", "prompt_tokens", "reused_tokens", "turns_left_out", "seed"),
    *("seconds", "tokens_per_second"),
}


@pytest.fixture
def trained(project: Project) -> Project:
    write_run(project, "main", 20, context=256)
    return project


def turns(done: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.out.splitlines()]


def test_piped_each_line_is_a_message(trained: Project, run_textmill: Run) -> None:
    plain = run_textmill(*FAST, cwd=trained.root, stdin="hello\n\n你好\n").ok()
    assert plain.err == ""
    said = turns(run_textmill(*FAST, "--json", cwd=trained.root, stdin="hello\n\n你好").ok())
    assert [set(turn) for turn in said] == [KEYS, KEYS]
    assert plain.out == "".join(turn["content"].lstrip("\n") + "\n" for turn in said)
    assert [turn["tokens"] for turn in said] == [6, 6]
    assert said[1]["prompt_tokens"] > said[0]["prompt_tokens"]
    assert said[0]["reused_tokens"] == 0
    one = turns(run_textmill(*FAST, "-m", "hello", "--json", cwd=trained.root).ok())
    assert [turn["content"] for turn in one] == [said[0]["content"]]
    from_stdin = run_textmill(*FAST, "-m", "-", cwd=trained.root, stdin="hello\n").ok()
    assert from_stdin.out == said[0]["content"].lstrip("\n") + "\n"
    other = turns(run_textmill(*FAST, "--json", "--system", "Be 短", cwd=trained.root, stdin="hello").ok())
    assert other[0]["prompt_tokens"] > said[0]["prompt_tokens"]


def test_lines_that_belong_together(trained: Project, run_textmill: Run) -> None:
    script = 'one\\\ntwo\n"""three\n /four\n"""\n /five\n'
    done = run_textmill(*FAST, cwd=trained.root, stdin=script + "/save t.jsonl\n").ok()
    assert "Saved 6 messages to t.jsonl" in done.err
    messages = [json.loads(line) for line in (trained.root / "t.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [message["content"] for message in messages[::2]] == ["one\ntwo", "three\n /four", " /five"]
    assert [message["role"] for message in messages] == ["user", "assistant"] * 3


def test_saving_and_going_on(trained: Project, run_textmill: Run) -> None:
    begin = "/system 你是猫\nhello\n"
    whole = turns(run_textmill(*FAST, "--json", cwd=trained.root, stdin=f"{begin}again\n").ok())
    run_textmill(*FAST, cwd=trained.root, stdin=f"{begin}/save a.jsonl\n/save a.jsonl\n/save a.md\n").ok()
    later = run_textmill(*FAST, "--json", cwd=trained.root, stdin="/load a.jsonl\nagain\n/model\n").ok()
    same = ("content", "prompt_tokens", "tokens", "seed")
    assert [[turn[name] for name in same] for turn in turns(later)] == [[whole[1][name] for name in same]]
    assert "Loaded 2 messages" in later.err
    assert re.search(r"context  \d+ of 256 tokens used", later.err)
    assert (trained.root / "a.md").read_text(encoding="utf-8").startswith("## System\n\n你是猫\n\n## User\n\nhello\n")


def test_taking_back_and_settings(trained: Project, run_textmill: Run) -> None:
    script = "hello\n/retry\n/undo\nhello\n/set temperature 0\n/retry\n/retry\n/set\n/reset\n/undo\n"
    done = run_textmill(*FAST, "--json", cwd=trained.root, stdin=script)
    said = [turn["content"] for turn in turns(done) if "content" in turn]
    assert len(said) == 5
    assert said[0] == said[2] != said[1]
    assert said[3] == said[4]  # nothing is drawn at temperature 0
    assert "temperature         0.0" in done.err
    assert "Taken back: hello" in done.err
    assert (done.code, turns(done)[-1]["error"]["code"]) == (2, "cli_chat.nothing")


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("/sav x", "cli_chat.unknown"),
        ("/set temprature 1", "cli_chat.unknown_setting"),
        ("/set top_k much", "cli_chat.value"),
        ("/set top_p 2", "settings_errors.range"),
        ("/tokens maybe", "cli_chat.switch"),
        ("/save", "cli_chat.no_name"),
        ("/save a.txt", "cli_chat.file_ending"),
        ("/save there.md", "cli_chat.file_taken"),
        ("/load none.jsonl", "cli_chat.no_file"),
        ("/load there.md", "cli_chat.load_ending"),
        ("/load bad.jsonl", "cli_chat.bad_message"),
        ("/load late.jsonl", "cli_chat.bad_message"),
        ("/retry", "cli_chat.nothing"),
        ("x" * 400, "infer.message_too_long"),
    ],
)
def test_mistakes_are_told_and_the_chat_goes_on(line: str, code: str, trained: Project, run_textmill: Run) -> None:
    (trained.root / "there.md").write_text("mine")
    (trained.root / "bad.jsonl").write_text('{"role": "user", "content": "a"}\n{"role": "robot", "content": "b"}\n')
    (trained.root / "late.jsonl").write_text('{"role": "user", "content": "a"}\n{"role": "system", "content": "b"}\n')
    done = run_textmill(*FAST, "--json", cwd=trained.root, stdin=f"{line}\nhello\n")
    wrong, right = turns(done)
    assert (done.code, wrong["error"]["code"]) == (2, code)
    assert right["tokens"] == 6
    assert (trained.root / "there.md").read_text() == "mine"


def test_the_model_is_loaded_or_the_error_is_the_document(trained: Project, run_textmill: Run) -> None:
    done = run_textmill("chat", "--model", "nobody", "--json", cwd=trained.root, stdin="hello\n")
    assert (done.code, done.document["error"]["code"]) == (2, "infer.unknown_model")


def test_the_context_that_is_outgrown_is_told_once(trained: Project, run_textmill: Run) -> None:
    done = run_textmill(*FAST, cwd=trained.root, stdin="the cat sat on the mat and so on\n" * 8).ok()
    assert done.err.count("outgrown the context") == 1


def test_every_command_has_its_help_and_can_be_completed() -> None:
    for name in COMMANDS:
        if name == "/exit":
            continue
        for language in LANGUAGES:
            assert str(entry(f"cli_chat.form_{name[1:]}", language)).startswith(name)
            assert entry(f"cli_chat.about_{name[1:]}", language)
    assert list(completions("/se")) == ["/set "]
    assert list(completions("/set top")) == ["top_k ", "top_p "]
    assert list(completions("hello /se")) == []


def test_completion_of_files(tmp_path: Path) -> None:
    (tmp_path / "talks").mkdir()
    (tmp_path / "talks/one.jsonl").touch()
    assert list(completions(f"/load {tmp_path}/ta")) == [f"{tmp_path}/talks/"]
    assert list(completions(f"/load {tmp_path}/talks/")) == [f"{tmp_path}/talks/one.jsonl"]


class Terminal:
    """A chat in a terminal of its own."""

    def __init__(self, folder: Path, *arguments: object, **environment: str) -> None:
        self.ours, theirs = pty.openpty()
        name = os.ttyname(theirs)
        # as the first terminal that a session's leader opens, it is the one whose Ctrl-C reaches it
        script = f'exec "$@" < {name} > {name} 2>&1'
        words = [sys.executable, "-m", "textmill", *map(str, arguments)]
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("TEXTMILL_", "LC_", "XDG_"))}
        settings = {"LANG": "C.UTF-8", "TERM": "xterm", "COLUMNS": "80", "LINES": "24", "HOME": str(folder)}
        self.process = subprocess.Popen(
            ["sh", "-c", script, "sh", *words],
            cwd=folder,
            env=kept | settings | environment,
            start_new_session=True,
        )
        self.theirs, self.seen = theirs, ""

    def wait(self, pattern: str, seconds: float = 60) -> str:
        """Reads until the pattern has come; returns what came."""
        end = time.monotonic() + seconds
        while not re.search(pattern, self.seen):
            assert time.monotonic() < end, f"no {pattern!r} in {self.seen!r}"
            assert self.process.poll() is None, f"it ended: {self.seen!r}"
            self._read(0.2)
        shown, self.seen = self.seen, ""
        return shown

    def type(self, text: str) -> None:
        time.sleep(0.3)  # Python loses a Ctrl-C between the prompt and its wait for a key
        os.write(self.ours, text.encode())

    def _read(self, seconds: float) -> None:
        if select.select([self.ours], [], [], seconds)[0]:
            self.seen += os.read(self.ours, 65536).decode("utf-8", "replace")

    def ended(self, seconds: float = 30) -> int:
        """The exit code; what is still said is read, so that it can end."""
        end = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < end:
            self._read(0.1)
        return self.process.wait(1)


@pytest.fixture
def terminal(trained: Project) -> Iterator[Callable[..., Terminal]]:
    started: list[Terminal] = []

    def start(*arguments: object, **environment: str) -> Terminal:
        started.append(Terminal(trained.root, *arguments, **environment))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
            each.process.wait()
        os.close(each.ours)
        os.close(each.theirs)


def test_on_a_terminal(trained: Project, terminal: Callable[..., Terminal]) -> None:
    state = trained.root / "state"
    chat = terminal("chat", "--seed", 1, "--top-k", 40, "--max-tokens", 200, XDG_STATE_HOME=str(state))
    assert "/help" in chat.wait(r"leaves\.[\s\S]*" + PROMPT)
    chat.type("\x03")
    chat.wait(r"Ctrl-D or /quit leaves\.[\s\S]*" + PROMPT)
    chat.type("猫狗\x7f坐\r")  # one Chinese character taken back
    assert "tokens/s" in chat.wait(r"max_tokens N\)[\s\S]*" + PROMPT)
    chat.type("/save t.jsonl\r")
    chat.wait(r"Saved 2 messages[\s\S]*" + PROMPT)
    first = json.loads((trained.root / "t.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert first == {"role": "user", "content": "猫坐"}
    chat.type("/tokens off\r")
    chat.wait(r"/tokens off[\s\S]*/tokens off\s[\s\S]*" + PROMPT)
    chat.type("\x04")
    assert chat.ended() == 0
    history = (state / "textmill/chat_history").read_text(encoding="utf-8").splitlines()
    assert history == ["猫坐", "/save t.jsonl", "/tokens off"]
    assert (state / "textmill/chat_history").stat().st_mode & 0o777 == 0o600


def test_ctrl_c_stops_the_answer_and_not_the_program(trained: Project, terminal: Callable[..., Terminal]) -> None:
    write_run(trained, "long", 20, context=4096)
    more = ("--max-tokens", 4000, "--no-history", "--seed", 1, "--top-k", 40, "--no-markdown")
    chat = terminal("chat", "--model", "long", *more)
    chat.wait(PROMPT)
    chat.type("hello\r")
    chat.wait(r"hello\r\n[\s\S]{60}")
    chat.type("\x03")
    assert "tokens/s" in chat.wait(r"; stopped[\s\S]*" + PROMPT)
    chat.type("/save t.jsonl\r")
    chat.wait("Saved 2 messages")
    answer = json.loads((trained.root / "t.jsonl").read_text(encoding="utf-8").splitlines()[1])["content"]
    assert 0 < len(answer) < 16_000
    chat.type("/quit\r")
    assert chat.ended() == 0
    assert not (trained.root / ".local/state/textmill").exists()
