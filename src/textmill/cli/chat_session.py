"""One sitting of `textmill chat`: the conversation, how answers are shown, and the answering itself."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from rich.style import Style

from textmill.cli.chat_screen import Rendered, display
from textmill.cli.command import Context
from textmill.cli.outcome import print_parts
from textmill.errors import UserError
from textmill.i18n import t
from textmill.infer.events import CONTEXT, INTERRUPTED, LENGTH

if TYPE_CHECKING:
    from textmill.infer.conversation import Conversation, Turn
    from textmill.infer.resolve import LoadedModel


@dataclass(slots=True, kw_only=True)
class Session:
    """What the commands of a chat read and change."""

    context: Context
    loaded: "LoadedModel"
    conversation: "Conversation"
    interactive: bool
    show_tokens: bool
    """The speed stands behind each answer."""
    show_markdown: bool
    own_file: Path | None = None
    """The file that was saved or loaded last, which may be written over."""
    told_left: bool = False
    failed: int = 0
    """Answers that could not be given."""
    ended: bool = False
    document: dict[str, Any] = field(default_factory=dict)
    """The last turn, as ``--json`` prints it."""

    def say(self, text: str) -> None:
        """Tells the user something about the chat."""
        self.context.say(text)

    def complain(self, error: UserError) -> None:
        """Shows an error; the chat goes on."""
        self.failed += 1
        print_parts(error.parts())
        if self.context.json:
            self.context.print_json_line({"error": {"code": error.key} | error.parts()})

    def ask(self, text: str) -> None:
        """Sends a message and shows the answer; a message that cannot be answered is taken back."""
        self.conversation.say(text)
        try:
            self.answer()
        except (UserError, KeyboardInterrupt) as error:
            self.conversation.undo()
            if not isinstance(error, UserError):
                raise
            self.complain(error)

    def answer(self) -> None:
        """Shows the answer to the last message."""
        shown = display(self.context.output, rendered=self.show_markdown, silent=self.context.json)
        with stoppable(self.interactive) as stop:
            events = self.conversation.answer(stop)
            turn = self.conversation.turn
            assert turn is not None
            if turn.left and not self.told_left:
                self.told_left = True
                self.say(t("cli_chat.left", context=self.conversation.context))
            with quiet_keys(isinstance(shown, Rendered)), shown:
                for event in events:
                    shown.show(event.text)
        self.tell(turn)

    def tell(self, turn: "Turn") -> None:
        """Says how the answer ended and how fast it came."""
        ends = {INTERRUPTED: "ended_stopped", LENGTH: "ended_length", CONTEXT: "ended_context"}
        end = ends.get(turn.finish_reason)
        parts: list[str] = []
        if self.show_tokens:
            rate = f"{turn.rate:.0f}" if turn.rate >= 10 else f"{turn.rate:.1f}"
            parts.append(t("cli_chat.speed", tokens=turn.tokens, rate=rate, first=f"{turn.first_seconds:.2f}"))
        if end is not None and self.interactive:
            parts.append(t(f"cli_chat.{end}"))
        if parts:
            line = t("cli_chat.joined").join(parts)
            self.context.messages.print(line, style=Style(dim=True), markup=False, highlight=False, soft_wrap=True)
        if self.interactive:
            self.context.messages.print()
        self.document = {
            "role": "assistant",
            "content": turn.text,
            "finish_reason": turn.finish_reason,
            "tokens": turn.tokens,
            "prompt_tokens": turn.prompt_tokens,
            "reused_tokens": turn.reused_tokens,
            "turns_left_out": turn.left,
            "seed": turn.seed,
            "seconds": turn.seconds,
            "tokens_per_second": turn.rate,
        }
        if self.context.json:
            self.context.print_json_line(self.document)


@contextmanager
def stoppable(interactive: bool) -> Iterator[Any]:
    """Yields a function that says whether Ctrl-C was pressed; a second one ends the program as always.

    The engine is never broken off within a step. Where nobody sits before it, Ctrl-C ends the program at once.
    """
    if not interactive:
        yield lambda: False
        return
    pressed: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        if pressed:
            raise KeyboardInterrupt
        pressed.append(number)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(pressed)
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def quiet_keys(wanted: bool) -> Iterator[None]:
    """Keeps the terminal from showing what is typed meanwhile: it would stand amid the answer. It is not lost."""
    if not wanted or sys.platform == "win32" or sys.stdin is None or not sys.stdin.isatty():
        yield
        return
    import termios

    terminal = sys.stdin.fileno()
    saved = termios.tcgetattr(terminal)
    quiet = list(saved)
    quiet[3] &= ~termios.ECHO
    termios.tcsetattr(terminal, termios.TCSANOW, quiet)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSANOW, saved)
