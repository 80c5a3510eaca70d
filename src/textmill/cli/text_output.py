"""Text that a model writes, shown as it comes: on a terminal made harmless, in a pipe exactly as it is."""

import os

from textmill.cli.command import Context
from textmill.cli.outcome import printable
from textmill.i18n import t

DIM, PLAIN = "\x1b[2m", "\x1b[0m"


class SampleWriter:
    """Prints samples one after another, each behind its prompt, with a heading where there are several.

    On a terminal the prompt is dim, and characters that would steer the terminal are shown by their numbers.
    """

    def __init__(self, context: Context, prompt: str, count: int) -> None:
        self.silent = context.json
        self.file = context.output.file
        self.terminal = context.output.is_terminal
        self.dim = self.terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self.prompt, self.count, self.sample = prompt, count, -1
        self.at_line_start = True

    def __enter__(self) -> "SampleWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is None or not issubclass(kind, BrokenPipeError):
            self.close()

    def show(self, sample: int, text: str) -> None:
        """Prints more of a sample."""
        if self.silent:
            return
        if sample != self.sample:
            self._begin(sample)
        self._write(text)

    def _begin(self, sample: int) -> None:
        self.close()
        self.sample = sample
        if self.count > 1:
            gap = "\n" if sample else ""
            self._write(gap + t("cli_generate.sample_heading", number=sample + 1, count=self.count) + "\n")
        if self.dim and self.prompt:
            self.file.write(DIM + printable(self.prompt) + PLAIN)
            self.at_line_start = False
        else:
            self._write(self.prompt)

    def _write(self, text: str) -> None:
        if text:
            self.file.write(printable(text) if self.terminal else text)
            self.file.flush()
            self.at_line_start = text.endswith("\n")

    def close(self) -> None:
        """Ends the last line."""
        if not self.at_line_start:
            self._write("\n")
