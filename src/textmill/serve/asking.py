"""/v1/ask: questions answered from the graph that the server was started with, with the statements that say so."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

from textmill.apps.ask.asking import Asker, Reply
from textmill.apps.ask.opening import open_asker
from textmill.apps.ask.telling import row_of
from textmill.apps.graph.store import NAMES, EmbeddedGraph
from textmill.errors import UsageError
from textmill.i18n import entry
from textmill.project import Project
from textmill.serve.refusal import SERVER, Refused
from textmill.serve.web import Call


class GraphOnOffer:
    """A graph in a folder; one question at a time, on a thread of its own, which alone has the names open."""

    def __init__(self, folder: Path, project: Project | None = None) -> None:
        """Opens the graph, with the project's judge of queries; raises the error of whatever is wrong with it."""
        self.folder, self.project = folder, project
        self.pool = ThreadPoolExecutor(1, thread_name_prefix="textmill graph")
        self._asker: Asker | None = None
        self._stamp = 0.0
        try:
            self.pool.submit(self._opened).result()
        except BaseException:
            self.pool.shutdown()
            raise

    def _opened(self) -> Asker:
        """Returns what answers; anew where the graph has changed, for it keeps what it has seen."""
        stamp = max(file.stat().st_mtime for file in self.folder.glob(f"{NAMES}*")) if self._asker else 0.0
        if self._asker is None or stamp != self._stamp:
            self._close()
            self._asker = open_asker(EmbeddedGraph(self.folder), project=self.project)
            self._stamp = max(file.stat().st_mtime for file in self.folder.glob(f"{NAMES}*"))
        return self._asker

    def ask(self, question: str, history: Sequence[str]) -> Reply:
        """Returns the answer; to be called on the pool's thread."""
        return self._opened().ask(question, history)

    def _close(self) -> None:
        if self._asker is not None:
            self._asker.graph.close()
            self._asker = None

    def close(self) -> None:
        """Ends the thread behind the question that it is at."""
        self.pool.submit(self._close)
        self.pool.shutdown(wait=False)


async def ask(call: Call) -> None:
    """Answers a question, or refuses with what was looked for."""
    service, values = call.service, call.values
    offer = cast("GraphOnOffer", service.offers.graph)  # without one there is no route
    question = values["question"].strip()
    if not question:
        raise Refused(UsageError("ask.nothing_asked"), param="question")
    loop, seconds = asyncio.get_running_loop(), service.settings.request_seconds
    try:
        async with asyncio.timeout(seconds):
            reply = await loop.run_in_executor(offer.pool, offer.ask, question, tuple(values["history"] or ()))
    except TimeoutError:
        error = UsageError("serve.late", seconds=f"{seconds:g}")
        raise Refused(error, status=504, code="timeout", kind=SERVER) from None
    await call.send_json(told(reply, explain=values["explain"], language=call.language))


def told(reply: Reply, *, explain: bool, language: str) -> dict[str, Any]:
    """Returns what is said: the row that the command writes, the evidence in words, and a refusal's reason."""
    row = row_of(reply, explain)
    reason = None
    if reply.refused:
        looked = ", ".join(f"{item.text} <{item.matches[0].iri}>" for item in reply.linked)
        reason = str(entry(f"cli_ask.refused_{reply.refused}", language)).format(looked=looked)
    return (
        {"object": "answer", "question": reply.question} | row | {"evidence": list(reply.sentences), "reason": reason}
    )
