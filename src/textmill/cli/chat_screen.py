"""An answer on the screen: as it comes, in a terminal as Markdown, a block at a time, in a pipe exactly as it is.

    text ─▶ control characters by their numbers ─▶ whole blocks, rendered for good │ the open block, rendered anew

A block is a paragraph, a list, a fenced piece of code …; it is whole when the next one begins. The open one is drawn
again as it grows, its last lines where it is higher than the screen.
"""

import re
import time
from types import TracebackType
from typing import IO, Any, Protocol, Self

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.markdown import Markdown
from rich.segment import Segment

from textmill.cli.outcome import printable

SECONDS_A_FRAME = 0.06
CODE_THEME = "ansi_dark"
LINE = re.compile(r"[^\n]*\n|[^\n]+")
FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
ITEM = re.compile(r" {0,3}([-*+]|\d{1,9}[.)])(\s|$)")
MARKER = re.compile(r" {0,3}([-*+]|\d{0,9}[.)]?)$")
"""What could still become an item's beginning."""


class Display(Protocol):
    """Where an answer is shown."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show(self, text: str) -> None:
        """Shows more of the answer."""
        ...


class Plain:
    """Writes the text as it is; `safe`: without characters that would steer the terminal."""

    def __init__(self, file: IO[str], *, safe: bool) -> None:
        self.file, self.safe, self.begun, self.end = file, safe, False, ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is not None and issubclass(kind, BrokenPipeError):
            return
        if self.end != "\n":
            self.file.write("\n")
            self.file.flush()

    def show(self, text: str) -> None:
        """Writes more; empty lines before the first word are left out."""
        text = text if self.begun else text.lstrip("\n")
        if text:
            self.begun, self.end = True, text[-1]
            self.file.write(printable(text) if self.safe else text)
            self.file.flush()


class Silent:
    """Shows nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *rest: object) -> None:
        return None

    def show(self, text: str) -> None:
        """Shows nothing."""


class Rendered:
    """Renders Markdown on a terminal."""

    def __init__(self, console: Console) -> None:
        self.console, self.open, self.blocks, self.drawn = console, "", 0, 0.0
        self.live: Live | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if self.open.strip() or not self.blocks:
            self._draw()
            self._close()

    def show(self, text: str) -> None:
        """Shows more of the answer."""
        self.open += printable(text)
        if not self.blocks and self.live is None:
            self.open = self.open.lstrip("\n")
        while (end := block_end(self.open)) is not None:
            rest, self.open = self.open[end:], self.open[:end]
            self._draw()
            self._close()
            self.open = rest
        if self.open.strip() and time.monotonic() - self.drawn > SECONDS_A_FRAME:
            self._draw()

    def _draw(self) -> None:
        """Draws the open block anew."""
        if self.live is None:
            if self.blocks:
                self.console.print()
            self.live = Live(console=self.console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)
            self.live.start()
        self.live.update(Block(self.open, tail=True), refresh=True)
        self.drawn = time.monotonic()

    def _close(self) -> None:
        """Leaves the open block on the screen, the whole of it."""
        if self.live is not None:
            self.live.update(Block(self.open, tail=False))
            self.live.stop()
        self.live, self.open = None, ""
        self.blocks += 1


class Block:
    """A piece of Markdown; `tail`: only as many of its last lines as the screen has."""

    def __init__(self, text: str, *, tail: bool) -> None:
        self.markdown, self.tail = markdown(text), tail

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yields the lines without spaces behind them."""
        lines = [trimmed(line) for line in console.render_lines(self.markdown, options, pad=False)]
        while lines and not lines[-1]:
            lines.pop()
        for line in lines[-(console.height - 1) :] if self.tail else lines:
            yield from line
            yield Segment.line()


def trimmed(line: list[Segment]) -> list[Segment]:
    """Returns a line without plain spaces at its end."""
    line = list(line)
    while line and not line[-1].text.rstrip() and not (line[-1].style and line[-1].style.bgcolor):
        line.pop()
    return line


def markdown(text: str) -> Markdown:
    """Returns Markdown as a model means it: tags are text, line breaks stay, addresses are shown, none is linked."""
    from markdown_it import MarkdownIt

    made = Markdown("", code_theme=CODE_THEME, hyperlinks=False)
    made.markup = text
    made.parsed = MarkdownIt("commonmark", {"html": False}).enable(["strikethrough", "table"]).parse(text)
    for token in made.parsed:
        for child in token.children or ():
            if child.type == "softbreak":
                child.type = "hardbreak"
    return made


def block_end(text: str) -> int | None:
    """Returns where the first block of `text` ends, which is where the next one begins; None while it is open."""
    fence, at, blank, listed = "", 0, False, None
    for line in LINE.findall(text):
        whole = line.endswith("\n")
        mark = FENCE.match(line)
        if fence:
            if mark and mark[1].startswith(fence) and not line.strip().strip(fence[0]) and whole:
                fence, blank = "", True
        elif not line.strip():
            blank = blank or (whole and listed is not None)
        elif blank and (goes_on := belongs(line, bool(listed), whole)) is not True:
            return None if goes_on is None else at
        else:
            fence, blank = mark[1] if mark and whole else "", False
            listed = bool(ITEM.match(line)) if listed is None else listed
        at += len(line)
    return None


def belongs(line: str, listed: bool, whole: bool) -> bool | None:
    """Returns whether a line behind an empty one goes on with its block; None while that cannot be said."""
    if line[0] in " \t":
        return True
    if listed and ITEM.match(line):
        return True
    return None if listed and not whole and MARKER.match(line) else False


def display(console: Console, *, rendered: bool, silent: bool) -> Any:
    """Returns where answers are shown."""
    if silent:
        return Silent()
    if rendered and console.is_terminal:
        return Rendered(console)
    return Plain(console.file, safe=console.is_terminal)
