"""`textmill corpus why ID`: whether a document is in the corpus, and if not, which step dropped it and by what value.

The document of ``--json``: ``kept [{id, source, language, split, title, url, characters}], dropped [{id, source, step,
reason, value, threshold, excerpt}]``.
"""

from pathlib import Path
from typing import Any

from textmill.cli.command import Argument, Command, Context
from textmill.errors import CorpusError
from textmill.i18n import t

MOST = 20
"""Shown for people; ``--json`` has all."""


def run(context: Context, *, id: str, corpus: Path | None) -> dict[str, Any]:
    """Tells what became of `id`."""
    from textmill.data.corpus import Corpus
    from textmill.data.looking import what_became_of

    opened = Corpus.open(corpus or context.need_project().corpus)
    kept, dropped = what_became_of(opened, id)
    if not kept and not dropped:
        raise CorpusError("corpus.no_such_document", name=id, folder=opened.folder)
    for document in kept[:MOST]:
        split = t(f"cli_corpus_build.split_{document.split}")
        values = {"id": document.id, "source": document.source, "split": split, "language": document.language}
        context.print(t("cli_corpus_why.kept", characters=len(document.text), **values))
    for drop in dropped[:MOST]:
        context.print(describe(drop))
    hidden = max(0, len(kept) - MOST) + max(0, len(dropped) - MOST)
    if hidden:
        context.print(t("cli_corpus_why.more", count=hidden))
    return {
        "kept": [
            {
                "id": document.id,
                "source": document.source,
                "language": document.language,
                "split": document.split,
                "title": document.title,
                "url": document.url,
                "characters": len(document.text),
            }
            for document in kept
        ],
        "dropped": [as_dict(drop) for drop in dropped],
    }


def describe(drop: Any) -> str:
    """Returns a drop for people: the step, the reason, the value against the threshold, and the text's beginning."""
    step, reason = t(f"corpus.step_{drop.step}"), t(f"corpus.reason_{drop.reason}")
    lines = [t("cli_corpus_why.dropped", id=drop.id, source=drop.source, step=step, reason=reason)]
    if drop.value:
        name = "value" if drop.threshold else "value_alone"
        lines.append("  " + t(f"cli_corpus_why.{name}", value=drop.value, threshold=drop.threshold))
    if drop.excerpt:
        lines.append("  " + " ".join(drop.excerpt.split())[:200])
    return "\n".join(lines)


def as_dict(drop: Any) -> dict[str, str]:
    """Returns what ``--json`` prints of a drop."""
    names = ("id", "source", "step", "reason", "value", "threshold", "excerpt")
    return {name: getattr(drop, name) for name in names}


COMMAND = Command(
    words=("corpus", "why"),
    run=run,
    example="textmill corpus why 3f2a9c01\ntextmill corpus why raw/page.html",
    arguments=(Argument(name="id", metavar="ID"), Argument(name="--corpus", kind=Path, metavar="DIR")),
)
