r"""What a person types: a line, several lines that belong together, or nothing more.

    text\       the message goes on in the next line
    '''text     … and all lines up to one that ends with ''', of double quotes

On a terminal the line can be edited and earlier ones come back with the arrow keys (readline, where Python has it); a
pasted text of several lines is one message.
"""

import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType

from textmill.cli.command import Context
from textmill.errors import InputError

QUOTES = '"""'
HISTORY_LINES = 2000
FIRST, MORE = "> ", ". "
BOLD, PLAIN = "\x1b[1m", "\x1b[0m"


class Lines:
    """Reads messages from standard input."""

    def __init__(self, context: Context, *, history: bool, complete: Callable[[str], Iterable[str]]) -> None:
        self.interactive = sys.stdin is not None and sys.stdin.isatty()
        self.context, self.complete = context, complete
        self.edited = self.interactive and sys.stdout is not None and sys.stdout.isatty()
        self.file = history_file() if history and self.edited else None
        self.readline = editing(self.file, self._completion) if self.edited else None
        self._found: list[str] = []

    def message(self) -> str | None:
        """Returns the next message, None at the end; KeyboardInterrupt passes."""
        line = self._line(FIRST)
        if line is None:
            return None
        if line.lstrip().startswith(QUOTES):
            return self._quoted(line.lstrip().removeprefix(QUOTES))
        while line.endswith("\\"):
            more = self._line(MORE)
            line = line[:-1] + "\n" + (more or "")
            if more is None:
                break
        return line

    def _quoted(self, line: str) -> str:
        lines = [line]
        while not lines[-1].rstrip().endswith(QUOTES):
            more = self._line(MORE)
            if more is None:
                break
            lines.append(more)
        lines[-1] = lines[-1].rstrip().removesuffix(QUOTES)
        return "\n".join(lines).strip("\n")

    def _line(self, prompt: str) -> str | None:
        """Returns one line without its end."""
        if self.edited:
            try:
                return input(self._shown(prompt))
            except EOFError:
                return None
        if self.interactive:
            sys.stderr.write(prompt)
            sys.stderr.flush()
        try:
            line = sys.stdin.readline() if sys.stdin is not None else ""
        except UnicodeDecodeError as error:
            byte = f"0x{error.object[error.start]:02x}"
            raise InputError("text_input.not_utf8", position=error.start, byte=byte) from None
        return line.removesuffix("\n").removesuffix("\r") if line else None

    def _shown(self, prompt: str) -> str:
        """Returns the prompt; what has no width stands between marks, so that readline counts right."""
        if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
            return prompt
        marks = ("\x01", "\x02") if self.readline is not None else ("", "")
        return f"{marks[0]}{BOLD}{marks[1]}{prompt}{marks[0]}{PLAIN}{marks[1]}"

    @property
    def pending(self) -> bool:
        """True when a line was begun (and Ctrl-C gave it up)."""
        return self.readline is not None and bool(self.readline.get_line_buffer())

    def _completion(self, text: str, state: int) -> str | None:
        if state == 0:
            assert self.readline is not None
            self._found = list(self.complete(self.readline.get_line_buffer()))
        return self._found[state] if state < len(self._found) else None

    def close(self) -> None:
        """Keeps the history."""
        if self.readline is None or self.file is None:
            return
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            self.readline.write_history_file(str(self.file))
            self.file.chmod(0o600)
        except OSError:
            pass  # a home that cannot be written is no reason to end with an error


def history_file() -> Path:
    """Returns where earlier lines are kept, in the user's state folder."""
    state = os.environ.get("XDG_STATE_HOME", "")
    folder = Path(state) if os.path.isabs(state) else Path("~/.local/state").expanduser()
    return folder / "textmill" / "chat_history"


def editing(history: Path | None, complete: Callable[[str, int], str | None]) -> ModuleType | None:
    """Returns readline, set up; None where Python has none."""
    try:
        import readline
    except ImportError:
        return None
    readline.clear_history()
    readline.set_history_length(HISTORY_LINES)
    if history is not None:
        try:
            readline.read_history_file(str(history))
        except OSError:
            pass
    readline.set_completer_delims(" ")
    readline.set_completer(complete)
    bind = "bind ^I rl_complete" if getattr(readline, "backend", "readline") == "editline" else "tab: complete"
    readline.parse_and_bind(bind)
    readline.parse_and_bind("set enable-bracketed-paste on")
    return readline
