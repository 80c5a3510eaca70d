"""What the text is like: repeated skeletons, near-duplicates, vocabulary, bytes. ``python -m …measure FOLDER``.

A sentence's skeleton is the sentence without names and numbers; two sentences from one mould have the same skeleton.
Near-duplicates are documents with a Jaccard similarity of 0.8 or more over shingles (five words, or eight Chinese
characters), found by MinHash with banding and then compared exactly.
"""

from __future__ import annotations

import json
import re
import sys
import zlib
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy

from .casts import made_up_names
from .english import NUMBERS, TENS
from .simulation import build_world
from .sites import main_text
from .world import World

OTHERS = 50
"""A skeleton is common when it occurs more than this many other times."""
_ENGLISH_END = re.compile(r"(?<=[.!?])(?<!\bDr\.)[”\"]?\s+(?=[A-Z“\"])|\n+")
_CHINESE_END = re.compile(r"(?<=[。！？])[”]?(?!”)|\n+")
_ENGLISH_WORD = re.compile(r"[A-Za-zé’]+")
_HAN = re.compile(r"[\u4e00-\u9fff]")
_CHINESE_NUMBER = re.compile(r"[零一二两三四五六七八九十百]+(?=块钱|岁|月|日|点钟|个小时)|\d+")


def sentences(text: str, language: str) -> list[str]:
    """A text cut into sentences."""
    pieces = (_ENGLISH_END if language == "en" else _CHINESE_END).split(text)
    return [piece.strip() for piece in pieces if piece and piece.strip('”" \n')]


@lru_cache(maxsize=8)
def _names(seed: int, language: str) -> re.Pattern[str]:
    world = build_world(seed)
    tables = (world.people, world.pets, world.shops, world.streets, world.places)
    names = [entity.english if language == "en" else entity.chinese for table in tables for entity in table.values()]
    names += [name[language == "zh"] for made_up in made_up_names().values() for name in made_up]
    names += ["Willowbrook", "柳溪镇"]
    names.sort(key=len, reverse=True)
    joined = "|".join(re.escape(name) for name in names)
    if language == "zh":
        return re.compile(joined)
    numbers = "|".join([*NUMBERS[1:], *TENS])
    return re.compile(rf"\b(?:{joined})\b|\b(?:{numbers})(?:-(?:{numbers}))?\b|\d+", re.IGNORECASE)


def skeleton(sentence: str, world: World, language: str) -> str:
    """The sentence without names and numbers."""
    bare = _names(world.seed, language).sub("_", sentence)
    return _CHINESE_NUMBER.sub("#", bare) if language == "zh" else bare.lower()


def documents(folder: Path) -> Iterator[tuple[str, str, str]]:
    """(kind, language, text) of every document without markup; parallel rows are left out."""
    for path in sorted(folder.rglob("*")):
        kind = path.relative_to(folder).parts[0]
        if not path.is_file() or kind not in ("pages", "articles", "stories", "forum", "reviews"):
            continue
        if path.suffix == ".jsonl":
            for line in path.read_text(encoding="utf-8").splitlines():
                yield _record(kind, json.loads(line))
        else:
            language = "zh" if path.name.startswith("zh") else "en"
            yield kind, language, _file_text(kind, path)


def _record(kind: str, record: dict[str, object]) -> tuple[str, str, str]:
    posts = record.get("posts")
    text = str(record.get("text", ""))
    if isinstance(posts, list):
        text = "\n\n".join(str(post["text"]) for post in posts)
    return kind, str(record["language"]), text


def decode(data: bytes) -> str:
    """The text of one of our files, whichever of our encodings it has."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    try:
        text = data.decode("gb18030")
    except UnicodeDecodeError:
        return data.decode("latin-1")
    return text if len(_HAN.findall(text)) > len(text) / 4 else data.decode("latin-1")


def _file_text(kind: str, path: Path) -> str:
    text = decode(path.read_bytes())
    if kind == "pages":
        return main_text(text)
    if kind == "forum":
        pieces = re.findall(r'class="message"><p>(.*?)</p>', text, flags=re.DOTALL)
        return "\n\n".join(pieces).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    if kind == "articles" and text.startswith("---"):
        text = text.split("---\n", 2)[2].split("\n", 2)[2]
    elif kind == "articles":
        text = text.split("\n\n", 2)[2]
    else:
        text = text.split("\n\n", 1)[1]
    return text.strip()


def _shingles(text: str, language: str) -> numpy.ndarray:
    if language == "en":
        words = text.lower().split()
        pieces = {" ".join(words[start : start + 5]) for start in range(max(1, len(words) - 4))}
    else:
        pieces = {text[start : start + 8] for start in range(max(1, len(text) - 7))}
    return numpy.array(sorted({zlib.crc32(piece.encode()) for piece in pieces}), dtype=numpy.uint64)


def near_duplicate_share(texts: list[tuple[str, str]], threshold: float = 0.8) -> float:
    """The share of documents that have a near-duplicate before them in the list."""
    generator = numpy.random.default_rng(0)
    factors = generator.integers(1, 2**31, size=(48, 2), dtype=numpy.uint64) | numpy.uint64(1)
    buckets: dict[tuple[int, bytes], list[int]] = {}
    sets: list[numpy.ndarray] = []
    duplicates = 0
    for index, (language, text) in enumerate(texts):
        shingles = _shingles(text, language)
        sets.append(shingles)
        hashed = (shingles[None, :] * factors[:, :1] + factors[:, 1:]) & numpy.uint64(0xFFFFFFFF)
        signature = hashed.min(axis=1)
        candidates: set[int] = set()
        for band in range(12):
            key = (band, signature[band * 4 : band * 4 + 4].tobytes())
            bucket = buckets.setdefault(key, [])
            candidates.update(bucket[:40])
            bucket.append(index)
        duplicates += any(_jaccard(shingles, sets[other]) >= threshold for other in sorted(candidates))
    return duplicates / max(1, len(texts))


def _jaccard(one: numpy.ndarray, two: numpy.ndarray) -> float:
    common = len(numpy.intersect1d(one, two, assume_unique=True))
    return common / max(1, len(one) + len(two) - common)


def _vocabulary(text: str, language: str, world: World) -> Counter[str]:
    if language == "zh":
        return Counter(_HAN.findall(text))
    plain = _names(world.seed, "en").sub(" ", text.replace("'", "’"))
    return Counter(word.lower().strip("’") for word in _ENGLISH_WORD.findall(plain))


def _common_share(counts: Counter[str]) -> float:
    return sum(count for count in counts.values() if count > OTHERS + 1) / max(1, counts.total())


def measure(folder: Path) -> dict[str, object]:
    """All figures of one folder."""
    seed = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["seed"]
    world = build_world(seed)
    skeletons: dict[str, Counter[str]] = {"en": Counter(), "zh": Counter()}
    words: dict[str, Counter[str]] = {"en": Counter(), "zh": Counter()}
    sizes: dict[str, int] = {"en": 0, "zh": 0}
    kinds: Counter[str] = Counter()
    texts: list[tuple[str, str]] = []
    for kind, language, text in documents(folder):
        sizes[language] += len(text.encode())
        kinds[kind] += 1
        words[language].update(_vocabulary(text, language, world))
        skeletons[language].update(skeleton(sentence, world, language) for sentence in sentences(text, language))
        texts.append((language, text))
    return {
        "bytes": sizes,
        "documents": dict(kinds),
        "sentences": {language: counts.total() for language, counts in skeletons.items()},
        "common_skeleton_share": {language: round(_common_share(counts), 5) for language, counts in skeletons.items()},
        "most_common": {language: counts.most_common(12) for language, counts in skeletons.items()},
        "near_duplicate_share": round(near_duplicate_share(texts), 5),
        "vocabulary": {"en_words": len(words["en"]), "zh_characters": len(words["zh"])},
        "files": sum(1 for path in folder.rglob("*") if path.is_file()),
    }


if __name__ == "__main__":
    json.dump(measure(Path(sys.argv[1])), sys.stdout, ensure_ascii=False, indent=2)
    print()
