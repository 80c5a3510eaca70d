"""Results of evaluations as `textmill evaluate` writes them, for tests of what reads them."""

import json
from pathlib import Path

from textmill.evaluate.items import CHOICE, Item
from textmill.evaluate.likelihood import Likelihood
from textmill.evaluate.metrics import figures_of, scores_as_dict, summary

HOSTILE = "</td><script>alert(1)</script>"


def write_results(root: Path, name: str, sums: list[tuple[float, float]], *, items: str = "same") -> Path:
    """Writes a suite's result as `evaluate` does."""
    folder = root / name
    folder.mkdir(parents=True)
    lines, figures = [json.dumps({"identity": {"items": items}})], []
    for place, pair in enumerate(sums):
        asked = Item(name=f"q:{place}", kind=CHOICE, prompts=(f"Q{place}? {HOSTILE}",), choices=(" yes", " no"))
        likelihood = Likelihood(sums=pair, tokens=(1, 1), greedy=(False, False))
        figures.append(figures_of(asked, likelihood))
        record = {"place": place, "item": asked.as_dict(), **likelihood.as_dict(), "figures": figures[-1]}
        lines.append(json.dumps(record))
    (folder / "quiz.jsonl").write_text("\n".join(lines) + "\n")
    found = {"document": "d1", "text": "x"}
    rules = {"name": "quiz", "metric": "accuracy", "rule": "{q} | {a}", "shots": "10 seeded 1234", "chance": 0.5}
    result = {
        "model": {"name": name, "parameters": 1000, "step": 5, "hash": "abc" * 8},
        "path": "fp32 (torch on cpu)",
        "suite": rules,
        "n": len(sums),
        "scores": scores_as_dict(summary(figures, [""] * len(sums))),
        "groups": {},
        "baseline": {"rule": "longest", "value": 0.4, "low": 0.1, "high": 0.7, "n": len(sums)},
        "problems": {"not_items": {}, "first_not_item": "", "equal_choices": 0, "cut": 2, "too_long": 0},
        "contamination": {"documents": 3, "too_short": 1, "found": 1, "items": {"q:0": [found]}},
        "identity": {"items": items},
    }  # fmt: skip
    (folder / "quiz.json").write_text(json.dumps(result))
    return folder
