"""`textmill write --in FILE.jsonl`: an article for each row, in order; a line of JSON for each as it is finished.

A row has a ``topic`` and may have ``kind, words, sections, language, style, tone, person, level, require, forbid, seed,
candidates`` and ``sources``: texts, or objects with ``title`` and ``text``. What it does not say is as the options say.
Its line is the row with ``text, citations, check``, or ``error`` where there can be no article. With ``--out`` the same
command goes on behind the last line.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from textmill.cli.command import Context, Stopped
from textmill.cli.model_engine import load_model, make_engine, short_name
from textmill.cli.rows import Row, RowWriter, read_rows
from textmill.errors import InputError, UserError
from textmill.i18n import t

if TYPE_CHECKING:
    from textmill.cli.write_task import Task

ADDED = ("text", "citations", "check", "error")
LISTS = {"require": "required", "forbid": "forbidden"}


def write_rows(
    context: Context, given: dict[str, Any], *, model: str | None, device: str, weights: str
) -> dict[str, Any]:
    """Writes an article for every row of the file."""
    rows = read_rows(context, given["in"], "topic")
    out: Path | None = given["out"]
    writer = RowWriter(context, out, rows, ADDED)
    loaded = load_model(context, model, device)
    engine = make_engine(loaded, weights, texts=given["candidates"])
    done = failed = 0
    try:
        with writer, context.progress(t("cli_write.progress"), t("cli_write.articles")) as progress:
            for row in rows[writer.done :]:
                more = one(row, given, context, loaded, engine)
                failed += "error" in more
                writer.write(row, more)
                done += 1
                progress(done, len(rows) - writer.done)
    except KeyboardInterrupt:
        context.say(t("cli_write.rows_stopped", done=writer.done + done, rows=len(rows)))
        raise Stopped({"rows": done, "failed": failed}) from None
    context.say(t("cli_write.rows_done", rows=done, failed=failed))
    told: dict[str, Any] = {"model": short_name(loaded), "rows": done, "done_before": writer.done, "failed": failed}
    return told | ({"out": str(out)} if out is not None else {"results": writer.kept})


def one(row: Row, given: dict[str, Any], context: Context, loaded: Any, engine: Any) -> Row:
    """Returns what a row's line has besides the row."""
    from textmill.apps.write.checking import check
    from textmill.apps.write.piece import Piece
    from textmill.apps.write.render import markdown
    from textmill.cli.write import make_writer

    try:
        task = row_task(row, given, context)
        writer = make_writer(loaded, engine, task)
        outline = writer.outline(task.order).allotted(task.order)
        piece = Piece(order=task.order, outline=outline, sources=task.sources)
        piece.begin(short_name(loaded))
        writer.write(piece)
    except UserError as error:
        return {"error": {"code": error.key} | error.parts()}
    return {
        "text": markdown(piece, task.kind.headings),
        "citations": [{"number": each.number, "title": each.title} for each in piece.cited],
        "check": check(piece).as_dict(),
    }


def row_task(row: Row, given: dict[str, Any], context: Context) -> "Task":
    """Returns what a row asks for."""
    from textmill.apps.write.order import Order
    from textmill.apps.write.sources import text_sources
    from textmill.cli.write_task import ORDER_NAMES, Task, blocked, find_kind, watermark_key

    wanted: dict[str, Any] = {name: row.get(name, given[name]) for name in ORDER_NAMES}
    wanted |= {name: texts(row, option, given[option]) for option, name in LISTS.items()}
    for name, value in wanted.items():
        if not isinstance(value, type(given.get(name, ()))) and name != "topic":
            raise InputError("write.row", name=name, got=repr(value)[:80])
    wanted["forbidden"] = (*wanted["forbidden"], *blocked(given["blocklist"]))
    kind = find_kind(context, wanted["kind"])
    wanted["person"] = wanted["person"] or kind.person
    order = Order(**wanted)
    pairs = [
        (str(each.get("title", "")), str(each.get("text", ""))) if isinstance(each, dict) else ("", str(each))
        for each in row.get("sources") or []
    ]
    return Task(
        order=order,
        kind=kind,
        outline=None,
        sources=text_sources(pairs, order.text_language),
        out=None,
        watermark=watermark_key(context, given["watermark"], make=True),
    )


def texts(row: Row, name: str, default: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the words under `name` in a row."""
    value = row.get(name, default)
    if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
        raise InputError("write.row", name=name, got=repr(value)[:80])
    return tuple(value)
