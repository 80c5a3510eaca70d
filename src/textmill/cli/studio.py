"""`textmill studio`: a local page that looks inside models and watches runs, until Ctrl-C.

stdout gets one line with the address to open. The document of ``--json`` comes at the end: ``address, seconds,
requests``.
"""

import time
from contextlib import closing
from typing import Any

from textmill.cli.command import Argument, Command, Context
from textmill.i18n import t


def run(context: Context, *, model: str | None, port: int, open: bool) -> dict[str, Any]:
    """Serves the studio."""
    from textmill.serve.run import check_packages

    check_packages()

    from textmill.serve.protocol import listen
    from textmill.serve.studio.run import RunningStudio

    def ready(address: str) -> None:
        context.print(t("cli_studio.ready", address=address))
        context.output.file.flush()
        if open:
            import webbrowser

            webbrowser.open(address)

    with closing(listen("127.0.0.1", port)) as listener:
        running = RunningStudio(listener, context.project, model, ready)
        began = time.monotonic()
        running.run()
    seconds, requests = time.monotonic() - began, running.server.server_state.total_requests
    context.say(t("cli_studio.stopped"))
    return {"address": running.address, "seconds": seconds, "requests": requests}


COMMAND = Command(
    words=("studio",),
    run=run,
    example="textmill studio\ntextmill studio --model main@1000 --open",
    arguments=(
        Argument(name="--model", metavar="MODEL"),
        Argument(name="--port", kind=int, default=0),
        Argument(name="--open", flag=True),
    ),
)
