"""The contenders of evaluate.py, each a process of its own: reads a file's name a line, answers with JSON.

    python evaluate_contenders.py textmill|lm-eval MODEL PRECISION BATCH THREADS

A file has an item a line: its (prompt, continuation) pairs. This file needs nothing of the benchmark's interpreter, so
that lm-eval may live in another.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Pairs = list[list[list[str]]]
Score = Callable[[Pairs], list[float]]
DTYPES = {"fp32": "float32", "bf16": "bfloat16"}


def textmill(place: str, precision: str) -> Score:
    """Returns our scorer."""
    from textmill.evaluate.items import CHOICE, Item
    from textmill.evaluate.likelihood import Scorer
    from textmill.evaluate.pairs import encoded
    from textmill.infer.resolve import load

    loaded = load(place, None, dtype=None)
    scorer = Scorer(loaded.model, precision=precision)

    def score(pairs: Pairs) -> list[float]:
        items = [
            Item(name="", kind=CHOICE, prompts=tuple(p for p, _ in some), choices=tuple(c for _, c in some))
            for some in pairs
        ]
        whole = list(encoded(items, loaded.tokenizer, loaded.model.config.context))
        found = dict(scorer.score(whole))
        return [total for place in range(len(items)) for total in found[place].sums]

    return score


def harness(place: str, precision: str, batch: int) -> Score:
    """Returns the peer's."""
    from lm_eval.api.instance import Instance  # pyright: ignore[reportMissingImports]
    from lm_eval.models.huggingface import HFLM  # pyright: ignore[reportMissingImports]

    made: Any = HFLM
    model = made(pretrained=place, dtype=DTYPES[precision], batch_size=batch, device="cpu")

    def score(pairs: Pairs) -> list[float]:
        asked = [
            Instance(request_type="loglikelihood", doc={}, arguments=tuple(pair), idx=at)
            for some in pairs
            for at, pair in enumerate(some)
        ]
        return [total for total, _ in model.loglikelihood(asked, disable_tqdm=True)]

    return score


def main() -> None:
    """Loads the model and answers."""
    kind, place, precision, batch, threads = sys.argv[1:]
    import torch

    torch.set_num_threads(int(threads))
    score = textmill(place, precision) if kind == "textmill" else harness(place, precision, int(batch))
    for line in sys.stdin:
        pairs = [json.loads(row) for row in Path(line.strip()).read_text(encoding="utf-8").splitlines()]
        began = time.perf_counter()
        sums = score(pairs)
        print(json.dumps({"seconds": time.perf_counter() - began, "sums": sums}), flush=True)


if __name__ == "__main__":
    main()
