"""`textmill corpus search WORDS`: the documents whose text holds some words, with the text around them.

The document of ``--json``: ``found [{id, source, language, split, start, end, count, before, match, after}], searched,
matches``. ``start`` and ``end`` are code points into the text; ``searched`` and ``matches`` count documents.
"""

from itertools import islice
from pathlib import Path
from typing import Any

from textmill.cli.command import Argument, Command, Context
from textmill.i18n import t


def run(context: Context, *, words: str, corpus: Path | None, language: str, regular: bool, n: int) -> dict[str, Any]:
    """Shows the first `n` documents that hold `words`."""
    from textmill.data.corpus import Corpus
    from textmill.data.looking import search

    opened = Corpus.open(corpus or context.need_project().corpus)
    results = search(opened, words, regular=regular, language=language)
    found = []
    for result in islice(results, n):
        document = result.document
        context.print(f"{document.id}  {document.language}  {document.source}")
        text = f"…{result.before}«{result.match}»{result.after}…"
        context.print("  " + " ".join(text.split()))
        found.append(
            {
                "id": document.id,
                "source": document.source,
                "language": document.language,
                "split": document.split,
                "start": result.start,
                "end": result.end,
                "count": result.count,
                "before": result.before,
                "match": result.match,
                "after": result.after,
            }
        )
    matches = len(found) + sum(1 for _ in results)
    context.print(t("cli_corpus_search.done", shown=len(found), matches=matches, documents=opened.count()))
    return {"found": found, "searched": opened.count(), "matches": matches}


COMMAND = Command(
    words=("corpus", "search"),
    run=run,
    example='textmill corpus search "lost cat"\ntextmill corpus search "(small|little) cat" --regular --n 5',
    arguments=(
        Argument(name="words", metavar="WORDS"),
        Argument(name="--corpus", kind=Path, metavar="DIR"),
        Argument(name="--language", default=""),
        Argument(name="--regular", flag=True, default=False),
        Argument(name="--n", kind=int, default=10, metavar="N"),
    ),
)
