"""A conversation as a file: .jsonl, one of OpenAI's messages a line, to be read again; or .md, to be read by people."""

import json
from pathlib import Path
from typing import Any

from textmill.errors import InputError
from textmill.files import disk_errors
from textmill.i18n import t

Message = dict[str, Any]
ROLES = ("system", "user", "assistant")
TOLD = 80


def save(path: Path, messages: list[Message], *, replace: bool) -> None:
    """Writes the messages; `replace`: whatever is there gives way."""
    if path.suffix.lower() not in (".jsonl", ".md"):
        raise InputError("cli_chat.file_ending", file=path)
    if path.exists() and not replace:
        raise InputError("cli_chat.file_taken", file=path)
    if path.suffix.lower() == ".jsonl":
        text = "".join(json.dumps(message, ensure_ascii=False) + "\n" for message in messages)
    else:
        parts = [
            f"## {t('cli_chat.role_' + message['role'])}\n\n{message['content'].strip()}\n" for message in messages
        ]
        text = "\n".join(parts)
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")


def load(path: Path) -> list[Message]:
    """Returns the messages of a .jsonl file; InputError with the line's number for the first that is none."""
    if path.suffix.lower() != ".jsonl":
        raise InputError("cli_chat.load_ending", file=path)
    if not path.is_file():
        raise InputError("cli_chat.no_file", file=path)
    messages: list[Message] = []
    for number, line in enumerate(path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            message = checked(json.loads(line.decode("utf-8")))
        except (ValueError, RecursionError):
            message = None
        if message is None or (message["role"] == "system" and messages):
            got = line.decode("utf-8", "replace")[:TOLD]
            raise InputError("cli_chat.bad_message", file=path, line=number, got=got)
        messages.append(message)
    return messages


def checked(value: Any) -> Message | None:
    """Returns a message with its content as one text; None for what is no message."""
    if not isinstance(value, dict) or value.get("role") not in ROLES:
        return None
    content = value.get("content")
    if isinstance(content, list):
        texts = [part.get("text") if isinstance(part, dict) else None for part in content]
        strings = [text for text in texts if isinstance(text, str)]
        content = "\n".join(strings) if len(strings) == len(texts) else None
    return {"role": value["role"], "content": content} if isinstance(content, str) else None
