"""`textmill ask --docs PATH`: an answer out of documents, quoted with its place, or a refusal.

A row gets ``answer`` (the words chosen with --model, else the quote), ``quote, document {id, title, place, date}``,
``start, end`` (the quote's place in the document's text, in code points), ``answer_start, answer_end``, ``likeness``
(0 to 1), ``refused`` (false, or why: no_documents, nothing, unlikely), ``looked_for`` and ``missing`` (terms that stand
in no document); with ``--explain`` also ``considered``.
"""

import hashlib
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textmill.cli.command import Context
from textmill.cli.outcome import printable
from textmill.cli.text_input import read_prompt
from textmill.errors import UsageError
from textmill.i18n import t

if TYPE_CHECKING:
    from textmill.apps.documents.answering import Chooser, Quote, Reply
    from textmill.apps.documents.index import DocumentIndex

ADDED = ("answer", "quote", "document", "start", "end", "answer_start", "answer_end", "likeness", "refused",
         "looked_for", "missing", "considered")  # fmt: skip
LONGEST_SHOWN = 200
"""Characters of a considered sentence that --explain shows."""


def ask_documents(context: Context, question: str | None, given: dict[str, Any]) -> dict[str, Any]:
    """Answers one question, or those of a file, from documents."""
    from textmill.apps.documents.answering import answer

    if given["graph"] is not None:
        raise UsageError("documents.docs_or_graph")
    places = [Path(each).expanduser() for each in given["docs"]]
    text = read_prompt(context, question) if given["in"] is None else ""
    if given["in"] is None and not text.strip():
        raise UsageError("ask.nothing_asked")
    with closing(refreshed(context, places)) as index:
        chooser = chooser_of(context, given)
        if given["in"] is not None:
            return answer_rows(context, index, chooser, given)
        reply = answer(index, text, chooser)
        show(context, reply, given["explain"])
        return {"question": text, **row_of(reply, given["explain"]), **index.counts()}


def refreshed(context: Context, places: list[Path]) -> "DocumentIndex":
    """Returns the index of some places, kept in the project where there is one, with what changed read anew."""
    from textmill.apps.documents.index import DocumentIndex

    path = None
    if context.project is not None:
        name = "\n".join(sorted(str(place.resolve()) for place in places))
        digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:16]
        path = context.project.documents / f"{digest}.sqlite"
    index = DocumentIndex(path)
    with context.progress(t("cli_ask.reading")) as progress:
        index.refresh(places, progress)
    return index


def chooser_of(context: Context, given: dict[str, Any]) -> "Chooser | None":
    """Returns the model that chooses the words of answers; None where none was named."""
    if given["model"] is None:
        return None
    from textmill.apps.documents.choosing import SpanChooser
    from textmill.cli.model_engine import load_model, make_engine

    loaded = load_model(context, given["model"], given["device"])
    engine = make_engine(loaded, given["weights"], texts=1, length=2048)
    return SpanChooser(engine, loaded.tokenizer, min(loaded.model.config.context, engine.capacity))


def answer_rows(
    context: Context, index: "DocumentIndex", chooser: "Chooser | None", given: dict[str, Any]
) -> dict[str, Any]:
    """Answers the questions of a file, a line each."""
    from textmill.apps.documents.answering import answer
    from textmill.cli.rows import RowWriter, read_rows

    rows = read_rows(context, given["in"], "question")
    writer, refused = RowWriter(context, given["out"], rows, ADDED), 0
    with writer, context.progress(t("cli_ask.progress")) as progress:
        for number, row in enumerate(rows[writer.done :], start=writer.done + 1):
            reply = answer(index, row["question"], chooser)
            refused += bool(reply.refused)
            writer.write(row, row_of(reply, given["explain"]))
            progress(number, len(rows))
    context.say(t("cli_ask.done", count=len(rows) - writer.done, refused=refused))
    return {"rows": writer.kept, "out": given["out"], "questions": len(rows), "refused": refused}


def row_of(reply: "Reply", explain: bool) -> dict[str, Any]:
    """Returns what a row gets."""
    quote, choice = reply.quote, reply.choice
    row: dict[str, Any] = {
        "answer": reply.answer,
        **(quote_row(quote) if quote else {"quote": "", "document": None, "start": None, "end": None, "likeness": 0.0}),
        "answer_start": choice.start if choice else quote.start if quote else None,
        "answer_end": choice.end if choice else quote.end if quote else None,
        "refused": reply.refused or False,
        "looked_for": list(reply.terms),
        "missing": list(reply.missing),
    }
    if explain:
        row["considered"] = [quote_row(each) for each in reply.considered]
    return row


def quote_row(quote: "Quote") -> dict[str, Any]:
    """Returns a quote with its place."""
    source = quote.source
    return {
        "quote": quote.text,
        "document": {"id": source.id, "title": source.title, "place": source.place, "date": source.date},
        "start": quote.start,
        "end": quote.end,
        "likeness": quote.score,
    }


def show(context: Context, reply: "Reply", explain: bool) -> None:
    """Prints an answer with its quote, or the refusal with what was looked for."""
    looked = printable(", ".join(reply.terms))
    if reply.quote is None:
        context.print(t(f"cli_ask.docs_refused_{reply.refused}", looked=looked))
        if reply.missing and reply.refused == "unlikely":
            context.print(t("cli_ask.docs_missing", missing=printable(", ".join(reply.missing))))
    else:
        if reply.choice is not None:
            context.print(printable(" ".join(reply.answer.split())))
        source = reply.quote.source
        told = {"place": printable(source.place), "start": reply.quote.start, "end": reply.quote.end}
        context.print(t("cli_ask.docs_quote", quote=printable(" ".join(reply.quote.text.split()))))
        context.print("  " + t("cli_ask.docs_place", **told))
    if not explain:
        return
    if reply.quote is not None:
        context.print(t("cli_ask.docs_looked_for", looked=looked))
    for each in reply.considered:
        text = printable(" ".join(each.text.split())[:LONGEST_SHOWN])
        context.print(f"  {each.score:.2f}  {printable(each.source.place)} {each.start}–{each.end}  {text}")
