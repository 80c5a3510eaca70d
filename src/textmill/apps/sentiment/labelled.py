"""Labelled rows from people's tables: what is empty, said twice or contradicts itself is left out and counted."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from textmill.apps.sentiment.labels import in_order
from textmill.apps.sentiment.tables import Table, open_table, text_of
from textmill.apps.sentiment.tuning import Labelled
from textmill.errors import InputError

TEXT_NAMES = ("text", "review", "comment", "content", "sentence", "text_a", "文本", "评论", "内容")  # text data
LABEL_NAMES = ("label", "sentiment", "rating", "stars", "score", "class", "标签", "情感", "评分")  # text data
LEAST = 8
"""Rows of each label from which on a judge is worth its name."""
BUCKETS = 1 << 32


@dataclass(slots=True, kw_only=True)
class Found:
    """What files held. `left_out`: rows by why they are not used."""

    labels: tuple[str, ...] = ()
    rows: Labelled
    left_out: Counter[str] = field(default_factory=Counter)

    @property
    def counts(self) -> dict[str, int]:
        """Rows by label."""
        counted = np.bincount(self.rows.labels, minlength=len(self.labels)).tolist()
        return dict(zip(self.labels, counted, strict=True))


def column_of(table: Table, wanted: str, usual: Sequence[str]) -> str:
    """Returns the column that is asked for, or that has a usual name; InputError where there is none."""
    if wanted:
        return table.column(wanted)
    names = {name.strip().casefold(): name for name in table.columns}
    found = next((names[name] for name in usual if name in names), None)
    return found if found is not None else table.column(usual[0])


def read_labelled(
    paths: Sequence[str | Path], *, text_column: str = "", label_column: str = "", to_learn: bool = True
) -> Found:
    """Returns the rows of files; `to_learn`: InputError where there is too little to learn from."""
    texts: dict[str, str] = {}
    left_out: Counter[str] = Counter()
    bad: set[str] = set()
    for path in paths:
        with open_table(path) as table:
            text_name = column_of(table, text_column, TEXT_NAMES)
            label_name = column_of(table, label_column, LABEL_NAMES)
            for row in table.rows:
                text, label = text_of(row.get(text_name)).strip(), text_of(row.get(label_name)).strip()
                if not text or not label:
                    left_out["empty"] += 1
                elif text not in texts:
                    texts[text] = label
                elif texts[text] == label:
                    left_out["repeated"] += 1
                else:
                    left_out["contradictory"] += 1
                    bad.add(text)
    left_out["contradictory"] += len(bad)
    kept = [(text, label) for text, label in texts.items() if text not in bad]
    labels = in_order(label for _, label in kept)
    rows = Labelled(
        texts=tuple(text for text, _ in kept),
        labels=np.array([labels.index(label) for _, label in kept], dtype=np.int64),
    )
    found = Found(labels=labels, rows=rows, left_out=+left_out)
    if to_learn:
        check(found)
    return found


def check(found: Found) -> None:
    """Raises InputError where there is too little to learn from."""
    if len(found.labels) < 2:
        raise InputError("sentiment.one_label", labels=", ".join(found.labels) or "–", rows=len(found.rows))
    few = {label: count for label, count in found.counts.items() if count < LEAST}
    if few:
        told = ", ".join(f"{label}: {count}" for label, count in few.items())
        raise InputError("sentiment.few_rows", least=LEAST, got=told)


def split(rows: Labelled, share: float) -> tuple[Labelled, Labelled]:
    """Returns rows to train on and rows held out, by a hash of their texts: the same however the file is ordered."""
    hashed = [int.from_bytes(hashlib.sha256(text.encode("utf-8", "replace")).digest()[:4]) for text in rows.texts]
    out = np.array([value < share * BUCKETS for value in hashed], dtype=bool)
    for label in np.unique(rows.labels):  # every label on both sides
        inside = np.flatnonzero(rows.labels == label)
        if not out[inside].any():
            out[min(inside, key=lambda place: hashed[place])] = True
        elif out[inside].all():
            out[max(inside, key=lambda place: hashed[place])] = False
    return rows.rows(np.flatnonzero(~out)), rows.rows(np.flatnonzero(out))
