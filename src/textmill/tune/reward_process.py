"""Judges answers in a process that can be killed: a pattern, a schema or a person's own function may never return.

One line of JSON each way, as `template_process` has it:

    {"file": FILE, "function": NAME}              loads the function                     {"ready": true}
    {"answer": TEXT, "row": {…}}                  calls it: a number or a truth value    {"reward": 1.0}
    {"pattern": REGEX, "answer": TEXT}            is it somewhere in the answer          {"reward": 0.0}
    {"schema": {…}, "answer": TEXT}               is the answer JSON that fits           {"reward": 1.0}
    what went wrong in any of them                                                       {"error": "ValueError: …"}

The function is the person's own code, in a file that they named on the command line: it runs with what they may do
and with their packages. It is in a process of its own for the sake of time, not of trust.
"""

import importlib.util
import json
import math
import os
import re
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from textmill.tune.json_schema import fits

FENCE = re.compile(r"```(?:json)?[ \t]*\n(.*?)```", re.DOTALL)
TOLD = 500


def load_function(file: str, name: str) -> Callable[..., Any]:
    """Returns the function `name` of a Python file; modules beside the file can be imported by it."""
    path = Path(file).resolve()
    specification = importlib.util.spec_from_file_location("textmill_reward", path)
    if specification is None or specification.loader is None:
        raise ImportError(f"{file} is no Python file")
    module = importlib.util.module_from_spec(specification)
    sys.modules["textmill_reward"] = module
    sys.path.insert(0, str(path.parent))
    specification.loader.exec_module(module)
    function = getattr(module, name, None)
    if not callable(function):
        raise AttributeError(f"no function {name}")
    return function


def number(value: Any) -> float:
    """Returns a reward as a finite number; raises TypeError or ValueError for what is none."""
    if not isinstance(value, bool | int | float):
        raise TypeError(f"{type(value).__name__} is no number")
    if not math.isfinite(value):
        raise ValueError(f"{value} is no finite number")
    return float(value)


def json_in(answer: str) -> Any:
    """Returns the JSON that an answer is, or that its last fenced block is; raises ValueError."""
    blocks = FENCE.findall(answer)
    return json.loads(blocks[-1] if blocks else answer)


def judge(request: Mapping[str, Any], function: Callable[..., Any] | None) -> float:
    """Returns the reward that a request asks for."""
    answer = request["answer"]
    if "pattern" in request:
        return float(re.search(request["pattern"], answer, re.DOTALL) is not None)
    if "schema" in request:
        try:
            value = json_in(answer)
        except (ValueError, RecursionError):
            return 0.0
        return float(fits(value, request["schema"]))
    assert function is not None
    return number(function(answer, request["row"]))


def told(error: BaseException, file: str) -> str:
    """Returns an error in one line, with the place in the person's file where it happened."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    place = f" (line {lines[-1]})" if lines else ""
    return f"{type(error).__name__}: {error}"[:TOLD] + place


def serve() -> None:
    """Answers line by line. What the function prints is not part of the answers."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    function, file = None, ""
    for line in sys.stdin.buffer:
        request, reply = json.loads(line), {}
        try:
            if "file" in request:
                file = str(Path(request["file"]).resolve())
                function = load_function(file, request["function"])
                reply = {"ready": True}
            else:
                reply = {"reward": judge(request, function)}
        except BaseException as error:  # also SystemExit: whatever their code runs into is its error
            reply = {"error": told(error, file)}
        answers.write(json.dumps(reply).encode() + b"\n")
        answers.flush()


if __name__ == "__main__":
    serve()
