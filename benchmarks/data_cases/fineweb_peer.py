"""datatrove's recipe of FineWeb on one WARC file, run by its own interpreter: WARC OUT MODEL. See pipeline.py.

The blocks and their settings are those of examples/fineweb.py in datatrove. MODEL is lid.176.ftz, so that nothing is
downloaded.
"""

import json
import os
import resource
import sys
import time
from pathlib import Path

SECONDS_A_PAGE = 30
"""By the clock. The recipe's own second is too short on a machine that does other work: hardly a page would be left."""


def seconds() -> float:
    """Returns the processor time of this process and of its children that ended."""
    return sum(
        used.ru_utime + used.ru_stime
        for used in (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def first_half(warc: Path, out: Path) -> list:
    """Returns the blocks from WARC to filtered documents."""
    from datatrove.pipeline.extractors import Trafilatura
    from datatrove.pipeline.filters import (
        C4QualityFilter,
        FineWebQualityFilter,
        GopherQualityFilter,
        GopherRepetitionFilter,
        LanguageFilter,
        URLFilter,
    )
    from datatrove.pipeline.readers import WarcReader
    from datatrove.pipeline.writers.jsonl import JsonlWriter

    return [
        WarcReader(str(warc.parent), glob_pattern=warc.name, default_metadata={"dump": "pages"}),
        URLFilter(),
        Trafilatura(favour_precision=True, timeout=SECONDS_A_PAGE),
        LanguageFilter(languages=["en"]),
        GopherRepetitionFilter(),
        GopherQualityFilter(),
        C4QualityFilter(filter_no_terminal_punct=False),
        FineWebQualityFilter(),
        JsonlWriter(str(out / "filtered")),
    ]


def duplicates(out: Path) -> list[list]:
    """Returns the four stages of MinHash."""
    from datatrove.pipeline.dedup import MinhashDedupCluster, MinhashDedupFilter, MinhashDedupSignature
    from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupBuckets
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.writers.jsonl import JsonlWriter
    from datatrove.utils.hashing import HashConfig

    config = MinhashConfig(hash_config=HashConfig(hash_fc="sha1", precision=64), num_buckets=14, hashes_per_bucket=8)
    work = {name: str(out / name) for name in ("filtered", "signatures", "buckets", "clusters", "kept")}
    return [
        [JsonlReader(work["filtered"]), MinhashDedupSignature(output_folder=work["signatures"], config=config)],
        [MinhashDedupBuckets(input_folder=work["signatures"], output_folder=work["buckets"], config=config)],
        [MinhashDedupCluster(input_folder=work["buckets"], output_folder=work["clusters"], config=config)],
        [
            JsonlReader(work["filtered"]),
            MinhashDedupFilter(input_folder=work["clusters"]),
            JsonlWriter(work["kept"], compression=None),
        ],
    ]


def main() -> None:
    """Runs the stages one after another in this process and prints kept, clock and processor seconds."""
    warc, out, model = (Path(word) for word in sys.argv[1:4])
    os.environ["HF_HUB_OFFLINE"] = "1"
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.utils.lid import FT176LID

    setattr(FT176LID, "MODEL_URL", str(model))  # noqa: B010 - its type is a literal, to be replaced all the same
    stages = [first_half(warc, out), *duplicates(out)]
    began, before = time.perf_counter(), seconds()
    for number, stage in enumerate(stages):
        buckets = number == 2
        LocalPipelineExecutor(
            stage, tasks=14 if buckets else 1, workers=1, logging_dir=str(out / f"logs{number}")
        ).run()
    clock, processor = time.perf_counter() - began, seconds() - before
    kept = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in (out / "kept").glob("*.jsonl"))
    print(json.dumps({"kept": kept, "clock": clock, "processor": processor}))


if __name__ == "__main__":
    main()
