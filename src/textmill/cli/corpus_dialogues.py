"""`textmill corpus dialogues --out FILE.jsonl`: the corpus's threads as conversations for tuning.

Each line is ``{"messages": [{"role", "content"}, …], "source", "id", "language", "url", "licence", "split"}``. The
document of ``--json``: ``file, dialogues, messages, threads``.
"""

import json
from pathlib import Path
from typing import Any

from textmill.cli.command import Argument, Command, Context
from textmill.errors import CorpusError
from textmill.i18n import t


def run(context: Context, *, out: Path, corpus: Path | None, split: str, minimum_score: int) -> dict[str, Any]:
    """Writes the dialogues of a corpus, by default the project's."""
    from textmill.data.corpus import Corpus
    from textmill.data.dialogues import dialogues
    from textmill.files import atomic_file

    opened = Corpus.open(corpus or context.need_project().corpus)
    threads = written = messages = 0
    with atomic_file(out) as file:
        for row in dialogues(opened, None if split == "all" else split, minimum_score):
            threads += 1
            if row is not None:
                written, messages = written + 1, messages + len(row["messages"])
                file.write(json.dumps(row, ensure_ascii=False).encode("utf-8", "replace") + b"\n")
        if not written:
            raise CorpusError("cli_corpus_dialogues.none", folder=opened.folder, threads=threads)
    context.print(t("cli_corpus_dialogues.done", dialogues=written, messages=messages, threads=threads, file=out))
    return {"file": out, "dialogues": written, "messages": messages, "threads": threads}


COMMAND = Command(
    words=("corpus", "dialogues"),
    run=run,
    example="textmill corpus dialogues --out dialogues.jsonl",
    arguments=(
        Argument(name="--out", kind=Path, required=True, metavar="FILE"),
        Argument(name="--corpus", kind=Path, metavar="DIR"),
        Argument(name="--split", default="train", choices=("train", "validation", "all")),
        Argument(name="--minimum-score", kind=int, default=1, metavar="N"),
    ),
)
