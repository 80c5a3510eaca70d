"""Reads a corpus once and says what there is to see in it: what `textmill report corpus --json` prints.

Everything comes from manifest.json, the shards and dropped.parquet. What is held in memory does not grow with the
corpus, but for 8 bytes a duplicate: names are counted by `Frequent`, lengths in bins, samples are the smallest hashes.
"""

import math
import re
import statistics
from array import array
from collections.abc import Container
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from textmill.data.corpus import Corpus
from textmill.data.corpus_report.counting import Frequent, Lengths, Sample
from textmill.data.document import EXCERPT_CHARACTERS, Document, Drop
from textmill.data.looking import drops
from textmill.data.manifest import STEPS
from textmill.progress import Progress, silent

READ = ("language", "source", "url", "title", "licence", "split")
NAMES = ("sources", "hosts", "licences")
NAME_CHARACTERS = 200
TOP, LARGEST = 25, 10
VALUES_KEPT = 2000
"""So many measured values a rule are kept, chosen by hash, to tell their median."""
IDENTITY = re.compile(r"[0-9a-f]{32}")
EVERY = 512


@dataclass(slots=True, kw_only=True)
class Rule:
    """What one threshold took out: the values closest to it and furthest from it, and some of them for the median."""

    dropped: int = 0
    nearest: float = math.nan
    furthest: float = math.nan
    close: int = 0
    values: Sample = field(default_factory=lambda: Sample(room=VALUES_KEPT))

    def add(self, id: str, value: float, threshold: float) -> None:
        """Counts a document that was dropped with `value`."""
        self.dropped += 1
        distance = abs(value - threshold)
        if not abs(self.nearest - threshold) <= distance:
            self.nearest = value
        if not abs(self.furthest - threshold) >= distance:
            self.furthest = value
        self.close += distance <= abs(threshold) / 10
        self.values.add(id, value)

    def median(self) -> float:
        """Returns the median of the values that were kept."""
        return statistics.median_low(self.values.items())


@dataclass(slots=True, kw_only=True)
class DropsSeen:
    """What was seen in dropped.parquet."""

    rules: dict[tuple[str, str, str], Rule] = field(default_factory=dict)
    survivors: Frequent = field(default_factory=Frequent)
    clusters: array = field(default_factory=lambda: array("Q"))
    samples: dict[tuple[str, str], Sample] = field(default_factory=dict)

    def largest_clusters(self) -> dict[str, int]:
        """Returns {survivor's id: documents} of the largest clusters, the survivor counted too."""
        return {id: count + 1 for id, count, _ in self.survivors.most(LARGEST)}


@dataclass(slots=True, kw_only=True)
class DocumentsSeen:
    """What was seen in the shards; `begin`: how the texts begin that stand for the largest clusters."""

    sample: Sample
    names: dict[str, Frequent] = field(default_factory=lambda: {name: Frequent() for name in NAMES})
    lengths: Lengths = field(default_factory=Lengths)
    begin: dict[str, str] = field(default_factory=dict)


def gather(corpus: Corpus, *, samples: int = 8, seed: int = 0, progress: Progress = silent) -> dict[str, Any]:
    """Returns what there is to see in `corpus`, ready for JSON; `samples` kept and dropped documents are shown."""
    manifest = corpus.manifest
    seen = see_drops(corpus, samples, seed)
    largest = seen.largest_clusters()
    documents = see_documents(corpus, samples, seed, largest, progress)
    lengths = documents.lengths
    return {
        "corpus": {
            "name": corpus.folder.name,
            **{name: manifest[name] for name in ("documents", "bytes", "characters", "content_hash", "textmill")},
        },
        "read": manifest["read"],
        "funnel": funnel(manifest),
        **{name: manifest[name] for name in ("splits", "languages", "kinds")},
        **{name: ranking(counted) for name, counted in documents.names.items()},
        **{name: manifest.get(name, {}) for name in ("encodings", "cleaned", "passages_cut")},
        "control_characters": manifest.get("control_characters_removed", 0),
        "characters_replaced": manifest.get("characters_replaced", 0),
        "lengths": {
            "shortest": lengths.shortest,
            "tenth": lengths.quantile(0.1),
            "median": lengths.quantile(0.5),
            "nine_tenths": lengths.quantile(0.9),
            "longest": lengths.longest,
            "bins": [{"from": low, "to": high, "documents": number} for low, high, number in lengths.octaves()],
        },
        "duplicates": duplicates(seen, largest, documents.begin),
        "personal_data_masked": manifest.get("personal_data_masked", {}),
        "thresholds": [threshold(key, rule) for key, rule in sorted(seen.rules.items(), key=rule_order)],
        "samples": {
            "kept": [shown(document) for document in documents.sample.items()],
            "dropped": [asdict(drop) for drop in spread(seen.samples, samples)],
        },
        "settings": manifest["settings"],
    }


def funnel(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns for each step what it took out, by reason, and how many documents were left after it."""
    left = manifest["read"]["records"]
    steps: dict[str, list[dict[str, Any]]] = {}
    for item in manifest["dropped"]:
        steps.setdefault(item["step"], []).append(item)
    found = []
    for step in sorted(steps, key=step_order):
        reasons = sorted(steps[step], key=lambda item: (-item["count"], item["reason"]))
        count = sum(item["count"] for item in reasons)
        left -= count
        found.append(
            {
                "step": step,
                "documents": count,
                "bytes": sum(item.get("bytes", 0) for item in reasons),
                "documents_left": left,
                "reasons": [
                    {"reason": item["reason"], "documents": item["count"], "bytes": item.get("bytes", 0)}
                    for item in reasons
                ],
            }
        )
    return found


def step_order(step: str) -> tuple[int, str]:
    """Returns where a step stands in the build; ones that this version does not know come last."""
    return (STEPS.index(step) if step in STEPS else len(STEPS), step)


def rule_order(item: tuple[tuple[str, str, str], Rule]) -> tuple[tuple[int, str], int, str]:
    """Returns where a rule stands in the list: by step, then the one that took out most."""
    (step, reason, _), rule = item
    return (step_order(step), -rule.dropped, reason)


def see_drops(corpus: Corpus, samples: int, seed: int) -> DropsSeen:
    """Reads dropped.parquet once."""
    seen = DropsSeen()
    for drop in drops(corpus):
        if drop.step == "deduplicate":
            survivor = IDENTITY.search(drop.value)
            if survivor:
                seen.survivors.add(survivor[0], drop.size)
                seen.clusters.append(int(survivor[0][:16], 16))
        value, limit = number(IDENTITY.sub("", drop.value)), number(drop.threshold)
        if value is not None and limit is not None:
            rule = seen.rules.setdefault((drop.step, drop.reason, drop.threshold), Rule())
            rule.add(drop.id, value, limit)
        if drop.excerpt.strip():
            key = (drop.step, drop.reason)
            seen.samples.setdefault(key, Sample(room=samples, seed=seed)).add(drop.id, drop)
    return seen


def see_documents(corpus: Corpus, samples: int, seed: int, wanted: Container[str], progress: Progress) -> DocumentsSeen:
    """Reads the shards once; of the documents `wanted` by their ids it notes how they begin."""
    seen = DocumentsSeen(sample=Sample(room=samples, seed=seed))
    documents = corpus.count()
    for place, document in enumerate(corpus.documents(columns=READ)):
        size = len(document.text.encode())
        names = {"sources": source_of(document.source), "hosts": host_of(document.url), "licences": document.licence}
        for kind, name in names.items():
            if name:
                seen.names[kind].add(name[:NAME_CHARACTERS], size)
        seen.lengths.add(len(document.text))
        seen.sample.add(document.id, document)
        if document.id in wanted:
            seen.begin[document.id] = " ".join((document.title or document.text[:200]).split())[:100]
        if place % EVERY == 0:
            progress(place, documents)
    progress(documents, documents)
    return seen


def spread(samples: dict[tuple[str, str], Sample], number: int) -> list[Drop]:
    """Returns `number` drops, of every reason one before any has two, reasons that took out most first."""
    turns = [samples[key].items() for key in sorted(samples, key=lambda key: (-samples[key].met, key))]
    deepest = max(map(len, turns), default=0)
    return [drops[turn] for turn in range(deepest) for drops in turns if turn < len(drops)][:number]


def source_of(source: str) -> str:
    """Returns what a document is counted under: the file or folder in the first two parts of its source."""
    file, _, position = source.rpartition(":")
    return "/".join((file if position.isdigit() else source).split("/")[:2])


def host_of(url: str) -> str:
    """Returns the host of an address, or ""."""
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.")[:200]
    except ValueError:  # "http://[x" is no address
        return ""


def number(text: str) -> float | None:
    """Returns the finite number that a value or a threshold is, or None."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def ranking(counted: Frequent) -> dict[str, Any]:
    """Returns the most frequent names, how many there are (None: too many to count) and how many were counted."""
    most = [{"name": name, "documents": count, "bytes": size} for name, count, size in counted.most(TOP)]
    return {"most": most, "different": len(counted.counts) if counted.exact else None, "documents": counted.total}


def duplicates(seen: DropsSeen, largest: dict[str, int], begin: dict[str, str]) -> dict[str, Any]:
    """Returns how many documents were duplicates, of how many others, and which have most of them."""
    clusters = np.unique(np.frombuffer(seen.clusters, dtype=np.uint64)).size if seen.clusters else 0
    most = [{"id": id, "documents": number, "begin": begin.get(id, "")} for id, number in largest.items()]
    return {"documents": seen.survivors.total, "clusters": clusters, "largest": most}


def threshold(key: tuple[str, str, str], rule: Rule) -> dict[str, Any]:
    """Returns what is told of a rule."""
    step, reason, limit = key
    return {
        "step": step,
        "reason": reason,
        "threshold": number(limit),
        "dropped": rule.dropped,
        "nearest": rule.nearest,
        "median": rule.median(),
        "furthest": rule.furthest,
        "within_a_tenth": rule.close,
    }


def shown(document: Document) -> dict[str, Any]:
    """Returns what a sample shows of a document that was kept."""
    names = ("id", "source", "language", "split", "title", "url")
    return {
        **{name: getattr(document, name) for name in names},
        "characters": len(document.text),
        "excerpt": document.text[:EXCERPT_CHARACTERS],
    }
