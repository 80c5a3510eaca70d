"""What a grammar costs: tokens a second of texts under one, over those of the same texts without, on the same engine.

    python benchmarks/constraints.py [CASE] --model FOLDER [--threads N] [--rounds N] [--json]

json     a JSON schema: an array of objects with a string and a whole number
regex    a regular expression that leaves much of the vocabulary open at every step

Each with one text and with 16 together, int8 and int4; free and bound texts take turns on one engine and are as long as
one another. Compiling the grammar is not counted. Goal: 3% or less.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import common

CASES = ("json", "regex")
PERSON = {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}}
SOURCES: dict[str, tuple[str, Any]] = {
    "json": ("json_schema", {"type": "array", "minItems": 200, "items": PERSON | {"required": ["name", "age"]}}),
    "regex": ("regex", "[A-Za-z ,.]{4000}"),
}
TOKENS, MANY = 96, 16


def rate(engine: Any, ids: list[int], texts: int, grammar: Any) -> float:
    """Returns tokens a second of so many texts."""
    from textmill.infer.engine.request import Request
    from textmill.infer.sampling import SamplingSettings

    began, before = time.perf_counter(), engine.totals.written
    for number in range(texts):
        settings = SamplingSettings(max_tokens=TOKENS, min_tokens=TOKENS, temperature=0.8, seed=number)
        engine.add(Request(ids=tuple(ids), settings=settings.seeded(), grammar=grammar), lambda told: None)
    while engine.step():
        pass
    return (engine.totals.written - before) / (time.perf_counter() - began)


def rows_of(case: str, weights: str, given: argparse.Namespace) -> list[common.Row]:
    """Returns the ratio of both rates, turn by turn."""
    from textmill.infer.constraints import compile_grammar
    from textmill.infer.engine.build import EngineSettings, build_engine
    from textmill.infer.resolve import load

    loaded = load(str(given.model), None)
    engine = build_engine(loaded, EngineSettings(weights=weights, threads=given.threads, speculate=False))
    grammar = compile_grammar(loaded.tokenizer, *SOURCES[case])
    ids, rows = loaded.tokenizer.encode("People of the town: "), []
    for texts in (1, MANY):
        found: dict[bool, list[float]] = {False: [], True: []}
        for turn in range(given.rounds + 1):
            for bound in (False, True):
                told = rate(engine, ids, texts, grammar if bound else None)
                if turn:
                    found[bound].append(told)
        name = f"{case} {weights}, {texts} at a time"
        rows += [
            common.row(f"{name}, {way}", "tokens_per_second", *common.median(found[bound]), given.rounds)
            for bound, way in ((False, "free"), (True, "bound"))
        ]
        costs = [1 - bound / free for bound, free in zip(found[True], found[False], strict=True)]
        rows.append(common.row(name, "share_lost", *common.median(costs), given.rounds))
    return rows


def main() -> None:
    """Runs the cases that the words ask for."""
    parser = common.parser(__doc__ or "", CASES)
    parser.add_argument("--model", type=Path, required=True, help="the model's folder")
    parser.add_argument("--threads", type=int, default=0, help="0: one a physical core")
    parser.add_argument("--rounds", type=int, default=7, help="turns of each")
    parser.add_argument("--weights", nargs="+", default=["int8", "int4"])
    given = parser.parse_args()
    chosen = [given.case] if given.case else list(CASES)
    common.report(
        [row for case in chosen for weights in given.weights for row in rows_of(case, weights, given)], given.json
    )


if __name__ == "__main__":
    main()
