"""`textmill corpus sample`: documents at random, kept ones or dropped ones.

The document of ``--json``: ``documents [{id, source, language, split, title, url, text}]``, or with ``--dropped``
``dropped [{id, source, step, reason, value, threshold, excerpt}]``.
"""

from pathlib import Path
from typing import Any

from textmill.cli.command import Argument, Command, Context
from textmill.cli.corpus_why import as_dict, describe
from textmill.i18n import t

SHOWN_CHARACTERS = 600


def run(context: Context, *, corpus: Path | None, n: int, seed: int, language: str, dropped: bool) -> dict[str, Any]:
    """Shows `n` documents."""
    from textmill.data.corpus import Corpus
    from textmill.data.looking import sample

    opened = Corpus.open(corpus or context.need_project().corpus)
    chosen = sample(opened, n, seed=seed, language=language, dropped=dropped)
    if not chosen:
        context.say(t("cli_corpus_sample.none"))
    if dropped:
        for drop in chosen:
            context.print(describe(drop))
        return {"dropped": [as_dict(drop) for drop in chosen]}
    for document in chosen:
        context.print(f"── {document.id}  {document.language}  {document.split}  {document.source}")
        text = document.text
        cut = len(text) - SHOWN_CHARACTERS
        context.print(text[:SHOWN_CHARACTERS] + (t("cli_corpus_sample.more", count=cut) if cut > 0 else "") + "\n")
    names = ("id", "source", "language", "split", "title", "url", "text")
    return {"documents": [{name: getattr(document, name) for name in names} for document in chosen]}


COMMAND = Command(
    words=("corpus", "sample"),
    run=run,
    example="textmill corpus sample --n 3\ntextmill corpus sample --dropped --seed 1",
    arguments=(
        Argument(name="--corpus", kind=Path, metavar="DIR"),
        Argument(name="--n", kind=int, default=5, metavar="N"),
        Argument(name="--seed", kind=int, default=0, metavar="N"),
        Argument(name="--language", default=""),
        Argument(name="--dropped", flag=True, default=False),
    ),
)
