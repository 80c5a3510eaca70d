"""The progress line: on a terminal a bar with rate and time left, elsewhere a plain line every few seconds."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from textmill.i18n import t
from textmill.progress import Progress

SECONDS_BETWEEN_LINES = 5.0


@contextmanager
def progress_line(console: Console, title: str, unit: str = "") -> Iterator[Progress]:
    """Yields a `Progress`; what it is told is shown on `console`."""
    if console.is_terminal:
        with bar(console, title, unit) as report:
            yield report
        return
    lines = PlainLines(console, title, unit)
    yield lines
    lines.finish()


@contextmanager
def bar(console: Console, title: str, unit: str) -> Iterator[Progress]:
    """Yields a `Progress` that drives a rich bar, which goes away when all is done."""
    from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars
    from rich.text import Text

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[counted]}", markup=False),
        TimeRemainingColumn(compact=True),
        TimeElapsedColumn(),
    )
    started = time.monotonic()
    state = {"done": 0.0}
    with Bars(*columns, console=console, transient=True) as bars:
        task = bars.add_task(title, total=None, counted="")

        def report(done: float, total: float | None = None, note: str = "") -> None:
            state["done"] = done
            rate = done / max(time.monotonic() - started, 1e-6)
            counted = f"{amount(done, total, unit)}  {short(rate)}/s  {note}".rstrip()
            bars.update(task, completed=done, total=total, counted=counted)

        yield report
    count, seconds = amount(state["done"], None, unit), duration(time.monotonic() - started)
    console.print(Text(t("cli.progress_done", title=title, count=count, seconds=seconds)), soft_wrap=True)


class PlainLines:
    """A `Progress` for logs: a line at most every five seconds, and one at the end."""

    def __init__(self, console: Console, title: str, unit: str) -> None:
        self.console, self.title, self.unit = console, title, unit
        self.started = self.last = time.monotonic()
        self.done = 0.0
        self.called = False

    def __call__(self, done: float, total: float | None = None, note: str = "") -> None:
        """Prints how far things are, unless a line was printed just now."""
        self.done, self.called = done, True
        now = time.monotonic()
        if now - self.last < SECONDS_BETWEEN_LINES:
            return
        self.last = now
        rate = done / max(now - self.started, 1e-6)
        line = t("cli.progress_line", title=self.title, count=amount(done, total, self.unit), rate=short(rate))
        if total and rate > 0:
            line += t("cli.progress_left", left=duration((total - done) / rate))
        self.print(f"{line}  {note}".rstrip())

    def finish(self) -> None:
        """Prints the last line."""
        if self.called:
            count, seconds = amount(self.done, None, self.unit), duration(time.monotonic() - self.started)
            self.print(t("cli.progress_done", title=self.title, count=count, seconds=seconds))

    def print(self, line: str) -> None:
        """Prints a line as it is."""
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)


def amount(done: float, total: float | None, unit: str) -> str:
    """Returns "1.2k/3.4k documents (35%)"."""
    text = short(done) if total is None else f"{short(done)}/{short(total)}"
    share = f" ({100 * done / total:.0f}%)" if total else ""
    return f"{text} {unit}".rstrip() + share


def short(number: float) -> str:
    """Returns a number in at most five characters: 950, 1.2k, 34M."""
    for limit, suffix in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if number >= limit:
            scaled = number / (1e3 if suffix == "k" else limit)
            return f"{scaled:.1f}{suffix}" if scaled < 10 else f"{scaled:.0f}{suffix}"
    return f"{number:.0f}" if number == int(number) or number >= 100 else f"{number:.1f}"


def duration(seconds: float) -> str:
    """Returns 4.2s, 3m 05s or 2h 07m."""
    if seconds < 60:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h {minutes:02}m" if hours else f"{minutes}m {rest:02}s"
