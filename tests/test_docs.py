"""The documents are true: every command in them runs, every link leads somewhere, the generated pages are fresh.

Blocks marked sh, console or python run in order, the blocks of a file in one folder that starts out empty but for
`./textmill` (this checkout's launcher; also on the PATH as `textmill`); `cd` lasts from block to block. A comment
before a block changes how it is tested:

    <!-- test: slow -->            this block only runs with --slow; no quick block may build on it
    <!-- test: replace 10m 20s --> what stands there takes too long for a test
    <!-- test: skip REASON -->     it cannot run here

A Chinese page whose commands are the English page's, comments aside, is not run a second time.
"""

import importlib.util
import os
import re
import shlex
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(
    r"(?P<marks>(?:<!-- test: [^\n]*? -->\n+)*)^```(?P<kind>sh|console|python)\n(?P<code>.*?)^```$", re.M | re.S
)
MARK = re.compile(r"<!-- test: (.*?) -->")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
SECONDS = 900


@dataclass(frozen=True)
class Block:
    page: Path
    line: int
    kind: str
    code: str
    slow: bool
    skip: str


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    found = []
    for match in BLOCK.finditer(text):
        code, skip, slow = match["code"], "", False
        for mark in MARK.findall(match["marks"]):
            word, _, rest = mark.partition(" ")
            if word == "replace":
                old, _, new = rest.partition(" ")
                assert old in code, f"{page}: nothing to replace: {old}"
                code = code.replace(old, new)
            elif word == "skip":
                skip = rest
            else:
                assert mark == "slow", f"{page}: unknown mark {mark!r}"
                slow = True
        line = text.count("\n", 0, match.start("code")) + 1
        found.append(Block(page=page, line=line, kind=match["kind"], code=code, slow=slow, skip=skip))
    return found


def commands_of(page: Path) -> list[str]:
    """What the blocks of a page run."""
    return [re.sub(r" +# [^\n]*$", "", block.code, flags=re.M) for block in blocks_of(page) if not block.skip]


def says_the_same(page: Path) -> bool:
    """Whether this is a Chinese page with the English page's commands."""
    english = page.with_name(page.name.replace(".zh-CN.md", ".md"))
    return english != page and english.exists() and commands_of(page) == commands_of(english)


def parameters() -> list:
    made = []
    for page in PAGES:
        if says_the_same(page):
            continue
        for block in blocks_of(page):
            name = str(page.relative_to(ROOT))
            marks = [pytest.mark.xdist_group(name)]  # a page's blocks build on one another: one worker, in order
            marks += [pytest.mark.slow] if block.slow else []
            marks += [pytest.mark.skip(reason=block.skip)] if block.skip else []
            made.append(pytest.param(block, id=f"{name}:{block.line}", marks=marks))
    return made


@pytest.fixture(scope="session")  # a worker may do other tests between two blocks of a page
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Path]:
    """Each page's folder, made when its first block runs."""

    def make() -> Path:
        folder = tmp_path_factory.mktemp("page")
        (folder / "textmill").symlink_to(ROOT / "textmill")
        (folder / "FOLDER").symlink_to(ROOT / "docs")  # what a reader's own text is called
        (folder / ".cwd").write_text(str(folder))
        return folder

    return defaultdict(make)  # type: ignore[return-value]


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all pages' commands keep what they compile: eight seconds of work that each would do anew."""
    return tmp_path_factory.mktemp("cache")


@pytest.mark.parametrize("block", parameters())
def test_block_runs(block: Block, folders: dict[Path, Path], cache: Path) -> None:
    folder = folders[block.page]
    working = (folder / ".cwd").read_text().strip()
    bin_folder = folder / ".bin"
    bin_folder.mkdir(exist_ok=True)
    if not (bin_folder / "textmill").exists():
        (bin_folder / "textmill").symlink_to(ROOT / "textmill")
        (bin_folder / "torchrun").symlink_to(Path(sys.executable).parent / "torchrun")  # torch's, of our environment
    environment = {
        **os.environ,
        "TEXTMILL_PYTHON": sys.executable,
        "PATH": f"{bin_folder}:{os.environ['PATH']}",
        "HOME": str(folder),
        "XDG_CACHE_HOME": str(cache),
        "LANG": "zh_CN.UTF-8" if ".zh-CN" in block.page.name else "C.UTF-8",
        "NO_COLOR": "1",
    }
    environment.pop("LC_ALL", None)
    if block.kind == "python":
        command = [sys.executable, "-c", block.code]
        environment["PYTHONPATH"] = str(ROOT / "src")
    else:
        code = block.code
        if block.kind == "console":
            code = "\n".join(line[2:] for line in code.splitlines() if line.startswith("$ "))
        command = ["bash", "-euc", f"{code}\npwd > {shlex.quote(str(folder / '.cwd'))}"]
    done = subprocess.run(
        command,
        cwd=working,
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, f"{block.code}\n--- stdout\n{done.stdout}\n--- stderr\n{done.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
    for target in LINK.findall(text):
        if "://" in target or target.startswith("mailto:"):
            continue
        path, _, anchor = target.partition("#")
        other = (page.parent / path).resolve() if path else page
        assert other.exists(), f"{page.name} links to {target}"
        if anchor and other.suffix == ".md":
            assert anchor in anchors(other), f"{page.name} links to {target}"


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


def test_every_page_is_there_in_both_languages() -> None:
    english = {page for page in PAGES if not page.name.endswith(".zh-CN.md")}
    without = {page.name for page in english if not page.with_suffix(".zh-CN.md").exists()}
    assert without <= {"log.md", "CONTRIBUTING.md", "design.md"}, "pages for developers are English only"


def test_generated_pages_are_fresh() -> None:
    spec = importlib.util.spec_from_file_location("write_docs", ROOT / "tools/write_docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    stale = [
        path.name for path, text in module.pages() if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    assert stale == [], "run: python tools/write_docs.py"
