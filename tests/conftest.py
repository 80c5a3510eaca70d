"""What all tests share: running commands in process and as real processes, a fresh project, shapes that are checked."""

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from textmill import i18n
from textmill.project import Project

CHECKED_PACKAGES = ["textmill.model", "textmill.train", "textmill.infer", "textmill.evaluate"]
"""Their jaxtyping shapes are enforced in every test (not in processes that tests start)."""

os.environ["HF_HUB_OFFLINE"] = "1"  # no test asks the real hub; ours on loopback is asked by processes of its own

# a busy machine is no fault of a test: no example has a deadline, and none is too slow to be made
settings.register_profile("textmill", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("textmill")

if os.environ.get("TEXTMILL_JAXTYPING", "1") != "0":
    from jaxtyping import install_import_hook

    _imported = [name for name in CHECKED_PACKAGES if name in sys.modules]
    assert not _imported, f"imported before the shapes' checks were there: {_imported}"
    install_import_hook(CHECKED_PACKAGES, "beartype.beartype")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a command did: exit code, stdout, stderr."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on stdout of a ``--json`` command."""
        return json.loads(self.out)

    def ok(self) -> "Result":
        """Returns itself after making sure that the command went well."""
        assert self.code == 0, f"exit code {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"
        return self


def clean_environment(changes: Mapping[str, str] | None) -> dict[str, str]:
    """Returns the environment for a command: English, no colours, 100 columns, no settings of the tester's own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TEXTMILL_", "LC_"))}
    fixed = {"LANG": "C.UTF-8", "COLUMNS": "100", "NO_COLOR": "1", "PYTHONUTF8": "1"}
    return kept | fixed | dict(changes or {})


@pytest.fixture
def run_textmill(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[..., Result]]:
    """Runs a command in this process: ``run_textmill("train", "--json", cwd=…, env={…}, stdin="…")``; fast.

    The working folder is `tmp_path` unless told otherwise. Arguments may be paths and numbers.
    """
    language = i18n.language()

    def run(
        *arguments: object, cwd: Path | None = None, env: Mapping[str, str] | None = None, stdin: str | bytes = ""
    ) -> Result:
        from textmill.cli.main import main

        raw = stdin if isinstance(stdin, bytes) else stdin.encode()
        streams = {name: io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for name in ("stdout", "stderr")}
        with monkeypatch.context() as patch:
            for name in list(os.environ):
                patch.delenv(name)
            for name, value in clean_environment(env).items():
                patch.setenv(name, value)
            patch.chdir(cwd or tmp_path)
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw), encoding="utf-8"))
            for name, stream in streams.items():
                patch.setattr(sys, name, stream)
            code = main([str(argument) for argument in arguments])
            texts = {}
            for name, stream in streams.items():
                stream.flush()
                texts[name] = stream.buffer.getvalue().decode()  # type: ignore[attr-defined]
        return Result(code=code, out=texts["stdout"], err=texts["stderr"])

    yield run
    i18n.set_language(language)


@pytest.fixture
def start_process(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a command as a real process and returns it (to send signals to); what still runs at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(
        *arguments: object, cwd: Path | None = None, env: Mapping[str, str] | None = None, **more: Any
    ) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "textmill", *(str(argument) for argument in arguments)],
            cwd=cwd or tmp_path,
            env=clean_environment(env),
            text=True,
            encoding="utf-8",
            **{"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | more,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.communicate()


@pytest.fixture
def run_process(start_process: Callable[..., subprocess.Popen[str]]) -> Callable[..., Result]:
    """Runs a command as a real process, for what only a process shows (imports, signals); `timeout` in seconds."""

    def run(*arguments: object, stdin: str = "", timeout: float = 120, **more: Any) -> Result:
        process = start_process(*arguments, **more)
        out, err = process.communicate(stdin, timeout=timeout)
        return Result(code=process.returncode, out=out or "", err=err or "")

    return run


@pytest.fixture
def project(run_textmill: Callable[..., Result], tmp_path: Path) -> Project:
    """A new project in ``tmp_path/project``; run commands in it with ``cwd=project.root``."""
    folder = tmp_path / "project"
    run_textmill("new", folder).ok()
    return Project(root=folder)


@pytest.fixture(autouse=True)
def few_threads() -> None:
    """Keeps torch to two threads (or OMP_NUM_THREADS), as tests share the machine; does not import it."""
    torch = sys.modules.get("torch")
    wanted = int(os.environ.get("OMP_NUM_THREADS", "2"))
    if torch is not None and torch.get_num_threads() != wanted:
        torch.set_num_threads(wanted)


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """Every test begins in English and leaves no other language behind."""
    i18n.set_language("en")
    yield
    i18n.set_language("en")
