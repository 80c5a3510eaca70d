"""Which items of a test the training corpus has: the same runs of words that a build with `decontaminate` looks for.

An item is found when a document of the corpus shares 13 words in a row with it (20 characters in scripts without
spaces). Items shorter than a run cannot be looked for; their number is told.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from textmill.config import DecontaminateSettings
from textmill.data.corpus import Corpus
from textmill.data.document import Document
from textmill.data.duplicates.contamination import find_hits, index_of_items, item_runs
from textmill.evaluate.items import Item
from textmill.progress import Progress, silent

DOCUMENTS_AT_ONCE = 512
NOTED = 3
"""Documents that are named for an item."""
EXCERPT = 200


def contamination(
    items: Sequence[Item], corpus: Path, settings: DecontaminateSettings, progress: Progress = silent
) -> dict[str, Any]:
    """Returns {"corpus", "documents", "rule", "too_short", "items": {name: [{"document", "text"}]}}."""
    opened = Corpus.open(corpus)
    total = opened.count("train")
    words = {"words": settings.word_ngram, "characters": settings.character_ngram}
    about = {"corpus": opened.content_hash, "documents": total, "rule": words}
    own = [(item.name, own_texts(item)) for item in items]
    short = sum(not searchable(texts, settings) for _, texts in own)
    found: dict[str, list[dict[str, str]]] = {}
    index = index_of_items(own, replace(settings, sets=()))
    if index is None:
        return about | {"too_short": short, "items": found}
    waiting: list[Document] = []

    def look() -> None:
        for place, hits in find_hits([document.text for document in waiting], index, settings):
            for hit in hits:
                noted = found.setdefault(hit.item, [])
                if len(noted) < NOTED and all(each["document"] != waiting[place].id for each in noted):
                    text = " ".join(waiting[place].text[hit.start : hit.end].split())
                    noted.append({"document": waiting[place].id, "text": text[:EXCERPT]})

    for done, document in enumerate(opened.documents("train", ("id", "text")), start=1):
        waiting.append(document)
        if len(waiting) == DOCUMENTS_AT_ONCE:
            look()
            waiting.clear()
            progress(done, total)
    look()
    return about | {"too_short": short, "items": found}


def own_texts(item: Item) -> list[str]:
    """Returns an item's texts, without worked examples: its question, then each choice and reference."""
    texts = [*item.own_prompts, *item.choices, *item.references]
    return [text for text in texts if text.strip()]


def searchable(texts: Sequence[str], settings: DecontaminateSettings) -> bool:
    """True where the texts have a run to look for."""
    return bool(len(item_runs([*texts, "\n".join(texts)], settings)[0]))
