"""Files that appear whole or not at all: written beside their place, synced, then renamed."""

import hashlib
import json
import os
import re
import shutil
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from textmill.errors import ResourceError

TEMPORARY_PREFIX = ".tmp-"


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turns a full disk, a read-only place and the like into one clear error that names `path`."""
    try:
        yield
    except OSError as error:
        import errno

        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ResourceError("files.disk_full", path=path) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise ResourceError("files.not_writable", path=path) from error
        raise


def sync_folder(folder: Path) -> None:
    """Makes renames inside `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def atomic_folder(target: Path) -> Iterator[Path]:
    """Yields an empty folder beside `target` that takes its place when the block ends without an error.

    An existing `target` is replaced; on an error it stays as it was and the new folder is removed.
    """
    with disk_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        clear_leftovers(target)
        fresh = target.parent / f"{TEMPORARY_PREFIX}{target.name}-{uuid.uuid4().hex[:8]}"
        fresh.mkdir()
        held = hold(fresh)
        try:
            yield fresh
            for path in fresh.rglob("*"):
                if path.is_file():
                    with open(path, "rb") as file:
                        os.fsync(file.fileno())
                elif path.is_dir():
                    sync_folder(path)
            sync_folder(fresh)
            take_place(fresh, target)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
        finally:
            if held is not None:
                os.close(held)


def hold(folder: Path) -> int | None:
    """Returns an open handle that locks `folder` while this process lives, or None when it is held or cannot be."""
    try:
        return lock(folder)
    except BlockingIOError:
        return None


def lock(folder: Path) -> int | None:
    """Returns an open handle that locks `folder` while this process lives, None where the system knows no locks.

    Raises BlockingIOError when another process has it.
    """
    if sys.platform == "win32":
        return None
    import fcntl

    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        if isinstance(error, BlockingIOError):
            raise
        return None
    return handle


def clear_leftovers(target: Path) -> None:
    """Removes what a killed process left beside `target`; if it died between the two renames, the first is undone.

    A folder that someone is still writing is locked and stays.
    """
    own = re.compile(rf"{re.escape(TEMPORARY_PREFIX)}(old-)?{re.escape(target.name)}-[0-9a-f]{{8}}")
    for left in sorted(target.parent.glob(f"{TEMPORARY_PREFIX}*")):
        found = own.fullmatch(left.name)
        if not found or not left.is_dir() or (held := hold(left)) is None:
            continue
        if found[1] and not target.exists():
            left.rename(target)
        else:
            shutil.rmtree(left, ignore_errors=True)
        os.close(held)


def take_place(fresh: Path, target: Path) -> None:
    """Puts `fresh` where `target` is; should that fail, `target` is put back."""
    old = target.parent / f"{TEMPORARY_PREFIX}old-{target.name}-{uuid.uuid4().hex[:8]}"
    if target.exists():
        target.rename(old)
    try:
        fresh.rename(target)
    except BaseException:
        if old.exists():
            old.rename(target)
        raise
    sync_folder(target.parent)
    shutil.rmtree(old, ignore_errors=True)


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """Yields a file beside `path` that takes its place when the block ends without an error, and else is removed."""
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.parent / f"{TEMPORARY_PREFIX}{path.name}-{uuid.uuid4().hex[:8]}"
        try:
            with open(fresh, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
        except BaseException:
            fresh.unlink(missing_ok=True)
            raise


def write_bytes(path: Path, data: bytes) -> None:
    """Writes `data` to `path` atomically."""
    with atomic_file(path) as file:
        file.write(data)


def write_json(path: Path, value: Any) -> None:
    """Writes `value` as indented UTF-8 JSON to `path` atomically."""
    write_bytes(path, (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode())


def sha256_file(path: Path) -> str:
    """Returns the SHA-256 of a file's bytes in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
