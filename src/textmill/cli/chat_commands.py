"""The commands of a chat: lines that begin with /; each a function of the session and what stands behind its name."""

import difflib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from textmill.cli import chat_files
from textmill.cli.chat_session import Session
from textmill.cli.layout import two_columns
from textmill.cli.model_engine import full_name
from textmill.errors import UsageError, UserError
from textmill.i18n import t

SETTINGS: dict[str, Callable[[str], float | int]] = {
    "temperature": float,
    "top_k": int,
    "top_p": float,
    "min_p": float,
    "typical_p": float,
    "repetition_penalty": float,
    "frequency_penalty": float,
    "presence_penalty": float,
    "dry_multiplier": float,
    "max_tokens": int,
    "seed": int,
}
ON, OFF = "on", "off"


def run(session: Session, line: str) -> None:
    """Does what a line that begins with / says; an error is shown and the chat goes on."""
    name, _, rest = line.strip().partition(" ")
    try:
        if name not in COMMANDS:
            nearest = difflib.get_close_matches(name, COMMANDS, n=1, cutoff=0.0)[0]
            raise UsageError("cli_chat.unknown", got=name, nearest=nearest)
        COMMANDS[name](session, rest.strip())
    except UserError as error:
        session.complain(error)


def show_help(session: Session, rest: str) -> None:
    """Shows all commands."""
    rows = [(t(f"cli_chat.form_{name[1:]}"), t(f"cli_chat.about_{name[1:]}")) for name in COMMANDS if name != "/exit"]
    session.say(two_columns(rows, 100) + "\n\n" + t("cli_chat.about_lines"))


def change(session: Session, rest: str) -> None:
    """Changes one sampling setting, or shows all."""
    settings = session.conversation.settings
    name, _, text = rest.replace("=", " ", 1).partition(" ")
    name = name.replace("-", "_")
    if not name:
        session.say(two_columns([(key, str(getattr(settings, key))) for key in SETTINGS], 100))
        return
    if name not in SETTINGS:
        nearest = difflib.get_close_matches(name, SETTINGS, n=1, cutoff=0.0)[0]
        raise UsageError("cli_chat.unknown_setting", got=name, nearest=nearest)
    if text.strip():
        try:
            value = SETTINGS[name](text.strip())
        except ValueError:
            kind = t("cli_chat.whole" if SETTINGS[name] is int else "cli_chat.number")
            raise UsageError("cli_chat.value", name=name, expected=kind, got=text.strip()) from None
        session.conversation.settings = replace(settings, **{name: value})
    session.say(f"{name} {getattr(session.conversation.settings, name)}")


def system(session: Session, rest: str) -> None:
    """Sets the system message, takes it away with "", or shows it."""
    if rest:
        session.conversation.system = "" if rest in ('""', "''") else rest
    session.say(session.conversation.system or t("cli_chat.no_system"))


def save(session: Session, rest: str) -> None:
    """Writes the conversation to a file."""
    path = named(rest, "/save")
    conversation = session.conversation
    messages = [{"role": "system", "content": conversation.system}] if conversation.system else []
    chat_files.save(path, messages + conversation.messages, replace=path == session.own_file)
    session.own_file = path
    session.say(t("cli_chat.saved", file=path, count=len(conversation.messages)))


def load(session: Session, rest: str) -> None:
    """Goes on with the conversation in a file."""
    path = named(rest, "/load")
    messages = chat_files.load(path)
    given = messages.pop(0)["content"] if messages and messages[0]["role"] == "system" else ""
    session.conversation.replace(messages, given)
    session.own_file = path
    session.say(t("cli_chat.loaded", file=path, count=len(messages)))
    if messages and messages[-1]["role"] == "user":
        session.say(t("cli_chat.unanswered"))


def named(rest: str, command: str) -> Path:
    """Returns the file that a command names."""
    if not rest:
        raise UsageError("cli_chat.no_name", command=command)
    return Path(rest.strip("\"'")).expanduser()


def reset(session: Session, rest: str) -> None:
    """Begins anew; the system message stays."""
    session.conversation.replace([], session.conversation.system)
    session.say(t("cli_chat.fresh"))


def retry(session: Session, rest: str) -> None:
    """Asks for another answer to the last message."""
    if not session.conversation.retry():
        raise UsageError("cli_chat.nothing")
    session.answer()


def undo(session: Session, rest: str) -> None:
    """Takes back the last message and its answer."""
    said = session.conversation.undo()
    if said is None:
        raise UsageError("cli_chat.nothing")
    session.say(t("cli_chat.undone", text=said.split("\n")[0][:60]))


def model(session: Session, rest: str) -> None:
    """Tells about the model and how much of its context is used."""
    conversation = session.conversation
    hidden = sum(message["role"] == "user" for message in conversation.messages[: conversation.first])
    lines = t(
        "cli_chat.model_facts",
        model=full_name(session.loaded),
        folder=session.loaded.folder,
        path=conversation.engine.runner.path,
        used=conversation.used,
        context=conversation.context,
    )
    session.say(lines + ("\n" + t("cli_chat.hidden", count=hidden) if hidden else ""))


def tokens(session: Session, rest: str) -> None:
    """Shows or hides the speed behind answers."""
    session.show_tokens = switched(rest, session.show_tokens, "/tokens")
    session.say(f"/tokens {ON if session.show_tokens else OFF}")


def as_markdown(session: Session, rest: str) -> None:
    """Renders answers, or shows them as they are."""
    session.show_markdown = switched(rest, session.show_markdown, "/markdown")
    session.say(f"/markdown {ON if session.show_markdown else OFF}")


def switched(rest: str, now: bool, command: str) -> bool:
    """Returns what on or off means; nothing said turns it over."""
    if rest not in ("", ON, OFF):
        raise UsageError("cli_chat.switch", command=command, got=rest)
    return not now if not rest else rest == ON


def leave(session: Session, rest: str) -> None:
    """Ends the chat."""
    session.ended = True


COMMANDS: dict[str, Callable[[Session, str], None]] = {
    "/help": show_help,
    "/set": change,
    "/system": system,
    "/retry": retry,
    "/undo": undo,
    "/reset": reset,
    "/save": save,
    "/load": load,
    "/model": model,
    "/tokens": tokens,
    "/markdown": as_markdown,
    "/quit": leave,
    "/exit": leave,
}


def completions(line: str) -> Iterator[str]:
    """Yields what Tab can make of the last word of a line: a command, a setting's name, on or off, a file."""
    name, space, rest = line.partition(" ")
    if not line.startswith("/"):
        return
    if not space:
        yield from (command + " " for command in COMMANDS if command.startswith(name))
    elif name == "/set" and " " not in rest:
        yield from (setting + " " for setting in SETTINGS if setting.startswith(rest))
    elif name in ("/tokens", "/markdown"):
        yield from (word for word in (ON, OFF) if word.startswith(rest))
    elif name in ("/save", "/load"):
        word = rest.rpartition(" ")[2]
        folder = Path(word).expanduser() if word.endswith("/") else Path(word).expanduser().parent
        begin = word[: word.rfind("/") + 1]
        if folder.is_dir():
            for path in sorted(folder.iterdir()):
                shown = begin + path.name + ("/" if path.is_dir() else "")
                if shown.startswith(word):
                    yield shown
