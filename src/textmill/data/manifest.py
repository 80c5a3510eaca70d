"""A corpus's manifest: what is in it, what each step took out and why, and with which settings."""

import dataclasses
from collections import Counter
from typing import Any

import textmill
from textmill.config import Settings
from textmill.data.corpus import FORMAT, FORMAT_VERSION
from textmill.data.settle import Settled
from textmill.data.shards import Written
from textmill.data.spool import Spool

STEPS = ("find", "read", "extract", "clean", "decontaminate", "deduplicate")
MEASURES = ("documents", "bytes", "characters")
SECTIONS = ("corpus", "clean", "duplicates", "decontaminate")
"""The sections of the settings that a corpus depends on."""
NOT_OF_CONTENT = ("corpus.workers",)
"""Settings that change how a corpus is made and not what is in it."""
MOST_HINTS = 20


def describe(
    written: Written, spool: Spool, settled: Settled, settings: Settings, read: dict[str, Any]
) -> dict[str, Any]:
    """Returns the manifest; nothing in it depends on the machine, the day or the number of workers."""
    tally = spool.tally
    dropped = sorted(tally.dropped.items(), key=lambda item: (STEPS.index(item[0][0]), item[0][1]))
    return {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "textmill": textmill.__version__,
        **totals(written.counts),
        "content_hash": written.content_hash,
        "splits": by_key(written.counts, 0),
        "languages": by_key(written.counts, 1),
        "kinds": by_key(written.counts, 2),
        "held_out_by": settled.held_out_by,
        "read": {**read, "records": len(settled.keep) + sum(n for (step, _), n in dropped if step != "deduplicate")},
        "dropped": [
            {"step": step, "reason": reason, "count": count, "bytes": tally.dropped_bytes[step, reason]}
            for (step, reason), count in dropped
        ],
        "duplicates": duplicates(settled),
        "passages_cut": dict(sorted(tally.cut.items())),
        "unsupported_endings": dict(sorted(tally.endings.items(), key=lambda item: (-item[1], item[0]))[:MOST_HINTS]),
        "columns_without_text": sorted(tally.fields_found)[:MOST_HINTS],
        "encodings": dict(sorted(tally.encodings.items())),
        "control_characters_removed": tally.controls_removed,
        "characters_replaced": tally.characters_replaced,
        "personal_data_masked": dict(sorted(tally.masked.items())),
        "cleaned": dict(sorted(tally.mended.items())),
        "shards": written.shards,
        "settings": {name: section_values(name, settings) for name in SECTIONS},
    }


def duplicates(settled: Settled) -> dict[str, int]:
    """Returns how many documents stay for more than themselves, and for how many the one that stays for most."""
    largest = int(settled.copies.max(initial=0))
    return {"clusters": int((settled.copies > 1).sum()), "largest": largest if largest > 1 else 0}


def section_values(section: str, settings: Settings) -> dict[str, Any]:
    """Returns {setting: value} of a section, without what does not change the content."""
    values = dataclasses.asdict(getattr(settings, section))
    return {name: value for name, value in values.items() if f"{section}.{name}" not in NOT_OF_CONTENT}


def totals(counts: Counter[tuple[str, str, str, str]]) -> dict[str, int]:
    """Returns documents, bytes and characters of the whole corpus."""
    return {measure: sum(n for key, n in counts.items() if key[3] == measure) for measure in MEASURES}


def by_key(counts: Counter[tuple[str, str, str, str]], place: int) -> dict[str, dict[str, int]]:
    """Returns {value: {documents, bytes, characters}} by split (0), language (1) or kind (2), most documents first."""
    grouped: dict[str, dict[str, int]] = {}
    for key, number in counts.items():
        group = grouped.setdefault(key[place], dict.fromkeys(MEASURES, 0))
        group[key[3]] += number
    return dict(sorted(grouped.items(), key=lambda item: (-item[1]["documents"], item[0])))
