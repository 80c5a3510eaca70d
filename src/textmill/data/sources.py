"""Which files a build reads: the given files and folders, in an order that is the same on every machine.

A file's name in the corpus is its path below the given folder, with that folder's own name in front. Nothing outside of
what was given is read: symbolic links that lead out are counted and left alone, and so are hidden files.
"""

import difflib
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from textmill.data.document import Drop, document_id
from textmill.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """A file to read: where it lies, its name in the corpus, whether it is held out, its form once known.

    One that was found in an archive or a WARC file lies nowhere: it brings its content and what is known `about` it.
    One that was compressed lies nowhere either, but beside others: its `origin` is the compressed file.
    """

    path: str
    name: str
    size: int
    held_out: bool
    named_by_user: bool = False
    form: str = ""
    data: bytes | None = None
    origin: str = ""
    about: dict[str, str] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """The path of the file on disk that this is, compressed or not; "" for a member of an archive."""
        return self.path or self.origin

    @property
    def scope(self) -> str:
        """The folder or archive that it lies in: authors of one scope are told apart by their names."""
        return self.name.rpartition("/")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A file or folder to read under a name of its own, not its path's: one that was downloaded, say."""

    name: str
    path: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """What a walk needs to know besides the folder that it is in."""

    root: str
    validation_folder: str
    skip: frozenset[str]
    unseen: frozenset[str] = frozenset()
    """Real paths of what is passed over without a word, because it is there only while a build is."""


def find_files(
    paths: Sequence[Path | Given], validation_folder: str, skip: frozenset[str], unseen: frozenset[str] = frozenset()
) -> Iterator[SourceFile | Drop]:
    """Yields every regular file below `paths`, and a Drop for whatever else lies there, `skip` among it.

    `skip` and `unseen` are real paths; of what is `unseen` nothing is said.
    """
    for name, path in root_names(paths):
        walk = Walk(root=os.path.realpath(path), validation_folder=validation_folder, skip=skip, unseen=unseen)
        if os.path.isdir(path):
            yield from walk_folder(path, name, walk)
        else:
            yield from take_file(path, name, walk, named_by_user=True)


def root_names(items: Sequence[Path | Given]) -> list[tuple[str, str]]:
    """Returns (name, path) for each given path; one that lies in another is left out, equal names are numbered."""
    given = [(item.name, item.path) for item in items if isinstance(item, Given)]
    paths = [item for item in items if not isinstance(item, Given)]
    for path in paths:
        if not os.path.lexists(path):
            raise InputError("corpus.path_missing", path=path, nearest=nearest_name(path))
    kept: list[tuple[str, str]] = []
    real = [os.path.realpath(path) for path in paths]
    taken: dict[str, int] = {}
    for place, path in enumerate(paths):
        others = [other for number, other in enumerate(real) if number < place or other != real[place]]
        if any(real[place] == other or real[place].startswith(other.rstrip("/") + "/") for other in others):
            continue
        name = os.path.basename(os.path.abspath(path)) or "root"
        taken[name] = taken.get(name, 0) + 1
        kept.append((name if taken[name] == 1 else f"{name}~{taken[name]}", os.path.abspath(path)))
    return kept + given


def nearest_name(path: Path) -> str:
    """Returns the existing path that is nearest to `path`: a similar name beside it, else the folder that exists."""
    parent = Path(os.path.abspath(path)).parent
    while not parent.is_dir():
        path, parent = parent, parent.parent
    try:
        similar = difflib.get_close_matches(path.name, os.listdir(parent), n=1, cutoff=0.5)
    except OSError:
        similar = []
    return str(parent / similar[0]) if similar else str(parent)


def walk_folder(folder: str, name: str, walk: Walk) -> Iterator[SourceFile | Drop]:
    """Yields what lies in a folder and below it, by name in code point order."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        yield refuse(name, "unreadable", error.strerror or "")
        return
    for entry in entries:
        inner = f"{name}/{entry.name}"
        if entry.name.startswith("."):
            if os.path.realpath(entry.path) not in walk.unseen:
                yield refuse(inner, "hidden")
        elif entry.is_dir(follow_symlinks=False):
            if os.path.realpath(entry.path) in walk.skip:
                yield refuse(inner, "own_corpus")
            else:
                yield from walk_folder(entry.path, inner, walk)
        else:
            yield from take_file(entry.path, inner, walk)


def take_file(path: str, name: str, walk: Walk, *, named_by_user: bool = False) -> Iterator[SourceFile | Drop]:
    """Yields the file, or why it is not read: a link, or no regular file (opening a pipe would wait forever)."""
    try:
        if os.path.islink(path) and not named_by_user:
            yield refuse(name, link_reason(path, walk.root), os.readlink(path))
            return
        status = os.stat(path)
    except OSError as error:
        yield refuse(name, "unreadable", error.strerror or "")
        return
    if not stat.S_ISREG(status.st_mode):
        yield refuse(name, "unsupported", "not a regular file")
        return
    held_out = is_held_out(name, walk.validation_folder)
    yield SourceFile(path=path, name=name, size=status.st_size, held_out=held_out, named_by_user=named_by_user)


def is_held_out(name: str, validation_folder: str) -> bool:
    """True for what lies below a folder of the name that `corpus.validation_folder` gives."""
    return bool(validation_folder) and validation_folder in name.split("/")


def link_reason(path: str, root: str) -> str:
    """Returns why a symbolic link is not followed: it dangles, leads out, or leads to what is read in its own place."""
    target = os.path.realpath(path)
    if not os.path.exists(target):
        return "unreadable"
    inside = target == root or target.startswith(root.rstrip("/") + "/")
    return "inside_link" if inside else "outside_link"


def refuse(name: str, reason: str, value: str = "") -> Drop:
    """Returns the Drop of something that was found and is not read."""
    return Drop(id=document_id(name), source=printable(name), step="find", reason=reason, value=printable(value))


def printable(name: str) -> str:
    """Returns a file's name as text: bytes that are not UTF-8 are shown by their numbers."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
