"""Looking into a corpus: where a document went, which documents hold some words, and a sample at random.

What was kept stands in the shards, what was dropped in dropped.parquet, so both can be asked the same questions.
"""

import heapq
import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

from textmill.data.corpus import Corpus
from textmill.data.document import Document, Drop
from textmill.errors import CorpusError

DROPPED = "dropped.parquet"
COLUMNS = ("source", "language", "url", "title", "split")
BATCH_ROWS = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A document that holds what was looked for: where (code points), and the text around the first place."""

    document: Document
    start: int
    end: int
    count: int
    before: str
    match: str
    after: str


def drops(corpus: Corpus) -> Iterator[Drop]:
    """Yields what the build dropped, in its order."""
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    path = corpus.folder / DROPPED
    try:
        with parquet.ParquetFile(path) as opened:
            for batch in opened.iter_batches(batch_size=BATCH_ROWS, use_threads=False):
                yield from (Drop(**row) for row in batch.to_pylist())
    except (arrow.ArrowException, OSError, TypeError) as error:
        raise CorpusError("corpus.damaged", file=path, detail=str(error)[:200]) from error


def what_became_of(corpus: Corpus, name: str) -> tuple[list[Document], list[Drop]]:
    """Returns the documents kept and the drops that `name` means: an id, its beginning (6 digits or more) or a source.

    A source is a file's name in the corpus, also its end ("page.html", "folder/page.html:3"); of a file with many
    records all are returned.
    """

    def meant(id: str, source: str) -> bool:
        if re.fullmatch(r"[0-9a-f]{6,32}", name) and id.startswith(name):
            return True
        file, _, position = source.rpartition(":")
        sources = (source, file) if position.isdigit() else (source,)
        return any(each == name or each.endswith("/" + name) for each in sources)

    kept = [document for document in corpus.documents(columns=COLUMNS) if meant(document.id, document.source)]
    return kept, [drop for drop in drops(corpus) if meant(drop.id, drop.source)]


def search(
    corpus: Corpus, words: str, *, regular: bool = False, language: str = "", split: str | None = None, around: int = 60
) -> Iterator[Found]:
    """Yields the documents whose text holds `words`, whatever the case; `regular`: as a regular expression.

    Raises CorpusError for an expression that is none.
    """
    try:
        expression = re.compile(words if regular else re.escape(words), re.IGNORECASE)
    except re.error as error:
        raise CorpusError("corpus.expression", value=words, detail=str(error)) from error
    for document in corpus.documents(split, COLUMNS):
        if language and document.language != language:
            continue
        first = next(expression.finditer(document.text), None)
        if first is None or first.start() == first.end():
            continue
        start, end = first.span()
        yield Found(
            document=document,
            start=start,
            end=end,
            count=sum(1 for _ in expression.finditer(document.text)),
            before=document.text[max(0, start - around) : start],
            match=document.text[start:end],
            after=document.text[end : end + around],
        )


def sample(corpus: Corpus, count: int, *, seed: int = 0, language: str = "", dropped: bool = False) -> list:
    """Returns `count` documents (or drops) at random, the same for the same seed: those with the smallest hashes."""

    def place(id: str) -> bytes:
        return sha256(f"{seed}\n{id}".encode()).digest()

    if dropped:
        return heapq.nsmallest(count, drops(corpus), key=lambda drop: place(drop.id + drop.reason))
    documents = corpus.documents(columns=COLUMNS)
    chosen = (document for document in documents if not language or document.language == language)
    return heapq.nsmallest(count, chosen, key=lambda document: place(document.id))
