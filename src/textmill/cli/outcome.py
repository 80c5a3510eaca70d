"""How a command ends: its result, a user's mistake (2), our bug (1), Ctrl-C (130), a reader that went away (141)."""

import errno
import re
import sys
import traceback
from typing import Any

from textmill.errors import TextmillError, UserError
from textmill.i18n import t

BROKEN_PIPE = 141
"""128 + SIGPIPE, as shells have it: the work may have ended early, so this is not 0."""
LABELS = ("expected", "got", "next")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def known_error(error: BaseException) -> UserError | None:
    """Returns the user's error behind one of Python's: a full disk, a missing right, no memory; None if it is a bug."""
    from textmill.errors import InputError, ResourceError

    if isinstance(error, OSError) and error.filename is not None:
        path, number = error.filename, error.errno
        if number in (errno.ENOSPC, errno.EDQUOT):
            return ResourceError("files.disk_full", path=path)
        if number in (errno.EACCES, errno.EPERM, errno.EROFS):
            return ResourceError("cli.no_right", path=path)
        if number in (errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP):
            return InputError("cli.bad_path", path=path, detail=error.strerror)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ResourceError("files.disk_full", path="?")
    no_memory = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    if no_memory or (isinstance(error, RuntimeError) and "can't allocate memory" in str(error)):
        return ResourceError("cli.no_memory")
    return None


def explain(error: BaseException) -> tuple[dict[str, Any], int]:
    """Prints an error on stderr; returns what ``--json`` prints for it and the exit code."""
    ours = error if isinstance(error, TextmillError) else known_error(error)
    if ours is not None and ours.exit_code == 2:
        try:
            parts = ours.parts()
        except Exception as broken:  # an entry that is missing or wants other values is a bug of its own
            error, parts = broken, {}
        if parts:
            print_parts(parts)
            return {"error": {"code": ours.key} | parts}, 2
    return report_bug(error)


def report_bug(error: BaseException) -> tuple[dict[str, Any], int]:
    """Prints the traceback and what to do with it."""
    import platform

    from textmill import __version__

    traceback.print_exception(error, file=sys.stderr)
    got = f"{type(error).__name__}: {error}"
    version = f"textmill {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    parts = {"what": t("cli.bug"), "got": got, "next": t("cli.bug_next", version=version)}
    print_parts(parts)
    return {"error": {"code": "cli.bug"} | parts}, 1


def interrupted() -> tuple[dict[str, Any], int]:
    """Says that Ctrl-C ended the command."""
    text = t("cli.interrupted")
    print(f"\n{text}", file=sys.stderr)
    return {"error": {"code": "cli.interrupted", "what": text}}, 130


def print_parts(parts: dict[str, str]) -> None:
    """Prints an error for people: what in red, the rest indented under it."""
    head = t("cli.error_label")
    if coloured():
        head = f"\x1b[1;31m{head}\x1b[0m"
    lines = [head + printable(parts["what"])]
    for name in LABELS:
        if name in parts:
            first, *rest = printable(parts[name]).split("\n")
            lines += [f"  {t(f'cli.{name}_label')}{first}", *(f"    {line}" for line in rest)]
    print("\n".join(lines), file=sys.stderr, flush=True)


def printable(text: str) -> str:
    """Returns `text` without characters that would steer the terminal; they are shown by their numbers."""
    return CONTROL.sub(lambda match: repr(match[0])[1:-1], text)


def coloured() -> bool:
    """True when stderr is a terminal that takes colours."""
    import os

    return sys.stderr.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
