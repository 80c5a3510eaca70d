"""`textmill ask QUESTION`: an answer out of the knowledge graph with the statements that say so, or a refusal.

With ``--docs`` documents are asked and no graph: see `ask_docs`.

Also ``--in FILE`` of questions (``question`` a row), ``--out FILE.jsonl``. A row gets ``answers`` (names), ``iris``
(null for values), ``sparql, triples`` (N-Triples), ``refused`` (false, or why: no_entity, unlikely, empty, too_much);
with ``--explain`` also ``linked, considered, looked_at, judge, tried``. The document of ``--json``
is such a row, or ``rows, out, questions, refused``.
"""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textmill.cli.command import Argument, Command, Context
from textmill.cli.graph_source import GRAPH, open_embedded
from textmill.cli.model_engine import MODEL_ARGUMENTS
from textmill.cli.outcome import printable
from textmill.cli.text_input import read_prompt
from textmill.errors import UsageError
from textmill.i18n import t

if TYPE_CHECKING:
    from textmill.apps.ask.asking import Asker, Reply
    from textmill.apps.graph.store import EmbeddedGraph

ADDED = ("answers", "iris", "sparql", "triples", "refused", "linked", "considered", "looked_at", "judge", "tried")
MODEL = "model"
SHOWN = 20
"""Answers and sentences printed; a row has all of them."""


def run(context: Context, *, question: str | None, graph: Path | None, judge: str | None, explain: bool,
        out: Path | None, **more: Any) -> dict[str, Any]:  # fmt: skip
    """Answers one question, or those of a file."""
    from textmill.apps.ask.opening import open_asker
    from textmill.apps.ask.telling import row_of

    place = more["in"]
    if (place is not None and question is not None) or (place is None and out is not None):
        raise UsageError("ask.one_or_file")
    if more["docs"]:
        from textmill.cli.ask_docs import ask_documents

        return ask_documents(context, question, {**more, "graph": graph, "explain": explain, "out": out})
    with closing(open_embedded(context, graph)) as opened:
        asker = open_model(context, opened, more) if judge == MODEL else open_asker(opened, judge, context.project)
        if place is not None:
            return answer_rows(context, asker, place, out, explain)
        text = read_prompt(context, question)
        if not text.strip():
            raise UsageError("ask.nothing_asked")
        reply = asker.ask(text)
    show(context, reply, explain)
    return {"question": text} | row_of(reply, explain)


def open_model(context: Context, graph: "EmbeddedGraph", more: dict[str, Any]) -> "Asker":
    """Returns who answers with a model that writes the queries."""
    from textmill.apps.ask.asking import Asker
    from textmill.apps.ask.decoding import ModelJudge
    from textmill.cli.model_engine import load_model, make_engine

    loaded = load_model(context, more["model"], more["device"])
    return Asker(graph, ModelJudge(graph, make_engine(loaded, more["weights"])))


def answer_rows(context: Context, asker: "Asker", place: str, out: Path | None, explain: bool) -> dict[str, Any]:
    """Answers the questions of a file, a line each."""
    from textmill.apps.ask.telling import row_of
    from textmill.cli.rows import RowWriter, read_rows

    rows = read_rows(context, place, "question")
    writer, refused = RowWriter(context, out, rows, ADDED), 0
    with writer, context.progress(t("cli_ask.progress")) as progress:
        for number, row in enumerate(rows[writer.done :], start=writer.done + 1):
            reply = asker.ask(row["question"])
            refused += bool(reply.refused)
            writer.write(row, row_of(reply, explain))
            progress(number, len(rows))
    context.say(t("cli_ask.done", count=len(rows) - writer.done, refused=refused))
    return {"rows": writer.kept, "out": out, "questions": len(rows), "refused": refused}


def show(context: Context, reply: "Reply", explain: bool) -> None:
    """Prints an answer with its evidence, or the refusal with what was looked for."""
    if reply.refused:
        looked = ", ".join(f"{item.text} <{item.matches[0].iri}>" for item in reply.linked)
        context.print(t(f"cli_ask.refused_{reply.refused}", looked=printable(looked)))
    else:
        context.print(printable(", ".join(reply.texts[:SHOWN])))
        if len(reply.texts) > SHOWN:
            context.print(t("cli_ask.more", count=len(reply.texts) - SHOWN))
        for line in reply.sentences[:SHOWN]:
            context.print("  " + printable(line))
    if explain:
        explained(context, reply)


def explained(context: Context, reply: "Reply") -> None:
    """Prints each step of the way to an answer or a refusal."""
    for item in reply.linked:
        meant = ", ".join(match.iri for match in item.matches)
        context.print(t("cli_ask.linked", text=printable(item.text), iris=printable(meant)))
    if reply.linked:
        context.print(t("cli_ask.looked_at", count=reply.looked_at, judge=t(f"cli_ask.judge_{reply.judge}")))
    for score, query in reply.considered:
        context.print(f"  {score:.2f}  {printable(query)}")
    for query, rows in reply.tried:
        context.print(t("cli_ask.tried", rows=rows))
        context.print(f"  {printable(query)}")


COMMAND = Command(
    words=("ask",),
    run=run,
    example='textmill ask "What lies in Riverton?"\ntextmill ask --in questions.jsonl --out answers.jsonl\n'
    'textmill ask --docs notes/ "When does the ferry leave?"',
    arguments=(
        Argument(name="question", many="?", metavar="QUESTION"),
        GRAPH,
        Argument(name="--docs", many="*", metavar="PATH"),
        Argument(name="--judge", metavar="NAME"),
        Argument(name="--explain", flag=True, default=False),
        Argument(name="--in", metavar="FILE"),
        Argument(name="--out", kind=Path, metavar="FILE"),
        *MODEL_ARGUMENTS,
    ),
)
