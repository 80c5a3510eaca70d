"""Pairs to learn from, out of people's tables: a question and its SPARQL, or a question and its answers.

Answers are a list, or a text with | between them. `split` says which rows are held out; where none are, a share is,
chosen by a hash of the question.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from textmill.apps.ask.lessons import NO_FORM, Pair
from textmill.apps.ask.query_reading import read_query
from textmill.apps.sentiment.tables import Row, open_table, text_of
from textmill.errors import InputError
from textmill.tune.rows import is_held_out

QUESTIONS = ("question", "corrected_question", "q", "问题")  # text data
QUERIES = ("sparql", "sparql_query", "query", "查询")  # text data
ANSWERS = ("answers", "answer", "答案")  # text data
BUCKETS = 1 << 32
MOST_HELD_OUT = 2000


def read_pairs(paths: Sequence[str | Path], left_out: dict[str, int]) -> list[Pair]:
    """Returns the pairs of files; what cannot be read is counted in `left_out`."""
    found: dict[str, Pair] = {}
    for path in paths:
        with open_table(path) as table:
            columns = [_column(table.columns, usual) for usual in (QUESTIONS, QUERIES, ANSWERS)]
            if not columns[0] or not (columns[1] or columns[2]):
                raise InputError("ask.no_columns", file=path, got=", ".join(table.columns))
            for row in table.rows:
                pair = _pair(row, *columns)
                if pair is None:
                    left_out[NO_FORM] = left_out.get(NO_FORM, 0) + 1
                else:
                    found.setdefault(pair.question, pair)
    return list(found.values())


def _column(columns: Sequence[str], usual: Sequence[str]) -> str:
    names = {name.strip().casefold(): name for name in columns}
    return next((names[name] for name in usual if name in names), "")


def _pair(row: Row, question: str, query: str, answers: str) -> Pair | None:
    text = text_of(row.get(question)).strip()
    held_out = is_held_out(row)
    if query and (sparql := text_of(row.get(query)).strip()):
        read = read_query(sparql)
        return Pair(question=text, query=read, held_out=held_out) if read is not None and text else None
    given = row.get(answers) if answers else None
    parts = given if isinstance(given, list) else text_of(given).split("|")
    told = tuple(dict.fromkeys(part.strip() for part in map(text_of, parts) if part.strip()))
    return Pair(question=text, answers=told, held_out=held_out) if text and told else None


def hold_out(pairs: Sequence[Pair], share: float) -> list[Pair]:
    """Returns the pairs, a share of them held out where none are."""
    if any(pair.held_out for pair in pairs):
        return list(pairs)
    return [replace(pair, held_out=_chance(pair.question) < share) for pair in pairs]


def _chance(text: str) -> float:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") / BUCKETS
