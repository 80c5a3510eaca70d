"""Ten thousand documents drawn by lot come through whole, whatever is said and in whatever order its tags are put."""

import random
from pathlib import Path

import pytest
from invented_documents import NAMES, invented, nested
from sample_documents import bones, kept, shuffled, translated

CASES, LONG_CASES = 10, 834


@pytest.mark.parametrize(
    "cases", [CASES, pytest.param(LONG_CASES, marks=pytest.mark.long)], ids=["few_cases", "all_cases"]
)
@pytest.mark.parametrize("name", NAMES)
def test_what_is_drawn_by_lot_stays_whole(tmp_path: Path, name: str, cases: int) -> None:
    place, same, other = (tmp_path / f"{start}{name}" for start in ("", "same.", "other."))
    for seed in range(cases):
        source = invented(name, random.Random(f"{name} {seed}"))
        place.write_bytes(source)
        translated(place, same, kept)
        translated(place, other, shuffled)
        assert bones(name, other.read_bytes()) == bones(name, same.read_bytes()), f"seed {seed}"
        if name.endswith(("html", "json", "md", "po", "csv", "txt")) and nested(source.decode()):
            assert nested(other.read_text(encoding="utf-8")), f"seed {seed}"
        if name.endswith(("json", "csv", "tsv", "srt", "vtt")):
            assert bones(name, same.read_bytes()) == bones(name, source), f"seed {seed}"
