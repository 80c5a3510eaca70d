"""`textmill chat --graph`: questions answered from the project's graph; one that goes on keeps its subject.

Under ``--json`` each answer is one line: ``question, answers, iris, sparql, triples, refused``, with ``/explain on``
the steps as `ask` tells them, or ``error`` for a question that could not be asked.
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from textmill.cli.ask import show
from textmill.cli.chat_commands import OFF, ON, switched
from textmill.cli.chat_input import Lines
from textmill.cli.command import Context, Stopped
from textmill.cli.graph_source import open_embedded
from textmill.cli.layout import two_columns
from textmill.cli.outcome import print_parts
from textmill.errors import UsageError, UserError
from textmill.i18n import t

if TYPE_CHECKING:
    from textmill.apps.ask.asking import Asker

COMMANDS = ("/help", "/explain", "/reset", "/quit", "/exit")
REMEMBERED = 20
"""Questions that a further one may go on from."""


@dataclass(slots=True, kw_only=True)
class Sitting:
    """A conversation with a graph."""

    context: Context
    asker: "Asker"
    interactive: bool
    explain: bool = False
    asked: list[str] = field(default_factory=list)
    failed: int = 0
    ended: bool = False

    def ask(self, question: str) -> None:
        """Shows the answer to a question, or the refusal."""
        from textmill.apps.ask.telling import row_of

        try:
            reply = self.asker.ask(question, tuple(self.asked))
        except UserError as error:
            self.complain(error)
            return
        self.asked = [*self.asked[1 - REMEMBERED :], question]
        show(self.context, reply, self.explain)
        if self.interactive:
            self.context.messages.print()
        if self.context.json:
            self.context.print_json_line({"question": question} | row_of(reply, self.explain))

    def complain(self, error: UserError) -> None:
        """Shows an error; the conversation goes on."""
        self.failed += 1
        print_parts(error.parts())
        if self.context.json:
            self.context.print_json_line({"error": {"code": error.key} | error.parts()})

    def command(self, line: str) -> None:
        """Does what a line that begins with / says."""
        name, _, rest = line.strip().partition(" ")
        if name in ("/quit", "/exit"):
            self.ended = True
        elif name == "/reset":
            self.asked = []
            self.context.say(t("cli_chat.fresh"))
        elif name == "/explain":
            self.explain = switched(rest.strip(), self.explain, "/explain")
            self.context.say(f"/explain {ON if self.explain else OFF}")
        elif name == "/help":
            rows = [(word, t(f"cli_chat.graph_{word[1:]}")) for word in COMMANDS if word != "/exit"]
            self.context.say(two_columns(rows, 100))
        else:
            raise UsageError("cli_chat.unknown", got=name, nearest="/help")


def talk_with_graph(context: Context, question: str | None, *, history: bool) -> None:
    """Answers question after question, or the one that was given."""
    from textmill.apps.ask.opening import open_asker

    with closing(open_embedded(context, None)) as graph:
        lines = Lines(context, history=history, complete=completions)
        interactive = lines.interactive and question is None and not context.json
        sitting = Sitting(context=context, asker=open_asker(graph, project=context.project), interactive=interactive)
        if interactive:
            context.say(t("cli_chat.hello_graph", folder=graph.folder))
        try:
            if question is not None:
                sitting.ask(question)
            else:
                talk(sitting, lines)
        except KeyboardInterrupt:
            raise Stopped(None) from None
        finally:
            lines.close()
    if sitting.failed and not interactive:
        raise Stopped(None, exit_code=2)


def talk(sitting: Sitting, lines: Lines) -> None:
    """Takes line after line; Ctrl-C says how to leave, in a pipe it leaves."""
    while not sitting.ended:
        try:
            message = lines.message()
            if message is None:
                break
            if message.startswith("/"):
                sitting.command(message)
            elif message.strip():
                sitting.ask(message)
        except UserError as error:
            sitting.complain(error)
        except KeyboardInterrupt:
            if not sitting.interactive:
                raise
            sitting.context.say("" if lines.pending else "\n" + t("cli_chat.how_to_leave"))


def completions(line: str) -> Iterator[str]:
    """Yields what Tab can make of the last word of a line."""
    name, space, rest = line.partition(" ")
    if line.startswith("/") and not space:
        yield from (command + " " for command in COMMANDS if command.startswith(name))
    elif name == "/explain":
        yield from (word for word in (ON, OFF) if word.startswith(rest))
