"""`./textmill`: which torch it takes, and that it survives interruption, company, moving and odd paths.

A stub stands for Python: it writes down what it was asked for, "makes" environments of itself and plays pip.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TORCH = "2.13.0"
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
TOOLS = (
    "sh",
    "bash",
    "cat",
    "cksum",
    "cp",
    "date",
    "dirname",
    "grep",
    "mkdir",
    "readlink",
    "rm",
    "sed",
    "sleep",
    "touch",
)
HAS_NVIDIA = Path("/proc/driver/nvidia/version").exists()

STUB = f"""#!/bin/sh
printf '%s|' "$@" >> "$STUB_FOLDER/log"
echo >> "$STUB_FOLDER/log"
case "$1 $2" in
"-c "*"import sys, pip"*) exit 0 ;;
"-c "*) exec "{sys.executable}" "$@" ;;
"--version "*) echo "Python 3.11.0" ;;
"-m venv")
  mkdir -p "$3/bin"
  cp "$STUB_FOLDER/bin/python3" "$3/bin/python" ;;
"-m pip")
  case "$*" in
  *" index versions torch --index-url "*) cat "$STUB_FOLDER/cpu_index" ;;
  *" index versions torch"*) cat "$STUB_FOLDER/package_index" ;;
  *" install "*)
    if [ -e "$STUB_FOLDER/slow" ]; then touch "$STUB_FOLDER/installing"; sleep 1; fi
    if grep -q . "$STUB_FOLDER/fail" && grep -qFe "$(cat "$STUB_FOLDER/fail")" <<EOF
$*
EOF
    then echo "ERROR: no matching distribution"; exit 1; fi
    packages=${{0%/bin/*}}/lib/python3.11/site-packages
    case "$*" in *" torch="*) mkdir -p "$packages/torch-{TORCH}+cpu.dist-info" ;; esac ;;
  esac ;;
"-P -m" | "-P "*/tests/run.py) echo "ran:"; shift; printf '<%s>' "$@"; echo ;;
esac
"""


class Checkout:
    """A copy of the launcher beside a stubbed Python, in a folder whose name has blanks and Chinese characters."""

    def __init__(self, folder: Path) -> None:
        self.stubs = folder / "stubs"
        self.root = folder / "my 工坊 $x"
        (self.stubs / "bin").mkdir(parents=True)
        for tool in (*TOOLS, "uname"):
            (self.stubs / "bin" / tool).symlink_to(shutil.which(tool) or f"/bin/{tool}")
        self.program("python3", STUB)
        for name in ("log", "cpu_index", "package_index", "fail"):
            (self.stubs / name).touch()
        self.lists("package_index", "2.15.0", f"{TORCH}+cpu", TORCH)
        self.root.mkdir()
        shutil.copy(ROOT / "textmill", self.root)
        (self.root / "pyproject.toml").write_text("[project]\n")

    def program(self, name: str, text: str) -> None:
        path = self.stubs / "bin" / name
        path.unlink(missing_ok=True)  # never through a link: behind it is the system's own program
        path.write_text(text)
        path.chmod(0o755)

    def lists(self, index: str, *versions: str) -> None:
        (self.stubs / index).write_text(f"torch (1)\nAvailable versions: {', '.join(versions)}\n" if versions else "")

    def environment(self, **more: str) -> dict[str, str]:
        return {"PATH": str(self.stubs / "bin"), "STUB_FOLDER": str(self.stubs), "LANG": "C.UTF-8", **more}

    def start(self, *words: str, **more: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.root / "textmill", *words],
            cwd="/",
            env=self.environment(**more),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def call(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*words, **more)
        out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    def asked(self, what: str) -> list[str]:
        """The calls of Python that contain `what`, and forgets all of them."""
        log = self.stubs / "log"
        lines = [line for line in log.read_text().splitlines() if what in line]
        log.write_text("")
        return lines


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_words_pass_as_they_are(checkout: Checkout) -> None:
    done = checkout.call("generate", "two  words", "", "'\"$x*", "中文")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "ran:\n<-m><textmill><generate><two  words><><'\"$x*><中文>\n"


def test_second_call_asks_python_for_nothing_else(checkout: Checkout) -> None:
    checkout.call("doctor")
    checkout.asked("")
    done = checkout.call("doctor")
    assert done.stderr == ""
    assert checkout.asked("") == ["-P|-m|textmill|doctor|"]


def test_second_call_is_fast(checkout: Checkout) -> None:
    checkout.call("doctor")
    checkout.program("python3", "")
    (checkout.root / ".venv/bin/python").write_text("#!/bin/sh\n")
    times = []
    for _ in range(10):
        begin = time.perf_counter()
        checkout.call("doctor")
        times.append(time.perf_counter() - begin)
    assert min(times) < 0.05


def test_cpu_build_where_pip_finds_one(checkout: Checkout) -> None:
    if HAS_NVIDIA:
        pytest.skip("this machine has an NVIDIA GPU")
    done = checkout.call("doctor")
    installs = checkout.asked("|install|")
    assert f"torch=={TORCH}+cpu|" in installs[0]
    assert CPU_INDEX not in installs[0]
    assert "-e|" in installs[1]
    assert f"torch {TORCH}+cpu, the CPU build that pip finds" in done.stderr


def test_pytorchs_cpu_index_without_gpu(checkout: Checkout) -> None:
    if HAS_NVIDIA or not sys.platform.startswith("linux"):
        pytest.skip("only on Linux without an NVIDIA GPU")
    checkout.lists("package_index", TORCH)
    checkout.lists("cpu_index", f"{TORCH}+cpu")
    done = checkout.call("doctor")
    assert f"torch=={TORCH}+cpu|--extra-index-url|{CPU_INDEX}|" in checkout.asked("|install|")[0]
    assert CPU_INDEX in done.stderr


def test_package_index_when_nothing_else_is_there(checkout: Checkout) -> None:
    if HAS_NVIDIA:
        pytest.skip("this machine has an NVIDIA GPU")
    checkout.lists("package_index", TORCH)
    done = checkout.call("doctor")
    assert f"torch=={TORCH}|" in checkout.asked("|install|")[0]
    assert "from the package index" in done.stderr


def test_package_index_when_the_cpu_index_breaks_down(checkout: Checkout) -> None:
    if HAS_NVIDIA:
        pytest.skip("this machine has an NVIDIA GPU")
    checkout.lists("package_index", TORCH)
    checkout.lists("cpu_index", f"{TORCH}+cpu")
    (checkout.stubs / "fail").write_text("--extra-index-url")
    assert checkout.call("doctor").returncode == 0
    assert any(f"torch=={TORCH}|" in line for line in checkout.asked("|install|"))


@pytest.mark.parametrize("available", [True, False])
def test_cuda_build_with_a_gpu(checkout: Checkout, available: bool) -> None:
    checkout.program("nvidia-smi", "#!/bin/sh\n")
    (checkout.stubs / "fail").write_text("" if available else "===")
    done = checkout.call("doctor")
    installs = checkout.asked("torch==")
    assert f"torch==={TORCH}|" in installs[0]
    assert len(installs) == 1 if available else f"torch=={TORCH}|" in installs[1]
    assert "NVIDIA GPU" in done.stderr
    assert done.returncode == 0


def test_changed_requirements_are_installed_without_torch(checkout: Checkout) -> None:
    checkout.call("doctor")
    checkout.asked("")
    (checkout.root / "pyproject.toml").write_text("[project]\nname = 'other'\n")
    checkout.call("doctor")
    log = checkout.asked("|install|")
    assert len(log) == 1
    assert "-e|" in log[0]


def test_interrupted_install_is_made_anew(checkout: Checkout) -> None:
    (checkout.stubs / "slow").touch()
    process = checkout.start("doctor")
    while not (checkout.stubs / "installing").exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.communicate()
    (checkout.stubs / "slow").unlink()
    done = checkout.call("doctor")
    assert done.returncode == 0
    assert "removing the unusable .venv" in done.stderr
    assert done.stdout.startswith("ran:")


def test_failed_install_says_why_and_goes_on_later(checkout: Checkout) -> None:
    (checkout.stubs / "fail").write_text(" -e ")
    done = checkout.call("doctor")
    assert done.returncode == 2
    assert "ERROR: no matching distribution" in done.stderr
    assert "network" in done.stderr
    assert done.stdout == ""
    (checkout.stubs / "fail").write_text("")
    checkout.asked("")
    done = checkout.call("doctor")
    assert done.returncode == 0
    assert "removing" not in done.stderr
    assert len(checkout.asked("|install|")) == 1  # torch was there already


def test_two_at_once_install_once(checkout: Checkout) -> None:
    (checkout.stubs / "slow").touch()
    processes = [checkout.start("doctor") for _ in range(3)]
    ends = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert all(out.startswith("ran:") for out, _ in ends)
    assert sum("waiting for it" in err for _, err in ends) >= 1
    assert len(checkout.asked("|install|")) == 2


def test_moved_checkout_is_made_anew(checkout: Checkout) -> None:
    checkout.call("doctor")
    moved = checkout.root.with_name("elsewhere")
    checkout.root.rename(moved)
    checkout.root = moved
    done = checkout.call("doctor")
    assert "removing the unusable .venv" in done.stderr
    assert str(moved) in (moved / ".venv/textmill-stamp").read_text()
    assert checkout.call("doctor").stderr == ""


def test_works_through_links_and_relative_paths(checkout: Checkout, tmp_path: Path) -> None:
    checkout.call("doctor")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/first").symlink_to(checkout.root / "textmill")
    (tmp_path / "bin/second").symlink_to("first")
    for command, folder in (
        (["bin/second"], tmp_path),
        (["./textmill"], checkout.root),
        (["sh", "textmill"], checkout.root),
    ):
        done = subprocess.run(command, cwd=folder, env=checkout.environment(), capture_output=True, text=True)
        assert done.stdout == "ran:\n<-m><textmill>\n", done.stderr


def test_runs_under_bash_as_macos_has_it(checkout: Checkout) -> None:
    checkout.call("doctor")
    command = ["bash", "--posix", str(checkout.root / "textmill"), "x"]
    done = subprocess.run(command, env=checkout.environment(), capture_output=True, text=True)
    assert done.stdout == "ran:\n<-m><textmill><x>\n", done.stderr


def test_given_python_is_used_as_it_is(checkout: Checkout) -> None:
    done = checkout.call("doctor", TEXTMILL_PYTHON=str(checkout.stubs / "bin/python3"))
    assert done.stdout.startswith("ran:")
    assert checkout.asked("") == ["-P|-m|textmill|doctor|"]
    assert not (checkout.root / ".venv").exists()


def test_given_python_must_exist(checkout: Checkout) -> None:
    done = checkout.call("doctor", TEXTMILL_PYTHON="/nowhere/python")
    assert done.returncode == 2
    assert "/nowhere/python" in done.stderr


@pytest.mark.parametrize(("language", "words"), [("C.UTF-8", "no Python 3.11"), ("zh_CN.UTF-8", "没有找到")])
def test_no_python(checkout: Checkout, language: str, words: str) -> None:
    checkout.program("python3", "#!/bin/sh\nexit 1\n")  # too old, or without venv
    done = checkout.call("doctor", LANG=language)
    assert done.returncode == 2
    assert words in done.stderr


def test_test_installs_the_extra_and_runs_the_suite(checkout: Checkout) -> None:
    checkout.call("doctor")
    checkout.asked("")
    done = checkout.call("test", "--slow")
    assert done.stdout == f"ran:\n<{checkout.root}/tests/run.py><--slow>\n"
    assert any(f"-e|{checkout.root}[test]|" in line for line in checkout.asked("|install|"))
    assert checkout.call("test").stderr == ""
    assert checkout.call("doctor").stderr == ""


def test_unwritable_checkout(checkout: Checkout) -> None:
    checkout.program("mkdir", "#!/bin/sh\nexit 1\n")  # what rights refuse to others, they do not refuse to root
    done = checkout.call("doctor")
    assert done.returncode == 2
    assert "cannot write" in done.stderr


@pytest.mark.slow
def test_real_install(tmp_path: Path) -> None:
    """The whole way with the real pip, as a fresh clone does it."""
    root = tmp_path / "fresh 工坊"
    ignore = shutil.ignore_patterns(".venv", ".git", "__pycache__", "*.egg-info")
    shutil.copytree(ROOT, root, ignore=ignore, symlinks=True)
    kept = {name: value for name, value in os.environ.items() if name not in ("TEXTMILL_PYTHON", "PYTHONPATH")}
    command = [root / "textmill", "--version"]
    done = subprocess.run(command, cwd=tmp_path, env=kept, capture_output=True, text=True, timeout=1800)
    if "network" in done.stderr:
        pytest.skip("the packages could not be had: no network")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("textmill ")
    begin = time.perf_counter()
    again = subprocess.run(command, cwd=tmp_path, env=kept, capture_output=True, text=True)
    assert again.stderr == ""
    assert time.perf_counter() - begin < 5
