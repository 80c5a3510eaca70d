"""Does cleaning help? The same small model, tokens and steps on the same pages: raw, cleaned by us, by datatrove.

DIR has the form of article-extraction-benchmark (``ground-truth.json`` and ``html/``; see extraction.py). The pages
whose key's SHA-256 is divisible by five are held out, the others become one WARC.gz, from which each side makes its
training text:

raw         all that a reader of the page would see: menus, comments and all, nothing left out, nothing taken for a copy
textmill    corpus build with clean.rules fineweb, English at 0.65 and near-duplicates, its default extraction
default     corpus build as it comes: the same extraction and near-duplicates, no rules about quality
datatrove   its recipe of FineWeb (pipeline.py), which its own interpreter may run

Held-out text are the articles of the held-out pages as people marked them, all of them. So it is clean by nobody's
rules, the same for all, and no program chose what is in it. Each side trains its own tokenizer, as a user would get it,
then TEXTMILL_BENCHMARK_STEPS steps (300) of 2,048 tokens: 2 layers of 128, context 256; and so for
TEXTMILL_BENCHMARK_SEEDS seeds (2).

bits_per_byte    on the held-out articles: the mean over seeds, and the lowest and highest
documents, megabytes    what is left to train on
"""

import hashlib
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from gzip import decompress
from pathlib import Path

import common
import ten_minutes
from data_cases import pipeline

STEPS, BATCH_TOKENS = int(os.environ.get("TEXTMILL_BENCHMARK_STEPS", "300")), 2048
SEEDS = range(int(os.environ.get("TEXTMILL_BENCHMARK_SEEDS", "2")))
MODEL = {"model.layers": 2, "model.width": 128, "model.heads": 2, "model.context": 256}
FINEWEB = {"clean.rules": "fineweb", "clean.languages": "en", "clean.minimum_language_confidence": 0.65}
OURS = {
    "raw": {"corpus.extraction": "everything", "corpus.deduplicate": "false", "duplicates.near": "false"},
    "textmill": FINEWEB,
    "default": {},
}


def words_of(settings: dict[str, object]) -> list[str]:
    """Returns settings as words of a command."""
    return [f"--{name}={value}" for name, value in settings.items()]


def is_held_out(key: str) -> bool:
    """True for a page that nobody trains on."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()) % 5 == 0


def training_pages(data: Path, keys: list[str]) -> Iterator[tuple[str, bytes]]:
    """Yields (address, markup) of the pages that are trained on."""
    for key in keys:
        if not is_held_out(key):
            yield f"http://pages.example/{key}.html", decompress((data / "html" / f"{key}.html.gz").read_bytes())


def train(project: Path, source: Path, build: dict[str, object], seed: int) -> dict[str, int]:
    """Trains a model on what a build makes of `source`; returns the documents and bytes that it was trained on."""
    if not project.exists():
        ten_minutes.textmill("new", str(project))
        words = words_of({"corpus.validation_share": 0.02, **build})
        ten_minutes.textmill("corpus", "build", str(source), "--project", str(project), *words)
    settings = {
        **MODEL, "tokenizer.vocabulary_size": 2048, "train.steps": STEPS, "train.batch_tokens": BATCH_TOKENS,
        "train.seed": seed, "train.compile": "off", "train.threads": 1,
        "evaluate.every": STEPS, "evaluate.sample_every": 0,
    }  # fmt: skip
    ten_minutes.textmill("train", "--name", f"seed{seed}", "--project", str(project), *words_of(settings))
    manifest = json.loads((project / "corpus" / "manifest.json").read_text(encoding="utf-8"))
    return {"documents": manifest["documents"], "bytes": manifest["bytes"]}


def rows_of(side: str, folder: Path, source: Path, build: dict[str, object], held_out: Path) -> list[common.Row]:
    """Returns the rows of one side."""
    began, scores = time.monotonic(), []
    made: dict[str, int] = {}
    for seed in SEEDS:
        made = train(folder / side, source, build, seed)
        scores.append(ten_minutes.held_out(folder / side, held_out, f"seed{seed}"))
    values = sorted(score.value for score in scores)
    seconds, case = time.monotonic() - began, f"helps/{side}"
    return [
        common.row(
            case, "bits_per_byte", statistics.fmean(values), values[0], values[-1], scores[0].documents, seconds
        ),
        common.row(case, "documents", made["documents"]),
        common.row(case, "megabytes", made["bytes"] / 1e6),
    ]


def helps(data: Path | None) -> list[common.Row]:
    """Returns the rows of the raw pages and of datatrove, then ours beside them."""
    if data is None or not (data / "ground-truth.json").is_file():
        raise SystemExit("helps: --data DIR is needed: a folder in the form of article-extraction-benchmark")
    truth = json.loads((data / "ground-truth.json").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        held_out, warc = folder / "held_out.jsonl", folder / "pages.warc.gz"
        articles = [truth[key]["articleBody"] for key in sorted(truth) if is_held_out(key)]
        held_out.write_text("".join(json.dumps({"text": text}) + "\n" for text in articles), encoding="utf-8")
        pipeline.write_warc(warc, training_pages(data, sorted(truth)))
        pipeline.run_peer(warc, folder / "peer")
        found = {side: rows_of(side, folder, warc, build, held_out) for side, build in OURS.items()}
        theirs: dict[str, object] = {"corpus.deduplicate": "false", "duplicates.near": "false"}
        found["datatrove"] = rows_of("datatrove", folder, folder / "peer" / "kept", theirs, held_out)
    rows = found["raw"] + found["datatrove"] + found["default"] + found["textmill"]
    beside = [common.beside(found["textmill"][0], found[peer][0], peer) for peer in ("raw", "datatrove")]
    return [*rows, *beside, common.beside(found["default"][0], found["raw"][0], "raw")]
