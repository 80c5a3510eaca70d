"""Grammars from strangers are tried in a process that can be killed, before the server compiles them itself.

llguidance's limits stop most that is too much, not all: a chain of some thousand Lark rules overflows the stack and
takes the whole process with it, and an intersection of two hundred patterns computes for minutes. So one process stands
by, with limits of the kernel's on processor time and memory, and compiles each new grammar first, over single bytes.
"""

import hashlib
import json
import sys
import threading
from collections import OrderedDict
from typing import Any

from textmill.tokenizer.template_process import TemplateProcess, limit_time

MOST_SECONDS = 2
"""Of processor time; an enumeration of forty thousand names takes less than half of one."""
MOST_BYTES = 1 << 30
STEPS = 8
TOO_MUCH = "too much"
MOST_VERDICTS = 1024
"""Remembered under the grammar's hash: the texts themselves may be a megabyte each."""

_lock = threading.Lock()
_standing_by: list[TemplateProcess] = []
_verdicts: OrderedDict[bytes, str] = OrderedDict()


def tried(text: str, fuel: int, states: int, items: int) -> str:
    """Returns what the compiler says against a grammar in llguidance's form, "" for nothing, TOO_MUCH past a limit."""
    name = hashlib.sha256(text.encode()).digest()
    with _lock:
        found = _verdicts.get(name)
        if found is None:
            found = _verdicts[name] = _verdict(text, fuel, states, items)
            while len(_verdicts) > MOST_VERDICTS:
                _verdicts.popitem(last=False)
        return found


def _verdict(text: str, fuel: int, states: int, items: int) -> str:
    limits = {"initial_lexer_fuel": fuel, "max_lexer_states": states, "max_grammar_size": items}
    request = json.dumps({"grammar": text, "limits": limits}).encode()
    if not _standing_by or _standing_by[0].process.poll() is not None:
        close()
        _standing_by.append(TemplateProcess("textmill.serve.grammar_process"))
    line = _standing_by[0].ask(request)
    if not line:
        close()
    return json.loads(line)["error"] if line else TOO_MUCH


def close() -> None:
    """Ends the process that stands by."""
    while _standing_by:
        _standing_by.pop().close()


def answer(request: dict[str, Any]) -> dict[str, str]:
    """Compiles a grammar and walks a few steps through it."""
    import llguidance

    matcher = llguidance.LLMatcher(
        llguidance.LLTokenizer("byte"),
        request["grammar"],
        limits=llguidance.LLParserLimits(**request["limits"]),
        log_level=0,
    )
    for _ in range(STEPS):
        if matcher.is_error() or matcher.is_stopped():
            break
        allowed = matcher.compute_logit_bias()
        matcher.consume_token(next((id for id, value in enumerate(allowed) if value), 0))
    return {"error": matcher.get_error() if matcher.is_error() else ""}


def serve() -> None:
    """Tries line by line; a grammar past its time ends the process, which the other side sees."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MOST_BYTES, MOST_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, OSError, ValueError):
        pass
    for line in sys.stdin.buffer:
        limit_time(MOST_SECONDS)
        reply = json.dumps(answer(json.loads(line))).encode()
        limit_time(0)
        sys.stdout.buffer.write(reply + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    serve()
