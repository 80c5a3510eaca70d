"""Text that a model writes, shown as it comes: on a terminal made harmless, in a pipe exactly as it is."""

import os

from textmill.cli.command import Context
from textmill.cli.outcome import printable
from textmill.i18n import t

DIM, PLAIN = "\x1b[2m", "\x1b[0m"


class SampleWriter:
    """Prints samples one behind the other, each after its prompt, with a heading where there are several.

    They may come side by side: the first is shown as it comes, what comes of the others waits for its turn. On a
    terminal the prompt is dim, and characters that would steer the terminal are shown by their numbers.
    """

    def __init__(self, context: Context, prompt: str, count: int) -> None:
        self.silent = context.json
        self.file = context.output.file
        self.terminal = context.output.is_terminal
        self.dim = self.terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self.prompt, self.count, self.sample, self.turn = prompt, count, -1, 0
        self.waiting: dict[int, str] = {}
        self.ended: set[int] = set()
        self.at_line_start = True

    def __enter__(self) -> "SampleWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is not None and issubclass(kind, BrokenPipeError):
            return
        for sample in sorted(self.waiting):  # what is there of the others when the first is broken off
            self.ended.add(sample)
        self._show_waiting()
        self.close()

    def show(self, sample: int, text: str, *, ended: bool = False) -> None:
        """Takes more of a sample; `ended`: all of it is there."""
        if self.silent:
            return
        self.waiting[sample] = self.waiting.get(sample, "") + text
        if ended:
            self.ended.add(sample)
        self._show_waiting()

    def _show_waiting(self) -> None:
        while self.turn in self.waiting:
            if self.sample != self.turn:
                self._begin(self.turn)
            text, self.waiting[self.turn] = self.waiting[self.turn], ""
            self._write(text)
            if self.turn not in self.ended:
                return
            del self.waiting[self.turn]
            self.turn += 1

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
