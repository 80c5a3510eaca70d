"""The project folder: a `textmill.toml` and one folder a stage; where each stage reads and writes."""

from dataclasses import dataclass
from pathlib import Path

from textmill.errors import ProjectError

SETTINGS_FILE = "textmill.toml"
FORMAT_VERSION = 1
"""The `version` written at the head of textmill.toml; a greater one is refused, never half understood."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """Paths of a project; nothing is created before a stage writes."""

    root: Path

    @property
    def settings_file(self) -> Path:
        """textmill.toml."""
        return self.root / SETTINGS_FILE

    @property
    def corpus(self) -> Path:
        """Parquet files and their manifest."""
        return self.root / "corpus"

    @property
    def tokenizer(self) -> Path:
        """tokenizer.json and what belongs to it."""
        return self.root / "tokenizer"

    @property
    def tokens(self) -> Path:
        """Flat token arrays, document offsets and their manifest."""
        return self.root / "tokens"

    @property
    def runs(self) -> Path:
        """One folder a training run."""
        return self.root / "runs"

    @property
    def models(self) -> Path:
        """Imported models."""
        return self.root / "models"

    @property
    def exports(self) -> Path:
        """Exported models."""
        return self.root / "exports"

    @property
    def graph(self) -> Path:
        """The knowledge graph: its store and the names in it."""
        return self.root / "graph"

    @property
    def documents(self) -> Path:
        """Indexes of the documents that questions were asked of; made anew from them whenever they are missing."""
        return self.root / "documents"


def find_project(start: Path) -> Project | None:
    """Returns the project that `start` lies in, walking up, or None."""
    start = start.absolute()
    for folder in (start, *start.parents):
        if (folder / SETTINGS_FILE).is_file():
            return Project(root=folder)
    return None


def require_project(project: Project | None) -> Project:
    """Returns `project`, or raises the error that says how to make one."""
    if project is None:
        raise ProjectError("project.none_here", file=SETTINGS_FILE, folder=Path.cwd())
    return project
