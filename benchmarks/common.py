"""What the benchmarks share: rows in one format, the machine, versions, intervals, printing.

    {machine, versions, results: [{case, metric, value, low, high, n, seconds, peer, ratio_to_peer}]}

One row a measured figure. `low` and `high` bound it with 95% confidence, `n` is over how many documents or repeats,
`seconds` what measuring it took, `ratio_to_peer` is ours over the peer's figure from the same run (peer null: no peer).
"""

import argparse
import json
import math
import platform
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

COLUMNS = ("case", "metric", "value", "low", "high", "n", "seconds", "peer", "ratio_to_peer")
PACKAGES = ("textmill", "torch", "transformers", "tokenizers", "tiktoken", "numpy")

Row = dict[str, Any]


def row(
    case: str,
    metric: str,
    value: float,
    low: float | None = None,
    high: float | None = None,
    n: int = 1,
    seconds: float = 0.0,
    peer: str | None = None,
    ratio_to_peer: float | None = None,
) -> Row:
    """Returns one measured figure; without an interval, `low` and `high` are null."""
    return {
        "case": case,
        "metric": metric,
        "value": value,
        "low": low,
        "high": high,
        "n": n,
        "seconds": round(seconds, 3),
        "peer": peer,
        "ratio_to_peer": ratio_to_peer,
    }


def beside(ours: Row, theirs: Row, peer: str) -> Row:
    """Returns our row with the peer's name and the ratio to its figure."""
    ratio = ours["value"] / theirs["value"] if theirs["value"] else None
    return {**ours, "peer": peer, "ratio_to_peer": ratio}


def median(values: Sequence[float]) -> tuple[float, float, float]:
    """Returns the median and its 95% interval by order statistics (all values, where there are fewer than six)."""
    ordered = sorted(values)
    count = len(ordered)
    reach = 1.96 * math.sqrt(count) / 2
    low = max(0, math.floor((count - 1) / 2 - reach))
    high = min(count - 1, math.ceil((count - 1) / 2 + reach))
    return statistics.median(ordered), ordered[low], ordered[high]


def ratio_of_sums(above: Sequence[float], below: Sequence[float], resamples: int = 1000) -> tuple[float, float, float]:
    """Returns sum(above) / sum(below) over documents and its 95% interval by resampling the documents (seed 0)."""
    import numpy as np

    pairs = np.array([above, below], dtype=float)
    chosen = np.random.default_rng(0).integers(0, pairs.shape[1], (resamples, pairs.shape[1]))
    drawn = pairs[:, chosen].sum(axis=2)
    low, high = np.percentile(drawn[0] / drawn[1], [2.5, 97.5])
    return float(pairs[0].sum() / pairs[1].sum()), float(low), float(high)


def timed(work: Callable[[], Any], repeats: int = 5, warm: int = 1) -> list[float]:
    """Returns the seconds of each of `repeats` calls, after `warm` calls that are not counted."""
    for _ in range(warm):
        work()
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return seconds


def machine() -> dict[str, Any]:
    """Returns what the figures were measured on."""
    from textmill.hardware import detect

    found = detect()
    return {
        "system": found.system,
        "processor": found.processor.model,
        "physical_cores": found.processor.usable_physical_cores,
        "logical_cores": found.processor.usable_cores,
        "features": list(found.processor.features),
        "memory_bytes": found.memory_total,
        "gpus": [gpu.name for gpu in found.gpus],
    }


def versions(packages: Iterable[str] = PACKAGES) -> dict[str, str]:
    """Returns Python's version and those of the packages that are installed; imports none of them."""
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def parser(description: str, cases: Sequence[str]) -> argparse.ArgumentParser:
    """Returns the words that every benchmark takes: [CASE] [--data DIR] [--json]; add your own to it."""
    words = argparse.ArgumentParser(
        description=description.partition("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    words.add_argument("case", nargs="?", choices=cases, help="only this case (default: all)")
    words.add_argument("--data", type=Path, metavar="DIR", help="folder with the texts")
    words.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    return words


def report(results: Sequence[Row], as_json: bool) -> None:
    """Prints all rows with machine and versions, as JSON or as a table for people."""
    if as_json:
        print(json.dumps({"machine": machine(), "versions": versions(), "results": list(results)}, indent=2))
        return
    on = machine()
    print(
        f"{on['processor']}, {on['physical_cores']} cores, {on['memory_bytes'] / 2**30:.0f} GiB, {' '.join(on['gpus'])}"
    )
    print(", ".join(f"{name} {version}" for name, version in versions().items()))
    cells = [COLUMNS, *(tuple(shown(result[column]) for column in COLUMNS) for result in results)]
    widths = [max(len(cell[index]) for cell in cells) for index in range(len(COLUMNS))]
    for line in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def shown(value: Any) -> str:
    """Returns a cell's text: four digits that count, - for nothing."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"
    return str(value)
