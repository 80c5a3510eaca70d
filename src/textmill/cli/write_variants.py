"""`textmill write --variants N`: the same order written with N seeds, and where the texts differ from the first.

The variants share the outline. With ``--out a.md`` they lie in ``a.md``, ``a-2.md``, … and ``a.changes.html`` shows all
differences; on the screen, what is new stands in {+ +}, what is gone in [- -], in colour where there is any.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from textmill.cli.command import Context
from textmill.cli.write_task import Task
from textmill.i18n import t

if TYPE_CHECKING:
    from textmill.apps.write.piece import Piece
    from textmill.apps.write.variants import Change

CHANGES = ".changes.html"


def variant_tasks(task: Task, count: int) -> list[Task]:
    """Returns a task for each variant."""
    from textmill.apps.write.variants import variant_file

    return [
        replace(
            task,
            order=replace(task.order, seed=task.order.seed + number - 1),
            out=variant_file(task.out, number) if task.out is not None else None,
        )
        for number in range(1, count + 1)
    ]


def show_changes(context: Context, pieces: "list[Piece]", task: Task) -> list[float]:
    """Shows where each variant differs from the first; returns how much of each is the same."""
    from rich.text import Text

    from textmill.apps.write.render import TAGS, markdown
    from textmill.apps.write.variants import changes, changes_page, shared
    from textmill.files import write_bytes

    texts = [markdown(piece, task.kind.headings) for piece in pieces]
    compared = [changes(texts[0], text) for text in texts[1:]]
    shares = [shared(found) for found in compared]
    headings = [t("cli_write.variant", number=at, share=share) for at, share in enumerate(shares, start=2)]
    for heading, found in zip(headings, compared, strict=True):
        context.print("")
        context.print(Text(heading, style="bold"))
        context.print(coloured(found))
    if task.out is not None:
        file = task.out.with_name(task.out.stem + CHANGES)
        title = pieces[0].outline.title
        page = changes_page(title, TAGS[pieces[0].language], list(zip(headings, compared, strict=True)))
        write_bytes(file, page.encode())
        context.say(t("cli_write.written", file=file))
    return shares


def coloured(found: "list[Change]") -> "object":
    """Returns changes for the screen; without colours the marks alone say what they are."""
    from rich.text import Text

    from textmill.apps.write.variants import GONE, NEW

    shown = Text()
    for kind, text in found:
        if kind == GONE:
            shown.append(f"[-{text}-]", style="red")
        elif kind == NEW:
            shown.append(f"{{+{text}+}}", style="green")
        else:
            shown.append(text)
    return shown
