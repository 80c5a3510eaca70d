"""`textmill chat`: talk with a model in the terminal, or line by line through a pipe.

stdout gets the answers alone; everything else goes to stderr. Under ``--json`` each turn is one line of JSON on stdout:
``role, content, finish_reason, tokens, prompt_tokens, reused_tokens, turns_left_out, seed, seconds,
tokens_per_second``, or ``error`` for a message that cannot be answered. ``reused_tokens``: how many of the prompt's
tokens the engine had in its cache from the turns before. With ``--graph`` no model talks: see `chat_graph`.
"""

from typing import TYPE_CHECKING, Any

from textmill.cli.chat_commands import completions
from textmill.cli.chat_commands import run as run_command
from textmill.cli.chat_input import Lines
from textmill.cli.chat_session import Session
from textmill.cli.command import Argument, Command, Context, Stopped
from textmill.cli.model_engine import MODEL_ARGUMENTS, SAMPLING_ARGUMENTS, load_model, make_engine, short_name
from textmill.cli.text_input import read_prompt
from textmill.errors import UsageError
from textmill.i18n import t

if TYPE_CHECKING:
    from textmill.infer.conversation import Conversation
    from textmill.infer.resolve import LoadedModel

MAX_TOKENS = 1024
"""Of an answer, where nobody said how many: the [generate] default is meant for a piece of a text."""
TEXTS = 2
"""How often the cache holds the whole context: what /undo and /retry leave behind can be used again."""


def run(
    context: Context,
    *,
    model: str | None,
    system: str,
    m: str | None,
    no_history: bool,
    graph: bool,
    **given: Any,
) -> dict[str, Any] | None:
    """Talks until the end of the input, or answers one message."""
    question = read_prompt(context, m) if m is not None else None
    if not graph:
        talk_with_model(context, question, model=model, system=system, history=not no_history, **given)
        return None
    if model is not None or system:
        raise UsageError("usage.together", options="--graph, " + ("--model" if model is not None else "--system"))
    from textmill.cli.chat_graph import talk_with_graph

    talk_with_graph(context, question, history=not no_history)
    return None


def talk_with_model(
    context: Context,
    question: str | None,
    *,
    model: str | None,
    weights: str,
    device: str,
    system: str,
    history: bool,
    no_markdown: bool,
    **short: Any,
) -> None:
    """Talks with a model."""
    changes = {f"generate.{name}": value for name, value in short.items() if value is not None}
    chosen = context.settings.replace(changes).generate
    if "generate.max_tokens" not in changes and not context.chosen("generate.max_tokens"):
        changes["generate.max_tokens"] = MAX_TOKENS
        chosen = context.settings.replace(changes).generate

    from textmill.infer.conversation import Conversation
    from textmill.infer.sampling import SamplingSettings

    lines = Lines(context, history=history, complete=completions)
    interactive = lines.interactive and question is None and not context.json
    loaded = load_model(context, model, device)
    for note in loaded.notes:
        context.say(note)
    engine = make_engine(loaded, weights, texts=TEXTS, length=loaded.model.config.context)
    conversation = Conversation(engine=engine, settings=SamplingSettings.of(chosen), system=system)
    session = make_session(context, loaded, conversation, interactive=interactive, markdown=not no_markdown)
    try:
        if question is not None:
            conversation.say(question)
            session.answer()
        else:
            talk(session, lines)
    except KeyboardInterrupt:
        raise Stopped(None) from None
    finally:
        lines.close()
    if session.failed and not interactive:
        raise Stopped(None, exit_code=2)


def make_session(
    context: Context, loaded: "LoadedModel", conversation: "Conversation", *, interactive: bool, markdown: bool
) -> Session:
    """Returns a session that suits where it runs, and greets."""
    output = context.output
    plain = output.no_color or output.is_dumb_terminal or not output.is_terminal
    if interactive:
        path = conversation.engine.runner.path
        context.say(t("cli_chat.hello", model=short_name(loaded), path=path, context=conversation.context))
    return Session(
        context=context,
        loaded=loaded,
        conversation=conversation,
        interactive=interactive,
        show_tokens=interactive,
        show_markdown=markdown and not plain,
    )


def talk(session: Session, lines: Lines) -> None:
    """Answers message after message; Ctrl-C at the prompt says how to leave, in a pipe it leaves."""
    while not session.ended:
        try:
            message = lines.message()
            if message is None:
                break
            if message.startswith("/"):
                run_command(session, message)
            elif message.strip():
                session.ask(message)
        except KeyboardInterrupt:
            if not session.interactive:
                raise
            session.say("" if lines.pending else "\n" + t("cli_chat.how_to_leave"))
    if session.interactive and not session.ended:
        session.say("")


COMMAND = Command(
    words=("chat",),
    run=run,
    json_lines=True,
    example=(
        "textmill chat\n"
        'textmill chat --model main@1000 --system "Answer in one sentence."\n'
        'textmill chat -m "Who lives by the river?"\n'
        "textmill chat --graph\n"
        "printf 'hello\\nhow are you\\n' | textmill chat --json"
    ),
    arguments=(
        Argument(name="-m", metavar="TEXT"),
        Argument(name="--graph", flag=True, default=False),
        Argument(name="--system", default="", metavar="TEXT"),
        Argument(name="--no-history", flag=True, default=False),
        Argument(name="--no-markdown", flag=True, default=False),
        *SAMPLING_ARGUMENTS,
        *MODEL_ARGUMENTS,
    ),
    settings=("generate",),
)
