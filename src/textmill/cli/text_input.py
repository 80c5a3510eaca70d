"""A text that a command is given: on the command line, or piped in."""

import io
import os
import select
import stat
import sys

from textmill.cli.command import Context
from textmill.errors import InputError
from textmill.i18n import t

PATIENCE = 2.0
"""Seconds after which a command that waits for stdin says so."""


def read_prompt(context: Context, given: str | None) -> str:
    """Returns the prompt: as given; with ``-``, or nothing given and something piped in, from stdin; else none.

    One line break at stdin's end is taken off, because `echo` puts it there.
    """
    if given is not None and given != "-":
        return given
    if given is None and not piped():
        return ""
    tell_if_waiting(context)
    data = sys.stdin.buffer.read() if sys.stdin is not None else b""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError("text_input.not_utf8", position=error.start, byte=f"0x{data[error.start]:02x}") from None
    return text.removesuffix("\n").removesuffix("\r")


def piped() -> bool:
    """True when stdin is a pipe, a file or a socket; not for a terminal, /dev/null or none."""
    if sys.stdin is None or sys.stdin.closed:
        return False
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except io.UnsupportedOperation:
        return True  # a Python program put something of its own there
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)


def tell_if_waiting(context: Context) -> None:
    """Says on stderr that stdin is being waited for, when nothing has come for a while."""
    try:
        waits = sys.stdin is not None and not select.select([sys.stdin], [], [], PATIENCE)[0]
    except (OSError, ValueError):  # not something that can be waited for
        return
    if waits:
        context.say(t("text_input.waiting"))
